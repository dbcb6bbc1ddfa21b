"""The answer to /privacy: what is kept, where, for how long, who can see it, and how it is forgotten.

It names each kind of key in ``common/channels/keys.py`` and each kind of file; README.md, "What is stored, and for how
long", is the same for operators. A test holds the three together.
"""

from __future__ import annotations

from typing import Final

from common.channels.albums import ALBUMS
from common.channels.chats import CHATS
from common.channels.dead_letters import KEPT_MS as DEAD_LETTERS_MS
from common.conversation.bot import Asking, Bot
from common.messages import Kind, Words
from common.settings import Settings
from common.telegram.polling import SEEN_MS
from common.telegram.updates import Command
from common.words import lasting

NO_CONTACT: Final = "has not said how to reach them"
_COUNTED_S: Final = 120  # lua/hand_off.lua: KEPT_MS


async def privacy(bot: Bot, asking: Asking, _command: Command) -> Words:
    """What is kept."""
    if asking.said.guest_query:
        settings = "/settings in a private chat with me"
    else:
        settings = "/settings" if asking.said.is_private else f"/settings@{bot.me.username}"
    return Words(text="\n\n".join(_paragraphs(bot.settings, settings)), kind=Kind.COMMAND)


def _paragraphs(config: Settings, settings: str) -> list[str]:
    return [
        "What I keep, where, and for how long.",
        f"In files:\n{_listed(_in_files())}",
        f"In my database:\n{_listed(_in_database(config))}",
        "The database’s own file on the disk holds older entries, too, until it is tidied.",
        "Who can see it: only my operator, on whose machines all of this is. The host of a link learns that I fetch "
        "it, not for whom. Telegram carries all messages, and has a policy of its own.",
        f"My operator {_contact(config)}.",
        f"To have it forgotten: {settings}, then Forget this chat. That deletes the settings, albums, hints, and "
        "messages that failed. What is under way is still answered. What I saw in pictures is under no name, so I "
        "can’t tell which are yours.",
    ]


def _in_files() -> list[str]:
    return [
        "your picture, or the one behind your link: until I have looked at it, usually less than a second; after a "
        "crash a minute",
        "my answer to a link, if it has to wait: some seconds",
        "a log of numbers, times, and links that led to no picture; no texts, no names: newer lines replace older ones",
    ]


def _in_database(config: Settings) -> list[str]:
    found = f"what I saw in a picture, as numbers, without picture and name: {lasting(config.cache_ttl_s)}"
    return [
        "your message as Telegram sent it, with your name, and my answer: until that is sent, or until I see that I am "
        f"not asked; if it fails, {_lasting(DEAD_LETTERS_MS)}, with the error",
        *([found] if config.cache_max else []),
        f"the settings of this chat: {_lasting(CHATS.preferences_ms)} after its last message to me",
        "of an album, the numbers of its messages and senders, and what I saw: up to "
        f"{_lasting(max(ALBUMS.waiting_ms, ALBUMS.addressed_ms))}",
        f"which hints I gave here: {_lasting(CHATS.hint_ms)}",
        f"that you sent too much: a minute; how many messages you sent: {lasting(_COUNTED_S)}",
        f"the numbers of messages, presses and each /cancel: {_lasting(max(SEEN_MS, CHATS.press_ms))}",
        "whom my operator has blocked: until they lift it",
        "which of my processes shows who is next: some seconds",
        "how many messages I handle, and how fast, without names: for good",
    ]


def _contact(config: Settings) -> str:
    return f"can be reached at {config.contact.replace('; ', ' or ')}" if config.contact else NO_CONTACT


def _listed(items: list[str]) -> str:
    return "\n".join(f"• {item}" for item in items)


def _lasting(milliseconds: int) -> str:
    return lasting(milliseconds / 1000)
