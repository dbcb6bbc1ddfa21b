"""Whether messages in flight are still ours. A sibling takes one that nobody has refreshed for long."""

from __future__ import annotations

import contextvars
import functools
import time
from collections.abc import Awaitable, Callable, Sequence

from redis.exceptions import RedisError

from common.channels.channels import Channels
from common.channels.consumer import Consumer
from common.errors import LeaseLost, Outage
from common.runtime.outcomes import HandedBack

_check: contextvars.ContextVar[Callable[[], Awaitable[None]]] = contextvars.ContextVar("check")


async def confirm_lease() -> None:
    """Make sure that the messages of this handler are still ours, and that there is time to finish.

    Call it right before what cannot be undone. Outside the runtime, as in a unit test, they always are.

    Raises:
        LeaseLost: Another worker has it.
        Outage: Redis does not answer.
        HandedBack: The worker stops, and would cut this short.
    """
    check = _check.get(None)
    if check:
        await check()


class Leases:
    """The leases of one consumer's messages.

    Attributes:
        last_start: From then on, by ``time.monotonic()``, nothing begins that cannot be undone.
    """

    def __init__(self, channels: Channels, consumer: Consumer) -> None:
        self.last_start = float("inf")
        self._channels = channels
        self._consumer = consumer

    def hold(self, ids: Sequence[str]) -> None:
        """Say which messages the handler in this context has, for ``confirm_lease``."""
        _check.set(functools.partial(self._confirm, ids))

    async def _confirm(self, ids: Sequence[str]) -> None:
        if time.monotonic() > self.last_start:
            raise HandedBack
        try:
            lost = await self.refresh(ids)
        except RedisError as error:
            msg = f"cannot ask Redis whether the message is still ours: {error}"
            raise Outage(msg) from error
        if lost:
            raise LeaseLost("taken over by another worker")

    async def refresh(self, ids: Sequence[str]) -> set[str]:
        """Slow is not dead: say that these are still being worked on. Gives those that are no longer ours.

        Raises:
            redis.RedisError: Redis is away.
        """
        mine = {id_.decode() for id_ in await self._channels.scripts.run(self._consumer.refresh(ids))}
        return set(ids) - mine
