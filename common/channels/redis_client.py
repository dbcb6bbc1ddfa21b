"""Connects to Redis, with time limits."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.settings import Settings


@dataclasses.dataclass(frozen=True)
class RedisLimits:
    """How long Redis may take.

    Attributes:
        command_s: For one try of a command, and for connecting.
        answer_s: For a command with all its repetitions. A server that hangs counts as one that is away.
        longest_break_s: Workers send commands at least once a second. If no answer came for so long, the server was
            away, or this process was.
    """

    command_s: float = 5.0
    answer_s: float = 8.0
    longest_break_s: float = 5.0


def connect(settings: Settings, limits: RedisLimits | None = None) -> Redis:
    """A client for the server of ``settings``; connects when first used.

    Redis-py repeats a command whose reply was lost, here three times at most. Then the caller decides, and logs it.
    All our scripts may be repeated.
    """
    limits = limits or RedisLimits()
    url = settings.redis_url or f"unix://{settings.redis_socket}"
    redis = Redis.from_url(
        url,
        protocol=2,
        socket_timeout=limits.command_s,
        socket_connect_timeout=limits.command_s,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=3),
        # Off: redis-py pings within connecting, and connects within pinging, so with a server that hangs, or wants
        # another password, it tries without end.
        health_check_interval=0,
        # Off: four commands for each new connection that tell the server the version of redis-py.
        driver_info=None,
    )
    pool = redis.connection_pool
    pool.connection_class = type("Connection", (_Connection, pool.connection_class), {})
    return redis


class _Connection:
    """Our changes to redis-py's connection."""

    socket_timeout: float | None

    def pack_commands(self, commands: Iterable[Sequence[Any]]) -> list[bytes]:
        """Commands as Redis reads them: texts, bytes and numbers.

        Packed in C: redis-py copies a command once for each of its arguments, and ours have thirty. That was a quarter
        of the work of a worker with an empty handler. (redis-py's synchronous client packs in C by itself where hiredis
        is installed.)
        """
        # "XINFO GROUPS" is two words to Redis.
        return [b"".join(hiredis.pack_command((*name.split(), *arguments)) for name, *arguments in commands)]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send packed commands.

        Raises:
            redis.ConnectionError, redis.TimeoutError: They may not have been sent.
        """
        # The time limit is here, since redis-py uses asyncio.wait_for: that makes a task for each call, and before
        # Python 3.12 it forgets a cancellation that comes at the moment when the task ends.
        limit_s, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit_s):
                await super().send_packed_command(command, check_health)  # type: ignore[misc]
        except TimeoutError:
            msg = f"Redis was not reached, or took no command, within {limit_s:g} s"
            raise RedisTimeoutError(msg) from None
        except RuntimeError as error:  # what uvloop raises for a connection that was reset while it was idle
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
