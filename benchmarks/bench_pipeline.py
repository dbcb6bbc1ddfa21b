"""Photos through the whole bot: Supervisor, Redis, six workers and playground, compared with the model alone.

python -m benchmarks.bench_pipeline [--write] [--quick] [--rounds N] [--models FOLDER]
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import measuring
from benchmarks.pipeline import engine, journey, models, processes
from benchmarks.pipeline.crowd import CHATS, UNDER_WAY, Crowd
from benchmarks.pipeline.engine import Alone
from benchmarks.pipeline.models import VARIANTS, Variant
from classifier.serve import cores
from common.settings import PLAYGROUND_TOKEN, ROOT
from tests.support.running_bot import Bot, running_bot
from tests.support.waiting import wait_until

PICTURE: Final = ROOT / "docs" / "images" / "journey.svg"
GOALS: Final = {"fp32": 75, "int8": 50}  # percent of the model's own rate
GOAL_OVERHEAD_MS: Final = 25

_UNLIMITED: Final = dict.fromkeys(("USER_RATE", "CHAT_BACKLOG", "BACKLOG", "SEND_RATE"), "1000000")
_CROWD: Final = "playground and senders"


class Scale(NamedTuple):
    """How much is measured."""

    variants: tuple[Variant, ...]
    rounds: int
    photos: int
    alone: int
    warm_up_s: float
    seconds: float


FULL: Final = Scale(VARIANTS, rounds=3, photos=200, alone=100, warm_up_s=8.0, seconds=15.0)
QUICK: Final = Scale(VARIANTS[:1], rounds=1, photos=10, alone=5, warm_up_s=1.0, seconds=2.0)


@dataclasses.dataclass(frozen=True)
class Whole:
    """The figures of one start of the bot.

    Attributes:
        per_s: Answers a second, with as many photos in the bot as it can take.
        cpu_ms: Processor time of one of these photos, by process.
        took_ms: For photos that come alone, from the user's sending to the answer.
        overhead_ms: For the same photos, the time without the model's own.
        parts_ms: For the same photos, the mean time of each part.
        idle_mb: Memory by process, before the load …
        loaded_mb: … and under it.
    """

    per_s: float
    cpu_ms: Mapping[str, float]
    took_ms: Sequence[float]
    overhead_ms: Sequence[float]
    parts_ms: Mapping[str, float]
    idle_mb: Mapping[str, float]
    loaded_mb: Mapping[str, float]


@dataclasses.dataclass
class Results:
    """The figures of one model in all rounds."""

    alone: list[Alone] = dataclasses.field(default_factory=list)
    whole: list[Whole] = dataclasses.field(default_factory=list)

    @property
    def own_per_s(self) -> float:
        """The model's own rate."""
        return statistics.median(each.per_s for each in self.alone)

    @property
    def per_s(self) -> float:
        """The bot's rate."""
        return statistics.median(each.per_s for each in self.whole)

    @property
    def share(self) -> float:
        """The bot's rate in percent of the model's own."""
        return statistics.median(w.per_s / a.per_s for w, a in zip(self.whole, self.alone, strict=True)) * 100

    @property
    def took_ms(self) -> list[float]:
        """The times of all photos that came alone."""
        return [ms for each in self.whole for ms in each.took_ms]

    @property
    def overhead_ms(self) -> float:
        """The median time of a photo without the model's own time."""
        return statistics.median(ms for each in self.whole for ms in each.overhead_ms)

    def median(self, attribute: str) -> dict[str, float]:
        """The medians of an attribute that is by process or by part."""
        found: dict[str, list[float]] = collections.defaultdict(list)
        for each in self.whole:
            for name, value in getattr(each, attribute).items():
                found[name].append(value)
        return {name: statistics.median(values) for name, values in found.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    measuring.add_effort(parser, "one model")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured ({FULL.rounds})")
    parser.add_argument(
        "--models", type=measuring.folder, help="a folder that keeps the prepared models for the next run"
    )
    asked = parser.parse_args(arguments)
    scale = QUICK if asked.quick else FULL
    scale = scale._replace(rounds=asked.rounds or scale.rounds)
    with contextlib.ExitStack() as stack:
        folder = asked.models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        results = measure(scale, folder)
    text = report(results, scale)
    sys.stdout.write(text)
    if asked.write:
        journey.draw({variant.title: found.median("parts_ms") for variant, found in results.items()}, PICTURE)
        measuring.write("bench_pipeline", text)
    return 0


def measure(scale: Scale, folder: Path) -> dict[Variant, Results]:
    """Measure each model alone and in the bot, in turns."""
    prepared = {variant: models.prepared(variant, folder) for variant in scale.variants}
    results = {variant: Results() for variant in scale.variants}
    with Crowd(scale.photos) as crowd:
        for _ in range(scale.rounds):
            for variant, models_dir in prepared.items():
                results[variant].alone.append(engine.measure(models.network(models_dir), scale.seconds))
                results[variant].whole.append(_whole(models_dir, crowd, scale))
    return results


def _whole(models_dir: Path, crowd: Crowd, scale: Scale) -> Whole:
    # Answers are looked up and stored, but so few that each is dropped before its photo comes again.
    with _bot(models_dir, crowd, CACHE_MAX=str(scale.photos // 4)) as bot:
        crowd.one_by_one(3)  # the first ones find cold files and unopened connections
        took_ms = crowd.one_by_one(scale.alone)
        wait_until(lambda: bot.log("reply").count("answered (answer") >= scale.alone + 3, 5, "the log of reply")
        log, idle_mb = bot.log("reply"), processes.pss_mb(bot.root)
        counts, cpu_s = [], []
        for count in crowd.all_at_once(scale.warm_up_s, scale.seconds):
            counts.append(count)
            cpu_s.append(processes.cpu_s(bot.root, **{_CROWD: crowd.pid}))
            if len(counts) == 2:  # noqa: PLR2004 -- the counted time is over, the load is still on
                loaded_mb = processes.pss_mb(bot.root)
    answers = counts[1].answers - counts[0].answers
    return Whole(
        per_s=answers / (counts[1].at - counts[0].at),
        cpu_ms={name: (cpu_s[1][name] - cpu_s[0].get(name, 0)) / answers * 1000 for name in cpu_s[1]},
        took_ms=took_ms,
        overhead_ms=journey.overheads(log, scale.alone),
        parts_ms=journey.by_part(log, scale.alone),
        idle_mb=idle_mb,
        loaded_mb=loaded_mb,
    )


@contextlib.contextmanager
def _bot(models_dir: Path, crowd: Crowd, **settings: str) -> Iterator[Bot]:
    """A bot without its limits."""
    telegram = {"TELEGRAM_API_URL": crowd.url, "TELEGRAM_TOKEN": PLAYGROUND_TOKEN}
    with running_bot(models_dir, **telegram, **_UNLIMITED, **settings) as bot:
        yield bot


def report(results: Mapping[Variant, Results], scale: Scale) -> str:
    """The report as Markdown."""
    parts = [
        measuring.machine("openvino", "redis", "python-telegram-bot", "aiohttp", "uvloop", "Pillow") + ".",
        f"Photos of 1280 × 960 pixels from {CHATS} chats, {UNDER_WAY} unanswered at any time. The model alone is our "
        f"engine in a tight loop on the same {cores.usable()} cores, while the bot is stopped. Alternating, medians of "
        f"{scale.rounds} rounds of {scale.seconds:g} s. The limit of 30 answers a second (`SEND_RATE`), which is "
        "Telegram's, is off here. " + models.WEIGHTS,
        "**As many photos as it can take**",
        _rates(results),
        "**One photo at a time**, from the user's sending to the answer. Overhead is the time in the bot's log, from "
        "the update's arrival to Telegram's OK, without the model's own time.",
        _times(results),
        "![Where the time of one photo goes](images/journey.svg)",
        "**Processor time of one photo**, in ms, by process, under that load. The playground stands in for Telegram "
        "and sends the photos: it uses the same cores, which a real bot does not share.",
        _cpu(results),
        "**Memory** (PSS, MB), idle → under that load",
        _memory(results),
    ]
    return "\n\n".join(parts) + "\n"


def _rates(results: Mapping[Variant, Results]) -> str:
    rows = []
    for variant, found in results.items():
        goal = GOALS[variant.precision]
        reached = "yes" if found.share >= goal else "no"
        rates = (f"{found.own_per_s:.1f}", f"{found.per_s:.1f}", f"{found.share:.0f} %")
        rows.append((variant.title, *rates, f"≥ {goal} %: {reached}"))
    return measuring.table(("", "model alone, photos/s", "whole bot, photos/s", "share", "goal"), rows)


def _times(results: Mapping[Variant, Results]) -> str:
    rows = []
    for variant, found in results.items():
        reached = "yes" if found.overhead_ms <= GOAL_OVERHEAD_MS else "no"
        model = statistics.median(each.ms for each in found.alone)
        times = (measuring.percentile(found.took_ms, 50), measuring.percentile(found.took_ms, 99), model)
        goal = f"≤ {GOAL_OVERHEAD_MS} ms: {reached}"
        rows.append((variant.title, *(f"{ms:.1f}" for ms in times), f"{found.overhead_ms:.1f}", goal))
    return measuring.table(("", "p50, ms", "p99, ms", "model alone, ms", "overhead, ms", "goal"), rows)


def _cpu(results: Mapping[Variant, Results]) -> str:
    columns = [found.median("cpu_ms") for found in results.values()]
    rows = [(name, *(f"{column.get(name, 0):.1f}" for column in columns)) for name in _by_size(columns)]
    totals = [sum(column.values()) for column in columns]
    own = [statistics.median(each.cpu_ms for each in found.alone) for found in results.values()]
    rows.append(("**all**", *(f"{total:.1f}" for total in totals)))
    rows.append(("of `classify`: the model, as alone", *(f"{ms:.1f}" for ms in own)))
    rows.append(("**bot without model**", *(_rest(*each) for each in zip(totals, own, columns, strict=True))))
    return measuring.table(("", *(variant.title for variant in results)), rows)


def _rest(total: float, own: float, by_process: Mapping[str, float]) -> str:
    return f"{total - own - by_process.get(_CROWD, 0):.1f}"


def _memory(results: Mapping[Variant, Results]) -> str:
    columns = [(found.median("idle_mb"), found.median("loaded_mb")) for found in results.values()]
    names = _by_size([loaded for _, loaded in columns])
    rows = [
        (name, *(f"{idle.get(name, 0):.0f} → {loaded.get(name, 0):.0f}" for idle, loaded in columns)) for name in names
    ]
    sums = (f"{sum(idle.values()):.0f} → {sum(loaded.values()):.0f}" for idle, loaded in columns)
    return measuring.table(("", *(variant.title for variant in results)), [*rows, ("**all**", *sums)])


def _by_size(columns: Sequence[Mapping[str, float]]) -> list[str]:
    names = {name for column in columns for name in column}
    return sorted(names, key=lambda name: -sum(column.get(name, 0) for column in columns))


if __name__ == "__main__":
    sys.exit(main())
