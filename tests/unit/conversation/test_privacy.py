"""/privacy is true to the word: all that is kept is in its list, and in README.md, and times come from the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from common.channels import keys
from common.channels.keys import Keys
from common.conversation.bot import Asking, Bot
from common.conversation.privacy import privacy
from common.settings import ROOT, Settings
from common.telegram.sending import MAX_TEXT_LENGTH
from common.telegram.updates import Command
from tests.support.raw_messages import ME, said

README: Final = (ROOT / "README.md").read_text("utf-8")
TABLE: Final = README.partition("## What is stored, and for how long")[2].partition("\n## ")[0]

MESSAGE: Final = ("your message as Telegram sent it, with your name, and my answer", "the message as Telegram sent it")
COUNTED: Final = ("how many messages I handle, and how fast", "how many messages were handled")
FOUND: Final = ("what I saw in a picture, as numbers", "what the model found in a picture, as numbers")
SETTINGS: Final = ("the settings of this chat: 180 days after", "180 days after the chat's last message")
ALBUM: Final = ("of an album, the numbers of its messages and senders", "album")

KINDS: Final = {
    "<channel>": MESSAGE,
    "<channel>:begun": MESSAGE,
    "<channel>:delayed": MESSAGE,
    "<channel>:parked": MESSAGE,
    "jobs": MESSAGE,
    "jobs:at": MESSAGE,
    "jobs:chat": MESSAGE,
    "turns": MESSAGE,
    "waiting": MESSAGE,
    "pace": COUNTED,
    "counts": COUNTED,
    "users:<minute>": ("how many messages you sent: 2 minutes", "how many messages each person sent in this minute"),
    "told": ("that you sent too much: a minute", "which chat or person was told that they send too much"),
    "seen:<what>": ("the numbers of messages", "the numbers of the updates that were seen"),
    "album:<chat>:<id>": ALBUM,
    "albums:<chat>": ALBUM,
    "chat:<chat>": SETTINGS,
    "hints:<chat>": ("which hints I gave here: an hour", "what the bot told a chat lately"),
    "pressed:<query>": (
        "presses and each /cancel: 2 days",
        "the numbers of presses of buttons, and of each `/cancel`",
    ),
    "judged:<chat>:<id>": (
        "that you said whether an answer was right: 2 days",
        "that somebody said whether an answer was right",
    ),
    "verdicts": ("how often an answer was right or wrong, as numbers", "how often answers were right"),
    "places": ("which of my processes shows who is next", "which of the bot's processes shows people"),
    "blocked": ("whom my operator has blocked: until they lift it", "who are blocked"),
    "answers": FOUND,
    "answers:at": FOUND,
    "dead": ("if it fails, 7 days, with the error", "dead letters | 7 days"),
}
"""For each kind of key, by its name in ``keys.py``: how /privacy names it, and how README.md does."""

FILES: Final = (
    ("your picture, or the one behind your link: until I have looked at it", "the picture, also one behind a link"),
    ("my answer to a link, if it has to wait", "An answer about a link that must not come\ntoo soon waits"),
    ("a log of numbers, times, and links that led to no picture", "log lines: numbers of messages, times"),
    ("The database’s own file on the disk holds older entries", "append-only file in `DATA_DIR/redis`"),
)


async def text(chat_type: str = "private", **settings: Any) -> str:
    nothing: Any = None
    bot = Bot(Settings(**settings), nothing, nothing, ME)
    return (await privacy(bot, Asking(said(chat_type), "1-10", "7"), Command("privacy"))).text


def schema() -> set[str]:
    """The kinds of keys in the docstring of ``keys.py``."""
    return set(re.findall(r"^    \{whatsit\}:(\S+) ", keys.__doc__ or "", re.M))


def test_every_kind_of_key_is_known_here() -> None:
    assert schema() == set(KINDS)


def named(made: Keys) -> Iterator[str]:
    """Every key that the code can name, with 7 or "x" for what varies."""
    yield from (value for name, value in vars(made).items() if isinstance(value, str) and name != "_prefix")
    yield from (*made.streams, *made.delayed_sets, *made.ledger, *made.answers)
    for name, method in inspect.getmembers(made, inspect.ismethod):
        if name not in {"__init__", "key"}:
            yield method(*(7 if name == "users" else "x" for _ in inspect.signature(method).parameters))


def test_every_key_that_the_code_can_name_is_of_a_kind_in_the_schema() -> None:
    kinds = [re.compile(re.sub("<[^>]*>", "[^:]+", kind)) for kind in schema()]
    names = [name.removeprefix("{n}:") for name in named(Keys("n"))]
    assert [name for name in names if not any(kind.fullmatch(name) for kind in kinds)] == []
    assert len(names) > 30


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_every_kind_of_key_is_in_the_answer_and_in_the_readme(kind: str) -> None:
    to_users, to_operators = KINDS[kind]
    assert to_users in await text()
    assert to_operators in TABLE


@pytest.mark.parametrize(("to_users", "to_operators"), FILES)
async def test_every_kind_of_file_is_in_the_answer_and_in_the_readme(to_users: str, to_operators: str) -> None:
    assert to_users in await text()
    assert to_operators in TABLE


async def test_the_times_are_those_of_the_code_and_of_the_settings() -> None:
    script = (ROOT / "common/channels/lua/hand_off.lua").read_text("utf-8")
    assert "TOLD_AGAIN_AFTER_MS, KEPT_MS = 60000, 120000" in script, "a minute and 2 minutes"
    assert "without picture and name: 3 days\n" in await text(cache_ttl_s=3 * 86400)
    assert "without picture and name: an hour\n" in await text(cache_ttl_s=3600)


async def test_where_no_answers_are_kept_people_are_not_told_so() -> None:
    assert "what I saw in a picture, as numbers" not in await text(cache_max=0)


async def test_people_learn_how_to_reach_the_operator_or_that_they_have_not_said() -> None:
    contact = "https://example.org/bot; me@example.org"
    assert "My operator can be reached at https://example.org/bot or me@example.org." in await text(contact=contact)
    assert "My operator has not said how to reach them." in await text()


async def test_people_learn_how_to_have_it_forgotten_with_the_bot_s_name_in_a_group() -> None:
    assert "To have it forgotten: /settings, then Forget this chat." in await text()
    assert "To have it forgotten: /settings@whatsit_bot, then Forget this chat." in await text("supergroup")


async def test_a_guest_learns_that_their_own_chat_with_the_bot_is_where_it_is_forgotten() -> None:
    nothing: Any = None
    asking = Asking(msgspec.structs.replace(said("supergroup"), guest_query="q"), "1-10", "g7")
    answer = await privacy(Bot(Settings(), nothing, nothing, ME), asking, Command("privacy"))
    assert "To have it forgotten: /settings in a private chat with me, then Forget this chat." in answer.text


async def test_the_answer_can_be_sent_and_is_read_on_a_phone() -> None:
    longest = await text("supergroup", contact="; ".join(["https://example.org/" + 60 * "a"] * 2))
    assert len(longest) < 2_000 < MAX_TEXT_LENGTH
