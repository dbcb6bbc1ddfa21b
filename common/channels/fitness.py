"""Whether a Redis server keeps messages safely."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.errors import WhatsitError
from common.problem import Problem

OLDEST_VERSION = (6, 2)
_LOOK_AGAIN_S: Final = 0.5

_log = logging.getLogger(__name__)


class UnfitServerError(WhatsitError):
    """The server would lose messages, or lacks a command that we need."""


async def check(redis: Redis) -> list[str]:
    """Make sure that the server keeps its data.

    Returns:
        Warnings for the operator: what works, but could be better.

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
    """Return when a server answers that keeps its data; until then, log once what is wrong."""
    problem = Problem(_log)
    while True:
        try:
            for warning in await check(redis):
                _log.warning("%s", warning)
        except (RedisError, UnfitServerError) as error:
            problem.report(f"waiting for Redis: {error}")
            await asyncio.sleep(_LOOK_AGAIN_S)
        else:
            return
