"""Redis: whether it answers, and keeps its data."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.channels import redis_client
from common.channels.fitness import UnfitServerError, check
from common.errors import SettingsError
from common.programs import redis_command
from common.programs.check.result import Result, fail, ok, size, together, warn
from common.settings import Settings

ANSWER_LIMIT_S: Final = 5.0
NEARLY_FULL: Final = 0.8  # of maxmemory


def redis(config: Settings, limit_s: float = ANSWER_LIMIT_S) -> Result:
    """Whether the server of ``REDIS_URL``, or our own, is one that loses nothing."""
    if not config.redis_url:
        try:
            redis_command.arguments(config)  # refuses a path that is too long for a socket
            redis_command.binary()
        except SettingsError as error:
            return fail(str(error))
    return asyncio.run(_look(config, limit_s))


def answers(config: Settings) -> bool:
    """Whether there is a server that is ready for commands."""

    async def ask() -> bool:
        client = redis_client.connect(config)
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()

    return asyncio.run(ask())


async def _look(config: Settings, limit_s: float) -> Result:
    client = redis_client.connect(config)
    try:
        async with asyncio.timeout(limit_s):
            warnings = await check(client)
            info: dict[str, Any] = await client.info()
            fsync = await _fsync_policy(client)
    except UnfitServerError as error:
        return fail(str(error))
    except BusyLoadingError:
        return warn("is reading its data from disk: the bot waits until it has")
    except (RedisError, OSError) as error:
        return _no_answer(config, error)
    finally:
        await client.aclose()
    return _kept(info, warnings, fsync)


def _no_answer(config: Settings, error: Exception) -> Result:
    said = str(error).lower()
    if isinstance(error, AuthenticationError) or "authentication required" in said or "invalid username" in said:
        return fail("the server wants another user or password: put it into REDIS_URL, redis://user:password@host")
    if isinstance(error, TimeoutError | RedisTimeoutError):
        return fail("the server took the call and did not answer: is it overloaded, or a command running too long?")
    if config.redis_url:
        return fail(f"the server of REDIS_URL cannot be used ({error}): start it, or correct REDIS_URL")
    if isinstance(error, RedisConnectionError | OSError):
        return warn("ours is not running: `make run` starts it")
    return fail(f"ours refuses ({error}): see `supervisorctl tail redis`")


async def _fsync_policy(client: Redis) -> str:
    try:
        answer: dict[Any, Any] = await client.config_get("appendfsync")
    except ResponseError:
        return "unknown"  # hosted servers often forbid CONFIG
    value = next(iter(answer.values()), "unknown")
    return value.decode() if isinstance(value, bytes) else str(value)


def _kept(info: dict[str, Any], warnings: list[str], fsync: str) -> Result:
    found = [warn(text) for text in warnings]
    if info.get("role", "master") != "master":
        found.append(fail("the server is a replica, and takes no writes: name its primary in REDIS_URL"))
    if info.get("aof_enabled") and info.get("aof_last_write_status", "ok") != "ok":
        found.append(fail("the server cannot write its append-only file: make room on its disk"))
    if info.get("aof_enabled") and fsync == "no":
        found.append(warn("appendfsync is no: a power cut loses half a minute; set it to always, or everysec"))
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    memory = f"{size(used)} of {size(limit) if limit else 'no limit'}"
    if limit and used > NEARLY_FULL * limit:
        found.append(
            warn(f"memory is nearly full, {memory}: raise maxmemory; new pictures are refused when it is full")
        )
    if found:
        return together(found)
    return ok(f"{info['redis_version']}, append-only{_hint(fsync)}, noeviction, {memory}")


def _hint(fsync: str) -> str:
    match fsync:
        case "everysec":
            return " (appendfsync everysec: a power cut can lose the last second; always loses nothing)"
        case "unknown":
            return ""
        case policy:
            return f" (fsync {policy})"
