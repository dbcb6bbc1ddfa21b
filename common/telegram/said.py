"""What is read of a message: one small structure of our own, in which only the two ids must exist.

``reading.py`` makes it from a raw update, and ``updates.py`` finds in it what the bot is asked for. Names are those of
the Bot API, where it has one: https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

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
    """What a message shows and says. ``album`` is its ``media_group_id``, '' if it is in no album."""

    media: tuple[Medium, ...] = ()
    text: Text = Text()
    album: str = ""


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """The message that a message replies to.

    Attributes:
        content: What it shows; of a message in another chat, Telegram tells no text.
        sender_id: Who sent it; None if Telegram does not say.
        message_id: Its id if it is in the same chat, else None.
        is_service: Whether it is a service message, such as the head of a topic.
    """

    content: Content = Content()
    sender_id: int | None = None
    message_id: int | None = None
    is_service: bool = False


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
        is_from_bot: Whether a bot sent it, on behalf of nobody else.
        is_automatic_forward: Whether a channel forwarded it to its group.
        thread_id: Its topic, where the chat is a forum.
        topic_id: Its topic, where the chat is a channel's direct messages.
        typed: The text of a text message; '' if it is a caption.
        content: What it shows and says.
        reply_to: The message in the same chat that it replies to.
        external_reply: The message in another chat or topic that it replies to.
        quote: What it quotes of either.
        fields: Which fields the raw message has.
    """

    chat_id: int
    message_id: int
    is_private: bool = False
    sender_id: int | None = None
    is_from_bot: bool = False
    is_automatic_forward: bool = False
    thread_id: int | None = None
    topic_id: int | None = None
    typed: str = ""
    content: Content = Content()
    reply_to: Original | None = None
    external_reply: Original | None = None
    quote: Quote | None = None
    fields: frozenset[str] = frozenset()
