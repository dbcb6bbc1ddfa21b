"""Whether messages in hand are still ours. A message that nobody has refreshed for long is taken by a sibling."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Awaitable, Callable, Sequence

from redis.exceptions import RedisError

from common.channels import Channels, Consumer
from common.errors import LeaseLost, Outage

_check: contextvars.ContextVar[Callable[[], Awaitable[None]]] = contextvars.ContextVar("check")


async def confirm_lease() -> None:
    """Make sure that what this handler has in hand is still ours; to be asked right before what cannot be undone.

    Outside the runtime, as in a unit test, it always is.

    Raises:
        LeaseLost: Another worker has it.
        Outage: Redis does not answer.
    """
    check = _check.get(None)
    if check:
        await check()


class Leases:
    """The leases of one consumer's messages."""

    def __init__(self, channels: Channels, consumer: Consumer) -> None:
        self._channels = channels
        self._consumer = consumer

    def hold(self, ids: Sequence[str]) -> None:
        """Say what the handler that runs in this context has in hand, for ``confirm_lease``."""
        _check.set(functools.partial(self._confirm, ids))

    async def _confirm(self, ids: Sequence[str]) -> None:
        try:
            lost = await self.refresh(ids)
        except RedisError as error:
            msg = f"cannot ask Redis whether the message is still ours: {error}"
            raise Outage(msg) from error
        if lost:
            raise LeaseLost("taken over by another worker")

    async def refresh(self, ids: Sequence[str]) -> set[str]:
        """Slow is not dead: say that these are still being worked on. Gives those that are not ours any more.

        Raises:
            redis.RedisError: Redis is away.
        """
        mine = {id_.decode() for id_ in await self._channels.run(self._consumer.refresh(ids))}
        return set(ids) - mine
