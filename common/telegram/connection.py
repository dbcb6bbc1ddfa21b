"""A connection to the Bot API: python-telegram-bot (PTB) underneath, our own errors above.

Answers stay raw. PTB would build objects from them. If it could not build one, a sent message would look unsent, and
one odd update would block all behind it.

The Bot API's methods and limits: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import datetime
import os
import re
from typing import Any, NoReturn

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import ExtBot

from common.errors import MethodUnknown, Outage, RateLimited, TelegramRefused
from common.settings import Settings
from common.telegram import refusals
from common.telegram.flood import FloodLimits
from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.transport import BotApiHttp

# With this, PTB gives times as timedelta, as its next major version does. Without this it warns at each use.
os.environ.setdefault("PTB_TIMEDELTA", "true")


class Connection:
    """A connection to the Bot API.

    Args:
        settings: Which server, and as which bot.
        limits: How long it may take.
    """

    def __init__(self, settings: Settings, limits: TelegramLimits = LIMITS) -> None:
        self.limits = limits
        url = f"{settings.telegram_api_url}/bot"
        files = f"{settings.telegram_api_url}/file/bot"
        self.http = http = BotApiHttp(url, limits)
        # ExtBot, since the plain Bot refuses a rate limiter. The limiter makes no retries: a message that has to wait
        # goes back to its channel, where it survives a crash.
        self._bot: ExtBot[Any] = ExtBot(
            settings.telegram_token, url, files, http, http, rate_limiter=FloodLimits(settings.send_rate)
        )
        self._unlimited = Bot(settings.telegram_token, url, files, http, http)

    async def open(self) -> None:
        """Open the HTTP client. It sends nothing yet: Telegram may be down."""
        await self.http.initialize()

    async def close(self) -> None:
        """Close the connections."""
        await self.http.shutdown()

    @property
    def files_url(self) -> str:
        """The address below which files are. It has the token in it."""
        return self._bot.base_file_url

    async def call(
        self,
        method: str,
        parameters: dict[str, Any] | None = None,
        *,
        limited: bool = False,
        read_timeout: float | None = None,
    ) -> Any:
        """The raw result of a Bot API method. ``limited``: it counts for the flood limits, and waits for them.

        Raises:
            RateLimited: There are too many requests; it says how long to wait.
            Outage: Telegram, or the way to it, is down.
            ChatMoved: The group has another id now.
            MethodUnknown: The server does not have the method.
            TelegramRefused: Telegram refuses this request.
        """
        # PTB turns get_Updates into getUpdates. For getUpdates itself it would warn that it has a method of that name;
        # but that method parses the result.
        spelt = re.sub("(?=[A-Z])", "_", method)
        bot = self._bot if limited else self._unlimited
        read_timeout = self.limits.answer_timeout_s if read_timeout is None else read_timeout
        try:
            return await bot.do_api_request(spelt, api_kwargs=parameters, read_timeout=read_timeout)
        except ChatMigrated as error:
            raise ChatMoved(error.new_chat_id) from None
        except InvalidToken as error:
            _translate_unknown(method, error)
        except TelegramError as error:
            translate(error)


class ChatMoved(TelegramRefused):
    """The chat has another id now."""

    def __init__(self, chat_id: int) -> None:
        super().__init__("the group became a supergroup")
        self.chat_id = chat_id


def translate(error: TelegramError) -> NoReturn:
    """Turn python-telegram-bot's error into ours."""
    match error:
        case RetryAfter():
            after = error.retry_after
            raise RateLimited(after.total_seconds() if isinstance(after, datetime.timedelta) else after) from None
        case Forbidden():
            raise TelegramRefused(error.message, blocked=True) from None
        case BadRequest():  # before its base class NetworkError
            raise TelegramRefused(error.message, blocked=refusals.is_not_wanted(error.message)) from None
        case Conflict():
            raise Outage(_why_conflict(error.message)) from None
        case _ if refusals.is_too_large(error.message):  # 413, which python-telegram-bot has no name for
            raise TelegramRefused(error.message) from None
        case _:
            raise Outage(f"Telegram cannot be reached: {error.message}") from None


def _translate_unknown(method: str, error: InvalidToken) -> NoReturn:
    """Telegram answers a wrong token with 401 or 404, and a method that it does not have with 404."""
    said = str(error.__cause__ or error).lower()
    if "not found" in said and method not in {"getMe", "getUpdates"}:
        msg = f"this Bot API server knows no method {method}"
        raise MethodUnknown(msg) from None
    raise Outage("the Bot API does not know this TELEGRAM_TOKEN: take the right one from @BotFather") from None


def _why_conflict(description: str) -> str:
    if "webhook" in description.lower():
        return "Telegram delivers to a webhook, so nothing can be polled: remove it (method deleteWebhook)"
    return "another program polls with the same TELEGRAM_TOKEN: stop that one"
