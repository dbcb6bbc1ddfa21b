"""How a message's cost grows with the number that wait: 1 to 10,000 messages in a channel, or jobs without a slot.

Each load keeps its size: what is handed off goes to the end of its channel again, and when a job ends, another begins.
All sizes are on one server and are measured in turn, so that all of them see the same state of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import measuring, server
from benchmarks.chains import line
from benchmarks.loads import InChannel, Load, WaitingJobs
from common.channels.channels import Channels
from common.settings import ROOT, Settings

NAME: Final = "bench_growth"
PLOT: Final = ROOT / "docs" / "images" / "cost-growth.svg"
SIZES: Final = (1, 10, 100, 1_000, 10_000)
QUICK_SIZES: Final = (1, 10, 100)
MOST_CHANGE: Final = 0.2  # of a message's cost where one message waits

METHOD: Final = """\
A message’s cost is that of taking it and handing it off (for jobs: of storing the update, beginning the job, and
ending another), by one client that does one thing at a time. The band is {band:.0%} around the cost where one waits.
Median of {rounds} rounds of {steps} messages; all sizes are on one server (`appendfsync everysec`, so that the disk
hides nothing) and are measured in turn.
"""

_GREY: Final = "#808890"
_LINES: Final = (("wall_us", "time", "#3b82f6"), ("redis_us", "Redis’s CPU", "#e07020"))
_UNLIMITED: Final = 10**9


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a message in µs: processor time of Redis, and elapsed time."""

    redis_us: float
    wall_us: float


Costs = Mapping[int, Cost]  # by how many wait


async def measure(load: Load, steps: int) -> Cost:
    """The mean cost of so many messages."""
    redis = load.channels.redis
    cpu_s, began = line.redis_cpu_s(await redis.info("cpu")), time.perf_counter()
    for _ in range(steps):
        await load.step()
    wall_s = time.perf_counter() - began
    return Cost((line.redis_cpu_s(await redis.info("cpu")) - cpu_s) / steps * 1e6, wall_s / steps * 1e6)


async def grow(kind: type[Load], url: str, sizes: Sequence[int], rounds: int, steps: int) -> Costs:
    """The median cost of a message for each size, the sizes in turn.

    Raises:
        RuntimeError: A load did not keep its size, so the figures are wrong.
    """
    async with contextlib.AsyncExitStack() as stack:
        loads = [kind(await stack.enter_async_context(_channels(url, kind, size)), size) for size in sizes]
        for load in loads:
            await load.fill()
        found: dict[int, list[Cost]] = {size: [] for size in sizes}
        for number in range(rounds):
            for load in loads[:: -1 if number % 2 else 1]:
                found[load.size].append(await measure(load, steps))
        for load in loads:
            if (waiting := await load.waiting()) != load.size:
                msg = f"{waiting} of {load.size} {load.title} are left"
                raise RuntimeError(msg)
    return {size: _median(costs) for size, costs in found.items()}


@contextlib.asynccontextmanager
async def _channels(url: str, kind: type[Load], size: int) -> AsyncIterator[Channels]:
    namespace = f"{kind.__name__}-{size}"
    channels = Channels(Settings(redis_url=url, namespace=namespace, chat_backlog=_UNLIMITED, backlog=_UNLIMITED))
    try:
        yield channels
    finally:
        await channels.close()


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(c.redis_us for c in costs), statistics.median(c.wall_us for c in costs))


def change(costs: Costs, of: str) -> float:
    """The largest change of a cost from that of the smallest load: 0.1 is a tenth more, -0.1 a tenth less."""
    base: float = getattr(costs[min(costs)], of)
    changes: list[float] = [getattr(cost, of) / base - 1 for cost in costs.values()]
    return max(changes, key=abs)


def verdict(title: str, costs: Costs) -> str:
    """Whether the goal was met."""
    largest = {"Redis’s processor time": change(costs, "redis_us"), "time": change(costs, "wall_us")}
    met = all(abs(value) <= MOST_CHANGE for value in largest.values())
    told = " and ".join(f"{name} by at most {value:+.0%}" for name, value in largest.items())
    goal = f"goal: {MOST_CHANGE:.0%}, {'met' if met else '**missed**'}"
    return f"From {min(costs):,} to {max(costs):,} {title}, a message’s cost changes: {told} ({goal})."


def tables(results: Mapping[type[Load], Costs]) -> str:
    """The Markdown."""
    parts = []
    for kind, costs in results.items():
        rows = [(f"{size:,}", f"{cost.redis_us:.0f}", f"{cost.wall_us:.0f}") for size, cost in costs.items()]
        parts += [measuring.table((kind.title, "Redis’s CPU, µs a message", "time, µs a message"), rows)]
        parts += [verdict(kind.title, costs)]
    return "\n\n".join(parts)


def plot(results: Mapping[type[Load], Costs], path: Path) -> None:
    """Draw both costs of all loads. Grey on a transparent background, to be readable on white and on black."""
    from matplotlib import pyplot, rc_context  # noqa: PLC0415 -- the tests do without

    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": NAME, "font.size": 9, "font.family": "sans-serif"}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _GREY)
    with rc_context(style):
        figure, axes = pyplot.subplots(1, len(results), figsize=(8, 2.8), sharex=True, squeeze=False)
        for axis, (kind, costs) in zip(axes[0], results.items(), strict=True):
            for of, label, colour in _LINES:
                values = [getattr(cost, of) for cost in costs.values()]
                axis.plot(list(costs), values, "o-", color=colour, label=label, markersize=4)
                axis.axhspan(
                    values[0] * (1 - MOST_CHANGE), values[0] * (1 + MOST_CHANGE), color=colour, alpha=0.12, lw=0
                )
            axis.set(xscale="log", xlabel=kind.title, ylim=(0, None))
            axis.minorticks_off()
            axis.spines[["top", "right"]].set_visible(False)
        axes[0][0].set_ylabel("µs a message")
        axes[0][0].legend(frameon=False)
        figure.tight_layout()
        figure.savefig(path, transparent=True, metadata={"Date": None})
        pyplot.close(figure)


async def _run(sizes: Sequence[int], rounds: int, steps: int) -> tuple[str, dict[type[Load], Costs]]:
    with server.running("everysec") as url:
        kinds: Sequence[type[Load]] = (InChannel, WaitingJobs)
        return server.version(url), {kind: await grow(kind, url, sizes, rounds, steps) for kind in kinds}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=161)
    parser.add_argument("--steps", type=int, default=50, help="messages in each round (%(default)s)")
    measuring.add_effort(parser, "a few messages")
    parser.add_argument("--plot", type=Path, help="draw the costs into this file")
    options = parser.parse_args()
    sizes, rounds, steps = (QUICK_SIZES, 3, 20) if options.quick else (SIZES, options.rounds, options.steps)
    redis_version, results = asyncio.run(_run(sizes, rounds, steps))
    machine = measuring.machine("redis")
    text = "\n\n".join(
        [
            f"{machine}, Redis {redis_version}",
            tables(results),
            METHOD.format(band=MOST_CHANGE, rounds=rounds, steps=steps),
        ]
    )
    sys.stdout.write(text + "\n")
    if options.plot or options.write:
        plot(results, options.plot or PLOT)
    if options.write:
        measuring.write(NAME, f"{text}\n\n![What a message costs, by how many wait](images/{PLOT.name})")


if __name__ == "__main__":
    main()
