"""Logging: one line an event on standard error, with no secret in any, and none that anybody outside has written.

What users and servers say gets into messages and errors. So control characters are spelt out, and a traceback's lines
are indented: what begins at the margin is ours.
"""

from __future__ import annotations

import logging
import time
import unicodedata
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from common.settings import PLAYGROUND_TOKEN, Settings

_HIDDEN = "***"
_SHORTEST_SECRET = 6
_MARGIN = "    "
# Control and format characters (which reverse a line, say), surrogates, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Redacting(logging.Formatter):
    """Formats a record, traceback included, and then takes every known secret out of the text."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        return harmless(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 -- logging's name
        lines = super().formatException(ei).split("\n")
        return "\n".join(_MARGIN + harmless(line) for line in lines)


def harmless(text: str) -> str:
    """The text without what could end a line, or command a terminal: each such character as its escape."""
    if text.isprintable():
        return text
    return "".join(
        character if unicodedata.category(character) not in _UNSEEN else ascii(character)[1:-1] for character in text
    )


def set_up(settings: Settings) -> None:
    """Log to standard error, where Supervisor reads."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting(secrets(settings)))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # httpx, which python-telegram-bot brings along, logs whole URLs at INFO, and a Bot API URL holds the token. Nothing
    # here calls it; should that change, nobody would think of this.
    for name in ("httpx", "httpcore", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    # Logs a traceback for each 429 and 502 that it raises, too: those are put off, and that is logged in one line.
    logging.getLogger("telegram").setLevel(logging.CRITICAL)


def secrets(settings: Settings) -> tuple[str, ...]:
    """What must not be seen in any output."""
    found = []
    if settings.telegram_token != PLAYGROUND_TOKEN:
        found.append(settings.telegram_token)
        found.append(settings.telegram_token.partition(":")[2])
    if settings.redis_url:
        url = urlsplit(settings.redis_url)
        for password in (url.password, *parse_qs(url.query).get("password", ())):
            found += [password, unquote(password)] if password else []
    # A secret of a few letters would blot out words, and is none.
    return tuple(secret for secret in found if len(secret) >= _SHORTEST_SECRET)
