"""What a worker file defines: its channel, how much it does at once, and what it does with one message or several.

It never touches Redis: ``loop.py`` takes messages, calls the handler, and hands off what it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeAlias, TypeVar

from common.channels.channels import Channels
from common.messages import Message
from common.settings import Settings

TakenT = TypeVar("TakenT", bound=Message)
Outputs: TypeAlias = Message | Sequence[Message] | None


class Worker(Generic[TakenT]):
    """What a worker file defines: its channel, how much it does at once, and ``handle`` or ``handle_batch``.

    Attributes:
        channel: The channel that it is subscribed to.
        batch_size: How many messages ``handle_batch`` gets at most.
        concurrency: How many calls of ``handle_batch`` run at once. It has ``batch_size`` times ``concurrency``
            messages in flight at most, and takes no more.
        gather_s: How long it lets more messages gather after the first, where no user waits for its work: many cost
            little more than one.
        handler_limit_s: How long ``handle_batch`` may take. Less than ``RuntimeLimits.claim_idle_s``, so that a hanging
            step is cut before a sibling claims its message.
    """

    channel: ClassVar[str]
    batch_size: ClassVar[int] = 1
    concurrency: int = 1
    gather_s: ClassVar[float] = 0.0
    handler_limit_s: float = 25.0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def open(self, channels: Channels) -> None:
        """Get ready: called once before the first message.

        Args:
            channels: For workers that need Redis for more than their messages.
        """

    async def close(self) -> None:
        """Release what ``open`` acquired. Also called if ``open`` failed or was cancelled."""

    async def background(self, channels: Channels) -> None:
        """What the worker does besides its messages, for as long as it runs. A stop cancels this first."""

    async def handle(self, message: TakenT) -> Outputs:
        """Do the message's work and return the next message, several, or None.

        Raises:
            Outage: Something outside is down. The message comes again, and no attempt is used.
            Deferred: It is only too early. The same.
            InputLost: Its file is missing or broken. Its job starts again.
            Exception: Anything else is logged and tried again; after the last attempt the message is buried.
        """
        raise NotImplementedError

    async def handle_batch(self, messages: Sequence[TakenT]) -> Sequence[Outputs | Exception]:
        """The same for up to ``batch_size`` messages: a result or an error for each. By default, one by one."""
        outcomes: list[Outputs | Exception] = []
        for message in messages:
            try:
                outcomes.append(await self.handle(message))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    def announce(self, message: TakenT) -> Message | None:
        """What to announce when work on a message begins: None, or a message that carries no job."""
        return None
