"""What a worker file states: its channel, how much it does at once, and what it does with one message or several.

It never touches Redis: ``common/runtime/loop.py`` is the loop that takes messages, calls the handler, and hands off
what it returns.
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
    """What a worker file states: its channel, how much it does at once, and ``handle``.

    Attributes:
        channel: The channel that it is subscribed to.
        concurrency: How many messages it has in hand at most. It takes no more.
        batched: Whether it handles all that it takes at once, with ``handle_batch``. ``concurrency`` is what is in a
            batch at most then.
        batches: How many batches it has in hand at most. Each is taken as soon as there is room for it, so that one can
            be read while the other is computed.
        gather_s: How long it lets messages gather when something has come, where nobody waits for what it does: many
            cost little more than one.
        handler_limit_s: How long ``handle`` may take. Below ``CLAIM_IDLE_S``, so that a hanging step is cut here
            before a sibling takes its message for abandoned.
    """

    channel: ClassVar[str]
    concurrency: ClassVar[int] = 1
    batched: ClassVar[bool] = False
    batches: int = 1
    gather_s: ClassVar[float] = 0.0
    handler_limit_s: ClassVar[float] = 25.0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def connect(self, channels: Channels) -> None:
        """Take what the worker needs of Redis beside its messages: nothing, for most. Called before ``open``."""

    async def open(self) -> None:
        """Get ready: called once before the first message."""

    async def close(self) -> None:
        """Let go of what ``open`` took."""

    async def background(self, channels: Channels) -> None:
        """What the worker does beside its messages, for as long as it runs. It is cancelled first on a stop."""

    async def handle(self, message: TakenT) -> Outputs:
        """Do the message's work and return the next message, several, or none.

        Raises:
            Outage: Something outside is down. The message comes again, and no attempt is used.
            InputLost: Its file is gone or broken. Its job starts again.
            Exception: Anything else is logged, tried again, and in the end buried.
        """
        raise NotImplementedError

    async def handle_batch(self, messages: Sequence[TakenT]) -> Sequence[Outputs | Exception]:
        """The same for several messages at once: one result, or error, for each."""
        raise NotImplementedError

    def announce(self, message: TakenT) -> Message | None:
        """What to tell others when work on a message begins: nothing, or a message that carries no job."""
        return None
