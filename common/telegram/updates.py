"""What a Telegram message asks the bot for: to look at pictures, a command, or something that it cannot do."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from common.languages.texts import marked
from common.telegram.client import Me
from common.telegram.links import is_to_telegram, links
from common.telegram.pictures import NoPreview, Photo, pictures
from common.telegram.reading import SERVICE
from common.telegram.said import Content, Mark, Original, Said, Text
from common.telegram.small_talk import SmallTalk, Talk, is_broken_link, small_talk
from common.words import COMMANDS, LOOKING, OPERATOR_COMMANDS

MAX_LINKS: Final = 5
MAX_PICTURES: Final = 10
"""As many as an album has. A rich message may have 50."""

_COMMAND = re.compile(r"/(\w{1,32})(?:@(\w+))?(?=\s|$)")  # core.telegram.org/bots/api#botcommand
_TEXTS: Final = frozenset({"text", "rich_message"})
_TO_BOT: Final = (
    r"tg://(?:user\?id={id}|openmessage\?user_id={id}|resolve\?domain={name})(?:[&#]|$)"
    r"|(?:https?://)?(?:(?:t\.me|telegram\.(?:me|dog))/{name}|{name}\.t\.me)(?:[/?#]|$)"
)


@dataclasses.dataclass(frozen=True)
class Link:
    """A link, as the user wrote it. ``message_id``: the message in this chat that has it, if not the asking one."""

    url: str
    message_id: int | None = None


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """More than the bot looks at in one message: of ``what`` ("link", "picture") it looks at ``most``."""

    what: str
    most: int
    count: int
    message_id: int | None = None


@dataclasses.dataclass(frozen=True)
class Command:
    """A command for the bot, without slash and bot name, in lower case. ``rest`` is the text behind it.

    One that asks the bot to look stays a command only if there is nothing to look at.
    """

    name: str
    rest: str = ""


@dataclasses.dataclass(frozen=True)
class Unwelcome:
    """Something that the bot cannot look at. ``what`` names it for the user: "voice messages"."""

    what: str


@dataclasses.dataclass(frozen=True)
class NotServed:
    """The bot does not serve this chat."""


@dataclasses.dataclass(frozen=True)
class NothingShown:
    """A guest asks, and neither their message nor the one that it replies to shows anything."""


Shown: TypeAlias = Photo | NoPreview | Link | LeftOut
Asked: TypeAlias = Shown | Command | Unwelcome | SmallTalk | NotServed | NothingShown

_NAMES: Final = {
    "audio": marked("audio files"),
    "contact": marked("contacts"),
    "dice": marked("dice"),
    "document": marked("files of this kind"),
    "game": marked("games"),
    "venue": marked("places"),  # before its location
    "location": marked("locations"),
    "poll": marked("polls"),
    "story": marked("stories"),
    "voice": marked("voice messages"),
}


def asked(said: Said, me: Me) -> Sequence[Asked]:
    """What the message asks the bot for; nothing if it is not meant for the bot.

    In a group the bot acts only on commands, and on pictures and links that mention it or answer it. What the message
    does not show itself, it may ask about: "what is this?" below a photo. In all chats the bot ignores service
    messages, what a channel forwards to its group, and other bots. It does not ignore bots that represent people:
    anonymous admins, and people who write as a channel.

    A guest has asked by naming the bot, and gets one answer: the bot looks at the first picture or link, and there are
    no commands.
    """
    if is_ignored(said):
        return ()
    if said.guest_query:
        return _one_answer(said, me)
    command = _command(said, me)
    if command and command.name not in LOOKING:
        return (command,)
    if not is_addressed(said, me):
        return ()
    found = shown(said.content, me)
    if not found and not SERVICE & said.fields:
        found = _answered(said, me, by_command=command is not None)
    return found or _without_pictures(said, me, command)


def would_ask(said: Said) -> Sequence[Photo | NoPreview]:
    """What a message of an album asks about if another message of the album addresses the bot: its pictures."""
    return list(pictures(said.content))[:MAX_PICTURES]


def is_ignored(said: Said) -> bool:
    """Whether the bot ignores the message, even if that names the bot."""
    return said.is_from_bot or said.is_automatic_forward


def is_addressed(said: Said, me: Me) -> bool:
    """Whether a message is meant for the bot: in private, as a guest, or since it mentions, answers or commands it."""
    if said.is_private or said.guest_query:
        return True
    command = _COMMAND.match(said.content.text.text)
    if command and command[2] and command[2].lower() != me.username.lower():
        return False
    return _mentions(said.content.text, me) or _is_by(said.reply_to, me) or _command(said, me) is not None


def shown(content: Content, me: Me) -> list[Shown]:
    """The pictures of a message, then its links, and how many are left out.

    Links to Telegram count only where there is nothing else: below a photo they name its source. What the bot itself
    said asks for nothing, even if somebody forwards it.
    """
    if content.origin_id == me.id:
        return []
    found = list(pictures(content))
    urls = [url for url in links(content.text) if not _leads_to_bot(url, me)]
    others = [url for url in urls if not is_to_telegram(url)]
    if found or others:
        urls = others
    first: list[Shown] = [*found[:MAX_PICTURES], *map(Link, urls[:MAX_LINKS])]
    if len(found) > MAX_PICTURES:
        first.append(LeftOut("picture", MAX_PICTURES, len(found) - MAX_PICTURES))
    if len(urls) > MAX_LINKS:
        first.append(LeftOut("link", MAX_LINKS, len(urls) - MAX_LINKS))
    return first


def _one_answer(said: Said, me: Me) -> Sequence[Asked]:
    """The first picture or link of a guest's message, or of the one that it replies to; and how many are left out."""
    found = shown(said.content, me) or _answered(said, me, by_command=True)
    # What can be looked at goes first: rather a link below a video without a preview picture than a refusal.
    in_order = sorted(found, key=lambda each: not isinstance(each, Photo | Link))
    others = sum(each.count if isinstance(each, LeftOut) else 1 for each in in_order[1:])
    if not in_order:
        return (NothingShown(),)
    return (in_order[0], LeftOut("picture", 1, others)) if others else (in_order[0],)


