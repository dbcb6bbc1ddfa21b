"""The client's methods about the bot itself and about who is an admin, against the playground."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from common.errors import TelegramRefused
from common.settings import Settings
from common.telegram.client import EVERYWHERE, About, Scope, Telegram
from tests.support.bot_api import TOKEN, RunningPlayground

GROUP, OTHER = -7001, 5005


@pytest.fixture
async def telegram(playground: RunningPlayground) -> AsyncIterator[Telegram]:
    client = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url))
    await client.open()
    yield client
    await client.close()


async def test_each_scope_and_language_has_a_menu_of_its_own_in_its_order(telegram: Telegram) -> None:
    menu, others = {"what": "Look", "help": "Help"}, {"help": "Hilfe"}
    await telegram.set_commands(menu, Scope("all_group_chats"))
    await telegram.set_commands(others, Scope("all_group_chats"), "de")
    assert list((await telegram.commands(Scope("all_group_chats"))).items()) == list(menu.items())
    assert await telegram.commands(Scope("all_group_chats"), "de") == others
    assert await telegram.commands(Scope("all_private_chats")) == {}


async def test_a_menu_of_a_chat_that_telegram_does_not_know_is_refused(telegram: Telegram) -> None:
    with pytest.raises(TelegramRefused, match=r"(?i)chat not found"):
        await telegram.set_commands({"help": "Help"}, Scope("chat", -99999))


async def test_the_texts_about_the_bot_are_set_by_language(telegram: Telegram) -> None:
    await telegram.set_about(About.DESCRIPTION, "Send me\n\na photo ’ “ ”")
    await telegram.set_about(About.SHORT_DESCRIPTION, "kurz", "de")
    assert await telegram.about(About.DESCRIPTION) == "Send me\n\na photo ’ “ ”"
    assert await telegram.about(About.DESCRIPTION, "de") == ""
    assert await telegram.about(About.SHORT_DESCRIPTION, "de") == "kurz"


async def test_the_menu_for_everywhere_is_what_a_server_without_scopes_has(telegram: Telegram) -> None:
    await telegram.set_commands({"help": "Help"}, EVERYWHERE)
    assert await telegram.commands() == {"help": "Help"}


async def test_who_is_an_admin_of_a_group(telegram: Telegram, playground: RunningPlayground) -> None:
    with playground.user(GROUP) as group:
        group.history()
        sent = group.send_text("hello")
        assert await telegram.is_admin(GROUP, sent["from"]["id"]), "its creator"
        assert not await telegram.is_admin(GROUP, OTHER)
        group.set_chat(admin={str(OTHER): True})
        assert await telegram.is_admin(GROUP, OTHER)
    with pytest.raises(TelegramRefused):
        await telegram.is_admin(-99999, OTHER)
