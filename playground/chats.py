"""All conversations, and the people in them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from playground.chat import Chat
from playground.errors import ApiError, Refused
from playground.json_types import Json

MAX_CHATS = 1000

PAGE_CHAT_ID = 1001
"""The private chat that the page opens. Its person owns each group."""
GROUP_CHAT_ID = -1001000000001
"""The group that exists from the start."""


class Chats:
    """All conversations, by id.

    Args:
        on_new: Called with each new one.
    """

    def __init__(self, on_new: Callable[[Chat], None]) -> None:
        self._on_new = on_new
        self._chats: OrderedDict[int, Chat] = OrderedDict()
        self._chats[PAGE_CHAT_ID] = Chat(PAGE_CHAT_ID, title="You")
        self._chats[GROUP_CHAT_ID] = Chat(GROUP_CHAT_ID, title="Group")

    def __iter__(self) -> Iterator[Chat]:
        return iter(self._chats.values())

    def opened(self, chat_id: int) -> Chat:
        """The chat. It is created if it is new, as when a user writes for the first time.

        Raises:
            Refused: There are too many chats.
        """
        return self._chats.get(chat_id) or self._open(Chat(chat_id))

    def new(self, *, group: bool) -> Chat:
        """A new chat with a new person, or a new group.

        Raises:
            Refused: There are too many chats.
        """
        step, chat_id = (-1, GROUP_CHAT_ID) if group else (1, PAGE_CHAT_ID)
        number = 1
        while chat_id in self._chats:
            chat_id, number = chat_id + step, number + 1
        return self._open(Chat(chat_id, title=f"{'Group' if group else 'Guest'} {number}"))

    def named(self, chat_id: str) -> Chat:
        """The chat that the bot means.

        Raises:
            ApiError: 400: there is no such chat.
        """
        if not chat_id:
            raise ApiError(400, "Bad Request: chat_id is empty")
        try:
            return self._chats[int(chat_id)]
        except (KeyError, ValueError):  # a @name, or no id at all
            raise ApiError(400, "Bad Request: chat not found") from None

    def writable(self, chat_id: str) -> Chat:
        """The chat that the bot wants to write to, or to look at.

        Raises:
            ApiError: There is no such chat, its user blocked the bot, or the bot is not in it.
        """
        chat = self.named(chat_id)
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if not chat.has_bot:
            raise ApiError(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
        return chat

    def person(self, user_id: int) -> Json:
        """A person as the Bot API's User."""
        private = self._chats.get(user_id)
        if private is not None:
            name = private.title
        else:  # the names that the page's new chats would have
            number = user_id - PAGE_CHAT_ID + 1
            name = f"Guest {number if 1 < number <= MAX_CHATS else user_id}"
        return {"id": user_id, "is_bot": False, "first_name": name, "language_code": "en"}

    def _open(self, chat: Chat) -> Chat:
        if len(self._chats) >= MAX_CHATS:
            msg = f"The playground has {MAX_CHATS} chats, the most that it keeps."
            raise Refused(msg)
        self._chats[chat.id] = chat
        self._on_new(chat)
        return chat
