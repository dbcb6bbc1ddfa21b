"""The cost of handing messages on: a chain of four stages that do nothing, ours and other libraries over Redis.

The contenders are in ``benchmarks/chains``. The peers have their own virtual environment
(``requirements/bench-peers.txt``), so that their packages do not mix with the bot's. Without it they are
left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from benchmarks import measuring, server
from benchmarks.chains import line
from common.settings import ROOT

NAME: Final = "bench_channels"
PEERS: Final = ROOT / ".venv-peers" / "bin" / "python"
REQUIREMENTS: Final = ROOT / "requirements" / "bench-peers.txt"
LEAST_RATIO: Final = 3.0  # our jobs/s to those of the best durable peer
QUICK_SINGLES: Final = 5
QUICK_JOBS: Final = 100

_UNLIMITED: Final = str(10**9)  # the limits against floods are off
_OUR_FSYNC: Final = ", which is what the bot runs with"
METHOD: Final = """\
Four processes hand each job on, on one Redis over a unix socket; the handlers do nothing. Latency: one job at a time
through the idle chain, from just before it is enqueued until the last handler has it. Jobs/s: the first stage is
stopped while all jobs are enqueued; the time runs from its restart until the last job comes out. Median of {rounds}
rounds, the contenders in turn, each on a new server; latencies of all rounds together.

