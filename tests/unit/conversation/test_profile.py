"""The bot's profile at Telegram: set where it differs, tried until it works, and left alone where that is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from common.conversation import profile
from common.conversation.commands import _ANSWERS
from common.errors import Deferred, Outage, TelegramRefused
from common.languages.known import LANGUAGES
from common.languages.speech import say
from common.settings import Settings
from common.telegram.client import EVERYWHERE, About, Scope
from common.telegram.limits import TelegramLimits
from common.words import COMMANDS, OPERATOR_COMMANDS

AT_ONCE = TelegramLimits(back_off_s=(0,), profile_pause_s=0)
DEADLINE_S = 5
CODES = ["", *(code for code in LANGUAGES if code != "en")]
"""As Telegram has them: '' is for all languages that have nothing of their own."""
PRIVATE, GROUPS = Scope("all_private_chats"), Scope("all_group_chats")


class FakeTelegram:
    """Keeps a profile as Telegram does; each call may fail once, or a method always."""

    def __init__(self) -> None:
        self.menus: dict[tuple[Scope, str], dict[str, str]] = {}
        self.texts: dict[tuple[About, str], str] = {}
        self.calls: list[str] = []
        self.errors: dict[str, list[Exception]] = {}
        self.unknown: set[str] = set()

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.unknown:
            raise TelegramRefused(f"this Bot API server knows no method {method}")
        if self.errors.get(method):
            raise self.errors[method].pop(0)

    async def commands(self, scope: Scope, language: str) -> dict[str, str]:
        self._called("getMyCommands")
        return self.menus.get((scope, language), {})

    async def set_commands(self, commands: Mapping[str, str], scope: Scope, language: str) -> None:
        self._called("setMyCommands")
        self.menus[scope, language] = dict(commands)

    async def about(self, what: About, language: str) -> str:
        self._called(f"getMy{what}")
        return self.texts.get((what, language), "")

    async def set_about(self, what: About, text: str, language: str) -> None:
        self._called(f"setMy{what}")
        self.texts[what, language] = text

    @property
    def is_complete(self) -> bool:
        return len(self.menus) >= 3 * len(CODES) and len(self.texts) == 2 * len(CODES)

    @property
    def sets(self) -> list[str]:
        return [call for call in self.calls if call.startswith("set")]


@contextlib.asynccontextmanager
async def keeping(
    telegram: FakeTelegram, settings: Settings | None = None, is_back: asyncio.Event | None = None
) -> AsyncIterator[None]:
    """The task beside polling, in a context."""
    keep = profile.keep_set(telegram, settings or Settings(), is_back or asyncio.Event(), AT_ONCE)  # type: ignore[arg-type]
    task = asyncio.create_task(keep)
    yield
    assert not task.done()
    task.cancel()


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 -- any condition
            await asyncio.sleep(0)


async def kept(telegram: FakeTelegram, until: Callable[[], bool], settings: Settings | None = None) -> None:
    async with keeping(telegram, settings):
        await reached(until)


async def test_each_scope_gets_its_menu_and_people_read_what_the_bot_does() -> None:
    telegram = FakeTelegram()
    await kept(telegram, lambda: telegram.is_complete)
    private, group = (
        ["start", "help", "about", "privacy", "settings", "cancel"],
        ["what", "settings", "privacy", "help"],
    )
    for code in CODES:
        menus = {scope: list(menu) for (scope, language), menu in telegram.menus.items() if language == code}
        assert menus == {EVERYWHERE: private, PRIVATE: private, GROUPS: group}
    assert telegram.texts[About.SHORT_DESCRIPTION, ""].startswith("I tell you what a photo shows")
    assert telegram.texts[About.SHORT_DESCRIPTION, "de"].startswith("Ich sage")
    assert telegram.menus[GROUPS, "uk"] == {name: say(COMMANDS[name], "uk") for name in group}


async def test_what_telegram_has_already_is_not_set_again() -> None:
    telegram = FakeTelegram()
    await kept(telegram, lambda: telegram.is_complete)
    telegram.menus[GROUPS, ""] = {"what": "Something else"}
    telegram.calls.clear()
    await kept(telegram, lambda: telegram.calls.count("getMyShortDescription") == len(CODES))
    assert telegram.sets == ["setMyCommands"]
    assert telegram.calls.count("getMyCommands") == 3 * len(CODES)


async def test_a_menu_in_another_order_is_another_menu() -> None:
    telegram = FakeTelegram()
    await kept(telegram, lambda: telegram.is_complete)
    telegram.menus[GROUPS, ""] = dict(reversed(telegram.menus[GROUPS, ""].items()))
    await kept(telegram, lambda: next(iter(telegram.menus[GROUPS, ""])) == "what")


@pytest.mark.parametrize("error", [Outage("away"), Deferred(0, "too many requests")])
@pytest.mark.parametrize("method", ["getMyCommands", "setMyCommands", "getMyDescription", "setMyShortDescription"])
async def test_what_fails_is_tried_again_until_it_works_and_the_rest_is_not(method: str, error: Exception) -> None:
    telegram = FakeTelegram()
    telegram.errors[method] = [error, error]
    await kept(telegram, lambda: telegram.is_complete and not telegram.errors[method])
    assert telegram.calls.count(method) == {"Commands": 3}.get(method[5:], 1) * len(CODES) + 2


@pytest.mark.parametrize("method", ["getMyCommands", "setMyCommands", "getMyDescription", "setMyDescription"])
async def test_a_server_without_a_method_gets_all_the_rest(method: str) -> None:
    telegram = FakeTelegram()
    telegram.unknown = {method}
    await kept(telegram, lambda: "setMyShortDescription" in telegram.calls)
    assert bool(telegram.menus) == ("Commands" not in method)
    assert (About.DESCRIPTION, "") not in telegram.texts or "Description" not in method


async def test_a_server_that_comes_back_without_a_profile_gets_it_again() -> None:
    telegram, is_back = FakeTelegram(), asyncio.Event()
    async with keeping(telegram, is_back=is_back):
        for _ in range(3):
            await reached(lambda: telegram.is_complete)
            telegram.menus.clear()
            telegram.texts.clear()
            is_back.set()


async def test_an_answer_like_no_other_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    telegram, is_back = FakeTelegram(), asyncio.Event()
    telegram.errors["getMyCommands"] = [TypeError("a bug")]
    async with keeping(telegram, is_back=is_back):
        await reached(lambda: "the bot's profile cannot be set" in caplog.text)
        is_back.set()
        await reached(lambda: telegram.is_complete)


async def test_an_operators_own_profile_is_left_alone() -> None:
    telegram = FakeTelegram()
    await profile.keep_set(telegram, Settings(profile="keep"), asyncio.Event(), AT_ONCE)  # type: ignore[arg-type]
    assert telegram.calls == []


async def test_operators_have_a_menu_of_their_own_in_their_chats() -> None:
    telegram = FakeTelegram()
    settings = Settings(admin_chats=frozenset({7, -1001}))
    await kept(telegram, lambda: telegram.is_complete and len(telegram.menus) == 5 * len(CODES), settings)
    private, group = telegram.menus[Scope("chat", 7), ""], telegram.menus[Scope("chat", -1001), ""]
    assert list(private) == [*profile.IN_PRIVATE, *OPERATOR_COMMANDS]
    assert list(group) == [*profile.IN_GROUPS, *OPERATOR_COMMANDS]


def test_the_menus_offer_every_command_that_the_bot_knows_and_no_other() -> None:
    assert {*profile.IN_PRIVATE, *profile.IN_GROUPS} == set(COMMANDS)
    assert set(_ANSWERS) >= set(COMMANDS) - {"what", "cancel"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_are_as_telegram_allows(language: str) -> None:
    assert re.fullmatch("[a-z]{2}", language)
    assert 0 < len(say(profile.ABOUT[About.DESCRIPTION], language)) <= 512
    assert 0 < len(say(profile.ABOUT[About.SHORT_DESCRIPTION], language)) <= 120
    said = {name: say(text, language) for name, text in COMMANDS.items()}
    for name, text in {**said, **OPERATOR_COMMANDS}.items():
        assert re.fullmatch("[a-z0-9_]{1,32}", name)
        assert 1 <= len(text) <= 256
