"""Logging: one line an event on standard error, and no secret in any of them."""

from __future__ import annotations

import logging
import time
from urllib.parse import parse_qs, unquote, urlsplit

from common.settings import PLAYGROUND_TOKEN, Settings

_HIDDEN = "***"
_SHORTEST_SECRET = 6


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


def set_up(settings: Settings) -> None:
    """Log to standard error, where Supervisor reads."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting(secrets(settings)))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # httpx logs whole URLs at INFO, and a Bot API URL holds the token; its debug lines tell us nothing either.
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
