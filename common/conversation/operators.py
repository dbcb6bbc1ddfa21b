"""What operators do in their own chats (``ADMIN_CHATS``): look at dead letters, and block chats and people.

Nobody else learns that these commands exist. Each message and each press is checked by the chat that it comes from.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from typing import Final

from common import logs
from common.answers import wording
from common.channels.channels import Channels
from common.channels.dead_letters import KEPT_MS, DeadLetter
from common.channels.outages import as_outage
from common.channels.revival import NotDone, start
from common.conversation.bot import Asking, Bot
from common.conversation.buttons import MAX_TOAST_LENGTH, TOO_OLD, Press, Response, data
from common.messages import Button, Kind, Words
from common.settings import Settings
from common.telegram.updates import Command

LISTED: Final = 8
OF_A_JOB: Final = 100  # among so many of the newest, the other letters of a job are found
ERROR_LENGTH: Final = 160
BUTTONS_IN_A_ROW: Final = 4

WHICH: Final = "Which one? Write the id of a chat or a person: /{command} 123456789"
NO_DEAD_LETTERS: Final = "Every message could be handled. There is nothing to try again."
NOT_OURS: Final = "That is one of the chats in ADMIN_CHATS, which I always serve."
NOBODY: Final = "Nobody is blocked."
AGAIN: Final = "It starts again."
GONE: Final = "This one is gone."

RETRY: Final = "retry"
LOOK: Final = "dead"
_WHAT: Final = "for the dead letters"
_ID = re.compile(r"-?\d{1,20}$")
_KEPT_DAYS: Final = KEPT_MS // (24 * 3600 * 1000)
_UNITS: Final = ((24 * 3600, "day"), (3600, "hour"), (60, "minute"), (1, "second"))

_log = logging.getLogger(__name__)


def is_operator(settings: Settings, chat_id: int | None) -> bool:
    """Whether a chat is one of the operator's own."""
    return chat_id is not None and chat_id in settings.admin_chats


async def dead(bot: Bot, _asking: Asking, _command: Command) -> Words:
    """The newest dead letters, each with a button that tries it again."""
    return await _dead_letters(bot)


async def block(bot: Bot, _asking: Asking, command: Command) -> Words:
    """Serve a chat or a person no longer, from the next message on."""
    return await _block(bot, command, blocks=True)


async def unblock(bot: Bot, _asking: Asking, command: Command) -> Words:
    """Serve them again."""
    return await _block(bot, command, blocks=False)


async def blocked(bot: Bot, _asking: Asking, _command: Command) -> Words:
    """Who is blocked."""
    ids = await bot.channels.chats.blocked()
    if not ids:
        return _words(NOBODY)
    return _words("\n".join(["Blocked, until /unblock:", *(f"• {id_}" for id_ in ids)]))


async def retry(bot: Bot, press: Press) -> Response:
    """Start a dead letter's job again, and list what is left."""
    if not is_operator(bot.settings, press.pressed.chat_id) or not press.details:
        return Response(TOO_OLD)
    said = await _retry(bot.channels, press.details[0])
    _log.info("a dead letter is tried again from chat %s: %s", press.chat, said)
    return Response(said, await _dead_letters(bot))


async def look_again(bot: Bot, press: Press) -> Response:
    """List the dead letters as they are now."""
    if not is_operator(bot.settings, press.pressed.chat_id):
        return Response(TOO_OLD)
    return Response(words=await _dead_letters(bot))


async def _block(bot: Bot, command: Command, *, blocks: bool) -> Words:
    id_ = command.rest.strip()
    if not _ID.match(id_):
        return _words(WHICH.format(command=command.name))
    if blocks and int(id_) in bot.settings.admin_chats:
        return _words(NOT_OURS)
    changed = await bot.channels.chats.block(id_, blocks=blocks)
    _log.info("%s is %s", id_, "blocked" if blocks else "served again")
    if blocks:
        said = f"I don’t answer {id_} from now on. /unblock {id_} lifts that."
        return _words(said if changed else f"{id_} is blocked already.")
    return _words(f"I answer {id_} again." if changed else f"{id_} is not blocked.")


async def _retry(channels: Channels, id_: str) -> str:
    with as_outage(_WHAT):
        letters = await channels.dead_letters.newest(OF_A_JOB)
        letter = next((each for each in letters if each.id == id_), None)
        if letter is None:
            return GONE
        try:
            await start(channels, letter, letters)
        except NotDone as why:
            return wording.shortened(f"Left as it is: {why}.", MAX_TOAST_LENGTH)
    return AGAIN


async def _dead_letters(bot: Bot) -> Words:
    with as_outage(_WHAT):
        letters = await bot.channels.dead_letters.newest(LISTED)
        count = await bot.channels.dead_letters.count()
    if not letters:
        return _words(NO_DEAD_LETTERS)
    secrets = logs.secrets(bot.settings)
    lines = [_line(number, letter, secrets, time.time()) for number, letter in enumerate(letters, 1)]
    more = f"\n\nAnd {count - len(letters)} older: make dead lists them." if count > len(letters) else ""
    what = "1 message" if count == 1 else f"{count} messages"
    text = f"{what} could not be handled. I keep each for {_KEPT_DAYS} days.\n\n" + "\n".join(lines) + more
    return Words(text=text, kind=Kind.COMMAND, buttons=_buttons(letters))


def _line(number: int, letter: DeadLetter, secrets: Sequence[str], now: float) -> str:
    error = logs.hidden(logs.harmless(letter.error), secrets)
    where = f"{letter.channel}, {_ago(now - letter.buried_s)}, chat {letter.chat or 'not known'}"
    return f"{number}. {where}: {wording.shortened(error, ERROR_LENGTH)}"


def _buttons(letters: Sequence[DeadLetter]) -> tuple[tuple[Button, ...], ...]:
    each = [Button(f"Retry {number}", data(RETRY, letter.id)) for number, letter in enumerate(letters, 1)]
    rows = [tuple(each[first : first + BUTTONS_IN_A_ROW]) for first in range(0, len(each), BUTTONS_IN_A_ROW)]
    return (*rows, (Button("Look again", data(LOOK)),))


def _ago(seconds: float) -> str:
    """A time span in one unit, rounded down: "5 minutes ago"."""
    for unit_s, unit in _UNITS:
        if seconds >= unit_s:
            number = int(seconds // unit_s)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _words(text: str) -> Words:
    return Words(text=text, kind=Kind.COMMAND)
