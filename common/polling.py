"""Polling Telegram for updates, so that none is lost: each is confirmed only once it is stored.

The loop reads nothing in an update but its id. Reading it is a message's own business, so that one which breaks us
stops no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import RedisError

from common.channels import Channels
from common.errors import Outage, TelegramRefused
from common.messages import AcceptUpdate
from common.patience import Patience
from common.telegram import Telegram
from common.updates import job_of
from common.words import COMMANDS

POLL_S: Final = 25
SHORTEST_POLL_S: Final = 1.0
SEEN_MS: Final = 48 * 3600 * 1000  # Telegram keeps an unconfirmed update for 24 hours


async def poll(telegram: Telegram, channels: Channels, bot_id: str) -> None:
    """Store updates as they come, for ever. A batch is confirmed, by the next offset, once all of it is stored."""
    offset, patience = 0, Patience()
    commands_offered = False
    while True:
        began = time.monotonic()
        try:
            if not commands_offered:
                await _offer_commands(telegram)
                commands_offered = True
            updates = await telegram.get_updates(offset, POLL_S)
            await _store(channels, updates, bot_id)
        except (Outage, TelegramRefused, RedisError) as error:
            commands_offered = False  # a playground that was started anew knows none
            await patience.wait(error)
            continue
        patience.over()
        offset = max((update["update_id"] + 1 for update in updates), default=offset)
        if not updates:  # at once, from a server that does not know how to wait
            await asyncio.sleep(began + SHORTEST_POLL_S - time.monotonic())


async def _store(channels: Channels, updates: Sequence[dict[str, Any]], bot_id: str) -> None:
    """Put updates on receive's channel, each once: a marker remembers it for two days.

    Never a high-water mark: after a quiet week Telegram's ids may begin anywhere (core.telegram.org/bots/api#update).
    """
    now = time.time()
    messages = [AcceptUpdate(job=job_of(update, bot_id, now), update=update) for update in updates]
    await channels.publish([(message, message.job.id) for message in messages], SEEN_MS)


async def _offer_commands(telegram: Telegram) -> None:
    """Set the menu of commands. A server that knows none can do without."""
    with contextlib.suppress(TelegramRefused):
        await telegram.set_commands(COMMANDS)
