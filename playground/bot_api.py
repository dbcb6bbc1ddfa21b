"""The bot's side: methods of the Bot API. Descriptions of errors are the official server's."""

from __future__ import annotations

from typing import Any

from playground import membership
from playground.bot_messages import BotMessages
from playground.bot_profile import BotProfile
from playground.chats import PAGE_CHAT_ID
from playground.errors import ApiError
from playground.formatting import utf16_length
from playground.json_types import Json
from playground.methods import Method
from playground.parameters import Parameters
from playground.state import Playground

MAX_CALLBACK_TEXT = 200
"""https://core.telegram.org/bots/api#answercallbackquery"""


class BotApi:
    """The methods, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self._methods: dict[str, Method] = {
            "getme": self._get_me,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "answercallbackquery": self._answer_callback_query,
            "getchatmember": self._get_chat_member,
            "getfile": self._get_file,
            **BotMessages(playground).methods,
            **BotProfile(playground).methods,
        }

    async def call(self, name: str, parameters: Parameters) -> Any:
        """The method's answer. Its name is not case-sensitive.

        Raises:
            ApiError: The call failed, or there is no such method.
        """
        method = self._methods.get(name.lower())
        if method is None:
            raise ApiError(404, "Not Found: method not found")
        return await method(parameters)

    async def _get_me(self, _: Parameters) -> Json:
        return self._playground.bot | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self._playground.privacy,
            "supports_guest_queries": True,
            "supports_inline_queries": False,
        }

    async def _get_updates(self, parameters: Parameters) -> list[Json]:
        limit = parameters.integer("limit", 100)
        allowed = parameters.value("allowed_updates", "allowed updates")
        return await self._playground.updates.poll(
            offset=parameters.integer("offset"),
            limit=min(max(limit, 1), 100),
            timeout_s=max(parameters.integer("timeout"), 0),
            allowed=[kind for kind in allowed if isinstance(kind, str)] if isinstance(allowed, list) else None,
        )

    async def _set_webhook(self, parameters: Parameters) -> bool:
        self._drop_updates_if_asked(parameters)
        self._playground.updates.set_webhook(parameters.text("url"))
        return True

    async def _delete_webhook(self, parameters: Parameters) -> bool:
        self._drop_updates_if_asked(parameters)
        self._playground.updates.set_webhook("")
        return True

    def _drop_updates_if_asked(self, parameters: Parameters) -> None:
        if parameters.flag("drop_pending_updates"):
            self._playground.updates.drop_pending()

    async def _get_webhook_info(self, _: Parameters) -> Json:
        updates = self._playground.updates
        return {
            "url": updates.webhook_url,
            "has_custom_certificate": False,
            "pending_update_count": len(updates),
        }

    async def _answer_callback_query(self, parameters: Parameters) -> bool:
        text, query_id = parameters.text("text"), parameters.text("callback_query_id")
        if utf16_length(text) > MAX_CALLBACK_TEXT:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        chat = self._playground.callbacks.take(query_id)
        shown = {"text": text, "show_alert": parameters.flag("show_alert")}
        self._playground.audience.tell({"event": "callback", "chat_id": chat.id, "query_id": query_id, **shown})
        return True

    async def _get_chat_member(self, parameters: Parameters) -> Json:
        chat = self._playground.chats.writable(parameters.text("chat_id"))
        user_id = parameters.integer("user_id")
        if user_id <= 0:
            raise ApiError(400, "Bad Request: invalid user_id specified")
        bot = self._playground.bot
        user = bot if user_id == bot["id"] else self._playground.chats.person(user_id)
        return membership.member(chat, user, PAGE_CHAT_ID)

    async def _get_file(self, parameters: Parameters) -> Json:
        file = self._playground.files.open(parameters.text("file_id"))
        return {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": file.announced_bytes,
            "file_path": file.path,
        }
