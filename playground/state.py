"""Chats, their messages, and who listens to them. Messages are kept in the Bot API's own shape."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any

from playground.errors import ApiError, Refused
from playground.files import Files
from playground.updates import UpdateQueue

Json = dict[str, Any]

MAX_CHATS = 1000
MAX_MESSAGES = 500
"""Kept in each chat; the oldest go first."""
MAX_UNREAD_EVENTS = 1000
"""A listener that lags further behind is cut off; the page then reconnects and loads the history."""

PAGE_CHAT_ID = 1001
"""The chat that the page opens."""


class Chat:
    """One conversation: private (a positive id), a group, a supergroup or a channel."""

    def __init__(self, chat_id: int, kind: str = "", title: str = "") -> None:
        self.id = chat_id
        self.kind = kind or ("private" if chat_id > 0 else "supergroup")
        self.title = title or f"Chat {chat_id}"
        self.blocked = False
        self.messages: OrderedDict[int, Json] = OrderedDict()
        self.listeners: set[asyncio.Queue[Json | None]] = set()
        self.changed = asyncio.Event()
        self.closed = False
        self._last_message_id = 0

    @property
    def as_json(self) -> Json:
        """The Bot API's Chat."""
        if self.kind == "private":
            return {"id": self.id, "type": self.kind, "first_name": "You"}
        return {"id": self.id, "type": self.kind, "title": self.title}

    def add(self, fields: Json) -> Json:
        """A new message with the next id; the oldest goes if there are too many."""
        self._last_message_id += 1
        message = {"message_id": self._last_message_id, "chat": self.as_json, "date": int(time.time())}
        self.messages[self._last_message_id] = message = {**message, **fields}
        if len(self.messages) > MAX_MESSAGES:
            self.messages.popitem(last=False)
        return message

    def reply_to(self, message_id: int) -> Json:
        """Fields of a reply to that message; none if it is gone."""
        original = self.messages.get(message_id)
        if original is None:
            return {}
        # As documented: the original without a reply of its own.
        return {"reply_to_message": {k: v for k, v in original.items() if k != "reply_to_message"}}

    def tell(self, event: Json) -> None:
        """Hand an event to everybody who listens to this chat."""
        for listener in list(self.listeners):
            if listener.qsize() < MAX_UNREAD_EVENTS:
                listener.put_nowait(event)
            else:
                self.listeners.discard(listener)
                listener.put_nowait(None)
        self.changed.set()
        self.changed = asyncio.Event()

    def close(self) -> None:
        """Let every listener end, and whoever waits for a message."""
        self.closed = True
        for listener in self.listeners:
            listener.put_nowait(None)
        self.changed.set()


class Playground:
    """All that the playground knows: one bot, its chats, files and updates.

    Args:
        bot_id: The bot's id: what stands before the colon of its token.
    """

    def __init__(self, bot_id: int) -> None:
        self.bot: Json = {
            "id": bot_id,
            "is_bot": True,
            "first_name": "Whatsit",
            "username": "whatsit_playground_bot",
        }
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a new process would. Whoever waits is let go."""
        if hasattr(self, "chats"):
            self.close()
        self.files = Files()
        self.updates = UpdateQueue(self._tell_bot_state)
        self.commands: dict[str, list[Json]] = {}
        self.chats: OrderedDict[int, Chat] = OrderedDict()
        self.chat(PAGE_CHAT_ID)

    def close(self) -> None:
        """End every long poll and event stream, now and from now on."""
        self.updates.close()
        for chat in self.chats.values():
            chat.close()

    @property
    def bot_state(self) -> str:
        """``online``, ``starting`` (never seen yet) or ``down``: does something poll for updates?"""
        if self.updates.poller_is_up:
            return "online"
        return "down" if self.updates.polled_ever else "starting"

    def chat(self, chat_id: int) -> Chat:
        """The chat, made if it is new: what happens when a user writes first.

        Raises:
            Refused: There are too many chats.
        """
        if chat_id not in self.chats:
            if len(self.chats) >= MAX_CHATS:
                msg = f"The playground keeps {MAX_CHATS} chats, and has as many."
                raise Refused(msg)
            self.chats[chat_id] = Chat(chat_id)
        return self.chats[chat_id]

    def chat_for_bot(self, chat_id: str) -> Chat:
        """The chat that the bot wants to write to.

        Raises:
            ApiError: There is none, or its user blocked the bot.
        """
        if not chat_id:
            raise ApiError(400, "Bad Request: chat_id is empty")
        chat = self.chats.get(int(chat_id)) if chat_id.lstrip("-").isdecimal() else None
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def user_says(self, chat: Chat, fields: Json, kind: str = "message") -> Json:
        """A message from the user's side, shown in the chat and queued for the bot.

        Args:
            chat: Where it is said.
            fields: What makes up the message; ``from``, ``message_id`` and the like may be among them.
            kind: The update that it comes in. A channel's messages are ``channel_post`` by themselves.
        """
        if chat.kind == "channel":
            kind = kind.replace("message", "channel_post")
            message = chat.add({"sender_chat": chat.as_json, **fields})
        else:
            message = chat.add({"from": self.user(chat), **fields})
        self.updates.add(kind, message)
        chat.tell({"event": "message", "message": message})
        return message

    def user_edits(self, chat: Chat, message_id: int, fields: Json) -> Json:
        """The user changed a message."""
        message = self.change(chat, message_id, fields)
        self.updates.add("edited_channel_post" if chat.kind == "channel" else "edited_message", message)
        return message

    def bot_says(self, chat: Chat, fields: Json) -> Json:
        """A message from the bot."""
        message = chat.add({"from": self.bot, **fields})
        chat.tell({"event": "message", "message": message})
        return message

    def change(self, chat: Chat, message_id: int, fields: Json) -> Json:
        """Change a message in place. KeyError if it is gone."""
        message = chat.messages[message_id]
        message = chat.messages[message_id] = {**message, **fields, "edit_date": int(time.time())}
        chat.tell({"event": "message", "message": message})
        return message

    def delete(self, chat: Chat, message_id: int) -> None:
        """Take a message out of the chat. KeyError if it is gone."""
        del chat.messages[message_id]
        chat.tell({"event": "deleted", "message_id": message_id})

    @staticmethod
    def user(chat: Chat) -> Json:
        """Who speaks in a chat, unless the message says otherwise."""
        user_id = chat.id if chat.id > 0 else PAGE_CHAT_ID
        return {"id": user_id, "is_bot": False, "first_name": "You", "language_code": "en"}

    def _tell_bot_state(self) -> None:
        for chat in self.chats.values():
            chat.tell({"event": "bot", "state": self.bot_state})
