"""Deletes each file right after its last use, and each minute sweeps up what a crash left behind.

in:   DeleteFiles
out:  nothing; but a job whose message is nowhere starts again from its first one, or ends with an apology
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from redis.exceptions import RedisError

from common import jobs
from common.channels import Channels
from common.messages import DeleteFiles
from common.process import run
from common.settings import Settings
from common.store import Store
from common.worker import Worker

SWEEP_EVERY_S: Final = 60.0
CONSUMER_GONE_MS: Final = 24 * 3600 * 1000

_log = logging.getLogger(__name__)


class GarbageCollect(Worker[DeleteFiles]):
    """Where files end."""

    channel = "garbage_collect"
    concurrency = 8

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        super().__init__(settings)
        self.store = store or Store(settings.files_dir)

    async def handle(self, message: DeleteFiles) -> None:
        """Delete the files."""
        for key in message.keys:
            await asyncio.to_thread(self.store.delete, key)

    async def background(self, channels: Channels) -> None:
        """Sweep, now and then each minute."""
        while True:
            try:
                await self.sweep(channels, time.time())
            except (RedisError, OSError) as error:
                _log.warning("this minute's sweep was cut short: %s", error)
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self, channels: Channels, now: float) -> None:
        """Delete files without a job, bring back jobs without a message, forget what is long past.

        Args:
            channels: Where the jobs are.
            now: The time, in Unix seconds.
        """
        await self._sweep_files(channels)
        async for batch in channels.jobs():
            for job in await channels.lost(batch):
                if call := await jobs.restart(channels, job):
                    await channels.run(call)
        await channels.expire_dead_letters(round(now * 1000))
        for name in await channels.drop_consumers(CONSUMER_GONE_MS):
            _log.info("consumer %s has been gone for a day and is forgotten", name)

    async def _sweep_files(self, channels: Channels) -> None:
        """Lists files first and asks for their jobs then: a file whose job begins in between is not in the list."""
        files = await asyncio.to_thread(lambda: [name for name, _ in self.store.files()])
        owners = {name: name.partition(".")[0] for name in files}
        live = await channels.live(sorted(set(owners.values())))
        left = [name for name, job in owners.items() if job not in live]
        for name in left:
            await asyncio.to_thread(self.store.delete, name)
        if left:
            _log.info("swept %d files that no job needs", len(left))


if __name__ == "__main__":
    run(GarbageCollect)
