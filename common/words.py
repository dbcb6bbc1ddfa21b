"""What the bot says, in no language yet: ``reply`` says it in that of the job. Names of things: ``common/answers``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from common.answers.wording import NOT_KNOWN
from common.languages.texts import Text, joined, several
from common.limits import MAX_FILE_BYTES
from common.messages import Kind, Words
from common.model.records import ModelRecord

COMMANDS: Final[Mapping[str, Text]] = {
    "start": Text("What this bot does"),
    "help": Text("What you can send, and what my answers mean"),
    "about": Text("What I know, and how sure I am"),
    "privacy": Text("What I keep, how long, and who sees it"),
    "settings": Text("How I answer; forget this chat"),
    "what": Text("Say what the photo shows that you reply to"),
    "cancel": Text("Drop what is still waiting"),
}
LOOKING: Final = frozenset({"what", "whatsit"})
"""The commands that ask the bot to look. The second is another name of the first, and in no list."""
OPERATOR_COMMANDS: Final = {
    "dead": "Messages that could not be handled",
    "block": "Answer a chat or a person no longer: /block ID",
    "unblock": "Answer them again: /unblock ID",
    "blocked": "Who is blocked",
}
"""In the chats of ``ADMIN_CHATS`` only. What operators read there is English, as the log is."""
MINUTES_UP_TO: Final = 100  # from then on, hours

_MOST_MB: Final = MAX_FILE_BYTES >> 20
_DAY_S: Final = 86400
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60

HELLO: Final = Text(
    "Hello! Send me a photo, or paste the link of an image, and I’ll tell you what is in it and how sure I am."
)
SEND: Final = Text(
    "What you can send:\n"
    "• a photo, or an image as a file (JPEG, PNG, WebP, HEIC, GIF, BMP or AVIF, up to {most} MB)\n"
    "• a GIF, video or moving sticker: I look at its preview\n"
    "• the link of an image, or up to 5 of them in one message\n"
    "• “what is this?”, in reply to one of these; in a group: {command}"
)
PROMISED: Final = Text(
    "What my answers mean:\n"
    "• “I’m sure”: I’m right at least 95 times in 100\n"
    "• “Most likely”: at least 80 times in 100\n"
    "• “Perhaps”: less often\n"
    "• 62%: of a hundred such answers, about 62 are right"
)
MEASURED: Final = Text(
    "What my answers mean:\n"
    "• “I’m sure”: I give it 95% or more\n"
    "• “Most likely”: 80% or more\n"
    "• “Perhaps”: less\n"
    "• 62%: of a hundred such answers, about 62 were right on my operator’s photos"
)
NOT_MEASURED: Final = Text("What my answers mean:\n• “Most likely”: I give it 80% or more\n• “Perhaps”: less")
OTHERS: Final = Text("• the lines below: what else it could be")
MORE: Final = Text("/about says what I know, /privacy what I keep.")
HELP_SAYS_MORE: Final = Text("/help says more.")
SURE: Final = Text("When I say 80% or more, I’m right at least 9 times in 10.")
OPERATORS: Final = Text("How often my percentages are right was measured on my operator’s photos.")
KEPT: Final = Text("I don’t keep your pictures. /privacy says what I keep, how long, and who can see it.")
UNMEASURED: Final = Text("Nobody has measured how often my percentages are right.")
NO_ZOOM: Final = Text("I can’t zoom in. If a thing is small or at the edge, send me that part of the picture.")
NOT_READY: Final = Text("My model is still being prepared; your pictures wait until it is ready.")
CHOSEN: Final = Text("I know {count} kinds of things, which my operator has chosen, and nothing else.")
TOO_LARGE: Final = Text(
    "This file is larger than {most} MB, which is all that a bot may download. Please send a smaller one, or send it "
    "as a photo: Telegram then shrinks it."
).of(most=_MOST_MB)
FILE_TOO_LARGE: Final = Text("The file is larger than {most} MB, the most that I accept.").of(most=_MOST_MB)
NOT_FOR_YOU: Final = Text(
    "I’m sorry, I only work in the chats that my operator has chosen, and this is not one of them."
)
NO_DOWNLOAD: Final = Text("Telegram does not give me this file. Please send it again.")
NOT_IN_REACH: Final = Text(
    "I can’t read this file, and that is not your fault: it is where my operator has not given me access to it. My log "
    "tells them why. Please send it again later, or send me a link."
)
DESCRIPTION: Final = Text(
    "Send me a photo, or paste the link of an image, and I’ll tell you what it shows, and how sure I am.\n\n"
    "In a group, reply to a photo with /what and my @name.\n\n"
    "I don’t keep your pictures: /privacy says more."
)
SHORT_DESCRIPTION: Final = Text(
    "I tell you what a photo shows, and how sure I am. Send me a photo, or the link of an image."
)
WHAT_TO_SEND: Final = Text("Please send a photo, or paste the link of an image.")
HOW_IN_PRIVATE: Final = Text(
    "Reply to a photo with /what, and I’ll say what it shows. Here you can just send me the photo: I look at each one."
)
I_LOOK: Final = Text("I look at pictures: send me a photo, or the link of an image.")
I_LOOK_AGAIN: Final = Text("Send me a photo, or a link.")
WELCOME: Final = Text("You’re welcome! Send me the next photo whenever you like.")
BROKEN_LINK: Final = Text(
    "That looks like a link, but not like one that I can open. Send the whole address in one piece, such as "
    "https://example.com/cat.jpg, or send me the photo itself."
)
HEART: Final = "❤"  # one of those that bots may react with: core.telegram.org/bots/api#reactiontypeemoji
APOLOGY: Final = Text(
    "Sorry, something went wrong on my side and I could not finish this one. Please send it again; if it fails again, "
    "try another picture."
)

# Below an answer.
RIGHT: Final = Text("👍 Right")
WRONG: Final = Text("👎 Wrong")
SOMETHING_ELSE: Final = Text("Something else")
LEARN_MORE: Final = Text("Learn more ↗")
THANKS: Final = Text("Thanks.")
WHAT_IS_IT: Final = Text("What is it, then?")


def refusal(text: Text | str) -> Words:
    """An expected refusal, in words for the user."""
    return Words.of(text, Kind.REFUSAL)


def unwelcome(what: str) -> Text:
    """The answer to something that the bot cannot look at. ``what`` is a text's English words: "voice messages"."""
    return Text("I don’t accept {what}. {please_send}").of(what=Text(what), please_send=WHAT_TO_SEND)


