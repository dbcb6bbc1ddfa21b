"""Wake-ups: a subscription to a channel, turned into one event."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from redis.exceptions import RedisError, ResponseError

from common.backoff import Backoff
from common.channels import redis_client
from common.channels.channels import Channels

LOOK_AGAIN_S: Final = 1.0  # a wake-up can be lost, so every worker also looks at its channel this often
BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
SILENT_S: Final = 30.0  # nothing was published for so long: ping the server

Heard: TypeAlias = Callable[[], Awaitable[None]]

_SUBSCRIBE_FIRST_S: Final = 2.0


class Wakeups:
    """The wake-ups of one channel. They may be lost, so a worker looks again after a second in any case.

    Args:
        channels: Where the channel is.
        channel: Its name.
        silent_s: See ``SILENT_S``.
        back_off_s: How long to wait for Redis, try after try.
    """

    def __init__(
        self,
        channels: Channels,
        channel: str,
        *,
        silent_s: float = SILENT_S,
        back_off_s: Sequence[float] = BACK_OFF_S,
    ) -> None:
        self._redis = channels.redis
        self._stream = channels.keys.stream(channel)
        self._silent_s = silent_s
        self._back_off_s = back_off_s
        self._event = asyncio.Event()
        self._subscribed = asyncio.Event()

    def wake(self) -> None:
        """End the current wait at once, or else the next one."""
        self._event.set()

    async def wait(self, limit_s: float) -> bool:
        """Return when woken, or after ``limit_s``. Returns whether it was woken."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._event.wait()
        woken = self._event.is_set()
        self._event.clear()
        return woken

    async def subscribed(self) -> None:
        """Return once subscribed, when later messages wake this worker; or after 2 s without."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SUBSCRIBE_FIRST_S):
                await self._subscribed.wait()

    async def listen(self) -> None:
        """Stay subscribed, and turn all messages into one wake-up. Redis cuts off a subscriber that does not read."""
        backoff = Backoff("no wake-ups from Redis, so the channel is looked at once a second: ", self._back_off_s)
        cuts = 0
        while True:
            try:
                async with self.subscription() as heard:
                    self._subscribed.set()
                    self.wake()  # for what was published before
                    while True:
                        await heard()
                        cuts = 0
                        backoff.over()
                        self.wake()
            except ResponseError as error:  # for example, this Redis user may not subscribe
                await backoff.wait(error)
            except RedisError:  # the loop meets the same error, and says so
                await asyncio.sleep(self._back_off_s[min(cuts, len(self._back_off_s) - 1)])
                cuts += 1

    @contextlib.asynccontextmanager
    async def subscription(self) -> AsyncIterator[Heard]:
        """A subscription to the channel, for as long as the context lasts. Call the yielded function for a wake-up.

        It does less than redis-py's ``PubSub``, which subscribes again by itself and takes four times as long for each
        message.

        Raises:
            redis.RedisError: Redis is away, or refuses. Wake-ups since then may be lost.
        """
        connection = await redis_client.connection(self._redis)

        # push_request: REDIS_URL may ask for protocol 3, in which all that comes here is a push.
        async def ask() -> None:
            await connection.send_command("SUBSCRIBE", self._stream)
            await connection.read_response(push_request=True)

        async def heard() -> None:
            if await connection.read_response(timeout=self._silent_s, push_request=True) is None:
                await ask()  # a server that disappeared without closing the connection does not answer

        try:
            await ask()
            yield heard
        finally:
            await connection.disconnect(nowait=True)
            await self._redis.connection_pool.release(connection)
