"""The benchmarks of the channels, in short runs: they measure what they claim. Speed does not matter here."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from redis import Redis

from benchmarks import bench_channels, bench_growth, server
from benchmarks.bench_channels import CONTENDERS, OURS, OURS_WITH_EIGHT, Contender, Figures
from benchmarks.bench_growth import Cost
from benchmarks.chains import drive, line, with_channels
from benchmarks.loads import InChannel, Load, WaitingJobs
from common.channels.channels import Channels
from common.settings import Settings

PEERS = [contender for contender in CONTENDERS if contender.packages]
FAST, QUICK = PEERS[:2]
JOBS = 100
STAGES = ("receive", "file_check", "classify", "reply")
DEADLINE_S = 10.0


@pytest.fixture
def chain_redis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Redis]:
    """A new server for a chain in this environment."""
    with server.running("everysec") as url, Redis.from_url(url) as redis:
        for name, value in {line.REDIS_URL: url, "DATA_DIR": str(tmp_path), "NAMESPACE": "bench"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(line.END, "")  # restored at the end, whatever a chain sets it to
        yield redis


def figures(contender: Contender, jobs_per_s: float, p50_ms: float) -> Figures:
    return Figures(contender, [p50_ms] * 3, jobs_per_s, workers_us=1.0, redis_us=1.0)


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name.strip("*"))
def test_all_jobs_come_through_the_chain(contender: Contender) -> None:
    interpreter = bench_channels.PEERS if contender.packages else Path(sys.executable)
    if not interpreter.exists():
        pytest.skip(f"no {interpreter} (make bench makes it)")
    result = bench_channels.run_once(contender, interpreter, "everysec", singles=3, jobs=JOBS)
    assert len(result["latencies_ms"]) == 3
    assert min(result["latencies_ms"]) > 0
    assert result["jobs_per_s"] > 1
    assert result["redis_us"] > 0


async def test_our_chain_keeps_the_ledger_of_every_job(chain_redis: Redis) -> None:
    with drive.running("with_channels") as chain:
        async with with_channels.sender() as send:
            await send(range(1, JOBS + 1))
            assert set(chain.wait_for(JOBS, DEADLINE_S)) == set(range(1, JOBS + 1))
        async with asyncio.timeout(DEADLINE_S):  # the last handler has them; their last hand-off follows
            while chain_redis.exists("{bench}:jobs", "{bench}:turns"):  # noqa: ASYNC110 -- Redis sets no event
                await asyncio.sleep(0.01)
    handled = chain_redis.hgetall("{bench}:counts")
    assert handled == {f"{name} handled".encode(): b"%d" % JOBS for name in STAGES}


def test_lost_jobs_and_ended_stages_are_errors(chain_redis: Redis) -> None:
    with drive.running("with_pubsub") as chain:
        with pytest.raises(drive.Lost, match="0 of 1 jobs came out"):
            chain.wait_for(1, 0.01)
        chain.signal_first(signal.SIGKILL)
        with pytest.raises(drive.Broken, match="-9"):
            chain.wait_for(1, DEADLINE_S)


def test_no_process_is_left_when_a_chain_has_ended(chain_redis: Redis) -> None:
    with drive.running("with_pubsub") as chain:
        groups = [stage.pid for stage in chain.stages]
    for group in groups:
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)


def test_a_chain_ends_with_its_measuring_process(chain_redis: Redis) -> None:
    command = [sys.executable, "-m", "benchmarks.chains.drive", "with_pubsub", "--singles", "1000"]
    measuring = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    children = Path(f"/proc/{measuring.pid}/task/{measuring.pid}/children")
    deadline = time.monotonic() + DEADLINE_S
    while len(stages := children.read_text().split()) < line.STAGES:
        assert time.monotonic() < deadline
    measuring.kill()
    measuring.wait()
    while any(Path(f"/proc/{stage}/cmdline").exists() for stage in stages):
        assert time.monotonic() < deadline


def test_a_contender_that_fails_is_an_error_with_its_reason() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)no such thing failed: .*No module named"):
        bench_channels.run_once(
            Contender("no such thing", "with_nothing", 1), Path(sys.executable), "everysec", singles=1, jobs=1
        )


def test_records_of_the_pipe_may_come_in_pieces() -> None:
    whole = line._RECORD.pack(7, 1.5) + line._RECORD.pack(8, 2.5)
    first, rest = line.ended(whole[:20])
    assert first == [(7, 1.5)]
    assert line.ended(rest + whole[20:]) == ([(8, 2.5)], b"")


def test_peers_that_are_not_installed_are_named_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def compare(contenders: list[Contender], *_: object, **__: object) -> list[Figures]:
        asked.extend(contenders)
        return [figures(contender, 1.0, 1.0) for contender in contenders]

    monkeypatch.setattr(bench_channels, "compare", compare)
    text = bench_channels.report(tmp_path / "python", rounds=1, quick=True, fsyncs=["always"])
    assert not any(contender.packages for contender in asked)
    assert "not installed: taskiq, dramatiq, arq, RQ.**" in text
    assert "No durable peer was there to compare with." in text


def test_the_verdict_names_the_fastest_durable_peer_and_the_one_with_the_lowest_latency() -> None:
    pubsub = next(contender for contender in CONTENDERS if not contender.is_durable)
    text = bench_channels.verdict(
        [figures(OURS, 1500, 4), figures(FAST, 500, 8), figures(QUICK, 100, 2), figures(pubsub, 9000, 1)]
    )
    assert f"3.0 times the jobs/s of {FAST.name}, the fastest durable peer (goal: 3 times, met)" in text
    assert "at 0.50 times its p50 (goal: at most the same, met)" in text
    assert f"{QUICK.name}: ours is 2.00 times that, at 15.0 times its jobs/s." in text


def test_the_verdict_names_both_of_our_lines() -> None:
    text = bench_channels.verdict([figures(OURS, 1500, 4), figures(OURS_WITH_EIGHT, 1000, 6), figures(FAST, 500, 8)])
    assert "With 8 in flight, 2.0 times the jobs/s, at 0.75 times the p50." in text


def test_a_missed_goal_is_marked() -> None:
    text = bench_channels.verdict([figures(OURS, 1400, 9), figures(FAST, 500, 8)])
    assert "2.8 times" in text
    assert text.count("**missed**") == 2


# How cost grows


@pytest.mark.parametrize("kind", [InChannel, WaitingJobs])
async def test_a_load_keeps_its_size(kind: type[Load], settings: Settings, channels: Channels) -> None:
    load = kind(channels, 20)
    await load.fill()
    assert await load.waiting() == 20
    for _ in range(50):
        await load.step()
    assert await load.waiting() == 20


async def test_a_load_that_shrinks_is_an_error(chain_redis: Redis) -> None:
    class Leaking(InChannel):
        async def waiting(self) -> int:
            return await super().waiting() - 1

    with pytest.raises(RuntimeError, match="1 of 2 messages in the channel are left"):
        await bench_growth.grow(Leaking, os.environ[line.REDIS_URL], [2], rounds=1, steps=1)


def test_growth_by_more_than_a_fifth_of_either_cost_is_a_missed_goal() -> None:
    steady = {1: Cost(100, 200), 10: Cost(119, 165)}
    assert "processor time by at most +19% and time by at most -18% (goal: 20%, met)" in bench_growth.verdict(
        "x", steady
    )
    for costs in ({1: Cost(100, 200), 10: Cost(121, 200)}, {1: Cost(100, 200), 10: Cost(100, 159)}):
        assert "**missed**" in bench_growth.verdict("x", costs)


def test_a_quick_run_prints_a_line_for_each_size() -> None:
    command = [sys.executable, "-m", "benchmarks.bench_growth", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for size in bench_growth.QUICK_SIZES:
        assert done.stdout.count(f"\n| {size} | ") == 2
    assert done.stdout.count("(goal: 20%, ") == 2


def test_the_plot_is_a_small_svg_with_both_loads(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    costs = {1: Cost(80, 250), 10_000: Cost(82, 240)}
    bench_growth.plot({InChannel: costs, WaitingJobs: costs}, tmp_path / "plot.svg")
    text = "".join(ElementTree.parse(tmp_path / "plot.svg").getroot().itertext())  # noqa: S314 -- our own
    assert InChannel.title in text
    assert WaitingJobs.title in text
    assert (tmp_path / "plot.svg").stat().st_size < 60_000