def no_preview(what: str) -> Text:
    """The answer to something that moves, of which Telegram has no still picture. ``what`` as in ``unwelcome``."""
    return Text(
        "I can’t look at {what} without a preview picture, and Telegram has made no preview of this. {please_send}"
    ).of(what=Text(what), please_send=WHAT_TO_SEND)


def left_out(what: str, most: int, count: int) -> Text:
    """How many links or pictures of a message the bot left out."""
    if what == "link":
        return several(
            "I looked at the first {most} links. Please send the other one in another message.",
            "I looked at the first {most} links. Please send the other {count} in another message.",
            count,
            most=most,
        )
    return several(
        "I looked at the first {most} pictures. Please send the other one in another message.",
        "I looked at the first {most} pictures. Please send the other {count} in another message.",
        count,
        most=most,
    )


def how(name: str) -> Text:
    """How to ask in a group. The bot's name is there, since a bare command is not sure to arrive."""
    return Text("Reply to a photo with {command}, and I’ll say what it shows.").of(command=f"/what@{name}")


def greeting(name: str, *, gets_everything: bool) -> Text:
    """What the bot says when it is added to a group: how to ask, and what it uses of the group's messages."""
    hello = Text("Hello! {how} It works in a photo’s caption, too, and so does replying to me with a photo or a link.")
    if gets_everything:
        uses = Text(
            "All messages of this group reach me. I drop them unread, unless they ask me: by a command, by my name, or "
            "by a reply to me. {command} says what I keep."
        )
    else:
        uses = Text(
            "Only messages that ask me reach me: those that begin with a command, or reply to me. {command} says what "
            "I keep."
        )
    return joined(hello.of(how=how(name)), uses.of(command=f"/privacy@{name}"), by="\n\n")


def dropped(count: int) -> Text:
    """How many pictures, or links, were dropped that waited."""
    if not count:
        return Text("Nothing was waiting.")
    return several(
        "I dropped {count} picture that was waiting.", "I dropped {count} pictures that were waiting.", count
    )


