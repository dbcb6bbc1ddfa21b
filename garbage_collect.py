"""Deletes each file right after its last use, and each minute sweeps up what a crash left behind.

in:   DeleteFiles
out:  nothing; but a job whose message is lost starts again from its first message, or ends with an apology
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.exceptions import RedisError

from common.channels.channels import Channels
from common.errors import Outage
from common.messages import DeleteFiles
from common.runtime import restarts
from common.runtime.process import run
from common.runtime.worker import Worker
from common.settings import Settings
from common.store import Store

SWEEP_EVERY_S: Final = 60.0
CONSUMER_GONE_MS: Final = 24 * 3600 * 1000

_log = logging.getLogger(__name__)


class GarbageCollectWorker(Worker[DeleteFiles]):
    """Deletes files, and repairs what crashes left."""

    channel = "garbage_collect"
    batch_size = 64
    gather_s = 0.05  # no user waits for a deletion

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        super().__init__(settings)
        self.store = store or Store(settings.files_dir)

    async def handle_batch(self, messages: Sequence[DeleteFiles]) -> Sequence[Exception | None]:
        """Delete the files."""
        return await asyncio.to_thread(lambda: [self._delete(message.keys) for message in messages])

    def _delete(self, keys: Sequence[str]) -> Exception | None:
        try:
            for key in keys:
                self.store.delete(key)
        except Exception as error:  # whatever it is, the other messages' files are still deleted
            return error
        return None

    async def background(self, channels: Channels) -> None:
        """Sweep at once, and then every minute."""
        while True:
            await self.sweep(channels, time.time())
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self, channels: Channels, now: float) -> None:
        """Restart jobs without a message, drop what has expired, delete files without a job.

        A step that fails does not stop the others.

        Args:
            channels: Where the jobs are.
            now: The time, in Unix seconds.
        """
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "jobs": lambda: self._sweep_jobs(channels),
            "dead letters": lambda: channels.dead_letters.expire(round(now * 1000)),
            "consumers": lambda: self._sweep_consumers(channels),
            "slots": lambda: self._sweep_slots(channels),
            "strays": channels.repair.drop_strays,
            "files": lambda: self._sweep_files(channels),
        }
        for what, step in steps.items():
            try:
                await step()
            except (RedisError, Outage) as error:
                _log.warning("the %s could not be swept this minute: %s", what, error)
            except Exception:  # the sweeper repairs everything else, so it must outlive every error
                _log.exception("the %s could not be swept this minute", what)

    async def _sweep_jobs(self, channels: Channels) -> None:
        async for batch in channels.ledger.jobs():
            for job in await channels.ledger.lost(batch):
                await channels.scripts.run(await restarts.restart(channels, job))

    async def _sweep_slots(self, channels: Channels) -> None:
        if freed := await channels.repair.free_slots():
            _log.warning("freed %d slots of jobs that have ended", freed)

    async def _sweep_consumers(self, channels: Channels) -> None:
        for name in await channels.repair.drop_consumers(CONSUMER_GONE_MS):
            _log.info("consumer %s has been absent for a day: dropped", name)

    async def _sweep_files(self, channels: Channels) -> None:
        """List the files first and look up their jobs afterwards: a file of a newer job is not in the list."""
        owners = {name: name.partition(".")[0] for name, _ in await asyncio.to_thread(self._files)}
        live = await channels.ledger.live(sorted(set(owners.values())))
        left = [name for name, job in owners.items() if job not in live]
        for name in left:
            await asyncio.to_thread(self.store.delete, name)
        if left:
            _log.info("swept %d files that no job needs", len(left))

    def _files(self) -> list[tuple[str, float]]:
        return list(self.store.files())


if __name__ == "__main__":
    run(GarbageCollectWorker)
