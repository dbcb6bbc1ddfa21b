"""Methods of the Bot API that write to a chat: messages, edits, drafts, reactions, and answers to guests."""

from __future__ import annotations

import secrets

from playground import bot_media, drafts, guests, reactions
from playground.chat import Chat
from playground.errors import ApiError
from playground.json_types import Json
from playground.methods import Method
from playground.parameters import Parameters, formatted_text, keyboard_fields, reply_fields
from playground.state import Playground

_MEDIA = ("photo", "video", "voice", "document", "video_note")
_ACTIONS = frozenset({"typing", "choose_sticker", "find_location"}) | {
    f"{verb}_{what}" for verb in ("upload", "record") for what in _MEDIA
}


class BotMessages:
    """The methods, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self.methods: dict[str, Method] = {
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "senddocument": self._send_document,
            "sendmediagroup": self._send_media_group,
            "sendmessagedraft": self._send_message_draft,
            "sendchataction": self._send_chat_action,
            "editmessagetext": self._edit_message_text,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "setmessagereaction": self._set_message_reaction,
            "answerguestquery": self._answer_guest_query,
        }

    async def _send_message(self, parameters: Parameters) -> Json:
        content = formatted_text(parameters)
        chat = self._chat(parameters)
        fields = _common_fields(chat, parameters) | content | keyboard_fields(parameters)
        if preview := parameters.value("link_preview_options", "link preview options"):
            fields["link_preview_options"] = preview
        return self._playground.bot_says(chat, fields)

    async def _send_photo(self, parameters: Parameters) -> Json:
        return await self._send_file(parameters, "photo")

    async def _send_document(self, parameters: Parameters) -> Json:
        return await self._send_file(parameters, "document")

    async def _send_file(self, parameters: Parameters, kind: str) -> Json:
        chat = self._chat(parameters)
        content = await bot_media.one(self._playground.files, kind, parameters)
        return self._playground.bot_says(chat, _common_fields(chat, parameters) | content | keyboard_fields(parameters))

    async def _send_media_group(self, parameters: Parameters) -> list[Json]:
        chat = self._chat(parameters)
        contents = await bot_media.group(self._playground.files, parameters)
        common = _common_fields(chat, parameters)
        return [self._playground.bot_says(chat, common | content) for content in contents]

    async def _send_message_draft(self, parameters: Parameters) -> bool:
        content = drafts.content(parameters)
        chat = self._chat(parameters)
        drafts.check_place(chat)
        self._playground.bot_drafts(chat, content)
        return True

    async def _send_chat_action(self, parameters: Parameters) -> bool:
        action = parameters.text("action")
        if action not in _ACTIONS:
            raise ApiError(400, "Bad Request: wrong parameter action in request")
        chat = self._chat(parameters)
        self._playground.audience.tell({"event": "action", "chat_id": chat.id, "action": action})
        return True

    async def _edit_message_text(self, parameters: Parameters) -> Json:
        content = {"entities": None, **formatted_text(parameters)}
        return self._edit(parameters, content)

    async def _edit_message_reply_markup(self, parameters: Parameters) -> Json:
        return self._edit(parameters, {})

    def _edit(self, parameters: Parameters, content: Json) -> Json:
        """Change a message of the bot. As documented, its keyboard is removed unless the call has one."""
        content = {"reply_markup": None, **content, **keyboard_fields(parameters)}
        chat = self._chat(parameters)
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

    async def _set_message_reaction(self, parameters: Parameters) -> bool:
        emoji = reactions.emoji(parameters)
        chat = self._chat(parameters)
        message_id = parameters.integer("message_id")
        if message_id not in chat.messages:
            raise ApiError(400, "Bad Request: message to react not found")
        self._playground.bot_reacts(chat, message_id, emoji)
        return True

    async def _answer_guest_query(self, parameters: Parameters) -> Json:
        content = guests.answer(parameters)
        chat, asked = self._playground.guest_queries.take(parameters.text("guest_query_id"))
        fields = chat.reply_to(asked["message_id"]) | {"guest_bot_caller_user": asked["from"]} | content
        answer = self._playground.bot_says(chat, fields)
        chat.inline_ids[answer["message_id"]] = inline_id = secrets.token_urlsafe(20)
        return {"inline_message_id": inline_id}

    def _chat(self, parameters: Parameters) -> Chat:
        return self._playground.chats.writable(parameters.text("chat_id"))


def _common_fields(chat: Chat, parameters: Parameters) -> Json:
    fields = reply_fields(chat, parameters)
    if thread := parameters.integer("message_thread_id"):
        fields["message_thread_id"] = thread
    return fields
