"""Being woken: a subscription to a channel, turned into one event."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from redis.exceptions import RedisError, ResponseError

from common.backoff import Backoff
from common.channels.channels import Channels

LOOK_AGAIN_S: Final = 1.0  # a wake-up can be lost, so every channel is looked at this often all the same
BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)

_SUBSCRIBE_FIRST_S: Final = 2.0


class Wakeups:
    """The wake-ups of one channel. They may be lost: whoever waits looks again after a second anyhow."""

    def __init__(self, channels: Channels, channel: str) -> None:
        self._channels = channels
        self._channel = channel
        self._event = asyncio.Event()
        self._subscribed = asyncio.Event()

    def wake(self) -> None:
        """Let whoever waits go on at once, or not wait at all the next time."""
        self._event.set()

    async def wait(self, limit_s: float) -> bool:
        """Return when woken, or after ``limit_s``: whether it was woken."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._event.wait()
        woken = self._event.is_set()
        self._event.clear()
        return woken

    async def subscribed(self) -> None:
        """Return once subscribed, so that what is published from now on wakes us; or without, if that cannot be."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SUBSCRIBE_FIRST_S):
                await self._subscribed.wait()

    async def listen(self) -> None:
        """Stay subscribed, and turn whatever comes into one wake-up: a subscriber that does not read is cut off."""
        backoff = Backoff("no wake-ups from Redis, so the channel is looked at once a second: ", BACK_OFF_S)
        cuts = 0
        while True:
            try:
                async with self._channels.subscribe(self._channel) as heard:
                    self._subscribed.set()
                    self.wake()  # for what was published before
                    while True:
                        await heard()
                        cuts = 0
                        backoff.over()
                        self.wake()
            except ResponseError as error:  # such as a user who may not subscribe
                await backoff.wait(error)
            except RedisError:  # the loop meets the same error, and says so
                await asyncio.sleep(BACK_OFF_S[min(cuts, len(BACK_OFF_S) - 1)])
                cuts += 1
