"""The results of a run, as tables for people."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

MIB: Final = 2**20
# The rest of Redis's memory varies by less: scripts, its allocator's reserve, and the tables of its keys, which double
# as they grow. Markers are counted separately: they are kept for hours and days.
MEMORY_TOLERANCE: Final = MIB // 2


@dataclasses.dataclass(frozen=True)
class Recovery:
    """How long it took after each kill: ``ready_s`` until the process was back, ``answer_s`` until an answer came."""

    kills: int
    ready_s: Sequence[float]
    answer_s: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Memory:
    """The memory of Redis in bytes: all, and of that its connections' buffers and the markers of what was seen."""

    used: int
    connections: int
    markers: int

    @property
    def held(self) -> int:
        """Without the buffers of connections, which come and go."""
        return self.used - self.connections


@dataclasses.dataclass
class Report:
    """The results of a run.

    Attributes:
        seed: Gives the same messages, the same faults, and the same kills after the same pauses.
        storm_s: For how long processes were killed.
        sent: Messages by kind.
        answers: How many answers they should get: a message with several links gets several.
        lost: Answers that never came.
        wrong: Answers that say something else.
        duplicates: Answers that came again, by what happened when the first one was sent.
        chances: How often that happened.
        recoveries: By the process that was killed.
        silence_s: The longest time without any answer while messages waited.
        restarted: Jobs that the sweeper had to restart.
        in_flight: Messages in flight when their worker was killed: a run without any proves little.
        counts: What the bot itself counted, all channels together.
        memory: Of Redis, before and after.
        redis_version: Of the server.
        broken: Each promise that was not kept. Empty for a good run.
    """

    seed: int
    storm_s: float
    sent: Counter[str] = dataclasses.field(default_factory=Counter)
    answers: int = 0
    lost: list[str] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)
    duplicates: Counter[str] = dataclasses.field(default_factory=Counter)
    chances: Counter[str] = dataclasses.field(default_factory=Counter)
    recoveries: dict[str, Recovery] = dataclasses.field(default_factory=dict)
    silence_s: float = 0.0
    restarted: int = 0
    in_flight: int = 0
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    memory: tuple[Memory, Memory] | None = None
    redis_version: str = ""
    broken: list[str] = dataclasses.field(default_factory=list)

    def markdown(self) -> str:
        """The tables."""
        blocks = [self._summary(), self._messages(), self._kills()]
        if self.broken:
            blocks.append("\n".join(["**Broken:**", *(f"- {promise}" for promise in self.broken)]))
        return "\n\n".join(blocks)

    def _summary(self) -> str:
        rows = [
            ("seed", str(self.seed)),
            ("processes were killed for", f"{self.storm_s:g} s"),
            ("messages sent", f"{self.sent.total()}, to get {self.answers} answers"),
            ("processes killed", str(sum(recovery.kills for recovery in self.recoveries.values()))),
            ("messages in flight when their worker was killed", str(self.in_flight)),
            ("answers lost", str(len(self.lost))),
            ("answers that say something else", str(len(self.wrong))),
            ("answers that came twice", str(self.duplicates.total())),
            *((f"… {cause}", f"{self.duplicates[cause]}, in {chances}") for cause, chances in self.chances.items()),
            ("jobs that the sweeper restarted", str(self.restarted)),
            ("messages postponed, retried, buried", ", ".join(str(self.counts[what]) for what in _COUNTED)),
            ("longest time without an answer", f"{self.silence_s:.1f} s"),
            ("memory of Redis, before and after", self._memory()),
            ("Redis", self.redis_version),
            ("machine", machine()),
        ]
        return _table(("", ""), rows)

    def _memory(self) -> str:
        if not self.memory:
            return "not measured"
        before, after = self.memory
        markers = (after.markers - before.markers) / MIB
        figures = f"{before.held / MIB:.2f} MiB, {after.held / MIB:.2f} MiB, of which markers {markers:+.2f} MiB"
        return f"{figures} (besides them, +{MEMORY_TOLERANCE / MIB:.2f} MiB at most)"

    def _messages(self) -> str:
        return _table(("message", "sent"), [(kind, str(number)) for kind, number in self.sent.most_common()])

    def _kills(self) -> str:
        rows = [
            (victim, str(recovery.kills), *_times(recovery.ready_s), *_times(recovery.answer_s))
            for victim, recovery in self.recoveries.items()
        ]
        head = ("killed", "times", "back after, median", "longest", "next answer after, median", "longest")
        return _table(head, rows)


_COUNTED = ("postponed", "retried", "buried")


def machine() -> str:
    """The machine of the run, in one line."""
    cpuinfo, meminfo = Path("/proc/cpuinfo").read_text(), Path("/proc/meminfo").read_text()
    cpu = re.search(r"^model name\s*: (.*)$", cpuinfo, re.M)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.M)
    parts = [
        f"{os.cpu_count()} cores ({cpu[1] if cpu else platform.machine()})",
        f"{round(int(memory[1]) / MIB)} GiB" if memory else "",
        f"Linux {'.'.join(platform.release().split('.')[:2])}",
        f"Python {platform.python_version()}",
    ]
    return ", ".join(part for part in parts if part)


def _times(seconds: Sequence[float]) -> tuple[str, str]:
    return (f"{statistics.median(seconds):.1f} s", f"{max(seconds):.1f} s") if seconds else ("–", "–")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
