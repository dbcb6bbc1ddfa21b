"""What the buttons below the bot's messages carry, and what a press does.

A button carries the version of its data, what to do, and details: ``1:set:short:1``. No picture and no person is
stored for a button. Whatever this version does not understand is too old.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from common.channels.chats import DEFAULTS, Preferences
from common.conversation.bot import Bot
from common.errors import Deferred, Outage, TelegramRefused
from common.messages import AcceptUpdate, Job, Message, SendReply, Words
from common.telegram.said import Pressed

VERSION: Final = "1"
MAX_DATA_BYTES: Final = 64  # core.telegram.org/bots/api#inlinekeyboardbutton
TOO_OLD: Final = "This button is too old. Send the picture again."

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Press:
    """A press that this version understands.

    Attributes:
        pressed: The press.
        chat: The chat, as in ``Job.chat``.
        details: What the button carries after its name.
        preferences: What the chat prefers.
    """

    pressed: Pressed
    chat: str
    details: Sequence[str]
    preferences: Preferences = DEFAULTS


@dataclasses.dataclass(frozen=True)
class Response:
    """What a press does.

    Attributes:
        toast: What the person who pressed reads for a moment; '' for nothing.
        words: What the message says from now on; None if it stays as it is.
    """

    toast: str = ""
    words: Words | None = None


Respond: TypeAlias = Callable[[Bot, Press], Awaitable[Response]]


def data(name: str, *details: str) -> str:
    """What a button carries."""
    carried = ":".join((VERSION, name, *details))
    if len(carried.encode()) > MAX_DATA_BYTES:
        msg = f"a button carries {MAX_DATA_BYTES} bytes at most: {carried!r}"
        raise ValueError(msg)
    return carried


async def press(bot: Bot, accepted: AcceptUpdate, pressed: Pressed) -> Sequence[Message]:
    """Do what a button says, tell the person who pressed it, and give the job that changes the message.

    Raises:
        Outage: Redis is away. Nothing was done.
    """
    response = await _response(bot, pressed)
    await _tell(bot, pressed, response.toast)
    if response.words is None or pressed.chat_id is None or pressed.message_id is None:
        return ()
    job = Job(
        id=f"{accepted.job.id}-0",
        chat_id=pressed.chat_id,
        message_id=None,
        thread_id=pressed.thread_id,
        topic_id=pressed.topic_id,
        user_id=pressed.sender_id,
        accepted_at=accepted.job.accepted_at,
    )
    return [SendReply(job=job, content=response.words, edits=pressed.message_id)]


async def _response(bot: Bot, pressed: Pressed) -> Response:
    version, _, carried = pressed.data.partition(":")
    name, *details = carried.split(":")
    respond = _RESPONSES.get(name) if version == VERSION else None
    if respond is None or pressed.chat_id is None:
        return Response(TOO_OLD)
    chat = str(pressed.chat_id)
    remembered = await bot.channels.chats.recall(chat, pressed.sender_id)
    if remembered.is_blocked:
        return Response()
    return await respond(bot, Press(pressed, chat, details, remembered.preferences))


async def _tell(bot: Bot, pressed: Pressed, toast: str) -> None:
    """End the press, once, and before any job of it begins. Best effort: an app gives up waiting by itself."""
    try:
        await bot.telegram.answer_press(pressed.query, toast)
    except (Deferred, Outage, TelegramRefused) as error:  # refused: it is answered already, or too old
        _log.debug("a press cannot be answered: %s", error)


_RESPONSES: Final[Mapping[str, Respond]] = {}
