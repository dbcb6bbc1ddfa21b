"""In which order answers go out: that of the links in a message. The photos of an album get one answer: ``albums.py``.

A job names the one whose answer goes out before its own. Its answer waits until that job has ended, however it ends,
but not for long: order is manners, an answer is a duty.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Final

from common.channels.ledger import Ledger
from common.errors import OutOfTurn
from common.messages import SendReply


@dataclasses.dataclass(frozen=True)
class OrderLimits:
    """How long an answer waits for another. Tests pass smaller limits.

    Attributes:
        longest_s: How long in all.
        longest_in_reply_s: The same if the other answer is ready, too: it goes out soon, unless Telegram is away.
        first_s: After what time it looks again at first.
        share: The same later, as a share of the time that it has waited.
        at_most_s: The same at most.
    """

    longest_s: float = 20.0
    longest_in_reply_s: float = 30.0
    first_s: float = 0.05
    share: float = 0.25
    at_most_s: float = 0.5


ORDER: Final = OrderLimits()
"""The bot's limits."""


class Order:
    """Whose turn it is.

    Args:
        ledger: The jobs.
        limits: How long an answer waits.
        clock: The time, in Unix seconds.
    """

    def __init__(self, ledger: Ledger, limits: OrderLimits = ORDER, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock

    async def is_turn_of(self, message: SendReply) -> bool:
        """Whether an answer with another one before it may go out now.

        Not, if it has to wait and has not noted since when in ``ready_at``.

        Raises:
            OutOfTurn: It has to wait on.
            Outage: Redis is away.
        """
        after, limits = message.job.after, self._limits
        # Whichever way the clock was set meanwhile: it must not wait longer.
        waited_s = abs(self._clock() - message.ready_at) if message.ready_at else 0.0
        where = await self._ledger.where(after)
        longest_s = limits.longest_in_reply_s if where == SendReply.channel else limits.longest_s
        if not where or waited_s >= longest_s:
            return True
        if not message.ready_at:
            return False
        raise OutOfTurn(min(limits.at_most_s, max(limits.first_s, limits.share * waited_s)), after)
