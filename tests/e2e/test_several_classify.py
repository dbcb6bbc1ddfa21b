"""The whole bot with CLASSIFY_PROCESSES=2."""

from __future__ import annotations

import contextlib

import pytest

from tests.support import photos
from tests.support.bot_api import User
from tests.support.running_bot import START_S, Bot
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)

CHATS = 10
PHOTOS_EACH = 6


@pytest.fixture(scope="module")
def bot_settings() -> dict[str, str]:
    return {"CLASSIFY_PROCESSES": "2"}


def handled(bot: Bot) -> int:
    with bot.redis() as client:
        return int(client.hget("{whatsit}:counts", "classify handled") or 0)


def is_answered(user: User) -> bool:
    """Whether the album's answer has a line for each photo."""
    return any("…" not in said["text"] and said["text"].count("\n") == PHOTOS_EACH - 1 for said in user.answers())


def test_they_share_the_pictures_that_wait_and_each_is_classified_once(bot: Bot) -> None:
    before = handled(bot)
    with contextlib.ExitStack() as stack:
        users = [stack.enter_context(bot.user(1000 + chat)) for chat in range(CHATS)]
        for user in users:
            user.send_album([photos.jpeg("chelsea")] * PHOTOS_EACH)
        wait_until(lambda: all(map(is_answered, users)), 60, "all lines")
        bot.wait_until_idle()
        assert [len(user.answers()) for user in users] == [1] * CHATS
    assert handled(bot) - before == CHATS * PHOTOS_EACH
    with bot.redis() as client:
        consumers = sorted(
            row["name"].rpartition("-")[2] for row in client.xinfo_consumers("{whatsit}:classify", "workers")
        )
    assert consumers == ["classify_1", "classify_2"]


@pytest.mark.parametrize(("stopped", "other"), [("classify_1", "classify_2"), ("classify_2", "classify_1")])
def test_each_works_alone_while_the_other_is_stopped(bot: Bot, stopped: str, other: str) -> None:
    bot.ctl("stop", f"classify:{stopped}")
    # It is RUNNING only after startsecs, by which time it may have answered all of the above.
    wait_until(lambda: "RUNNING" in bot.ctl("status", f"classify:{other}"), START_S, "the other one")
    with bot.user(2000 + int(stopped[-1])) as user:
        user.send_photo(photos.jpeg("coffee"))
        assert "espresso" in user.wait_for_answers(1)[0]["text"]
    bot.ctl("start", f"classify:{stopped}")


def test_if_one_is_killed_at_work_nothing_is_lost_and_the_other_goes_on(bot: Bot) -> None:
    with contextlib.ExitStack() as stack:
        users = [stack.enter_context(bot.user(3000 + chat)) for chat in range(CHATS)]
        for user in users:
            user.send_album([photos.jpeg("rocket")] * PHOTOS_EACH)
        wait_until(lambda: bool(users[0].answers()), START_S, "the first answers")
        bot.kill("classify:classify_1")
        wait_until(lambda: all(map(is_answered, users)), 60, "all lines")
        bot.wait_until_idle()
        assert [len(user.answers()) for user in users] == [1] * CHATS
