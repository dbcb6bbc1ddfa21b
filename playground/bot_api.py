"""The bot's side: methods of the Bot API. Descriptions of errors are the official server's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from playground.errors import ApiError
from playground.formatting import find_entities, parse_html, utf16_length
from playground.state import Chat, Playground

Json = dict[str, Any]

MAX_TEXT = 4096
"""After entities parsing: https://core.telegram.org/bots/api#sendmessage. Counted in UTF-16 units here."""
MAX_COMMANDS = 100

_MEDIA = ("photo", "video", "voice", "document", "video_note")
_ACTIONS = frozenset({"typing", "choose_sticker", "find_location"}) | {
    f"{verb}_{what}" for verb in ("upload", "record") for what in _MEDIA
}


class Parameters:
    """A call's parameters, however they came: from a query or a form all are text, from JSON some are not."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """A text; '' if it is missing."""
        value = self._values.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number. What is no number counts as missing, as with Telegram."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """A truth value: true, yes or 1."""
        return self.text(name).lower() in {"true", "yes", "1"}

    def value(self, name: str, what: str) -> Any:
        """A JSON value, as itself or as text; None if it is missing.

        Raises:
            ApiError: It is no JSON; ``what`` names it in the description.
        """
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise ApiError(400, f"Bad Request: can't parse {what} JSON object") from None


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
            "getmycommands": self._get_my_commands,
            "deletemycommands": self._delete_my_commands,
            "sendmessage": self._send_message,
            "editmessagetext": self._edit_message_text,
            "deletemessage": self._delete_message,
            "sendchataction": self._send_chat_action,
            "getfile": self._get_file,
        }

    async def call(self, name: str, parameters: Parameters) -> Any:
        """What the method answers. Its name is not case-sensitive.

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
            allowed=allowed if isinstance(allowed, list) else None,
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
        self._playground.commands[_scope(parameters)] = commands
        return True

    async def _get_my_commands(self, parameters: Parameters) -> list[Json]:
        return self._playground.commands.get(_scope(parameters), [])

    async def _delete_my_commands(self, parameters: Parameters) -> bool:
        self._playground.commands.pop(_scope(parameters), None)
        return True

    async def _send_message(self, parameters: Parameters) -> Json:
        content = _formatted_text(parameters)
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        fields = _reply_fields(chat, parameters) | content
        if preview := parameters.value("link_preview_options", "link preview options"):
            fields["link_preview_options"] = preview
        if thread := parameters.integer("message_thread_id"):
            fields["message_thread_id"] = thread
        return self._playground.bot_says(chat, fields)

    async def _edit_message_text(self, parameters: Parameters) -> Json:
        content = _formatted_text(parameters)
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        message = chat.messages.get(parameters.integer("message_id"))
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if message.get("from") != self._playground.bot:
            raise ApiError(400, "Bad Request: message can't be edited")
        content = {"entities": [], **content}
        if (message.get("text"), message.get("entities", [])) == (content["text"], content["entities"]):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message",
            )
        return self._playground.change(chat, message["message_id"], content)

    async def _delete_message(self, parameters: Parameters) -> bool:
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        message_id = parameters.integer("message_id")
        if message_id not in chat.messages:
            raise ApiError(400, "Bad Request: message to delete not found")
        self._playground.delete(chat, message_id)
        return True

    async def _send_chat_action(self, parameters: Parameters) -> bool:
        action = parameters.text("action")
        if action not in _ACTIONS:
            raise ApiError(400, "Bad Request: wrong parameter action in request")
        chat = self._playground.chat_for_bot(parameters.text("chat_id"))
        chat.tell({"event": "action", "action": action})
        return True

    async def _get_file(self, parameters: Parameters) -> Json:
        file = self._playground.files.open(parameters.text("file_id"))
        return {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": file.announced_bytes,
            "file_path": file.path,
        }


def _formatted_text(parameters: Parameters) -> Json:
    """The fields ``text`` and ``entities`` of a message."""
    source = parameters.text("text")
    mode = parameters.text("parse_mode").lower()
    if mode == "html":
        text, entities = parse_html(source)
    elif mode:
        raise ApiError(400, "Bad Request: unsupported parse_mode")  # Markdown: not here
    else:
        text = source.strip()
        entities = parameters.value("entities", "entities") or []
    if not text:
        raise ApiError(400, "Bad Request: message text is empty")
    if utf16_length(text) > MAX_TEXT:
        raise ApiError(400, "Bad Request: message is too long")
    entities = entities + _outside(find_entities(text), entities)
    return {"text": text, "entities": entities} if entities else {"text": text}


def _outside(found: list[Json], given: list[Json]) -> list[Json]:
    """Of the entities found in the text, those that touch none of the bot's own links and code."""
    own = [entity for entity in given if entity.get("type") in {"text_link", "code", "pre"}]
    return [
        entity
        for entity in found
        if not any(
            entity["offset"] < other["offset"] + other["length"]
            and other["offset"] < entity["offset"] + entity["length"]
            for other in own
        )
    ]


def _reply_fields(chat: Chat, parameters: Parameters) -> Json:
    reply: Json
    if "reply_parameters" in parameters:
        value = parameters.value("reply_parameters", "reply parameters") or {}
        if not isinstance(value, dict):
            raise ApiError(400, "Bad Request: object expected as reply parameters")
        reply = value
    else:
        reply = {
            "message_id": parameters.integer("reply_to_message_id"),
            "allow_sending_without_reply": parameters.flag("allow_sending_without_reply"),
        }
    message_id = reply.get("message_id")
    if not message_id:
        return {}
    fields = chat.reply_to(message_id)
    if not fields and not reply.get("allow_sending_without_reply"):
        raise ApiError(400, "Bad Request: message to be replied not found")
    return fields


def _scope(parameters: Parameters) -> str:
    scope = parameters.value("scope", "BotCommandScope")
    return json.dumps([scope or {"type": "default"}, parameters.text("language_code")], sort_keys=True)
