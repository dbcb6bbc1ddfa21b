"""The bot's commands: one list for each scope and language, and which of them a chat's menu shows.

https://core.telegram.org/bots/api#determining-list-of-commands
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from playground.chat import Chat
from playground.errors import ApiError
from playground.json_types import Json

MAX_COMMANDS = 100
MAX_DESCRIPTION = 256
LANGUAGE = "en"
"""The language of the page's people."""

_NAME = re.compile(r"[a-z0-9_]{1,32}")


class Scope(NamedTuple):
    """For whom a list of commands is."""

    kind: str = "default"
    chat_id: int = 0
    user_id: int = 0


_EVERYWHERE = Scope()


class Commands:
    """All lists.

    Args:
        reader_id: The person who reads the menus: the owner of each group.
    """

    def __init__(self, reader_id: int) -> None:
        self._reader_id = reader_id
        self._lists: dict[tuple[Scope, str], list[Json]] = {}

    def get(self, scope: Scope, language: str) -> list[Json]:
        """Just this list; [] if it is not set."""
        return self._lists.get((scope, language), [])

    def set(self, scope: Scope, language: str, commands: list[Json]) -> None:
        """Replace a list; [] deletes it."""
        if commands:
            self._lists[scope, language] = commands
        else:
            self._lists.pop((scope, language), None)

    @property
    def everywhere(self) -> list[Json]:
        """The list for chats that have no narrower one."""
        return self._first([_EVERYWHERE]) or []

    def only_for(self, chat: Chat) -> list[Json] | None:
        """The list of the narrowest scope that a chat is in; None if that is the one for everywhere."""
        return self._first(self._scopes(chat))

    def _scopes(self, chat: Chat) -> list[Scope]:
        if chat.kind == "private":
            return [Scope("chat", chat.id), Scope("all_private_chats")]
        return [
            Scope("chat_member", chat.id, self._reader_id),
            Scope("chat_administrators", chat.id),
            Scope("chat", chat.id),
            Scope("all_chat_administrators"),
            Scope("all_group_chats"),
        ]

    def _first(self, scopes: list[Scope]) -> list[Json] | None:
        lists = (self.get(scope, language) for scope in scopes for language in (LANGUAGE, ""))
        return next((found for found in lists if found), None)


class _Command(msgspec.Struct):
    command: str
    description: str


def checked(given: object) -> list[Json]:
    """Commands as a caller gave them.

    Raises:
        ApiError: 400: there are too many, or one is not valid.
    """
    if not isinstance(given, list):
        raise ApiError(400, "Bad Request: expected an Array of BotCommand")
    try:
        commands = msgspec.convert(given, list[_Command])
    except msgspec.ValidationError as error:
        raise ApiError(400, f"Bad Request: can't parse BotCommand: {error}") from None
    if len(commands) > MAX_COMMANDS:
        raise ApiError(400, "Bad Request: too many bot commands specified")
    for command in commands:
        if not _NAME.fullmatch(command.command.removeprefix("/")):
            raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
        if not 0 < len(command.description) <= MAX_DESCRIPTION:
            raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    return [{"command": one.command.removeprefix("/"), "description": one.description} for one in commands]
