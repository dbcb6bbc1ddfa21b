"""How dead letters are shown: all in a list, or one with everything stored of it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
import sys
from collections.abc import Sequence
from typing import Final

from common.channels.dead_letters import KEPT_MS, DeadLetter
from common.logs import hidden

_HEAD: Final = ("ID", "BURIED", "CHANNEL", "JOB", "ATTEMPTS", "ERROR")
_FOOT: Final = (
    f"Kept for {KEPT_MS // (24 * 3600 * 1000)} days. "
    "More about one: `make dead SHOW=ID`. Start its job again: `make dead RETRY=ID`, or RETRY=all."
)
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 24 * 3600


@dataclasses.dataclass(frozen=True)
class Page:
    """Shows what others wrote: without our secrets, and without a terminal's control characters."""

    secrets: tuple[str, ...] = ()

    def line(self, text: str) -> str:
        """The text in one line."""
        return _printable(hidden(text, self.secrets))

    def lines(self, text: str) -> str:
        """The text with its line breaks."""
        # Split only at these: a terminal may understand the others that splitlines() knows differently.
        return "\n".join(_printable(line) for line in hidden(text, self.secrets).split("\n"))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(letters: Sequence[DeadLetter], page: Page, now: float) -> str:
    """The letters as a table, in their order; on a terminal each line is cut to its width."""
    if not letters:
        return "No dead letters."
    rows = [_HEAD, *(_row(letter, page, now) for letter in letters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0  # the error is the last column
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        lines = [line if len(line) <= columns else f"{line[: columns - 1]}…" for line in lines]
    return "\n".join([*lines, "", _FOOT])


def _row(letter: DeadLetter, page: Page, now: float) -> tuple[str, ...]:
    buried = f"{_local(letter):%Y-%m-%d %H:%M:%S} ({ago(now - letter.buried_s)})"
    cells = (letter.id, buried, letter.channel, letter.job or "-", str(_attempts(letter)), letter.error)
    return tuple(page.line(cell) for cell in cells)


def _local(letter: DeadLetter) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(letter.buried_s, datetime.UTC).astimezone()


def ago(seconds: float) -> str:
    """A time span in one unit, rounded down: ``5 min ago``."""
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s:.0f} {unit} ago"
    return f"{max(0, int(seconds))} s ago"  # two clocks may differ


def _attempts(letter: DeadLetter) -> int:
    return letter.attempts + 1  # with the one that it was buried for


def shown(letter: DeadLetter, prospect: str, page: Page, now: float) -> str:
    """Everything that is stored of a letter.

    Args:
        letter: The letter.
        prospect: What a retry would do.
        page: Hides secrets.
        now: The time, in seconds since the epoch.
    """
    fields = {
        "id": letter.id,
        "buried": f"{_local(letter):%Y-%m-%d %H:%M:%S %z} ({ago(now - letter.buried_s)})",
        "channel": letter.channel,
        "job": letter.job or "-",
        "chat": letter.chat or "not known",
        "attempts": str(_attempts(letter)),
        "error": letter.error,
        "retry": prospect,
    }
    texts = {"message": _as_json(letter.body)}
    if letter.job:
        texts["first message of the job"] = "the same" if letter.origin == letter.body else _as_json(letter.origin)
    texts["traceback"] = letter.traceback.rstrip() or "-"
    head = [f"{name:<9} {page.line(value)}" for name, value in fields.items()]
    return "\n".join([*head, *(f"\n--- {name}\n{page.lines(text)}" for name, text in texts.items())])


def _as_json(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return repr(body)
