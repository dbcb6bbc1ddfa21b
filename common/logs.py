"""Logging: one line an event on standard error, without secrets, and safe from forged lines.

Texts from users and servers get into messages and errors. So control characters are written as escapes, and a
traceback's lines are indented: each line that begins at the margin is the bot's own.
"""

from __future__ import annotations

import logging
import time
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from common.settings import PLAYGROUND_TOKEN, Settings

_HIDDEN = "***"
_SHORTEST_SECRET = 6
_MARGIN = "    "
# Control and format characters (some reverse a line), surrogates, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Redacting(logging.Formatter):
    """Formats a record with its traceback, and then removes every known secret from the text."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record), self._secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        return harmless(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 -- logging's name
        lines = super().formatException(ei).split("\n")
        return "\n".join(_MARGIN + harmless(line) for line in lines)


def hidden(text: str, secrets: Sequence[str]) -> str:
    """The text without those secrets."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def harmless(text: str) -> str:
    """The text with an escape for each character that could end a line or control a terminal."""
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
    # httpx, which python-telegram-bot imports, logs whole URLs at INFO, and a Bot API URL holds the token. Nothing here
    # calls httpx. This line is for a later version that does.
    for name in ("httpx", "httpcore", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    # It logs a traceback for each 429 and 502 that it raises. The runtime postpones those, and logs that in one line.
    logging.getLogger("telegram").setLevel(logging.CRITICAL)


def secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets, which no output may show."""
    found = []
    if settings.telegram_token != PLAYGROUND_TOKEN:
        found.append(settings.telegram_token)
        found.append(settings.telegram_token.partition(":")[2])
    if settings.redis_url:
        url = urlsplit(settings.redis_url)
        for password in (url.password, *parse_qs(url.query).get("password", ())):
            found += [password, unquote(password)] if password else []
    # A text of a few letters is not a secret: hiding it would hide parts of words.
    return tuple(secret for secret in found if len(secret) >= _SHORTEST_SECRET)
