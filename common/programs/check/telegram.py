"""The bot at Telegram: its token, and whether messages come here or to a webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from common.errors import Deferred, Outage, RateLimited, TelegramRefused
from common.programs.check.result import Result, fail, ok, warn
from common.settings import TELEGRAM_API, Settings
from common.telegram.client import Me, Telegram, Webhook

ANSWER_LIMIT_S: Final = 6.0
_T = TypeVar("_T")


def token(config: Settings, limit_s: float = ANSWER_LIMIT_S) -> Result:
    """Whether Telegram knows the token; without one, whether the playground is there."""
    try:
        me: Me = _ask(config, Telegram.get_me, limit_s)
    except RateLimited as error:
        return warn(f"{error}: try again then")
    except (Outage, TelegramRefused, TimeoutError) as error:
        if config.uses_playground:
            return warn("not set, and the playground does not answer: `make run` starts it")
        return fail(_why(config, error))
    if config.uses_playground:
        return ok(f"not set: the playground answers, at {config.telegram_api_url}")
    return ok(f"@{me.username}, at {_host(config)}")


def _why(config: Settings, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        error = Outage("Telegram does not answer")
    if "TELEGRAM_TOKEN" in str(error):
        return str(error)  # it already says what to do
    elsewhere = "" if config.telegram_api_url == TELEGRAM_API else ", and that TELEGRAM_API_URL is right"
    return f"{error}: see that {_host(config)} can be reached from here (network, proxy){elsewhere}"


def webhook(config: Settings, limit_s: float = ANSWER_LIMIT_S) -> Result:
    """Whether messages wait until the bot polls them, or go elsewhere."""
    try:
        found: Webhook = _ask(config, Telegram.get_webhook, limit_s)
    except (Deferred, Outage, TelegramRefused, TimeoutError):
        return warn("not known: Telegram did not answer, see Token")
    waiting = f"{found.pending} update{'' if found.pending == 1 else 's'} waiting"
    if found.url:
        # Only its host: the path is often a secret.
        host = urlsplit(found.url).hostname
        call = f"{config.telegram_api_url}/bot<TELEGRAM_TOKEN>/deleteWebhook"
        return fail(f"Telegram delivers to {host} and not to this bot ({waiting}): open {call} once")
    return ok(f"not set, as it must be; {waiting}")


def _ask(config: Settings, question: Callable[[Telegram], Awaitable[_T]], limit_s: float) -> _T:
    async def ask() -> _T:
        telegram = Telegram(config)
        await telegram.open()
        try:
            async with asyncio.timeout(limit_s):
                return await question(telegram)
        finally:
            await telegram.close()

    return asyncio.run(ask())


def _host(config: Settings) -> str:
    parts = urlsplit(config.telegram_api_url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
