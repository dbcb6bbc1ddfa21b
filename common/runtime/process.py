"""A worker as a process: its settings, its log, its name, the signals that stop it."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
from collections.abc import Callable
from typing import NoReturn

import uvloop

from common import logs, settings
from common.channels import fitness
from common.channels.channels import Channels
from common.errors import SettingsError
from common.runtime.loop import Runtime
from common.runtime.worker import TakenT, Worker
from common.settings import Settings
from common.supervision import heartbeat, identity, parent

_log = logging.getLogger(__name__)


def run(worker_type: type[Worker[TakenT]], make_runtime: Callable[..., Runtime[TakenT]] = Runtime) -> NoReturn:
    """Run a worker until a signal stops it (SIGTERM, SIGINT). Exits 0 after a stop, 1 when it cannot go on.

    SIGUSR1 makes it write each thread's stack to its log, even when the event loop hangs.

    Args:
        worker_type: The worker's class.
        make_runtime: Makes its runtime from the worker, its channels and its name; tests pass another one.
    """
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # names of files and functions: nothing to keep secret
    try:
        config = settings.load()
        logs.set_up(config)
        parent.end_with_supervisor()
        with (
            identity.only_one(config, worker_type.channel) as name,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_main(worker_type, config, name, make_runtime))
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    raise SystemExit(0)


async def _main(
    worker_type: type[Worker[TakenT]], config: Settings, name: str, make_runtime: Callable[..., Runtime[TakenT]]
) -> None:
    try:
        await _serve(worker_type(config), config, name, make_runtime)
        status = 0
    except SettingsError:
        raise
    except Exception:  # any error goes through the log, which hides secrets
        _log.critical("%s ends by an error that it cannot go on from", worker_type.channel, exc_info=True)
        status = 1
    # At once: Python would wait for its threads, and one that hangs may be the reason. The lock ends with the process.
    logging.shutdown()
    os._exit(status)


async def _serve(
    worker: Worker[TakenT], config: Settings, name: str, make_runtime: Callable[..., Runtime[TakenT]]
) -> None:
    channels = Channels(config)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    file = heartbeat.heartbeat_file(config, identity.process_name(worker.channel))
    beat = asyncio.create_task(heartbeat.beat(file))
    try:
        ready = asyncio.create_task(_get_ready(worker, channels))
        if await _until(ready, stopped):
            _log.info("%s is ready, as %s", worker.channel, name)
            await _work(make_runtime(worker, channels, name), stopped, config, worker.channel)
        else:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
    finally:
        beat.cancel()
        await worker.close()
        await channels.close()
    _log.info("%s has stopped", worker.channel)


async def _get_ready(worker: Worker[TakenT], channels: Channels) -> None:
    await fitness.wait_until_fit(channels.redis)
    await worker.open(channels)


async def _work(runtime: Runtime[TakenT], stopped: asyncio.Event, config: Settings, channel: str) -> None:
    work = asyncio.create_task(runtime.run())
    if not await _until(work, stopped):
        _log.info("stopping: taking no more, finishing what is in flight")
        identity.say_stopping(config, channel)
        runtime.stop()
        await work


async def _until(task: asyncio.Task[None], stopped: asyncio.Event) -> bool:
    """Wait for the task, or for the signal to stop. Returns whether the task is done."""
    signalled = asyncio.create_task(stopped.wait())
    await asyncio.wait([task, signalled], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await signalled
    if not task.done():
        return False
    await task
    return True
