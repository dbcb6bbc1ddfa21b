"""How a result is written: one line, in colour on a terminal, with a severity in the log."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from common.programs.check.result import Level, Result

SEVERITY: Final[dict[Level, int]] = {"ok": logging.INFO, "warn": logging.WARNING, "FAIL": logging.ERROR}
_COLOURS: Final[dict[Level, str]] = {"ok": "32", "warn": "33", "FAIL": "31"}  # green, yellow, red: ECMA-48, SGR


def line(name: str, result: Result, secrets: Sequence[str], *, colour: bool = False) -> str:
    """A check's name and what it found, in one line without secrets."""
    level = f"{result.level:<4}"
    if colour:
        level = f"\x1b[{_COLOURS[result.level]}m{level}\x1b[0m"
    text = " ".join(result.text.split())
    for secret in secrets:
        text = text.replace(secret, "***")
    return f"{level} {name:<10}  {text}"


def wants_colour() -> bool:
    """Whether a person reads this on a terminal, and does not object: https://no-color.org."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