def guest_hint(name: str) -> Text:
    """How to ask in a chat that the bot is not in. ``name`` is the bot's, without @."""
    return Text("Reply to a photo with {command}, and I’ll say what it shows.").of(command=f"@{name}")


def first_of(count: int) -> Text:
    """Which of several pictures and links a guest's answer is about."""
    return Text("I looked at the first of {total}.").of(total=count)


def unknown_command(name: str) -> Text:
    """The answer to a command that the bot does not know."""
    known = ", ".join(f"/{known}" for known in COMMANDS)
    return Text("I don’t know the command {unknown}. I know {known}. {please_send}").of(
        unknown=f"/{name}", known=known, please_send=WHAT_TO_SEND
    )


def start(model: ModelRecord | None) -> Text:
    """What the bot does, and what it knows."""
    return joined(HELLO, _known(model), HELP_SAYS_MORE, by="\n\n")


def usage(model: ModelRecord | None, name: str) -> Text:
    """What people can send, also to the bot of this ``name`` in a group, and what the answers mean."""
    send = SEND.of(most=_MOST_MB, command=f"/what@{name}")
    return joined(send, joined(_meaning(model), OTHERS, by="\n"), MORE, by="\n\n")


def about(version: str, model: ModelRecord | None) -> Text:
    """The version, what it knows, and how sure it is. For users: operators read the log."""
    who = f"Whatsit {version}."
    if model is None:
        return joined(joined(who, NOT_READY, by=" "), KEPT, by="\n\n")
    limits = [_how_sure(model)] if model.maps else [_how_sure(model), NO_ZOOM]
    return joined(joined(who, _known(model), by=" "), *limits, KEPT, by="\n\n")


def _known(model: ModelRecord | None) -> Text:
    return NOT_KNOWN if model is None or model.knows_imagenet else CHOSEN.of(count=model.classes)


def _meaning(model: ModelRecord | None) -> Text:
    """What the answers mean. What an operator measured promises only what every calibration does."""
    if model is None or not model.is_measured:
        return NOT_MEASURED
    return PROMISED if model.calibration.came_with_code else MEASURED


def _how_sure(model: ModelRecord) -> Text:
    """How often it is right, likewise."""
    if not model.is_measured:
        return UNMEASURED
    return SURE if model.calibration.came_with_code else OPERATORS


def lasting(seconds: float) -> Text:
    """A time limit, rounded up."""
    if seconds >= _DAY_S:
        return several("a day", "{count} days", math.ceil(seconds / _DAY_S))
    if seconds >= _HOUR_S:
        return several("an hour", "{count} hours", math.ceil(seconds / _HOUR_S))
    return several("a minute", "{count} minutes", math.ceil(seconds / _MINUTE_S))


def busy(backlog_s: float) -> Text:
    """Why the bot does not look at a picture: there is too much to do, and roughly for how long."""
    return Text(
        "That is too much at once for me: the waiting pictures will take {roughly}. I skip this one, and whatever you "
        "send until then. Please send it again later."
    ).of(roughly=_roughly(backlog_s))


def too_fast(per_minute: int) -> Text:
    """Why the bot does not look at a picture: its sender sends too many."""
    return several(
        "I take at most one message a minute from one person. I skip this one, and whatever you send before the minute "
        "is over. Please send it again then.",
        "I take at most {count} pictures or messages a minute from one person. I skip this one, and whatever you send "
        "before the minute is over. Please send it again then.",
        per_minute,
    )


def place(nth: int, wait_s: float) -> Text:
    """Where somebody is in line, and roughly for how long."""
    number = max(1, round(wait_s))
    wait = several("about {count} second", "about {count} seconds", number) if number < _MINUTE_S else _roughly(wait_s)
    if nth == 1:
        return Text("You are next: {wait}.").of(wait=wait)
    # A language without short ordinals says {number} instead of {nth}.
    return Text("You are {nth} in line: {wait}.").of(nth=_ordinal(nth), number=nth, wait=wait)


def _ordinal(number: int) -> str:
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _roughly(seconds: float) -> Text:
    minutes = round(seconds / _MINUTE_S)
    if minutes < 1:
        return Text("less than a minute")
    if minutes < MINUTES_UP_TO:
        return several("about a minute", "about {count} minutes", minutes)
    return several("about an hour", "about {count} hours", round(minutes / 60))
