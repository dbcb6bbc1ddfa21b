"""The one seam to Telegram's Bot API: python-telegram-bot underneath, our own errors above.

The Bot API's methods and limits: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
from collections.abc import Iterator
from typing import Any, Final

from telegram import BotCommand, LinkPreviewOptions, ReplyParameters
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from common.errors import Outage, RateLimited, TelegramRefused
from common.settings import Settings

MAX_FILE_BYTES: Final = 20 * 2**20  # what the Bot API's getFile serves: core.telegram.org/bots/api#getfile
MAX_TEXT_LENGTH: Final = 4096  # core.telegram.org/bots/api#sendmessage

# Telegram allows about 30 messages a second in all, and 20 a minute in one group: core.telegram.org/bots/faq
_MESSAGES_PER_S: Final = 30
_GROUP_MESSAGES_PER_MINUTE: Final = 20

_ANSWER_TIMEOUT_S: Final = 10.0
_POLL_SLACK_S: Final = 10.0


# Have PTB give times as timedelta, as its next major version will; without this it warns at each use.
os.environ.setdefault("PTB_TIMEDELTA", "true")


@dataclasses.dataclass(frozen=True)
class Me:
    """The bot itself."""

    id: int
    username: str


class Telegram:
    """What the bot does at Telegram.

    Raises:
        RateLimited: Too many requests; says how long to wait.
        Outage: Telegram, or the way to it, is down.
        TelegramRefused: Telegram refuses this request, now and ever.

    All three may come out of every method that asks Telegram something.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.telegram_api_url
        self._requests = [
            HTTPXRequest(
                connection_pool_size=connections,
                connect_timeout=5.0,
                read_timeout=_ANSWER_TIMEOUT_S,
                write_timeout=_ANSWER_TIMEOUT_S,
                pool_timeout=_ANSWER_TIMEOUT_S,
            )
            for connections in (1, 16)
        ]
        # ExtBot, since the plain Bot refuses a rate limiter. No retries in there: a message that has to wait is put
        # off in its channel, where it survives a crash.
        self._bot: ExtBot[Any] = ExtBot(
            settings.telegram_token,
            base_url=f"{url}/bot",
            base_file_url=f"{url}/file/bot",
            get_updates_request=self._requests[0],
            request=self._requests[1],
            rate_limiter=AIORateLimiter(
                overall_max_rate=_MESSAGES_PER_S, group_max_rate=_GROUP_MESSAGES_PER_MINUTE, max_retries=0
            ),
        )

    async def open(self) -> None:
        """Open the HTTP clients. Asks Telegram nothing: that may be down."""
        for request in self._requests:
            await request.initialize()

    async def close(self) -> None:
        """Close the connections."""
        for request in self._requests:
            await request.shutdown()

    async def get_me(self) -> Me:
        """Who the bot is."""
        with _translated():
            user = await self._bot.get_me()
        return Me(user.id, user.username or "")

    async def get_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Raw updates from ``offset`` on, waiting up to ``timeout_s`` for one; confirms all before ``offset``.

        Raw, because one update that python-telegram-bot cannot parse would fail the whole call, again and again.
        """
        with _translated():
            # Spelt so that PTB, which turns it into getUpdates, does not advise its own parsing method instead.
            updates: Any = await self._bot.do_api_request(
                "get_Updates",
                api_kwargs={"offset": offset, "timeout": timeout_s, "allowed_updates": ["message"]},
                read_timeout=timeout_s + _POLL_SLACK_S,
            )
        if not isinstance(updates, list):
            raise Outage(f"Telegram answered getUpdates with {type(updates).__name__}, not with a list")
        return [update for update in updates if isinstance(update, dict) and isinstance(update.get("update_id"), int)]

    async def set_commands(self, commands: dict[str, str]) -> None:
        """Set the commands that Telegram offers in its menu: name to description."""
        with _translated():
            await self._bot.set_my_commands([BotCommand(name, text) for name, text in commands.items()])

    async def download(self, file_id: str) -> bytes:
        """A file that a user sent. Too large a one is refused by Telegram itself."""
        with _translated():
            file = await self._bot.get_file(file_id)
            return bytes(await file.download_as_bytearray())

    async def send(self, chat_id: int, html: str, reply_to: int | None) -> None:
        """Send a text (Telegram's HTML) in answer to a message, or alone if that message is gone."""
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None

        async def send_to(chat: int) -> None:
            await self._bot.send_message(
                chat,
                html,
                parse_mode=ParseMode.HTML,
                reply_parameters=reply,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )

        with _translated():
            try:
                await send_to(chat_id)
            except ChatMigrated as moved:  # the group became a supergroup while its picture was on the way
                await send_to(moved.new_chat_id)

    async def show_typing(self, chat_id: int) -> None:
        """Show "typing…" for five seconds, or until a message arrives."""
        with _translated():
            await self._bot.send_chat_action(chat_id, ChatAction.TYPING)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn python-telegram-bot's errors into ours."""
    try:
        yield
    except RetryAfter as error:
        after = error.retry_after
        raise RateLimited(after.total_seconds() if isinstance(after, datetime.timedelta) else after) from None
    except Forbidden as error:
        raise TelegramRefused(error.message, blocked=True) from error
    except BadRequest as error:  # before NetworkError, whose subclass it is
        raise TelegramRefused(error.message) from error
    except Conflict as error:
        raise Outage(_why_conflict(error.message)) from None
    except InvalidToken:
        raise Outage("Telegram does not know this TELEGRAM_TOKEN: take the right one from @BotFather") from None
    except TelegramError as error:
        # The cause is httpx's, whose messages name a host and never the path with the token in it.
        raise Outage(f"Telegram cannot be reached: {error.message}") from None


def _why_conflict(description: str) -> str:
    if "webhook" in description.lower():
        return "Telegram delivers to a webhook, so nothing can be polled: remove it (method deleteWebhook)"
    return "another program polls with the same TELEGRAM_TOKEN: stop that one"
