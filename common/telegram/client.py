"""The one seam to Telegram's Bot API: what the bot does at Telegram.

The Bot API's methods and limits: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from telegram.error import TelegramError

from common.errors import FileTooLarge, FileUnavailable, Outage, TelegramRefused
from common.settings import Settings
from common.telegram import local_files, raw, refusals
from common.telegram.connection import Connection, translate
from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.reading import UPDATES
from common.telegram.sending import Sending
from common.telegram.transport import Take

_ADMINS: Final = frozenset({"creator", "administrator"})
_NO_SUCH_FILE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


@dataclasses.dataclass(frozen=True)
class Me:
    """The bot itself.

    Attributes:
        id: Its id.
        username: Its name, without @.
        reads_groups: Whether privacy mode is off: Telegram delivers all messages of its groups.
        answers_guests: Whether people may ask it in chats that it is not in.
    """

    id: int
    username: str
    reads_groups: bool = False
    answers_guests: bool = False


@dataclasses.dataclass(frozen=True)
class Scope:
    """For whom a menu of commands is (core.telegram.org/bots/api#botcommandscope).

    Attributes:
        kind: ``default``, ``all_private_chats``, ``all_group_chats`` or ``chat``.
        chat_id: Of a ``chat``.
    """

    kind: str = "default"
    chat_id: int | None = None

    def parameters(self, language: str) -> dict[str, Any]:
        """As the Bot API takes it, with a language; '' is for all that have no menu of their own."""
        chat = {} if self.chat_id is None else {"chat_id": self.chat_id}
        return {"scope": {"type": self.kind, **chat}, "language_code": language}


EVERYWHERE: Final = Scope()


class About(enum.StrEnum):
    """The texts that people read about the bot."""

    DESCRIPTION = "Description"
    """In the chat before its first message; at most 512 characters."""
    SHORT_DESCRIPTION = "ShortDescription"
    """On its page, and where people share it; at most 120 characters."""


@dataclasses.dataclass(frozen=True)
class Webhook:
    """Where Telegram delivers updates: ``url`` is '' if it waits for polls, as it must; ``pending`` updates wait."""

    url: str
    pending: int


class Telegram(Sending):
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
        self._connection = Connection(settings, limits)
        super().__init__(self._connection)

    async def open(self) -> None:
        """Open the HTTP client. It sends nothing yet: Telegram may be down."""
        await self._connection.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def get_me(self) -> Me:
        """Who the bot is."""
        me = await self._call("getMe")
        flags = [me.get(name) is True for name in ("can_read_all_group_messages", "supports_guest_queries")]
        return Me(int(me["id"]), str(me.get("username", "")), *flags)

    async def get_webhook(self) -> Webhook:
        """Where Telegram delivers updates."""
        found = await self._call("getWebhookInfo")
        return Webhook(str(found.get("url", "")), int(found.get("pending_update_count", 0)))

    async def get_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Raw updates from ``offset`` on; this confirms all before it. Waits up to ``timeout_s`` for an update."""
        parameters = {"offset": offset, "timeout": timeout_s, "allowed_updates": UPDATES}
        updates = await self._call("getUpdates", parameters, read_timeout=timeout_s + self._limits.poll_slack_s)
        if not isinstance(updates, list):
            msg = f"Telegram answered getUpdates with {type(updates).__name__}, not with a list"
            raise Outage(msg)
        return [update for update in updates if isinstance(update, dict) and isinstance(update.get("update_id"), int)]

    async def commands(self, scope: Scope = EVERYWHERE, language: str = "") -> dict[str, str]:
        """The commands of a menu: name to description. Those of a wider scope are not among them."""
        rows = await self._call("getMyCommands", scope.parameters(language))
        found = map(raw.fields, rows if isinstance(rows, list) else [])
        return {raw.text(row.get("command")): raw.text(row.get("description")) for row in found}

    async def set_commands(self, commands: Mapping[str, str], scope: Scope = EVERYWHERE, language: str = "") -> None:
        """Set the commands of a menu, in their order."""
        rows = [{"command": name, "description": text} for name, text in commands.items()]
        await self._call("setMyCommands", {"commands": rows, **scope.parameters(language)})

    async def about(self, what: About, language: str = "") -> str:
        """A text about the bot; '' if it is not set."""
        found = await self._call(f"getMy{what}", {"language_code": language})
        return raw.text(raw.fields(found).get(what.name.lower()))

    async def set_about(self, what: About, text: str, language: str = "") -> None:
        """Set a text about the bot."""
        await self._call(f"setMy{what}", {what.name.lower(): text, "language_code": language})

    async def is_admin(self, chat_id: int, user_id: int) -> bool:
        """Whether a person, or the bot itself, is an admin of a group."""
        member = await self._call("getChatMember", {"chat_id": chat_id, "user_id": user_id})
        return raw.text(raw.fields(member).get("status")) in _ADMINS

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
            status = await self._connection.http.download(
                f"{self._connection.files_url}/{quote(path)}", take_within_the_limit
            )
        except TelegramError as error:
            translate(error)
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


def _judge_download(status: int) -> None:
    if status in _NO_SUCH_FILE:  # for example since its path was older than an hour: getFile names another one
        raise FileUnavailable("Telegram has no file under the path that it gave")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise FileTooLarge("Telegram has a larger file there than it hands out")
    if status != HTTPStatus.OK:
        msg = f"Telegram answers a download with {status}"
        raise Outage(msg)
