"""Lists of commands: https://core.telegram.org/bots/api#determining-list-of-commands."""

from __future__ import annotations

import pytest

from playground.chat import Chat
from playground.commands import Commands, Scope, checked
from playground.errors import ApiError
from playground.json_types import Json

OWNER = 1001
PRIVATE = [Scope("chat", 5), Scope("all_private_chats")]
GROUP = [
    Scope("chat_member", -5, OWNER),
    Scope("chat_administrators", -5),
    Scope("chat", -5),
    Scope("all_chat_administrators"),
    Scope("all_group_chats"),
]


def one(name: str) -> list[Json]:
    return [{"command": name, "description": "?"}]


@pytest.mark.parametrize(("chat", "scopes"), [(Chat(5), PRIVATE), (Chat(-5), GROUP)], ids=["private", "group"])
def test_a_menu_has_the_list_of_the_narrowest_scope_and_there_english_first(chat: Chat, scopes: list[Scope]) -> None:
    commands = Commands(OWNER)
    assert commands.only_for(chat) is None
    for scope in reversed(scopes):
        for language in ("", "en"):
            commands.set(scope, language, one(language or "any"))
            commands.set(scope, "de", one("de"))
            assert commands.only_for(chat) == one(language or "any"), scope
    for scope in scopes:
        assert commands.only_for(chat) == one("en")
        for language in ("en", ""):
            commands.set(scope, language, [])
    assert commands.only_for(chat) is None


def test_other_chats_have_the_list_for_everywhere() -> None:
    commands = Commands(OWNER)
    commands.set(Scope("chat", 6), "", one("six"))
    commands.set(Scope("all_group_chats"), "", one("groups"))
    commands.set(Scope(), "", one("help"))
    assert commands.only_for(Chat(5)) is None
    assert commands.everywhere == one("help")
    commands.set(Scope(), "en", one("english"))
    assert commands.everywhere == one("english")
    assert commands.get(Scope(), "") == one("help")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("help", "expected an Array of BotCommand"),
        (["help"], "can't parse BotCommand"),
        ([{"command": "help"}], "can't parse BotCommand"),
        ([{"command": "Help", "description": "?"}], "BOT_COMMAND_INVALID"),
        ([{"command": "x" * 33, "description": "?"}], "BOT_COMMAND_INVALID"),
        ([{"command": "", "description": "?"}], "BOT_COMMAND_INVALID"),
        ([{"command": "help", "description": ""}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": "help", "description": "x" * 257}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": f"c{number}", "description": "?"} for number in range(101)], "too many bot commands"),
    ],
)
def test_commands_that_telegram_refuses_are_refused(given: object, words: str) -> None:
    with pytest.raises(ApiError, match=words):
        checked(given)


def test_a_command_may_be_named_with_its_slash() -> None:
    assert checked([{"command": "/help", "description": "x" * 256}])[0]["command"] == "help"
