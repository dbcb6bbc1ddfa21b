"""What a check has found: fine, worth a look, or broken, with words that say what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal

Level = Literal["ok", "warn", "FAIL"]
_SEVERITY: Final[dict[Level, int]] = {"ok": 0, "warn": 1, "FAIL": 2}


@dataclasses.dataclass(frozen=True)
class Result:
    """What a check has found.

    Attributes:
        level: ``FAIL`` if the bot cannot work; ``warn`` if it can, with a risk or for now.
        text: One line: the numbers that were seen, or what is wrong and what to do.
    """

    level: Level
    text: str


def ok(text: str) -> Result:
    """All is well."""
    return Result("ok", text)


def warn(text: str) -> Result:
    """It works, or will in a moment, but an operator should know."""
    return Result("warn", text)


def fail(text: str) -> Result:
    """It cannot work until an operator acts."""
    return Result("FAIL", text)


def together(results: Sequence[Result]) -> Result:
    """Several findings (one at least) as one: the worst level, and every text that is not ``ok``, the worst first."""
    worst_first = sorted(results, key=lambda result: -_SEVERITY[result.level])
    level = worst_first[0].level
    texts = [result.text for result in worst_first if level == "ok" or result.level != "ok"]
    return Result(level, "; ".join(texts))


def size(count: float) -> str:
    """A number of bytes for people: ``24 MB``, ``1.5 GB`` (powers of ten, as ``df -H`` shows them)."""
    megabytes = count / 1e6
    return f"{megabytes / 1e3:.1f} GB" if megabytes >= 1e3 else f"{megabytes:.0f} MB"  # noqa: PLR2004
