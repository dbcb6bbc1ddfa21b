"""Workers that hang in the whole bot: they are killed and started again, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.support import photos
from tests.support.running_bot import Bot
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(150)

# 30 s of silence, and up to two ticks of 5 s: one until the last sign of life is seen, one until it is too long ago.
MISSED_WITHIN_S = 45.0
START_S = 20.0


def pid(bot: Bot, worker: str) -> int:
    return int(bot.ctl("pid", worker))


def start_one_that_hangs(bot: Bot) -> None:
    """Make ``garbage_collect`` block its event loop as soon as it is ready. The next process does not."""
    path = bot.root / "garbage_collect.py"
    whole = path.read_text()
    hanging = whole.replace("await self.sweep(channels, time.time())", "time.sleep(3600)")
    assert hanging != whole
    path.write_text(hanging)
    bot.ctl("restart", "garbage_collect")
    wait_until(lambda: bot.log("garbage_collect").count("is ready") == 2, START_S, "the one that hangs")
    path.write_text(whole)


def test_workers_that_hang_are_killed_and_started_again_with_the_reason_logged_and_nothing_lost(bot: Bot) -> None:
    start_one_that_hangs(bot)
    os.kill(pid(bot, "file_check"), signal.SIGSTOP)
    before = {worker: pid(bot, worker) for worker in ("file_check", "garbage_collect", "classify")}
    hung = {"file_check": before["file_check"], "garbage_collect": before["garbage_collect"]}
    try:
        with bot.user(3001) as user:
            sent = user.send_photo(photos.jpeg("chelsea"))
            (answer,) = user.wait_for_answers(1, timeout_s=MISSED_WITHIN_S + START_S)
            assert answer["reply_to_message"]["message_id"] == sent["message_id"]
            bot.wait_until_idle()
        wait_until(lambda: not {0, *hung.values()} & {pid(bot, worker) for worker in hung}, START_S, "new processes")
    finally:
        for worker, process in hung.items():
            if pid(bot, worker) == process:
                bot.kill(worker)  # otherwise the bot's stop waits for it for too long

    missed = re.findall(r"(\w+) \(process (\d+)\) hangs, silent for \d+ s", bot.log("watchdog"))
    assert {worker: int(process) for worker, process in missed} == hung
    assert len(missed) == len(hung)
    assert pid(bot, "classify") == before["classify"]
    stacks = bot.log("garbage_collect")
    assert re.search(r"Current thread .*\n  File .*garbage_collect.py\", line \d+ in background\n", stacks), stacks
