"""A subscription wakes at once, comes back after each cut, and notices a server that vanished without closing."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.channels.channels import Channels, Once
from common.channels.redis_client import RedisLimits
from common.channels.wakeups import Wakeups
from common.settings import Settings
from tests.support import make
from tests.support.redis_servers import BINARIES, running_redis

LIMIT_S = 10.0


@contextlib.asynccontextmanager
async def listening(channels: Channels) -> AsyncIterator[Wakeups]:
    wakeups = Wakeups(channels, "classify")
    task = asyncio.create_task(wakeups.listen())
    try:
        await wakeups.subscribed()
        await wakeups.wait(LIMIT_S)  # the first one says that it listens now
        yield wakeups
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def woken_by(wakeups: Wakeups, act: Callable[[], Awaitable[object]]) -> bool:
    await act()
    began = time.monotonic()
    await wakeups.wait(LIMIT_S)
    return time.monotonic() - began < LIMIT_S


async def subscribers(channels: Channels) -> int:
    ((_, count),) = await channels.redis.pubsub_numsub(channels.keys.key("classify"))
    return int(count)


async def test_what_is_published_wakes(channels: Channels) -> None:
    async with listening(channels) as wakeups:
        for number in range(3):
            message = (make.classify(), Once("1:0", str(number), 1000))
            assert await woken_by(wakeups, functools.partial(channels.publish, [message]))


async def test_what_is_published_wakes_by_either_protocol(settings: Settings) -> None:
    for protocol in (2, 3):
        url = f"{settings.redis_url}?protocol={protocol}"
        channels = Channels(dataclasses.replace(settings, redis_url=url))
        async with listening(channels) as wakeups:
            assert await woken_by(
                wakeups, functools.partial(channels.redis.publish, channels.keys.key("classify"), "{}")
            )
        await channels.close()


async def test_after_a_cut_it_listens_again_and_says_so_since_what_came_meanwhile_was_not_heard(
    channels: Channels,
) -> None:
    async with listening(channels) as wakeups:
        for _ in range(3):
            assert await woken_by(wakeups, lambda: channels.redis.client_kill_filter(_type="pubsub"))
            assert await subscribers(channels) == 1
        assert await woken_by(wakeups, lambda: channels.redis.publish(channels.keys.key("classify"), "{}"))


async def test_no_subscription_is_left_behind(channels: Channels) -> None:
    for _ in range(3):
        async with listening(channels):
            assert await subscribers(channels) == 1
        deadline = time.monotonic() + LIMIT_S
        while await subscribers(channels):
            assert time.monotonic() < deadline
    assert await channels.redis.ping(), "its connection was not given back as one that answers"


async def test_a_server_that_is_silent_is_asked_whether_it_is_there(channels: Channels) -> None:
    async with Wakeups(channels, "classify", silent_s=0.01).subscription() as heard:
        for _ in range(3):
            async with asyncio.timeout(LIMIT_S):
                await heard()
        await channels.redis.publish(channels.keys.key("classify"), "{}")
        await heard()
        assert await subscribers(channels) == 1


async def test_a_server_that_went_away_without_a_word_is_noticed(tmp_path: Path) -> None:
    with running_redis(str(BINARIES["redis-6.2"])) as server:
        channels = Channels(Settings(redis_url=server.url, data_dir=tmp_path), RedisLimits(command_s=0.2))
        async with Wakeups(channels, "classify", silent_s=0.01).subscription() as heard:
            server.freeze()
            with pytest.raises(RedisTimeoutError):
                async with asyncio.timeout(LIMIT_S):
                    while True:
                        await heard()
        await channels.close()
