"""What is read of an update: small structures of our own, in which only ids must exist.

    Said        a message to the bot or before its eyes, or a guest's
    Pressed     a press of a button below a message of the bot
    Membership  the bot was added to a chat, or removed

``reading.py`` makes them from a raw update, and ``updates.py`` finds in a message what the bot is asked for. Names are
those of the Bot API, where it has one: https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file at Telegram.

    Attributes:
        file_id: Telegram's name for it, to download it.
        file_unique_id: The same for the same file from every sender; '' if Telegram does not say.
        file_bytes: Its announced size, or None.
        width: In pixels; 0 if Telegram does not say. So is ``height``.
        mime_type: As the sender's app says, in lower case and without parameters; '' if it does not say.
        name: As the sender's app says; '' if it does not say.
    """

    file_id: str
    file_unique_id: str = ""
    file_bytes: int | None = None
    width: int = 0
    height: int = 0
    mime_type: str = ""
    name: str = ""


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """A photo, file, sticker, animation, video or video message.

    Attributes:
        kind: The Bot API's field: ``photo``, ``document``, ``sticker``, ``animation``, ``video``, ``video_note``.
        files: The sizes of a photo; otherwise the one file, or nothing if Telegram does not name it.
        stills: The still pictures that Telegram supplies with it: thumbnail, and cover of a video.
        moves: Whether a sticker moves.
    """

    kind: str
    files: tuple[File, ...] = ()
    stills: tuple[File, ...] = ()
    moves: bool = False


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark of Telegram on a part of a text.

    Attributes:
        kind: ``url``, ``text_link``, ``mention``, ``text_mention`` and others.
        start: Where the part begins, in characters of the text; it ends before ``end``.
        url: Of a ``text_link``.
        user_id: Of a ``text_mention``.
        username: Of a ``mention``, without @.
    """

    kind: str
    start: int
    end: int
    url: str = ""
    user_id: int | None = None
    username: str = ""


class Text(msgspec.Struct, frozen=True):
    """A text with its marks, by their beginning."""

    text: str = ""
    marks: tuple[Mark, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a message shows and says.

    Attributes:
        media: Its pictures and files.
        text: Its text, or its caption.
        album: Its ``media_group_id``, '' if it is in no album.
        origin_id: Who first sent it, if it is forwarded and Telegram says from whom.
        spoiler: Whether its pictures are hidden until they are tapped.
    """

    media: tuple[Medium, ...] = ()
    text: Text = Text()
    album: str = ""
    origin_id: int | None = None
    spoiler: bool = False


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """The message that a message replies to.

    Attributes:
        content: What it shows; of a message in another chat, Telegram tells no text, only which link it previews.
        sender_id: Who sent it; None if Telegram does not say.
        message_id: Its id if it is in the same chat, else None.
        is_service: Whether it is a service message, such as the head of a topic.
        reply_to: The message that it replies to itself. Telegram leaves that out; other servers may not.
        fields: Which fields the raw message has.
    """

    content: Content = Content()
    sender_id: int | None = None
    message_id: int | None = None
    is_service: bool = False
    reply_to: Original | None = None
    fields: frozenset[str] = frozenset()


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the original that a reply quotes. ``chosen``: its sender chose the part, not Telegram."""

    text: Text
    chosen: bool = False


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the bot, or before its eyes.

    Attributes:
        chat_id: The chat it is in.
        message_id: Its id in that chat.
        is_private: Whether that is a person's own chat with the bot.
        sender_id: Who sent it, or the chat in whose name they did; None if Telegram does not say.
        language: The language of the sender's app, as an IETF tag; '' if Telegram does not say.
        guest_query: The query that the answer goes to, if a guest asks, in a chat that the bot is not in; else ''.
        is_from_bot: Whether a bot sent it, on behalf of nobody else.
        is_automatic_forward: Whether a channel forwarded it to its group.
        thread_id: Its topic, where the chat is a forum.
        topic_id: Its topic, where the chat is a channel's direct messages.
        typed: The text of a text message; '' if it is a caption.
        content: What it shows and says.
        reply_to: The message in the same chat that it replies to.
        external_reply: The message in another chat or topic that it replies to.
        quote: What it quotes of either.
        moves_to: The supergroup that this group becomes with this message, by its id; else None.
        fields: Which fields the raw message has.
    """

    chat_id: int
    message_id: int
    is_private: bool = False
    sender_id: int | None = None
    language: str = ""
    guest_query: str = ""
    is_from_bot: bool = False
    is_automatic_forward: bool = False
    thread_id: int | None = None
    topic_id: int | None = None
    typed: str = ""
    content: Content = Content()
    reply_to: Original | None = None
    external_reply: Original | None = None
    quote: Quote | None = None
    moves_to: int | None = None
    fields: frozenset[str] = frozenset()


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A press of a button below a message of the bot.

    Attributes:
        query: The callback query's id: the press is answered by it, once.
        data: What the button carries; '' if Telegram does not say.
        sender_id: Who pressed it.
        language: As in ``Said``.
        chat_id: The chat that the message is in; None if it was sent for a guest, or inline.
        message_id: The message that the button is below.
        is_private: As in ``Said``.
        thread_id: As in ``Said``; so is ``topic_id``.
    """

    query: str
    data: str = ""
    sender_id: int | None = None
    language: str = ""
    chat_id: int | None = None
    message_id: int | None = None
    is_private: bool = False
    thread_id: int | None = None
    topic_id: int | None = None


class ChatKind(enum.StrEnum):
    """The kinds of chats that the bot can be added to. A kind that Telegram does not say counts as a group."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the bot in a chat (``my_chat_member``).

    Attributes:
        chat_id: The chat.
        kind: What kind of chat it is.
        was_in: Whether the bot was in it, or a person had not blocked it.
        is_in: The same now.
        is_admin: Whether it is an administrator now: then Telegram delivers all messages, whatever its privacy mode.
        sender_id: Who did that.
        language: As in ``Said``.
    """

    chat_id: int
    kind: ChatKind
    was_in: bool
    is_in: bool
    is_admin: bool = False
    sender_id: int | None = None
    language: str = ""


Event: TypeAlias = Said | Pressed | Membership
