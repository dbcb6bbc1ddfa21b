"""The state of the playground: the bot, its chats, files and updates."""

from __future__ import annotations

import time
from collections.abc import Callable

from playground import membership, privacy
from playground.audience import Audience
from playground.chat import Chat, Draft
from playground.chats import PAGE_CHAT_ID, Chats
from playground.commands import Commands
from playground.drafts import DRAFT_SHOWN_S
from playground.files import Files
from playground.json_types import Json
from playground.profile import Profile
from playground.queries import CALLBACK_VALID_S, GUEST_VALID_S, Queries
from playground.updates import UpdateQueue


class Playground:
    """The state of the playground: one bot, its chats, files and updates.

    Args:
        bot_id: The bot's id: the part of its token before the colon.
        clock: The time in seconds, for what expires.

    Attributes:
        privacy: Whether the bot is in privacy mode, in all groups.
        callbacks: Pressed buttons that the bot has not answered: in which chat.
        guest_queries: Questions in chats that the bot is not in: the chat and the message.
        preparing: None if the bot has its model; else how far its preparation is, as in
            ``model_watch.Progress``.
    """

    def __init__(self, bot_id: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
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
        self.privacy = True
        self.commands = Commands(PAGE_CHAT_ID)
        self.profile = Profile()
        self.callbacks: Queries[Chat] = Queries(CALLBACK_VALID_S, self._clock)
        self.guest_queries: Queries[tuple[Chat, Json]] = Queries(GUEST_VALID_S, self._clock)
        self.chats = Chats(self.tell_chat)

    def close(self) -> None:
        """End every long poll and event stream, now and from now on."""
        self.updates.close()
        self.audience.close()
        for chat in self.chats:
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
        self.audience.tell({"event": "bot", **self.bot_status, "privacy": self.privacy})

    def tell_chat(self, chat: Chat) -> None:
        """Send the page a chat's line for its list."""
        self.audience.tell({"event": "chat", "chat": self.summary(chat)})

    def summary(self, chat: Chat) -> Json:
        """What the page knows about a chat; ``commands`` are there if it has others than most chats."""
        commands = self.commands.only_for(chat)
        return chat.summary | ({} if commands is None else {"commands": commands})

    def set_privacy(self, *, on: bool) -> None:
        """Switch privacy mode in all groups at once.

        In Telegram, the bot has to leave and join each of them again.
        """
        self.privacy = on
        self.tell_bot_state()

    def set_membership(self, chat: Chat, old: str, new: str) -> None:
        """The bot is added to a chat or removed from it; of a private chat, unblocked or blocked."""
        chat.has_bot = chat.kind == "private" or new == "member"
        chat.blocked = chat.kind == "private" and new == "kicked"
        by = self.user(chat)
        self.updates.add("my_chat_member", membership.change(chat, by, self.bot, old, new))

    def user_says(
        self, chat: Chat, fields: Json, kind: str = "message", user_id: int | None = None, *, always: bool = False
    ) -> Json:
        """A message from the user's side, shown in the chat and queued for the bot.

        Args:
            chat: The chat.
            fields: The fields of the message; ``from``, ``message_id`` and the like may be among them.
            kind: The update's kind. In a channel, ``message`` becomes ``channel_post``.
            user_id: Who writes in a group; None for the page's person.
            always: Whether it reaches the bot even where Telegram would keep it back.
        """
        if chat.kind == "channel":
            kind = kind.replace("message", "channel_post")
            message = chat.add({"sender_chat": chat.as_json, **fields})
        else:
            message = chat.add({"from": self.user(chat, user_id), **fields})
        if always:
            self.updates.add(kind, message)
        else:
            self._deliver(chat, kind, message)
        self._tell_message(chat, message)
        return message

    def user_edits(self, chat: Chat, message_id: int, fields: Json) -> Json:
        """The user changed a message. KeyError if it does not exist."""
        message = self.change(chat, message_id, fields)
        self._deliver(chat, "edited_channel_post" if chat.kind == "channel" else "edited_message", message)
        return message

    def user_presses(self, chat: Chat, message_id: int, data: str, user_id: int | None = None) -> tuple[bool, str]:
        """The user pressed a button below a message. KeyError if the message does not exist.

        Returns:
            Whether the bot listens to buttons; and the id that it answers.
        """
        query_id = self.callbacks.add(chat)
        message: Json = {"message": chat.messages[message_id]}
        if message_id in chat.inline_ids:  # the bot is not in that chat
            message = {"inline_message_id": chat.inline_ids[message_id]}
        query = {"id": query_id, "from": self.user(chat, user_id), **message, "chat_instance": str(chat.id)}
        return self.updates.add("callback_query", query | {"data": data}), query_id

    def bot_says(self, chat: Chat, fields: Json) -> Json:
        """A message from the bot. It ends the draft."""
        chat.draft = None
        message = chat.add({"from": self.bot, **fields})
        self._tell_message(chat, message)
        return message

    def bot_drafts(self, chat: Chat, content: Json) -> None:
        """The bot shows a draft: its draft_id, text and entities."""
        chat.draft = Draft(content, self._clock() + DRAFT_SHOWN_S)
        self.audience.tell({"event": "draft", "chat_id": chat.id, **content})

    def draft(self, chat: Chat) -> Json | None:
        """The draft that a chat shows now."""
        return chat.draft.content if chat.draft is not None and self._clock() < chat.draft.ends_at else None

    def bot_reacts(self, chat: Chat, message_id: int, emoji: list[str]) -> None:
        """The bot sets its reaction to a message, or takes it back. KeyError if the message does not exist."""
        message = chat.messages[message_id]
        chat.reactions[message_id] = emoji
        self._tell_message(chat, message)

    def change(self, chat: Chat, message_id: int, fields: Json) -> Json:
        """Change a message in place; a field that is None is removed. KeyError if the message does not exist."""
        message = {**chat.messages[message_id], **fields, "edit_date": int(time.time())}
        message = {name: value for name, value in message.items() if value is not None}
        chat.messages[message_id] = message
        self._tell_message(chat, message)
        return message

    def user(self, chat: Chat, user_id: int | None = None) -> Json:
        """The sender in a chat, unless the message names another."""
        return self.chats.person(user_id or (chat.id if chat.kind == "private" else PAGE_CHAT_ID))

    def _deliver(self, chat: Chat, kind: str, message: Json) -> None:
        """Queue a message for the bot, if Telegram would let it see that."""
        is_group = chat.kind in {"group", "supergroup"}
        if not chat.has_bot:
            if kind == "message" and is_group and privacy.mentions(message, self.bot):
                self.updates.add("guest_message", message | {"guest_query_id": self.guest_queries.add((chat, message))})
        elif not is_group or not self.privacy or privacy.lets_through(message, self.bot):
            self.updates.add(kind, message)

    def _tell_message(self, chat: Chat, message: Json) -> None:
        # The chat's id is not read from the message: a test may send a message with made-up fields.
        shown = chat.shown(message)
        self.audience.tell({"event": "message", "chat_id": chat.id, "unread": chat.unread, "message": shown})
        chat.wake()
