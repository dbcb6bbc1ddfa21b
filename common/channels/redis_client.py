"""Connecting to Redis, and whether the server there is fit to keep messages."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.errors import WhatsitError
from common.settings import Settings

OLDEST_VERSION = (6, 2)
_COMMAND_TIMEOUT_S: Final = 5.0
_LOOK_AGAIN_S: Final = 0.5

_log = logging.getLogger(__name__)


class UnfitServerError(WhatsitError):
    """The server would lose messages, or lacks a command that we need."""


def connect(settings: Settings) -> Redis:
    """A client for the server of ``settings``; connects when first used.

    Redis-py repeats a command whose reply was lost. Three times at most here: then whoever called decides, and
    says so in the log. All our scripts may be repeated.
    """
    url = settings.redis_url or f"unix://{settings.redis_socket}"
    redis = Redis.from_url(
        url,
        protocol=2,
        socket_timeout=_COMMAND_TIMEOUT_S,
        socket_connect_timeout=_COMMAND_TIMEOUT_S,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=3),
        # Off: redis-py pings within connecting, and connects within pinging, so that a server which hangs, or wants
        # another password, is tried without end.
        health_check_interval=0,
        # Off: four commands for each new connection that tell the server our library's version.
        driver_info=None,
    )
    pool = redis.connection_pool
    pool.connection_class = type("Connection", (_Connection, pool.connection_class), {})
    return redis


class _Connection:
    """What is ours in a connection to Redis."""

    socket_timeout: float | None

    def pack_commands(self, commands: Iterable[Sequence[Any]]) -> list[bytes]:
        """Commands as Redis reads them: texts, bytes and numbers.

        Packed in C: redis-py's own way copies a command once for each of its arguments, and ours have thirty. Of all
        that a worker with an empty handler has to do, that was a quarter. (redis-py's synchronous client does so by
        itself where hiredis is installed.)
        """
        # "XINFO GROUPS" is two words to Redis.
        return [b"".join(hiredis.pack_command((*name.split(), *arguments)) for name, *arguments in commands)]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send packed commands.

        Raises:
            redis.ConnectionError, redis.TimeoutError: They were perhaps not sent.
        """
        # Taken out of redis-py's hands, for it uses asyncio.wait_for: that makes a task for each time, and before
        # Python 3.12 it forgets a cancellation that comes in the moment when the task ends.
        limit_s, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit_s):
                await super().send_packed_command(command, check_health)  # type: ignore[misc]
        except TimeoutError:
            msg = f"Redis was not reached, or took no command, within {limit_s:g} s"
            raise RedisTimeoutError(msg) from None
        except RuntimeError as error:  # uvloop's word for a connection that was reset while nothing was asked
            raise RedisConnectionError(str(error)) from error
        finally:
            self.socket_timeout = limit_s


async def connection(redis: Redis) -> AbstractConnection:
    """One of the client's connections, until it is released to its pool.

    Raises:
        redis.RedisError: Redis is away.
    """
    found: AbstractConnection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    return found


async def check(redis: Redis) -> list[str]:
    """Make sure that the server keeps what it is given.

    Returns:
        Warnings for the operator: what works, and could be better.

    Raises:
        UnfitServerError: The server is too old, or evicts keys when its memory is full.
        redis.RedisError: It does not answer.
    """
    info = await redis.info()
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_VERSION:
        msg = f"Redis {version} is too old: Whatsit needs 6.2 or newer"
        raise UnfitServerError(msg)
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        msg = f"Redis evicts keys when its memory is full (maxmemory-policy {policy}): set it to noeviction"
        raise UnfitServerError(msg)
    if not info.get("aof_enabled"):
        return ["Redis runs without append-only file: what waits in it is lost when it dies (set appendonly yes)"]
    return []


async def wait_until_fit(redis: Redis) -> None:
    """Return when there is a server that keeps what it is given; say once what is missing until then."""
    said = ""
    while True:
        try:
            for warning in await check(redis):
                _log.warning("%s", warning)
        except (RedisError, UnfitServerError) as error:
            problem = f"waiting for Redis: {error}"
            if problem != said:
                _log.warning("%s", problem)
                said = problem
            await asyncio.sleep(_LOOK_AGAIN_S)
        else:
            return
