"""The answers to commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from common import VERSION, words
from common.conversation import operators, preferences, privacy
from common.conversation.bot import Asking, Bot
from common.languages.texts import Text
from common.messages import Kind, Words
from common.model.records import in_use
from common.telegram.updates import Command
from common.words import OPERATOR_COMMANDS

HINT_AGAIN_MS: Final = 60_000

Answer: TypeAlias = Callable[[Bot, Asking, Command], Awaitable[Words | None]]


async def answer(bot: Bot, asking: Asking, command: Command) -> Words | None:
    """The answer to a command; None if it gets no answer.

    Raises:
        Outage: It cannot be known now.
    """
    if command.name in OPERATOR_COMMANDS and not operators.is_operator(bot.settings, asking.said.chat_id):
        return await _unknown(bot, asking, command) if asking.said.is_private else None
    return await _ANSWERS.get(command.name, _unknown)(bot, asking, command)


async def _start(bot: Bot, _asking: Asking, _command: Command) -> Words:
    return _words(words.start(in_use(bot.settings.models_dir)))


async def _help(bot: Bot, _asking: Asking, _command: Command) -> Words:
    return _words(words.usage(in_use(bot.settings.models_dir), bot.me.username))


async def _about(bot: Bot, _asking: Asking, _command: Command) -> Words:
    return _words(words.about(VERSION, in_use(bot.settings.models_dir)))


async def _what(bot: Bot, asking: Asking, _command: Command) -> Words | None:
    """How to ask, where the command shows nothing to look at: in a group once a minute."""
    if asking.said.is_private:
        return _words(words.HOW_IN_PRIVATE)
    if not await bot.channels.chats.may_tell(asking.chat, "what", asking.update, HINT_AGAIN_MS):
        return None
    return _words(words.how(bot.me.username))


async def _cancel(bot: Bot, asking: Asking, _command: Command) -> Words:
    """Drop what waits: in private all of it, in a group what the person who commands it sent."""
    whose = None if asking.said.is_private else asking.said.sender_id or 0
    return _words(words.dropped(await bot.channels.ledger.drop_waiting(asking.chat, whose, asking.update)))


async def _unknown(_bot: Bot, _asking: Asking, command: Command) -> Words:
    return _words(words.unknown_command(command.name))


def _words(text: Text) -> Words:
    return Words.of(text, Kind.COMMAND)


_ANSWERS: Final[Mapping[str, Answer]] = {
    "start": _start,
    "help": _help,
    "about": _about,
    "what": _what,
    "whatsit": _what,
    "cancel": _cancel,
    "privacy": privacy.privacy,
    "settings": preferences.settings,
    "dead": operators.dead,
    "block": operators.block,
    "unblock": operators.unblock,
    "blocked": operators.blocked,
}
