"""Whether this worker still holds its messages in flight. A sibling claims one that was not refreshed for long."""

from __future__ import annotations

import contextvars
import functools
import time
from collections.abc import Awaitable, Callable, Sequence

from common.channels.channels import Channels
from common.channels.consumer import Consumer
from common.channels.outages import as_outage
from common.errors import LeaseLost
from common.runtime.outcomes import HandedBack

_check: contextvars.ContextVar[Callable[[], Awaitable[None]]] = contextvars.ContextVar("check")


async def confirm_lease() -> None:
    """Make sure that this worker still holds the messages of this handler, and that there is time to finish.

    Call it right before a step that cannot be undone. Outside the runtime, as in a unit test, it does nothing.

    Raises:
        LeaseLost: Another worker has the message.
        Outage: Redis does not answer.
        HandedBack: The worker is stopping, and would interrupt the step.
    """
    check = _check.get(None)
    if check:
        await check()


class Leases:
    """The leases of one consumer's messages.

    Attributes:
        last_start: From then on, by ``time.monotonic()``, no step begins that cannot be undone.
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
        with as_outage("whether the message is still ours"):
            lost = await self.refresh(ids)
        if lost:
            raise LeaseLost("taken over by another worker")

    async def refresh(self, ids: Sequence[str]) -> set[str]:
        """Refresh these messages, since a slow worker is not a dead one. Gives those that it no longer holds.

        Raises:
            redis.RedisError: Redis is away.
        """
        mine = {id_.decode() for id_ in await self._channels.scripts.run(self._consumer.refresh(ids))}
        return set(ids) - mine
