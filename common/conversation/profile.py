"""What people see of the bot before they write to it: its menus of commands, and its descriptions.

They are set only where they differ from what Telegram has, beside polling and never before it. With ``PROFILE=keep``
nothing is set.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from common.backoff import Backoff
from common.errors import Deferred, Outage, TelegramRefused
from common.languages.known import ENGLISH, LANGUAGES
from common.languages.speech import say
from common.settings import Settings
from common.telegram.client import EVERYWHERE, About, Scope, Telegram
from common.telegram.limits import LIMITS, TelegramLimits
from common.words import COMMANDS, DESCRIPTION, OPERATOR_COMMANDS, SHORT_DESCRIPTION

IN_PRIVATE: Final = ("start", "help", "about", "privacy", "settings", "cancel")
IN_GROUPS: Final = ("what", "settings", "privacy", "help")
PRIVATE_CHATS: Final = Scope("all_private_chats")
GROUPS: Final = Scope("all_group_chats")

_log = logging.getLogger(__name__)


ABOUT: Final = {About.DESCRIPTION: DESCRIPTION, About.SHORT_DESCRIPTION: SHORT_DESCRIPTION}


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
    # As Telegram has them: '' is for all languages that have nothing of their own.
    for code, language in [("", ENGLISH), *((code, code) for code in LANGUAGES if code != ENGLISH)]:
        for scope, menu in _menus(language, settings):
            yield _Part(
                name=_named(f"menu ({scope.kind})", code),
                wanted=list(menu.items()),
                get=functools.partial(_commands, telegram, scope, code),
                set=functools.partial(telegram.set_commands, menu, scope, code),
            )
        for what, text in ABOUT.items():
            said = say(text, language)
            yield _Part(
                name=_named(what.name.lower().replace("_", " "), code),
                wanted=said,
                get=functools.partial(telegram.about, what, code),
                set=functools.partial(telegram.set_about, what, said, code),
            )


def _named(part: str, code: str) -> str:
    return f"{part} in {code}" if code else part


async def _commands(telegram: Telegram, scope: Scope, language: str) -> list[tuple[str, str]]:
    """A menu, with its order."""
    return list((await telegram.commands(scope, language)).items())


def _menus(language: str, settings: Settings) -> Iterator[tuple[Scope, dict[str, str]]]:
    """Each menu in a language, and for whom it is."""
    yield EVERYWHERE, _menu(IN_PRIVATE, language)
    yield PRIVATE_CHATS, _menu(IN_PRIVATE, language)
    yield GROUPS, _menu(IN_GROUPS, language)
    for chat_id in sorted(settings.admin_chats):
        names = IN_PRIVATE if chat_id > 0 else IN_GROUPS
        yield Scope("chat", chat_id), {**_menu(names, language), **OPERATOR_COMMANDS}


def _menu(names: Sequence[str], language: str) -> dict[str, str]:
    return {name: say(COMMANDS[name], language) for name in names}
