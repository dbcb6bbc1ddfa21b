"""Polls Telegram for updates and loses no update: each is confirmed only once it is stored.

The loop reads only an update's id. The handler of its message reads the rest later, so that an unreadable update does
not stop the others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import RedisError

from common.backoff import Backoff
from common.channels.channels import Channels, Once
from common.errors import Deferred, Outage, TelegramRefused
from common.messages import AcceptUpdate
from common.problem import Problem
from common.telegram.client import Telegram
from common.telegram.jobs import job_of
from common.telegram.limits import LIMITS, TelegramLimits

POLL_S: Final = 25
SHORTEST_POLL_S: Final = 1.0
LOOK_AGAIN_S: Final = 1.0
UPDATES_PER_SET: Final = 500  # by default, Redis keeps sets of up to 512 integers packed
SEEN_MS: Final = 48 * 3600 * 1000  # Telegram keeps an unconfirmed update for 24 hours

_log = logging.getLogger(__name__)


async def poll(
    telegram: Telegram,
    channels: Channels,
    bot_id: str,
    limits: TelegramLimits = LIMITS,
    is_back: Callable[[], None] = lambda: None,
) -> None:
    """Store updates as they come, for ever. The next poll's offset confirms a batch, once all of it is stored.

    ``is_back`` is called when polling works again after it failed. A poll that is cut short counts as failed: a server
    that is stopped answers those who wait, and another one may be there before the next poll.
    """
    offset, backoff = 0, Backoff(back_off_s=limits.back_off_s)
    failed = False
    while True:
        began = time.monotonic()
        try:
            await _until_there_is_room(channels)
            # After a failure without a wait, so that it shows at once whether polling works again.
            timeout_s = 0 if failed else POLL_S
            updates = await telegram.get_updates(offset, timeout_s)
            await _store(channels, updates, bot_id)
        except (Deferred, Outage, TelegramRefused, RedisError) as error:
            failed = True
            await backoff.wait(error)
            continue
        is_cut_short = not updates and time.monotonic() - began < timeout_s - SHORTEST_POLL_S
        if failed or is_cut_short:
            failed = False
            is_back()
        backoff.over()
        offset = max((update["update_id"] + 1 for update in updates), default=offset)
        # A server that does not wait sends an empty answer at once.
        await asyncio.sleep(limits.gather_s if updates else began + SHORTEST_POLL_S - time.monotonic())


async def _store(channels: Channels, updates: Sequence[dict[str, Any]], bot_id: str) -> None:
    """Put updates on receive's channel, each once: a marker remembers it for two days.

    The highest id is not enough: after a quiet week, ids may begin anywhere (core.telegram.org/bots/api#update).
    """
    now = time.time()
    messages = [AcceptUpdate(job=job_of(update, bot_id, now), update=update) for update in updates]
    await channels.publish([(message, _once(bot_id, message.update["update_id"])) for message in messages])


def _once(bot_id: str, update_id: int) -> Once:
    return Once(f"{bot_id}:{update_id // UPDATES_PER_SET}", str(update_id), SEEN_MS)


async def _until_there_is_room(channels: Channels) -> None:
    """Wait while Redis holds as many messages as it may. Telegram keeps what is not confirmed for a day."""
    problem = Problem(_log, over="taking updates again")
    while await channels.length() >= channels.limits.in_all:
        problem.report(f"taking no updates: {channels.limits.in_all} messages or more wait in the channels (BACKLOG)")
        await asyncio.sleep(LOOK_AGAIN_S)
    problem.clear()
