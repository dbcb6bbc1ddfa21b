"""What a Telegram message asks the bot for: to look at pictures, a command, or something that it cannot do."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from telegram import Document, Message, MessageEntity, PhotoSize, Sticker, Update
from telegram.constants import ChatType
from telegram.ext import filters

from common.telegram.client import Me
from common.words import COMMANDS

MAX_LINKS: Final = 5
# A model sees at most 299 pixels, cut from a picture whose short side is 342: 400 leaves room to scale down.
MIN_SHORT_SIDE: Final = 400

# For texts in which the server marked no links: a link has a scheme, or a host with a path behind it.
_URL = re.compile(
    r"https?://(?:(?!,https?://)[^\s<>\"])+"
    r"|(?<![\w@./-])(?:(?:[a-z0-9-]+\.)+[a-z]{2,}|\d+(?:\.\d+){3})(?::\d+)?/(?:(?!,https?://)[^\s<>\"])+",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"/(\w{1,32})(?:@(\w+))?(?=\s|$)")  # core.telegram.org/bots/api#botcommand
_TRAILING_PUNCTUATION = ".,;:!?)]}»”’'"


@dataclasses.dataclass(frozen=True)
class Photo:
    """A picture in the message: Telegram's names for the file, and its size if that is known."""

    file_id: str
    file_unique_id: str
    file_bytes: int | None


@dataclasses.dataclass(frozen=True)
class Link:
    """A link in the message, as the user wrote it."""

    url: str


@dataclasses.dataclass(frozen=True)
class Command:
    """A command for the bot, without slash and bot name, in lower case."""

    name: str


@dataclasses.dataclass(frozen=True)
class Unwelcome:
    """Something that the bot cannot look at. ``what`` names it for the user: "voice messages"."""

    what: str


@dataclasses.dataclass(frozen=True)
class NotServed:
    """The bot does not serve this chat."""


Asked: TypeAlias = Photo | Link | Command | Unwelcome | NotServed

_NAMES: Final = {
    "animation": "animations",
    "audio": "audio files",
    "contact": "contacts",
    "dice": "dice",
    "document": "files of this kind",
    "game": "games",
    "venue": "places",  # before its location
    "location": "locations",
    "poll": "polls",
    "sticker": "moving stickers",
    "story": "stories",
    "video": "videos",
    "video_note": "video messages",
    "voice": "voice messages",
}


def message_of(update: dict[str, Any]) -> Message | None:
    """The new message that an update brings, if it brings one.

    Raises:
        Exception: python-telegram-bot cannot read it.
    """
    return Update.de_json(update, None).message


def asked(message: Message, me: Me) -> Sequence[Asked]:
    """What the message asks the bot for; nothing if it is not meant for the bot.

    In a group the bot acts only on commands, and on photos and links that mention it or answer it. In all chats it
    ignores service messages, what a channel forwards to its group, and other bots. It does not ignore bots that
    represent people: anonymous admins, and people who write as a channel.
    """
    is_bot = message.from_user and message.from_user.is_bot and not message.sender_chat
    if is_bot or message.is_automatic_forward:
        return ()
    in_private = message.chat.type == ChatType.PRIVATE
    addressed = in_private or _mentions(message, me) or _answers(message, me)
    if command := _command(message, me, in_private=in_private):
        return (command,)
    if not addressed:
        return ()
    found: list[Asked] = [*_pictures(message), *_links(message)]
    if not found and not in_private and message.reply_to_message:
        answered = message.reply_to_message  # "@bot, what is this?" below somebody's photo
        found = [*_pictures(answered), *_links(answered)]
    return found if found or not in_private else _unwelcome(message)


def _command(message: Message, me: Me, *, in_private: bool) -> Command | None:
    """The command that the text begins with. In a group, an unknown one is for another bot, unless it names ours."""
    found = _COMMAND.match(message.text or "")
    if not found:
        return None
    name, addressee = found[1].lower(), (found[2] or "").lower()
    if addressee != me.username.lower() and (addressee or not (in_private or name in COMMANDS)):
        return None
    return Command(name)


def _mentions(message: Message, me: Me) -> bool:
    mentioned = message.parse_entities([MessageEntity.MENTION]) | message.parse_caption_entities(
        [MessageEntity.MENTION]
    )
    if any(text.lower() == f"@{me.username.lower()}" for text in mentioned.values()):
        return True
    people = [*message.entities, *message.caption_entities]
    return any(entity.user is not None and entity.user.id == me.id for entity in people)


def _answers(message: Message, me: Me) -> bool:
    original = message.reply_to_message
    return bool(original and original.from_user and original.from_user.id == me.id)


def _pictures(message: Message) -> Iterator[Photo]:
    if message.photo:
        yield _photo(_big_enough(message.photo))
    elif message.animation:  # it has a document, too
        return
    elif message.document and _looks_like_image(message.document):
        yield _photo(message.document)
    elif message.sticker and not (message.sticker.is_animated or message.sticker.is_video):
        yield _photo(message.sticker)


def _big_enough(sizes: Sequence[PhotoSize]) -> PhotoSize:
    """The smallest size that is large enough for the model, else the largest."""
    by_size = sorted(sizes, key=lambda size: size.width * size.height)
    return next((size for size in by_size if min(size.width, size.height) >= MIN_SHORT_SIDE), by_size[-1])


def _photo(file: PhotoSize | Document | Sticker) -> Photo:
    return Photo(file.file_id, file.file_unique_id, file.file_size)


def _looks_like_image(document: Document) -> bool:
    """Whether the sender's app calls it an image. ``file_check`` finds out what it really is."""
    name = (document.file_name or "").lower()
    return (document.mime_type or "").startswith("image/") or name.endswith(
        (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif", ".tif", ".tiff")
    )


def _links(message: Message) -> Sequence[Link]:
    text = message.text or message.caption or ""
    kinds: list[str | None] = [MessageEntity.URL, MessageEntity.TEXT_LINK]
    marked = message.parse_entities(kinds) if message.text else message.parse_caption_entities(kinds)
    urls = [entity.url or part for entity, part in sorted(marked.items(), key=lambda item: item[0].offset)]
    if not urls:
        urls = [_without_punctuation(match.group()) for match in _URL.finditer(text)]
    return [Link(url) for url in list(dict.fromkeys(urls))[:MAX_LINKS]]


def _without_punctuation(url: str) -> str:
    """The link without the punctuation of its sentence; a closing bracket stays if the link opens one."""
    while url and url[-1] in _TRAILING_PUNCTUATION and not (url[-1] == ")" and url.count("(") >= url.count(")")):
        url = url[:-1]
    return url


def _unwelcome(message: Message) -> Sequence[Unwelcome]:
    if message.text:
        return (Unwelcome("text without a link"),)
    for attribute, what in _NAMES.items():
        if getattr(message, attribute):
            return (Unwelcome(what),)
    if filters.StatusUpdate.ALL.filter(Update(0, message=message)):
        return ()  # a service message: somebody joined, a message was pinned, …
    return (Unwelcome("messages of this kind"),)
