"""What the bot says. All of it is plain text; ``reply`` escapes it."""

from __future__ import annotations

import math
from typing import Final

from common.answers.wording import NOT_KNOWN
from common.limits import MAX_FILE_BYTES
from common.messages import Kind, Words
from common.model.records import ModelRecord

COMMANDS: Final = {
    "start": "What this bot does",
    "help": "What you can send, and what my answers mean",
    "about": "What I know, and how sure I am",
    "privacy": "What I keep, how long, and who sees it",
    "settings": "How I answer; forget this chat",
    "what": "Say what the photo shows that you reply to",
    "cancel": "Drop what is still waiting",
}
LOOKING: Final = frozenset({"what", "whatsit"})
"""The commands that ask the bot to look. The second is another name of the first, and in no list."""
OPERATOR_COMMANDS: Final = {
    "dead": "Messages that could not be handled",
    "block": "Answer a chat or a person no longer: /block ID",
    "unblock": "Answer them again: /unblock ID",
    "blocked": "Who is blocked",
}
"""In the chats of ``ADMIN_CHATS`` only."""
MINUTES_UP_TO: Final = 100  # from then on, hours

_MOST: Final = f"{MAX_FILE_BYTES >> 20} MB"
_DAY_S: Final = 86400
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60

HELLO: Final = (
    "Hello! Send me a photo, or paste the link of an image, and I’ll tell you what is in it and how sure I am."
)
SEND: Final = (
    "What you can send:\n"
    f"• a photo, or an image as a file (JPEG, PNG, WebP, HEIC, GIF, BMP or AVIF, up to {_MOST})\n"
    "• a GIF, video or moving sticker: I look at its preview\n"
    "• the link of an image, or up to 5 of them in one message\n"
    "• “what is this?”, in reply to one of these"
)
IN_A_GROUP: Final = "; in a group: /what@{name}"
PROMISED: Final = (
    "What my answers mean:\n"
    "• “I’m sure”: I’m right at least 95 times in 100\n"
    "• “Most likely”: at least 80 times in 100\n"
    "• “Perhaps”: less often\n"
    "• 62%: of a hundred such answers, about 62 are right"
)
MEASURED: Final = (
    "What my answers mean:\n"
    "• “I’m sure”: I give it 95% or more\n"
    "• “Most likely”: 80% or more\n"
    "• “Perhaps”: less\n"
    "• 62%: of a hundred such answers, about 62 were right on my operator’s photos"
)
NOT_MEASURED: Final = "What my answers mean:\n• “Most likely”: I give it 80% or more\n• “Perhaps”: less"
OTHERS: Final = "• the lines below: what else it could be"
MORE: Final = "/about says what I know, /privacy what I keep."
SURE: Final = "When I say 80% or more, I’m right at least 9 times in 10."
OPERATORS: Final = "How often my percentages are right was measured on my operator’s photos."
KEPT: Final = "I don’t keep your pictures. /privacy says what I keep, how long, and who can see it."
UNMEASURED: Final = "Nobody has measured how often my percentages are right."
NO_ZOOM: Final = "I can’t zoom in. If a thing is small or at the edge, send me that part of the picture."
TOO_LARGE: Final = (
    f"This file is larger than {_MOST}, which is all that a bot may download. Please send a smaller one, or send it "
    "as a photo: Telegram then shrinks it."
)
FILE_TOO_LARGE: Final = f"The file is larger than {_MOST}, the most that I accept."
NOT_FOR_YOU: Final = "I’m sorry, I only work in the chats that my operator has chosen, and this is not one of them."
NO_DOWNLOAD: Final = "Telegram does not give me this file. Please send it again."
NOT_IN_REACH: Final = (
    "I can’t read this file, and that is not your fault: it is where my operator has not given me access to it. My log "
    "tells them why. Please send it again later, or send me a link."
)
DESCRIPTION: Final = (
    "Send me a photo, or paste the link of an image, and I’ll tell you what it shows, and how sure I am.\n\n"
    "In a group, reply to a photo with /what and my @name.\n\n"
    "I don’t keep your pictures: /privacy says more."
)
SHORT_DESCRIPTION: Final = "I tell you what a photo shows, and how sure I am. Send me a photo, or the link of an image."
WHAT_TO_SEND: Final = "Please send a photo, or paste the link of an image."
HOW_IN_PRIVATE: Final = (
    "Reply to a photo with /what, and I’ll say what it shows. Here you can just send me the photo: I look at each one."
)
I_LOOK: Final = "I look at pictures: send me a photo, or the link of an image."
I_LOOK_AGAIN: Final = "Send me a photo, or a link."
WELCOME: Final = "You’re welcome! Send me the next photo whenever you like."
BROKEN_LINK: Final = (
    "That looks like a link, but not like one that I can open. Send the whole address in one piece, such as "
    "https://example.com/cat.jpg, or send me the photo itself."
)
HEART: Final = "❤"  # one of those that bots may react with: core.telegram.org/bots/api#reactiontypeemoji


def refusal(text: str) -> Words:
    """An expected refusal, in words for the user."""
    return Words(text=text, kind=Kind.REFUSAL)


def unwelcome(what: str) -> str:
    """The answer to something that the bot cannot look at."""
    return f"I don’t accept {what}. {WHAT_TO_SEND}"


