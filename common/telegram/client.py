"""The one seam to Telegram's Bot API: python-telegram-bot (PTB) underneath, our own errors above.

Answers stay raw. PTB would build objects from them. If it could not build one, a sent message would look unsent, and
one odd update would block all behind it.

The Bot API's methods and limits: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import os
import re
from http import HTTPStatus
from typing import Any, Final, NoReturn
from urllib.parse import quote

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.ext import ExtBot

from common.errors import FileTooLarge, FileUnavailable, Outage, RateLimited, TelegramRefused
from common.settings import Settings
from common.telegram import local_files, refusals
from common.telegram.flood import Confirm, FloodLimits, confirm_sending
from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.transport import BotApiHttp, Take

MAX_TEXT_LENGTH: Final = 4096  # core.telegram.org/bots/api#sendmessage

_NO_SUCH_FILE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)

# With this, PTB gives times as timedelta, as its next major version does. Without this it warns at each use.
os.environ.setdefault("PTB_TIMEDELTA", "true")


@dataclasses.dataclass(frozen=True)
class Me:
    """The bot itself."""

    id: int
    username: str


@dataclasses.dataclass(frozen=True)
class Webhook:
    """Where Telegram delivers updates: ``url`` is '' if it waits for polls, as it must; ``pending`` updates wait."""

    url: str
    pending: int


class Telegram:
    """What the bot does at Telegram.

    Raises:
        RateLimited: There are too many requests; it says how long to wait.
        Outage: Telegram, or the way to it, is down.
        TelegramRefused: Telegram refuses this request.

    Every method that asks Telegram something may raise all three.
    """

    def __init__(self, settings: Settings, limits: TelegramLimits = LIMITS) -> None:
        self._limits = limits
        self._token = settings.telegram_token
        url = f"{settings.telegram_api_url}/bot"
        files = f"{settings.telegram_api_url}/file/bot"
        self._http = http = BotApiHttp(url, limits)
        # ExtBot, since the plain Bot refuses a rate limiter. The limiter makes no retries: a message that has to wait
        # goes back to its channel, where it survives a crash.
        self._bot: ExtBot[Any] = ExtBot(
            settings.telegram_token, url, files, http, http, rate_limiter=FloodLimits(settings.send_rate)
        )
        self._unlimited = Bot(settings.telegram_token, url, files, http, http)

    async def open(self) -> None:
        """Open the HTTP client. It sends nothing yet: Telegram may be down."""
        await self._http.initialize()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.shutdown()

    async def get_me(self) -> Me:
        """Who the bot is."""
        me = await self._call("getMe")
        return Me(int(me["id"]), str(me.get("username", "")))

    async def get_webhook(self) -> Webhook:
        """Where Telegram delivers updates."""
        found = await self._call("getWebhookInfo")
        return Webhook(str(found.get("url", "")), int(found.get("pending_update_count", 0)))

    async def get_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Raw updates from ``offset`` on; this confirms all before it. Waits up to ``timeout_s`` for an update."""
        parameters = {"offset": offset, "timeout": timeout_s, "allowed_updates": ["message"]}
        updates = await self._call("getUpdates", parameters, read_timeout=timeout_s + self._limits.poll_slack_s)
        if not isinstance(updates, list):
            msg = f"Telegram answered getUpdates with {type(updates).__name__}, not with a list"
            raise Outage(msg)
        return [update for update in updates if isinstance(update, dict) and isinstance(update.get("update_id"), int)]

    async def set_commands(self, commands: dict[str, str]) -> None:
        """Set the commands that Telegram offers in its menu: name to description."""
        rows = [{"command": name, "description": text} for name, text in commands.items()]
        await self._call("setMyCommands", {"commands": rows})

    async def download(self, file_id: str, take: Take) -> None:
        """Hand a file that a user sent to ``take``, piece by piece.

        Raises:
            FileTooLarge: It is larger than the limit.
            FileUnavailable: Telegram does not hand it out: not at the moment, or never.
            FileOutOfReach: It is on the disk of the operator's own Bot API server, and cannot be read from here.
            TelegramRefused: Telegram refuses it for good.
            Outage: Telegram is down, or the connection broke in the middle of the file.
        """
        path = await self._file_path(file_id)
        if local_files.is_local(path):
            most = self._limits.max_file_bytes
            await take(await asyncio.to_thread(local_files.read, path, most, self._token))
            return
        taken = 0

        async def take_within_the_limit(piece: bytes) -> None:
            nonlocal taken
            taken += len(piece)
            if taken > self._limits.max_file_bytes:  # the announced size may be wrong
                msg = f"the file has more than {self._limits.max_file_bytes} bytes"
                raise FileTooLarge(msg)
            await take(piece)

        try:
            status = await self._http.download(f"{self._bot.base_file_url}/{quote(path)}", take_within_the_limit)
        except TelegramError as error:
            _translate(error)
        _judge_download(status)

    async def _file_path(self, file_id: str) -> str:
        """Where a file is, for an hour: below the server's address, or on the server's own disk."""
        try:
            answer = await self._call("getFile", {"file_id": file_id})
        except TelegramRefused as refused:
            raise refusals.of_file(refused) from None
        path = answer.get("file_path") if isinstance(answer, dict) else None
        if not isinstance(path, str) or not path:
            raise TelegramRefused("getFile names no path for the file")
        return path

    async def send(
        self,
        chat_id: int,
        html: str,
        reply_to: int | None,
        thread_id: int | None = None,
        confirm: Confirm | None = None,
        topic_id: int | None = None,
    ) -> None:
        """Send a text (Telegram's HTML) as a reply to a message, or alone if that message no longer exists.

        It goes to a topic of a forum (``thread_id``), or of a channel's direct messages (``topic_id``), and without
        the topic if that no longer exists. ``confirm`` is called at the last moment, after the wait for the flood
        limits. It raises to stop the sending.
        """
        message: dict[str, Any] = {
            "chat_id": chat_id,
            "text": html,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if reply_to is not None:
            message["reply_parameters"] = {"message_id": reply_to, "allow_sending_without_reply": True}
        if thread_id is not None:
            message["message_thread_id"] = thread_id
        if topic_id is not None:
            message["direct_messages_topic_id"] = topic_id
        confirm_sending(confirm)
        try:
            await self._send(message, confirm)
        except _Moved as moved:
            # The group became a supergroup, which has its own message ids: the answer replies to no message.
            await self.send(moved.chat_id, html, None, confirm=confirm)

    async def _send(self, message: dict[str, Any], confirm: Confirm | None) -> None:
        """Send a message, without the parts that Telegram refuses of it. A refused message was not sent."""
        limited = True
        while True:
            try:
                await self._call("sendMessage", message, limited=limited)
                return
            except TelegramRefused as refused:
                left = refusals.without_refused(message, refused)
                if left is None:
                    raise
            # It has waited for the flood limits. If it had to again, it would never get through in a busy group.
            message, limited = left, False
            if confirm:
                await confirm()

    async def show_typing(self, chat_id: int, thread_id: int | None = None) -> None:
        """Show "typing…" for five seconds, or until a message arrives. It does not count for the flood limits."""
        thread = {} if thread_id is None else {"message_thread_id": thread_id}
        await self._call("sendChatAction", {"chat_id": chat_id, "action": "typing", **thread})

    async def _call(
        self,
        method: str,
        parameters: dict[str, Any] | None = None,
        *,
        limited: bool = False,
        read_timeout: float | None = None,
    ) -> Any:
        """The raw result of a Bot API method."""
        # PTB turns get_Updates into getUpdates. For getUpdates itself it would warn that it has a method of that name;
        # but that method parses the result.
        spelt = re.sub("(?=[A-Z])", "_", method)
        bot = self._bot if limited else self._unlimited
        read_timeout = self._limits.answer_timeout_s if read_timeout is None else read_timeout
        try:
            return await bot.do_api_request(spelt, api_kwargs=parameters, read_timeout=read_timeout)
        except ChatMigrated as error:
            raise _Moved(error.new_chat_id) from None
        except InvalidToken as error:
            _translate_unknown(method, error)
        except TelegramError as error:
            _translate(error)


class _Moved(TelegramRefused):
    """The chat has another id now."""

    def __init__(self, chat_id: int) -> None:
        super().__init__("the group became a supergroup")
        self.chat_id = chat_id


def _judge_download(status: int) -> None:
    if status in _NO_SUCH_FILE:  # for example since its path was older than an hour: getFile names another one
        raise FileUnavailable("Telegram has no file under the path that it gave")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise FileTooLarge("Telegram has a larger file there than it hands out")
    if status != HTTPStatus.OK:
        msg = f"Telegram answers a download with {status}"
        raise Outage(msg)


def _translate(error: TelegramError) -> NoReturn:
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
        raise TelegramRefused(msg) from None
    raise Outage("the Bot API does not know this TELEGRAM_TOKEN: take the right one from @BotFather") from None


def _why_conflict(description: str) -> str:
    if "webhook" in description.lower():
        return "Telegram delivers to a webhook, so nothing can be polled: remove it (method deleteWebhook)"
    return "another program polls with the same TELEGRAM_TOKEN: stop that one"
