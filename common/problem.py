"""A problem that lasts: the log names it once, again when it changes, and says when it is over."""

from __future__ import annotations

import logging


class Problem:
    """What is wrong with one thing outside, as the log last said.

    Args:
        log: The log.
        level: How severe the problem is.
        over: The line that says that it is over.
    """

    def __init__(self, log: logging.Logger, level: int = logging.WARNING, over: str = "… and it works again") -> None:
        self._log = log
        self._level = level
        self._over = over
        self._said = ""

    def report(self, text: str, kind: str = "") -> None:
        """Log what is wrong, unless the log last said the same.

        Args:
            text: One line for the operator.
            kind: Distinguishes this problem from another one; the text itself by default.
        """
        kind = kind or text
        if kind != self._said:
            self._log.log(self._level, "%s", text)
        self._said = kind

    def clear(self) -> None:
        """It works again. Logged only if a problem was."""
        if self._said:
            self._log.info("%s", self._over)
        self._said = ""
