"""A worker as a process: its settings, its log, its name, the signals that stop it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import Final

from redis.asyncio import Redis

from common import identity, logs, redis_server, settings
from common.channels import Channels
from common.errors import SettingsError
from common.settings import Settings
from common.worker import Runtime, TakenT, Worker

HEARTBEAT_S: Final = 2.0

_log = logging.getLogger(__name__)


def run(worker_type: type[Worker[TakenT]]) -> None:
    """Run a worker until it is told to stop (SIGTERM, SIGINT). Exits 0 after a stop."""
    try:
        config = settings.load()
        logs.set_up(config)
        identity.end_with_supervisor()
        with identity.only_one(config, worker_type.channel) as name:
            asyncio.run(_serve(worker_type(config), config, name))
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    except Exception:  # whatever it is, it goes through the log, which hides secrets
        _log.critical("%s ends by an error that it did not expect", worker_type.channel, exc_info=True)
        raise SystemExit(1) from None


async def _serve(worker: Worker[TakenT], config: Settings, name: str) -> None:
    redis = redis_server.connect(config)
    channels = Channels(redis, config.namespace)
    runtime = Runtime(worker, channels, name)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    beat = asyncio.create_task(identity.beat(config, worker.channel, HEARTBEAT_S))
    try:
        ready = asyncio.create_task(_get_ready(worker, redis))
        await _until(ready, stopped)
        if not stopped.is_set():
            _log.info("%s is ready, as %s", worker.channel, name)
            work = asyncio.create_task(runtime.run())
            if not await _until(work, stopped, cancel=False):
                _log.info("%s stops: it takes no more and finishes what it has", worker.channel)
                runtime.stop()
                await work
    finally:
        beat.cancel()
        await worker.close()
        await channels.close()
    _log.info("%s has stopped", worker.channel)


async def _get_ready(worker: Worker[TakenT], redis: Redis) -> None:
    await redis_server.wait_until_fit(redis)
    await worker.open()


async def _until(task: asyncio.Task[None], stopped: asyncio.Event, *, cancel: bool = True) -> bool:
    """Wait for the task, or for the signal to stop. Returns whether the task is done."""
    signalled = asyncio.create_task(stopped.wait())
    await asyncio.wait([task, signalled], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if task.done():
        await task
        return True
    if cancel:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return False