def no_preview(what: str) -> str:
    """The answer to something that moves, of which Telegram has no still picture."""
    return f"I can’t look at {what} without a preview picture, and Telegram has made no preview of this. {WHAT_TO_SEND}"


def left_out(what: str, most: int, count: int) -> str:
    """How many links or pictures of a message the bot left out."""
    others = f"other {count}" if count > 1 else "other one"
    return f"I looked at the first {most} {what}s. Please send the {others} in another message."


def how(name: str) -> str:
    """How to ask in a group. The bot's name is there, since a bare command is not sure to arrive."""
    return f"Reply to a photo with /what@{name}, and I’ll say what it shows."


def greeting(name: str, *, gets_everything: bool) -> str:
    """What the bot says when it is added to a group: how to ask, and what it uses of the group's messages."""
    ways = "It works in a photo’s caption, too, and so does replying to me with a photo or a link."
    if gets_everything:
        uses = (
            "All messages of this group reach me. I drop them unread, unless they ask me: by a command, by my name, or "
            "by a reply to me."
        )
    else:
        uses = "Only messages that ask me reach me: those that begin with a command, or reply to me."
    return f"Hello! {how(name)} {ways}\n\n{uses} /privacy@{name} says what I keep."


def dropped(count: int) -> str:
    """How many pictures, or links, were dropped that waited."""
    if not count:
        return "Nothing was waiting."
    return f"I dropped {count} pictures that were waiting." if count > 1 else "I dropped 1 picture that was waiting."


def guest_hint(name: str) -> str:
    """How to ask in a chat that the bot is not in. ``name`` is the bot's, without @."""
    return f"Reply to a photo with @{name}, and I’ll say what it shows."


def first_of(count: int) -> str:
    """Which of several pictures and links a guest's answer is about."""
    return f"I looked at the first of {count}."


def unknown_command(name: str) -> str:
    """The answer to a command that the bot does not know."""
    known = ", ".join(f"/{known}" for known in COMMANDS)
    return f"I don’t know the command /{name}. I know {known}. {WHAT_TO_SEND}"


def start(model: ModelRecord | None) -> str:
    """What the bot does, and what it knows."""
    return f"{HELLO}\n\n{_known(model)}\n\n/help says more."


def usage(model: ModelRecord | None, name: str) -> str:
    """What people can send, also to the bot of this ``name`` in a group, and what the answers mean."""
    return f"{SEND}{IN_A_GROUP.format(name=name)}\n\n{_meaning(model)}\n{OTHERS}\n\n{MORE}"


def about(version: str, model: ModelRecord | None) -> str:
    """The version, what it knows, and how sure it is. For users: operators read the log."""
    if model is None:
        ready = "My model is still being prepared; your pictures wait until it is ready."
        return f"Whatsit {version}. {ready}\n\n{KEPT}"
    limits = [_how_sure(model)] if model.maps else [_how_sure(model), NO_ZOOM]
    return "\n\n".join([f"Whatsit {version}. {_known(model)}", *limits, KEPT])


def _known(model: ModelRecord | None) -> str:
    if model is None or model.knows_imagenet:
        return NOT_KNOWN
    return f"I know {model.classes:,} kinds of things, which my operator has chosen, and nothing else."


def _meaning(model: ModelRecord | None) -> str:
    """What the answers mean. What an operator measured promises only what every calibration does."""
    if model is None or not model.is_measured:
        return NOT_MEASURED
    return PROMISED if model.calibration.came_with_code else MEASURED


def _how_sure(model: ModelRecord) -> str:
    """How often it is right, likewise."""
    if not model.is_measured:
        return UNMEASURED
    return SURE if model.calibration.came_with_code else OPERATORS


def lasting(seconds: float) -> str:
    """A time limit, rounded up."""
    for length_s, one, many in ((_DAY_S, "a day", "days"), (_HOUR_S, "an hour", "hours")):
        if seconds >= length_s:
            number = math.ceil(seconds / length_s)
            return one if number == 1 else f"{number} {many}"
    number = math.ceil(seconds / 60)
    return "a minute" if number == 1 else f"{number} minutes"


def busy(backlog_s: float) -> str:
    """Why the bot does not look at a picture: there is too much to do, and roughly for how long."""
    return (
        f"That is too much at once for me: the waiting pictures will take {_roughly(backlog_s)}. I skip this one, and "
        "whatever you send until then. Please send it again later."
    )


def too_fast(per_minute: int) -> str:
    """Why the bot does not look at a picture: its sender sends too many."""
    many = "one message" if per_minute == 1 else f"{per_minute} pictures or messages"
    return (
        f"I take at most {many} a minute from one person. I skip this one, and whatever you send before the minute is "
        "over. Please send it again then."
    )


def place(nth: int, wait_s: float) -> str:
    """Where somebody is in line, and roughly for how long."""
    number = max(1, round(wait_s))
    wait = f"about {number} second{'' if number == 1 else 's'}" if number < _MINUTE_S else _roughly(wait_s)
    return f"You are {'next' if nth == 1 else f'{_ordinal(nth)} in line'}: {wait}."


def _ordinal(number: int) -> str:
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _roughly(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes == 1:
        return "about a minute"
    return f"about {minutes} minutes" if minutes < MINUTES_UP_TO else f"about {round(minutes / 60)} hours"
