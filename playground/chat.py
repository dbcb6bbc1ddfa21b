"""One conversation and its messages, which have the Bot API's own shape."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from typing import NamedTuple

from playground.json_types import Json

MAX_MESSAGES = 500
"""Kept in each chat. The oldest are dropped first."""


class Draft(NamedTuple):
    """What the bot is about to say. ``content`` has draft_id, text and entities; it ends at a time of the clock."""

    content: Json
    ends_at: float


class Chat:
    """One conversation: private (a positive id), a group, a supergroup or a channel.

    Attributes:
        blocked: Whether the person of a private chat has blocked the bot.
        has_bot: Whether the bot is a member.
        administrators: The ids of the people who administer a group, besides its owner.
        draft: What the bot is about to say, if that has not ended.
        messages: By id, in the Bot API's shape.
        reactions: The bot's reactions, by the message's id. They are not a part of the Bot API's messages.
        inline_ids: The bot's names for its answers as a guest, by the message's id.
    """

    def __init__(self, chat_id: int, kind: str = "", title: str = "") -> None:
        self.id = chat_id
        self.kind = kind or ("private" if chat_id > 0 else "supergroup")
        self.title = title or (f"Guest {chat_id}" if chat_id > 0 else f"Group {chat_id}")
        self.blocked = False
        self.has_bot = True
        self.administrators: set[int] = set()
        self.draft: Draft | None = None
        self.reactions: dict[int, list[str]] = {}
        self.inline_ids: dict[int, str] = {}
        self.messages: OrderedDict[int, Json] = OrderedDict()
        self.read_id = 0
        self.changed = asyncio.Event()
        self.closed = False
        self._last_message_id = 0

    @property
    def as_json(self) -> Json:
        """The Bot API's Chat."""
        if self.kind == "private":
            return {"id": self.id, "type": self.kind, "first_name": self.title}
        return {"id": self.id, "type": self.kind, "title": self.title}

    @property
    def unread(self) -> int:
        """How many messages of the bot came since the page last showed this chat."""
        newest_first = reversed(self.messages.items())
        unread = itertools.takewhile(lambda item: item[0] > self.read_id, newest_first)
        return sum(bool(message.get("from", {}).get("is_bot")) for _, message in unread)

    @property
    def summary(self) -> Json:
        """What a list of chats shows."""
        last = next(reversed(self.messages.values()), None)
        return {
            "id": self.id,
            "type": self.kind,
            "title": self.title,
            "member": self.has_bot,
            "unread": self.unread,
            "last": last and self.shown(last),
        }

    def shown(self, message: Json) -> Json:
        """A message of this chat as the page shows it: with the bot's reactions."""
        given = self.reactions.get(message["message_id"])
        return {**message, "reactions": given} if given else message

    def add(self, fields: Json) -> Json:
        """A new message with the next id; the oldest is dropped if there are too many."""
        self._last_message_id += 1
        message = {"message_id": self._last_message_id, "chat": self.as_json, "date": int(time.time())}
        self.messages[self._last_message_id] = message = {**message, **fields}
        if len(self.messages) > MAX_MESSAGES:
            dropped, _ = self.messages.popitem(last=False)
            self.reactions.pop(dropped, None)
            self.inline_ids.pop(dropped, None)
        return message

    def reply_to(self, message_id: int) -> Json:
        """Fields of a reply to that message; {} if it does not exist."""
        original = self.messages.get(message_id)
        if original is None:
            return {}
        # As documented: the original without its own reply.
        return {"reply_to_message": {k: v for k, v in original.items() if k != "reply_to_message"}}

    def wake(self) -> None:
        """Wake all waiters, so that they look for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def close(self) -> None:
        """End all waits for a message."""
        self.closed = True
        self.changed.set()
