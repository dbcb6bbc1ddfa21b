"""The bot at Telegram: its token, whether messages come here or to a webhook, and how people may ask it in groups."""

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
_NOT_KNOWN: Final = "not known: Telegram did not answer, see Token"
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
        return warn(_NOT_KNOWN)
    waiting = f"{found.pending} update{'' if found.pending == 1 else 's'} waiting"
    if found.url:
        # Only its host: the path is often a secret.
        host = urlsplit(found.url).hostname
        call = f"{config.telegram_api_url}/bot<TELEGRAM_TOKEN>/deleteWebhook"
        return fail(f"Telegram delivers to {host} and not to this bot ({waiting}): open {call} once")
    return ok(f"not set, as it must be; {waiting}")


def groups(config: Settings, limit_s: float = ANSWER_LIMIT_S) -> Result:
    """How people ask in groups: privacy mode decides which messages arrive. Off, most arrive to be dropped unread."""
    me = _me(config, limit_s)
    if me is None:
        return warn(_NOT_KNOWN)
    what = f"/what@{me.username}"
    if not me.reads_groups:
        return ok(
            f"privacy mode is on, as it should be: {what} in reply to a photo or in its caption works, and so does a "
            "photo in reply to the bot; mentions do not arrive"
        )
    return warn(
        f"privacy mode is off: all messages of the bot's groups arrive, and most are dropped unread. {what} in reply "
        "to a photo, and a photo in reply to the bot, work without that; only mentions, whole albums, and looking at "
        "every photo need it. If nobody wants those, switch it on (@BotFather, /setprivacy, Enable), and add the bot "
        "to its groups again"
    )


def guests(config: Settings, limit_s: float = ANSWER_LIMIT_S) -> Result:
    """Whether people may ask in chats that the bot is not in."""
    me = _me(config, limit_s)
    if me is None:
        return warn(_NOT_KNOWN)
    if me.answers_guests:
        return ok(f"guest mode is on: @{me.username} below a photo, in any chat, gets one answer")
    return ok("guest mode is off: nobody can ask in a chat that the bot is not in. @BotFather switches it on")


def _me(config: Settings, limit_s: float) -> Me | None:
    try:
        return _ask(config, Telegram.get_me, limit_s)
    except (Deferred, Outage, TelegramRefused, TimeoutError):
        return None


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
