"""What the bot says. All of it is plain text; ``reply`` escapes it."""

from __future__ import annotations

from typing import Final

from common.limits import MAX_FILE_BYTES
from common.messages import Kind, Words
from common.model.records import ModelRecord

COMMANDS: Final = {
    "start": "What this bot does",
    "help": "What you can send",
    "about": "Which model answers",
}
MINUTES_UP_TO: Final = 100  # from then on, hours

_MOST: Final = f"{MAX_FILE_BYTES >> 20} MB"

START: Final = (
    "Hello! Send me a photo, or paste the link of an image, and I’ll tell you what is in it and how sure I am."
)
HELP: Final = (
    "What you can send:\n"
    f"• a photo, or an image as a file (JPEG, PNG, WebP, GIF, BMP or AVIF, up to {_MOST})\n"
    "• the link of an image, or up to 5 of them in one message\n\n"
    "I answer with the five things it most likely shows. Your picture is deleted as soon as I have looked at it.\n\n"
    "In a group, mention me or reply to me.\n"
    "/about says which model answers."
)
TOO_LARGE: Final = (
    f"This file is larger than {_MOST}, which is all that a bot may download. Please send a smaller one, or send it "
    "as a photo: Telegram then shrinks it."
)
FILE_TOO_LARGE: Final = f"The file is larger than {_MOST}, the most that I accept."
NOT_FOR_YOU: Final = "I’m sorry, I only work in the chats that my operator has chosen, and this is not one of them."
NO_DOWNLOAD: Final = "Telegram does not give me this file. Please send it again."
WHAT_TO_SEND: Final = "Please send a photo, or paste the link of an image."


def refusal(text: str) -> Words:
    """An expected refusal, in words for the user."""
    return Words(text=text, kind=Kind.REFUSAL)


def unwelcome(what: str) -> str:
    """The answer to something that the bot cannot look at."""
    return f"I don’t accept {what}. {WHAT_TO_SEND}"


def command(name: str, version: str, model: ModelRecord | None) -> str:
    """The answer to a command."""
    match name:
        case "start":
            return START
        case "help":
            return HELP
        case "about":
            return about(version, model)
        case _:
            known = ", ".join(f"/{known}" for known in COMMANDS)
            return f"I don’t know the command /{name}. I know {known}. {WHAT_TO_SEND}"


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


def _roughly(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes == 1:
        return "about a minute"
    return f"about {minutes} minutes" if minutes < MINUTES_UP_TO else f"about {round(minutes / 60)} hours"


def about(version: str, model: ModelRecord | None) -> str:
    """Which version, and which model answers."""
    if model is None:
        return f"Whatsit {version}. My model is still being prepared; your pictures wait until it is ready."
    lines = [
        f"Whatsit {version}.",
        f"{model.title} answers. It knows {model.classes} kinds of things.",
        model.why,
        model.why_precision,
        "Your picture is deleted as soon as I have looked at it, your message as soon as it is answered.",
        "For a while I remember what I said about a picture, but not the picture or you, in case it comes again.",
    ]
    # The record's own texts have the plain apostrophe, and so have the records of older versions.
    return "\n".join(line for line in lines if line).replace("'", "’")
