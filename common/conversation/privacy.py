"""The answer to /privacy: what is kept, where, for how long, who can see it, and how it is forgotten.

It names each kind of key in ``common/channels/keys.py`` and each kind of file; README.md, "What is stored, and for how
long", is the same for operators. A test holds the three together.
"""

from __future__ import annotations

from typing import Final

from common.channels.albums import ALBUMS
from common.channels.chats import CHATS
from common.channels.dead_letters import KEPT_MS as DEAD_LETTERS_MS
from common.channels.verdicts import VERDICTS
from common.conversation.bot import Asking, Bot
from common.languages.texts import Text, joined
from common.messages import Kind, Words
from common.settings import Settings
from common.telegram.polling import SEEN_MS
from common.telegram.updates import Command
from common.words import lasting

_COUNTED_S: Final = 120  # lua/hand_off.lua: KEPT_MS
_TOLD_S: Final = 60  # lua/hand_off.lua: TOLD_AGAIN_AFTER_MS


async def privacy(bot: Bot, asking: Asking, _command: Command) -> Words:
    """What is kept."""
    if asking.said.guest_query:
        settings: Text | str = Text("/settings in a private chat with me")
    else:
        settings = "/settings" if asking.said.is_private else f"/settings@{bot.me.username}"
    return Words.of(joined(*_paragraphs(bot.settings, settings), by="\n\n"), Kind.COMMAND)


def _paragraphs(config: Settings, settings: Text | str) -> list[Text]:
    return [
        Text("What I keep, where, and for how long."),
        joined(Text("In files:"), *_listed(_in_files()), by="\n"),
        joined(Text("In my database:"), *_listed(_in_database(config)), by="\n"),
        Text("The database’s own file on the disk holds older entries, too, until it is tidied."),
        Text(
            "Who can see it: only my operator, on whose machines all of this is. The host of a link learns that I "
            "fetch it, not for whom. Telegram carries all messages, and has a policy of its own."
        ),
        _contact(config),
        Text(
            "To have it forgotten: {settings}, then Forget this chat. That deletes the settings, albums, hints, and "
            "messages that failed. What is under way is still answered. What I saw in pictures is under no name, so I "
            "can’t tell which are yours."
        ).of(settings=settings),
    ]


def _in_files() -> list[Text]:
    return [
        Text(
            "your picture, or the one behind your link: until I have looked at it, usually less than a second; after "
            "a crash a minute"
        ),
        Text("my answer to a link, if it has to wait: some seconds"),
        Text(
            "a log of numbers, times, and links that led to no picture; no texts, no names: newer lines replace older "
            "ones"
        ),
    ]


def _in_database(config: Settings) -> list[Text]:
    found = Text("what I saw in a picture, as numbers, without picture and name: {time}")
    return [
        Text(
            "your message as Telegram sent it, with your name, and my answer: until that is sent, or until I see that "
            "I am not asked; if it fails, {time}, with the error"
        ).of(time=_lasting(DEAD_LETTERS_MS)),
        *([found.of(time=lasting(config.cache_ttl_s))] if config.cache_max else []),
        Text("the settings of this chat: {time} after its last message to me").of(time=_lasting(CHATS.preferences_ms)),
        Text("of an album, the numbers of its messages and senders, and what I saw: up to {time}").of(
            time=_lasting(max(ALBUMS.waiting_ms, ALBUMS.addressed_ms))
        ),
        Text("that you said whether an answer was right: {time}").of(time=_lasting(VERDICTS.message_ms)),
        Text("how often an answer was right or wrong, as numbers, under no name: for good"),
        Text("which hints I gave here: {time}").of(time=_lasting(CHATS.hint_ms)),
        Text("that you sent too much: {time}; how many messages you sent: {other_time}").of(
            time=lasting(_TOLD_S), other_time=lasting(_COUNTED_S)
        ),
        Text("the numbers of messages, presses and each /cancel: {time}").of(
            time=_lasting(max(SEEN_MS, CHATS.press_ms))
        ),
        Text("whom my operator has blocked: until they lift it"),
        Text("which of my processes shows who is next: some seconds"),
        Text("how many messages I handle, and how fast, without names: for good"),
    ]


def _contact(config: Settings) -> Text:
    if not config.contact:
        return Text("My operator has not said how to reach them.")
    first, *others = config.contact.split("; ")
    ways: Text | str = first
    for other in others:
        ways = Text("{one} or {other}").of(one=ways, other=other)
    return Text("My operator can be reached at {contact}.").of(contact=ways)


def _listed(items: list[Text]) -> list[Text]:
    return [joined("• ", item, by="") for item in items]


def _lasting(milliseconds: int) -> Text:
    return lasting(milliseconds / 1000)
