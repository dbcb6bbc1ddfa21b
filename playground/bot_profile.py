"""Methods of the Bot API about the bot itself: its commands, and its descriptions."""

from __future__ import annotations

import functools
import re

from playground.commands import Scope, checked
from playground.errors import ApiError
from playground.json_types import Json
from playground.methods import Method
from playground.parameters import Parameters
from playground.profile import LIMITS
from playground.state import Playground

_LANGUAGE = re.compile(r"([a-z]{2})?")
_WIDE = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})
_OF_A_CHAT = frozenset({"chat", "chat_administrators", "chat_member"})


class BotProfile:
    """The methods, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self.methods: dict[str, Method] = {
            "setmycommands": self._set_my_commands,
            "getmycommands": self._get_my_commands,
            "deletemycommands": self._delete_my_commands,
        }
        for field in LIMITS:
            name = field.replace("_", "")
            self.methods[f"setmy{name}"] = functools.partial(self._set_text, field)
            self.methods[f"getmy{name}"] = functools.partial(self._get_text, field)

    async def _set_my_commands(self, parameters: Parameters) -> bool:
        return self._set(parameters, checked(parameters.value("commands", "commands")))

    async def _delete_my_commands(self, parameters: Parameters) -> bool:
        return self._set(parameters, [])

    async def _get_my_commands(self, parameters: Parameters) -> list[Json]:
        return self._playground.commands.get(self._scope(parameters), _language(parameters))

    def _set(self, parameters: Parameters, commands: list[Json]) -> bool:
        """Replace a list, and tell the page what changes in its menus."""
        playground, lists = self._playground, self._playground.commands
        everywhere, before = lists.everywhere, {chat.id: lists.only_for(chat) for chat in playground.chats}
        lists.set(self._scope(parameters), _language(parameters), commands)
        if lists.everywhere != everywhere:
            playground.audience.tell({"event": "commands", "commands": lists.everywhere})
        for chat in playground.chats:
            if lists.only_for(chat) != before[chat.id]:
                playground.tell_chat(chat)
        return True

    def _scope(self, parameters: Parameters) -> Scope:
        value = parameters.value("scope", "BotCommandScope") or {"type": "default"}
        if not isinstance(value, dict):
            raise ApiError(400, "Bad Request: can't parse BotCommandScope: expected an Object")
        kind, fields = value.get("type"), Parameters(value)
        if kind in _WIDE:
            return Scope(str(kind))
        if kind not in _OF_A_CHAT:
            raise ApiError(400, "Bad Request: can't parse BotCommandScope: unsupported type specified")
        chat = self._playground.chats.named(fields.text("chat_id"))
        return Scope(str(kind), chat.id, fields.integer("user_id") if kind == "chat_member" else 0)

    async def _set_text(self, field: str, parameters: Parameters) -> bool:
        self._playground.profile.set(field, _language(parameters), parameters.text(field))
        return True

    async def _get_text(self, field: str, parameters: Parameters) -> Json:
        return {field: self._playground.profile.get(field, _language(parameters))}


def _language(parameters: Parameters) -> str:
    language = parameters.text("language_code")
    if not _LANGUAGE.fullmatch(language):
        raise ApiError(400, "Bad Request: invalid language code specified")
    return language
