"""The state of the playground: the bot, its chats, files and updates."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict

from playground.audience import Audience
from playground.chat import Chat
from playground.errors import ApiError, Refused
from playground.files import Files
from playground.json_types import Json
from playground.updates import UpdateQueue

MAX_CHATS = 1000
MAX_CALLBACKS = 1000
"""Pressed buttons that the bot may still answer."""

PAGE_CHAT_ID = 1001
"""The private chat that the page opens."""
GROUP_CHAT_ID = -1001000000001
"""The group that exists from the start."""


class Playground:
    """The state of the playground: one bot, its chats, files and updates.

    Args:
        bot_id: The bot's id: the part of its token before the colon.

    Attributes:
        commands: The page's menu: the bot's commands, each with its name and description.
        preparing: None if the bot has its model; else how far its preparation is, as in
            ``model_watch.Progress``.
    """

    def __init__(self, bot_id: int) -> None:
        self.bot: Json = {
            "id": bot_id,
            "is_bot": True,
            "first_name": "Whatsit",
            "username": "whatsit_playground_bot",
        }
        self.preparing: Json | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a new process would. All waiting requests end."""
        if hasattr(self, "chats"):
            self.close()
        self.audience = Audience()
        self.files = Files()
        self.updates = UpdateQueue(self.tell_bot_state)
        self.commands: list[Json] = []
        self.callbacks: OrderedDict[str, Chat] = OrderedDict()
        self.chats: OrderedDict[int, Chat] = OrderedDict()
        self.chats[PAGE_CHAT_ID] = Chat(PAGE_CHAT_ID, title="You")
        self.chats[GROUP_CHAT_ID] = Chat(GROUP_CHAT_ID, title="Group")

    def close(self) -> None:
        """End every long poll and event stream, now and from now on."""
        self.updates.close()
        self.audience.close()
        for chat in self.chats.values():
            chat.close()

    @property
    def bot_state(self) -> str:
        """``online``, ``preparing`` (no model yet), ``starting`` (never seen yet) or ``down``.

        A bot is online while it polls for updates.
        """
        if self.updates.poller_is_up:
            return "online" if self.preparing is None else "preparing"
        return "down" if self.updates.polled_ever else "starting"

    @property
    def bot_status(self) -> Json:
        """The state; while it is ``preparing``, also the progress."""
        state = self.bot_state
        return {"state": state} | ({"progress": self.preparing} if state == "preparing" else {})

    def tell_bot_state(self) -> None:
        """Tell the page the bot's state."""
        self.audience.tell({"event": "bot", **self.bot_status})

    def chat(self, chat_id: int) -> Chat:
        """The chat. It is created if it is new, as when a user writes for the first time.

        Raises:
            Refused: There are too many chats.
        """
        if chat_id not in self.chats:
            self._open(Chat(chat_id))
        return self.chats[chat_id]

    def new_chat(self, *, group: bool) -> Chat:
        """A new chat with a new person, or a new group.

        Raises:
            Refused: There are too many chats.
        """
        step, chat_id = (-1, GROUP_CHAT_ID) if group else (1, PAGE_CHAT_ID)
        number = 1
        while chat_id in self.chats:
            chat_id, number = chat_id + step, number + 1
        return self._open(Chat(chat_id, title=f"{'Group' if group else 'Guest'} {number}"))

    def _open(self, chat: Chat) -> Chat:
        if len(self.chats) >= MAX_CHATS:
            msg = f"The playground has {MAX_CHATS} chats, the most that it keeps."
            raise Refused(msg)
        self.chats[chat.id] = chat
        self.tell_chat(chat)
        return chat

    def tell_chat(self, chat: Chat) -> None:
        """Send the page a chat's line for its list."""
        self.audience.tell({"event": "chat", "chat": chat.summary})

    def chat_for_bot(self, chat_id: str) -> Chat:
        """The chat that the bot wants to write to.

        Raises:
            ApiError: There is no such chat, or its user blocked the bot.
        """
        if not chat_id:
            raise ApiError(400, "Bad Request: chat_id is empty")
        try:
            chat = self.chats.get(int(chat_id))
        except ValueError:  # a @name, or no id at all
            chat = None
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def user_says(self, chat: Chat, fields: Json, kind: str = "message") -> Json:
        """A message from the user's side, shown in the chat and queued for the bot.

        Args:
            chat: The chat.
            fields: The fields of the message; ``from``, ``message_id`` and the like may be among them.
            kind: The update's kind. In a channel, ``message`` becomes ``channel_post``.
        """
        if chat.kind == "channel":
            kind = kind.replace("message", "channel_post")
            message = chat.add({"sender_chat": chat.as_json, **fields})
        else:
            message = chat.add({"from": self.user(chat), **fields})
        self.updates.add(kind, message)
        self._tell_message(chat, message)
        return message

    def user_edits(self, chat: Chat, message_id: int, fields: Json) -> Json:
        """The user changed a message."""
        message = self.change(chat, message_id, fields)
        self.updates.add("edited_channel_post" if chat.kind == "channel" else "edited_message", message)
        return message

    def user_presses(self, chat: Chat, message_id: int, data: str) -> bool:
        """The user pressed a button below a message. False if the bot does not listen to buttons.

        KeyError if the message does not exist.
        """
        query_id = str(secrets.randbits(62))
        query = {
            "id": query_id,
            "from": self.user(chat),
            "message": chat.messages[message_id],
            "chat_instance": str(chat.id),
            "data": data,
        }
        self.callbacks[query_id] = chat
        if len(self.callbacks) > MAX_CALLBACKS:
            self.callbacks.popitem(last=False)
        return self.updates.add("callback_query", query)

    def bot_says(self, chat: Chat, fields: Json) -> Json:
        """A message from the bot."""
        message = chat.add({"from": self.bot, **fields})
        self._tell_message(chat, message)
        return message

    def change(self, chat: Chat, message_id: int, fields: Json) -> Json:
        """Change a message in place; a field that is None is removed. KeyError if the message does not exist."""
        message = {**chat.messages[message_id], **fields, "edit_date": int(time.time())}
        message = {name: value for name, value in message.items() if value is not None}
        chat.messages[message_id] = message
        self._tell_message(chat, message)
        return message

    @staticmethod
    def user(chat: Chat) -> Json:
        """The sender in a chat, unless the message names another."""
        name = chat.title if chat.kind == "private" else "You"
        user_id = chat.id if chat.id > 0 else PAGE_CHAT_ID
        return {"id": user_id, "is_bot": False, "first_name": name, "language_code": "en"}

    def _tell_message(self, chat: Chat, message: Json) -> None:
        # The chat's id is not read from the message: a test may send a message with made-up fields.
        self.audience.tell({"event": "message", "chat_id": chat.id, "unread": chat.unread, "message": message})
        chat.wake()