def _answered(said: Said, me: Me, *, by_command: bool) -> list[Shown]:
    """What the message shows that this one replies to: of a quoted part, its links. The bot's own are never one.

    A command below an answer of the bot asks about what that was about, where the server says it.
    """
    # In a topic, a reply to another chat seems to reply to the topic's head, too.
    original, quote = said.external_reply or said.reply_to or Original(), said.quote
    if by_command and original.sender_id == me.id and original.reply_to:
        original, quote = original.reply_to, None
    if original.sender_id == me.id:
        return []
    content, is_here = original.content, original is not said.external_reply and said.reply_to is not None
    if quote and (quote.chosen or is_here) and _names_pictures(quote.text, me):
        content = Content(text=quote.text)
    elif quote and not is_here and not content.text.text:  # Telegram tells no other text of a message elsewhere
        content = msgspec.structs.replace(content, text=quote.text)
    return [dataclasses.replace(each, message_id=original.message_id) for each in shown(content, me)]


def _names_pictures(text: Text, me: Me) -> bool:
    return any(isinstance(each, Link) and not is_to_telegram(each.url) for each in shown(Content(text=text), me))


def _command(said: Said, me: Me) -> Command | None:
    """The command that the text begins with. In a group, an unknown one is for another bot, unless it names ours.

    A caption may only begin with one that asks the bot to look.
    """
    text = said.typed or said.content.text.text
    found = _COMMAND.match(text)
    if not found:
        return None
    name, addressee = found[1].lower(), (found[2] or "").lower()
    is_known = said.is_private or name in COMMANDS or name in LOOKING or name in OPERATOR_COMMANDS
    if addressee != me.username.lower() and (addressee or not is_known):
        return None
    if not said.typed and name not in LOOKING:
        return None
    return Command(name, text[found.end() :].strip())


def _mentions(text: Text, me: Me) -> bool:
    """Whether the bot is named: by @name, by a tapped name, or by a link to it."""
    return any(_names(mark, me) or _is_link_to_bot(mark, text, me) for mark in text.marks)


def _names(mark: Mark, me: Me) -> bool:
    return mark.user_id == me.id or (mark.kind == "mention" and mark.username.lower() == me.username.lower())


def _is_link_to_bot(mark: Mark, text: Text, me: Me) -> bool:
    return mark.kind in {"url", "text_link"} and _leads_to_bot(mark.url or text.text[mark.start : mark.end], me)


def _leads_to_bot(url: str, me: Me) -> bool:
    to_bot = _TO_BOT.format(id=me.id, name=re.escape(me.username) or "(?!)")
    return re.match(to_bot, url, re.IGNORECASE) is not None


def _is_by(original: Original | None, me: Me) -> bool:
    """Whether the bot wrote it. All messages of a topic seem to reply to the topic's head: that is not meant."""
    return original is not None and original.sender_id == me.id and not original.is_service


def _without_pictures(said: Said, me: Me, command: Command | None) -> Sequence[Asked]:
    """What a message asks for that is meant for the bot, where there is nothing to look at."""
    if not _TEXTS & said.fields:
        return _unwelcome(said.fields) if said.is_private else _hint(said, me, command)
    text = said.content.text
    talk = small_talk(text, answers_bot=_is_by(said.reply_to, me))
    named = _unwelcome_original(said, me) if said.is_private else None
    if named and (command.name in LOOKING if command else talk is Talk.WORDS):
        return (named,)
    if said.is_private and command and not is_broken_link(text):
        return (command,)
    if said.is_private or (talk is Talk.APPLAUSE and not said.guest_query):
        return (SmallTalk(talk),)
    return _hint(said, me, command)


def _hint(said: Said, me: Me, command: Command | None) -> Sequence[Command]:
    """In a group, the command or the name alone asks how to ask. Of an album, another message may show a picture."""
    if said.content.album or SERVICE & said.fields:
        return ()
    if command:
        return (command,)
    is_named = any(_names(mark, me) for mark in said.content.text.marks)
    return (Command("what"),) if is_named and not said.guest_query else ()


def _unwelcome(fields: frozenset[str]) -> Sequence[Unwelcome]:
    if named := _named(fields):
        return (named,)
    return () if SERVICE & fields else (Unwelcome(marked("messages of this kind")),)


def _unwelcome_original(said: Said, me: Me) -> Unwelcome | None:
    """What a message asks about that the bot cannot look at: "what is it?" below a voice message."""
    original = said.external_reply or said.reply_to
    return _named(original.fields) if original and original.sender_id != me.id else None


def _named(fields: frozenset[str]) -> Unwelcome | None:
    return next((Unwelcome(what) for field, what in _NAMES.items() if field in fields), None)
