"""What the buttons below the bot's messages carry.

A button carries the version of its data, what to do, and details: ``1:set:short:1``. No picture and no person is
stored for a button. ``presses.py`` knows what each does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from common.channels.chats import DEFAULTS, Preferences
from common.conversation.bot import Bot
from common.languages.texts import Text
from common.messages import Button, Words
from common.telegram.said import Pressed

VERSION: Final = "1"
MAX_DATA_BYTES: Final = 64  # core.telegram.org/bots/api#inlinekeyboardbutton
MAX_TOAST_LENGTH: Final = 200  # core.telegram.org/bots/api#answercallbackquery
TOO_OLD: Final = Text("This button is too old. Send the picture again.")


@dataclasses.dataclass(frozen=True)
class Press:
    """A press that this version understands.

    Attributes:
        pressed: The press.
        chat: The chat, as in ``Job.chat``.
        details: What the button carries after its name.
        preferences: What the chat prefers.
        language: What the chat is answered in; '' for English.
    """

    pressed: Pressed
    chat: str
    details: Sequence[str]
    preferences: Preferences = DEFAULTS
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Response:
    """What a press does.

    Attributes:
        toast: What the person who pressed reads for a moment; '' for nothing.
        words: What the message says from now on; None if it stays as it is.
        buttons: The buttons that the message has from now on, if its words stay; None if all stays as it is.
    """

    toast: Text | str = ""
    words: Words | None = None
    buttons: tuple[tuple[Button, ...], ...] | None = None


Respond: TypeAlias = Callable[[Bot, Press], Awaitable[Response]]


def data(name: str, *details: str) -> str:
    """What a button carries."""
    carried = ":".join((VERSION, name, *details))
    if len(carried.encode()) > MAX_DATA_BYTES:
        msg = f"a button carries {MAX_DATA_BYTES} bytes at most: {carried!r}"
        raise ValueError(msg)
    return carried
