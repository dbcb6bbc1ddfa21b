"""What people see of the bot before they write to it: its menus of commands, and its descriptions.

They are set only where they differ from what Telegram has, beside polling and never before it. With ``PROFILE=keep``
nothing is set.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

from common.backoff import Backoff
from common.errors import Deferred, Outage, TelegramRefused
from common.settings import Settings
from common.telegram.client import EVERYWHERE, About, Scope, Telegram
from common.telegram.limits import LIMITS, TelegramLimits
from common.words import COMMANDS, DESCRIPTION, OPERATOR_COMMANDS, SHORT_DESCRIPTION

IN_PRIVATE: Final = ("start", "help", "about", "privacy", "settings", "cancel")
IN_GROUPS: Final = ("what", "settings", "privacy", "help")
PRIVATE_CHATS: Final = Scope("all_private_chats")
GROUPS: Final = Scope("all_group_chats")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Texts:
    """What people read of the profile in one language.

    Attributes:
        commands: What each command does, in at most 256 characters.
        operator_commands: The same of those for operators.
        about: The texts about the bot.
    """

    commands: Mapping[str, str]
    operator_commands: Mapping[str, str]
    about: Mapping[About, str]

    def menu(self, names: Sequence[str]) -> dict[str, str]:
        """A menu of those commands."""
        return {name: self.commands[name] for name in names}


TEXTS: Final[Mapping[str, Texts]] = {
    "": Texts(
        commands=COMMANDS,
        operator_commands=OPERATOR_COMMANDS,
        about={About.DESCRIPTION: DESCRIPTION, About.SHORT_DESCRIPTION: SHORT_DESCRIPTION},
    )
}
"""By language, as an ISO 639-1 code. '' is for all languages that are not here."""


@dataclasses.dataclass(frozen=True)
class _Part:
    """A part of the profile: what it should be, how to ask Telegram what it is, and how to set it."""

    name: str
    wanted: object
    get: Callable[[], Awaitable[object]]
    set: Callable[[], Awaitable[None]]


async def keep_set(
    telegram: Telegram, settings: Settings, is_back: asyncio.Event, limits: TelegramLimits = LIMITS
) -> None:
    """Set the profile, and look at it again each time that Telegram is back: a playground that starts has no profile.

    Whatever goes wrong, this does not end with an error: the bot works without a profile.
    """
    parts = list(_parts(telegram, settings)) if settings.profile == "set" else []
    while parts:
        is_back.clear()
        try:
            await _set(parts, limits)
        except Exception:  # a bug, or a server that answers like no other: no reason to stop polling
            _log.exception("the bot's profile cannot be set")
        await asyncio.sleep(limits.profile_pause_s)
        await is_back.wait()


async def _set(parts: Sequence[_Part], limits: TelegramLimits) -> None:
    """Set what differs, and try until it works."""
    backoff = Backoff("the bot's profile is not set yet: ", limits.back_off_s)
    left = parts
    while left:
        failed: list[_Part] = []
        error: Exception | None = None
        for part in left:
            try:
                await _set_part(part)
            except (Deferred, Outage) as why:
                failed.append(part)
                error = error if isinstance(error, Deferred) else why  # which says how long to wait
        left = failed
        if error:
            await backoff.wait(error)
    backoff.over()


async def _set_part(part: _Part) -> None:
    try:
        if await part.get() == part.wanted:
            return
        await part.set()
    except TelegramRefused as error:  # for example an older server, which does not know the method
        _log.info("the bot has no %s: %s", part.name, error)
    else:
        _log.info("the bot's %s: set at Telegram", part.name)


def _parts(telegram: Telegram, settings: Settings) -> Iterator[_Part]:
    for language, texts in TEXTS.items():
        for scope, menu in _menus(texts, settings):
            yield _Part(
                name=f"menu ({scope.kind})",
                wanted=list(menu.items()),
                get=functools.partial(_commands, telegram, scope, language),
                set=functools.partial(telegram.set_commands, menu, scope, language),
            )
        for what, text in texts.about.items():
            yield _Part(
                name=what.name.lower().replace("_", " "),
                wanted=text,
                get=functools.partial(telegram.about, what, language),
                set=functools.partial(telegram.set_about, what, text, language),
            )


async def _commands(telegram: Telegram, scope: Scope, language: str) -> list[tuple[str, str]]:
    """A menu, with its order."""
    return list((await telegram.commands(scope, language)).items())


def _menus(texts: Texts, settings: Settings) -> Iterator[tuple[Scope, dict[str, str]]]:
    """Each menu, and for whom it is."""
    yield EVERYWHERE, texts.menu(IN_PRIVATE)
    yield PRIVATE_CHATS, texts.menu(IN_PRIVATE)
    yield GROUPS, texts.menu(IN_GROUPS)
    for chat_id in sorted(settings.admin_chats):
        names = IN_PRIVATE if chat_id > 0 else IN_GROUPS
        yield Scope("chat", chat_id), {**texts.menu(names), **texts.operator_commands}