Every library runs in its own worker process as its documentation recommends. Where there is a choice, it runs in the
faster way that still acknowledges a message only after it is handled: taskiq with uvloop and 100 tasks at once;
dramatiq with 8 threads, asking Redis every 10 ms (by default an idle worker waits for up to 1 s); arq with 100 jobs
at once, asking every 10 ms (by default 500), keeping no results, in the last version that works with this redis-py;
RQ with `SimpleWorker`, which does not fork, keeping no results. Ours has the jobs' ledger, fair queueing and limits,
as in the bot, and longer messages (some 300 bytes, theirs carry a number). In the first line its stages have 32
messages in flight, in the second 8, like the bot's workers that pass pictures on. Between stages ours loses and
doubles nothing; the others enqueue the next job and then acknowledge, so a kill between the two doubles it. (RQ gives
up a job whose worker was killed, unless it is set to retry.) Plain pub/sub keeps nothing: a message that its subscriber
does not receive is lost.
"""

_VERSIONS: Final = "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"


@dataclasses.dataclass(frozen=True)
class Contender:
    """One way to hand messages on.

    Attributes:
        name: For the table.
        module: Its module in ``benchmarks/chains``.
        jobs: How many saturate it for some seconds.
        packages: Its packages in the peers' environment; empty for a contender in the bot's own environment.
        is_durable: Whether a message survives the death of its worker.
        environ: Further environment variables.
    """

    name: str
    module: str
    jobs: int
    packages: tuple[str, ...] = ()
    is_durable: bool = True
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)


OURS: Final = Contender("**Whatsit**, 32 in flight", "with_channels", 8000, environ={line.IN_FLIGHT: "32"})
OURS_WITH_EIGHT: Final = Contender("Whatsit, 8 in flight", "with_channels", 6000, environ={line.IN_FLIGHT: "8"})
CONTENDERS: Final = (
    OURS,
    OURS_WITH_EIGHT,
    Contender("taskiq", "with_taskiq", 2000, ("taskiq", "taskiq-redis")),
    Contender("dramatiq", "with_dramatiq", 3000, ("dramatiq",)),
    Contender("arq", "with_arq", 1000, ("arq",)),
    Contender("RQ", "with_rq", 500, ("rq",)),
    Contender("plain pub/sub (loses messages)", "with_pubsub", 8000, is_durable=False),
)


@dataclasses.dataclass(frozen=True)
class Figures:
    """The figures of one contender over all rounds."""

    contender: Contender
    latencies_ms: Sequence[float]
    jobs_per_s: float
    workers_us: float
    redis_us: float

    @property
    def p50_ms(self) -> float:
        """The median latency of a single job."""
        return measuring.percentile(self.latencies_ms, 50)

    def row(self) -> measuring.Row:
        """Its line in the table."""
        p99_ms = measuring.percentile(self.latencies_ms, 99)
        times = (f"{self.p50_ms:.1f}", f"{p99_ms:.1f}", f"{self.workers_us:,.0f}", f"{self.redis_us:,.0f}")
        return (self.contender.name, f"{self.jobs_per_s:,.0f}", *times)


def run_once(
    contender: Contender, interpreter: Path, fsync: server.Fsync, *, singles: int, jobs: int
) -> dict[str, Any]:
    """Measure a contender on a new server, in its own processes.

    Raises:
        RuntimeError: It failed.
    """
    with server.running(fsync) as url, tempfile.TemporaryDirectory(prefix="whatsit-") as folder:
        limits = dict.fromkeys(("USER_RATE", "CHAT_BACKLOG", "BACKLOG"), _UNLIMITED)
        ours = {"DATA_DIR": folder, "LOG_LEVEL": "WARNING", **limits}
        environ = {**os.environ, **ours, **contender.environ, line.REDIS_URL: url}
        command = [str(interpreter), "-m", "benchmarks.chains.drive", contender.module]
        command += ["--singles", str(singles), "--jobs", str(jobs)]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        msg = f"{contender.name} failed: {done.stderr[-4000:]}"
        raise RuntimeError(msg)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def compare(
    contenders: Sequence[Contender], peers: Path, fsync: server.Fsync, *, rounds: int, quick: bool
) -> list[Figures]:
    """Measure all contenders in turn, several times, every other time in reverse order."""
    results: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders[:: -1 if number % 2 else 1]:
            interpreter = peers if contender.packages else Path(sys.executable)
            singles, jobs = (QUICK_SINGLES, QUICK_JOBS) if quick else (100, contender.jobs)
            result = run_once(contender, interpreter, fsync, singles=singles, jobs=jobs)
            results[contender.name].append(result)
            sys.stderr.write(f"{fsync} {number + 1}/{rounds} {contender.name}: {result['jobs_per_s']:,.0f} jobs/s\n")
    return [_figures(contender, results[contender.name]) for contender in contenders]


def _figures(contender: Contender, results: Sequence[dict[str, Any]]) -> Figures:
    medians = {
        name: statistics.median(result[name] for result in results) for name in ("jobs_per_s", "workers_us", "redis_us")
    }
    return Figures(contender, [each for result in results for each in result["latencies_ms"]], **medians)


def verdict(figures: Sequence[Figures]) -> str:
    """Whether the goals were met against the fastest durable peer, and how the one with the lowest latency compares."""
    ours = next(each for each in figures if each.contender is OURS)
    durable = [each for each in figures if each.contender.packages and each.contender.is_durable]
    if not durable:
        return "No durable peer was there to compare with."
    fastest = max(durable, key=lambda each: each.jobs_per_s)
    quickest = min(durable, key=lambda each: each.p50_ms)
    ratio, latency_ratio = ours.jobs_per_s / fastest.jobs_per_s, ours.p50_ms / fastest.p50_ms
    sentences = [
        f"{ratio:.1f} times the jobs/s of {fastest.contender.name}, the fastest durable peer "
        f"(goal: {LEAST_RATIO:g} times, {_met(ratio >= LEAST_RATIO)}), "
        f"at {latency_ratio:.2f} times its p50 (goal: at most the same, {_met(latency_ratio <= 1)})."
    ]
    for each in figures:
        if each.contender is OURS_WITH_EIGHT:
            ratio, latency_ratio = each.jobs_per_s / fastest.jobs_per_s, each.p50_ms / fastest.p50_ms
            sentences.append(f"With 8 in flight, {ratio:.1f} times the jobs/s, at {latency_ratio:.2f} times the p50.")
    if quickest is not fastest:
        latency_ratio = ours.p50_ms / quickest.p50_ms
        sentences.append(
            f"The durable peer with the lowest p50 is {quickest.contender.name}: "
            f"ours is {latency_ratio:.2f} times that, at {ours.jobs_per_s / quickest.jobs_per_s:.1f} times its jobs/s."
        )
    return " ".join(sentences)


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def peer_versions(contenders: Sequence[Contender], peers: Path) -> list[str]:
    """Names and versions of the peers and of their redis-py; empty if they are not installed."""
    names = [name for contender in contenders for name in contender.packages]
    if not names or not peers.exists():
        return []
    command = [str(peers), "-c", _VERSIONS, *names, "redis"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 -- the operator names it
    return [f"{name} {version}" for name, version in zip([*names, "redis-py"], done.stdout.split(), strict=True)]


def _redis_version() -> str:
    with server.running("everysec") as url:
        return server.version(url)


def report(peers: Path, *, rounds: int, quick: bool, fsyncs: Sequence[server.Fsync]) -> str:
    """Run everything. Gives the Markdown."""
    contenders = [each for each in CONTENDERS if not each.packages or peers.exists()]
    left_out = [each.name for each in CONTENDERS if each not in contenders]
    lines = [f"{measuring.machine('redis', 'msgspec')}, Redis {_redis_version()}", ""]
    if left_out:
        lines += [
            f"**Left out, since they are not installed: {', '.join(left_out)}.** Cure: a virtual environment with "
            f"`{REQUIREMENTS.relative_to(ROOT)}`, which `make bench` makes.",
            "",
        ]
    else:
        lines += [f"Peers: {', '.join(peer_versions(contenders, peers))}.", ""]
    head = ("", "jobs/s", "p50, ms", "p99, ms", "CPU a job: stages, µs", "Redis, µs")
    for fsync in fsyncs:
        figures = compare(contenders, peers, fsync, rounds=rounds, quick=quick)
        lines += [f"`appendfsync {fsync}`{_OUR_FSYNC if fsync == 'always' else ''}:", ""]
        lines += [measuring.table(head, [each.row() for each in figures]), "", verdict(figures), ""]
    return "\n".join([*lines, METHOD.format(rounds=rounds)])


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, default=PEERS, help="their interpreter (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fsync", choices=get_args(server.Fsync), help="only this one, instead of both")
    measuring.add_effort(parser, "one short round")
    options = parser.parse_args()
    fsyncs = [options.fsync] if options.fsync else get_args(server.Fsync)
    text = report(options.peers, rounds=1 if options.quick else options.rounds, quick=options.quick, fsyncs=fsyncs)
    sys.stdout.write(text + "\n")
    if options.write:
        measuring.write(NAME, text)


if __name__ == "__main__":
    main()
