"""The bot's side: methods of the Bot API. Descriptions of errors are the official server's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from playground import bot_media
from playground.chat import Chat
from playground.errors import ApiError
from playground.json_types import Json
from playground.parameters import Parameters, formatted_text, keyboard_fields, reply_fields
from playground.state import Playground

MAX_COMMANDS = 100
MAX_CALLBACK_TEXT = 200
"""https://core.telegram.org/bots/api#answercallbackquery"""

_MEDIA = ("photo", "video", "voice", "document", "video_note")
_ACTIONS = frozenset({"typing", "choose_sticker", "find_location"}) | {
    f"{verb}_{what}" for verb in ("upload", "record") for what in _MEDIA
}


Method = Callable[[Parameters], Awaitable[Any]]


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
            "setmycommands": self._set_my_commands,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "senddocument": self._send_document,
            "sendmediagroup": self._send_media_group,
            "editmessagetext": self._edit_message_text,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "answercallbackquery": self._answer_callback_query,
            "sendchataction": self._send_chat_action,
            "getfile": self._get_file,
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
            "can_read_all_group_messages": False,
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

    async def _set_my_commands(self, parameters: Parameters) -> bool:
        commands = parameters.value("commands", "commands")
        if not isinstance(commands, list):
            raise ApiError(400, "Bad Request: expected an Array of BotCommand")
        if len(commands) > MAX_COMMANDS:
            raise ApiError(400, "Bad Request: too many bot commands specified")
        if _is_for_everybody(parameters):
            self._playground.commands = commands
            self._playground.audience.tell({"event": "commands", "commands": commands})
        return True

    async def _send_message(self, parameters: Parameters) -> Json:
        content = formatted_text(parameters)
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        fields = _common_fields(chat, parameters) | content | keyboard_fields(parameters)
        if preview := parameters.value("link_preview_options", "link preview options"):
            fields["link_preview_options"] = preview
        return self._playground.bot_says(chat, fields)

    async def _send_photo(self, parameters: Parameters) -> Json:
        return await self._send_file(parameters, "photo")

    async def _send_document(self, parameters: Parameters) -> Json:
        return await self._send_file(parameters, "document")

    async def _send_file(self, parameters: Parameters, kind: str) -> Json:
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        content = await bot_media.one(self._playground.files, kind, parameters)
        return self._playground.bot_says(chat, _common_fields(chat, parameters) | content | keyboard_fields(parameters))

    async def _send_media_group(self, parameters: Parameters) -> list[Json]:
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        contents = await bot_media.group(self._playground.files, parameters)
        common = _common_fields(chat, parameters)
        return [self._playground.bot_says(chat, common | content) for content in contents]

    async def _edit_message_text(self, parameters: Parameters) -> Json:
        content = {"entities": None, **formatted_text(parameters)}
        return self._edit(parameters, content)

    async def _edit_message_reply_markup(self, parameters: Parameters) -> Json:
        return self._edit(parameters, {})

    def _edit(self, parameters: Parameters, content: Json) -> Json:
        """Change a message of the bot. As documented, its keyboard is removed unless the call has one."""
        content = {"reply_markup": None, **content, **keyboard_fields(parameters)}
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        message = chat.messages.get(parameters.integer("message_id"))
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if message.get("from") != self._playground.bot:
            raise ApiError(400, "Bad Request: message can't be edited")
        if all(message.get(name) == value for name, value in content.items()):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message",
            )
        return self._playground.change(chat, message["message_id"], content)

    async def _answer_callback_query(self, parameters: Parameters) -> bool:
        chat = self._playground.callbacks.pop(parameters.text("callback_query_id"), None)
        if chat is None:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self._playground.audience.tell(
            {"event": "callback", "chat_id": chat.id, "text": parameters.text("text")[:MAX_CALLBACK_TEXT]}
        )
        return True

    async def _send_chat_action(self, parameters: Parameters) -> bool:
        action = parameters.text("action")
        if action not in _ACTIONS:
            raise ApiError(400, "Bad Request: wrong parameter action in request")
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        self._playground.audience.tell({"event": "action", "chat_id": chat.id, "action": action})
        return True

    async def _get_file(self, parameters: Parameters) -> Json:
        file = self._playground.files.open(parameters.text("file_id"))
        return {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": file.announced_bytes,
            "file_path": file.path,
        }


def _is_for_everybody(parameters: Parameters) -> bool:
    """Whether commands are for all chats and languages. The page shows no others."""
    scope = parameters.value("scope", "BotCommandScope") or {}
    kind = scope.get("type", "default") if isinstance(scope, dict) else ""
    return kind == "default" and not parameters.text("language_code")


def _common_fields(chat: Chat, parameters: Parameters) -> Json:
    fields = reply_fields(chat, parameters)
    if thread := parameters.integer("message_thread_id"):
        fields["message_thread_id"] = thread
    return fields
