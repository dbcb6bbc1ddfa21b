"""The ways in which handling a message can end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

from common.channels.consumer import Delivery
from common.messages import AnyMessage, Message


class HandedBack(Exception):  # noqa: N818 -- an outcome, not an error
    """The worker stops before it can finish the message."""


class KilledItsWorker(Exception):  # noqa: N818
    """A worker died several times while it handled this message and nothing else."""


class Undecodable(Exception):  # noqa: N818
    """The body is not a message of this channel."""


Outcome: TypeAlias = Sequence[Message] | BaseException


@dataclasses.dataclass(frozen=True)
class Finished:
    """A message whose handler has ended.

    Attributes:
        delivery: The message, as it was taken.
        message: The same, decoded; None where that was not possible.
        outcome: What its handler returned or raised.
        took_ms: How long that took.
        shown: Whether the log already has the traceback, if a whole batch failed by one error.
    """

    delivery: Delivery
    message: AnyMessage | None
    outcome: Outcome
    took_ms: float = 0.0
    shown: bool = False
