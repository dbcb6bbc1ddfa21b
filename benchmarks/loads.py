"""The waiting messages of ``bench_growth``: messages in a channel, or jobs without a slot of their chat."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

import msgspec

from common.channels.channels import Channels, Once
from common.channels.consumer import Consumer, Delivery
from common.channels.scripts import Call
from common.messages import AcceptUpdate, ClassifyImage, Job, Message, SendReply, Words, decode
from common.runtime import apologies
from common.telegram.polling import SEEN_MS, UPDATES_PER_SET

_SLOTS: Final = 4  # SLOTS_OF_A_CHAT in common/channels/lua/fair_queueing.lua
_AT_ONCE: Final = 500


class Load:
    """Messages that wait in their own namespace. Their number stays the same."""

    title: ClassVar[str]

    def __init__(self, channels: Channels, size: int) -> None:
        self.channels = channels
        self.size = size
        self._updates = itertools.count(1)

    async def fill(self) -> None:
        """Put ``size`` messages there."""
        raise NotImplementedError

    async def step(self) -> None:
        """Handle one message, and add one."""
        raise NotImplementedError

    async def waiting(self) -> int:
        """How many wait now."""
        raise NotImplementedError

    async def publish(self, messages: Iterable[Message]) -> None:
        """Put new messages on their channels."""
        published = [(message, int(message.job.id.rpartition("-")[2])) for message in messages]
        await self.channels.publish(
            [(message, Once(f"1:{number // UPDATES_PER_SET}", str(number), SEEN_MS)) for message, number in published]
        )

    def job(self) -> Job:
        """A new job, always of the same chat."""
        return Job(id=f"1-{next(self._updates)}", chat_id=7, message_id=1, user_id=7, accepted_at=0.0)

    async def take(self, consumer: Consumer, calls: Sequence[Call] = ()) -> Delivery:
        """Make the calls and take one message, in one round trip, as a worker does.

        Raises:
            RuntimeError: A call was refused, or there is no message.
        """
        *done, taken = await self.channels.scripts.execute([*calls, consumer.take(1)])
        if any(result != 1 for result in done):
            msg = f"a hand-off was refused: {done}"
            raise RuntimeError(msg)
        (delivery,) = consumer.taken(taken).deliveries
        return delivery


class InChannel(Load):
    """Messages in a channel. Each is taken and handed off to the end of the same channel."""

    title = "messages in the channel"

    def __init__(self, channels: Channels, size: int) -> None:
        super().__init__(channels, size)
        self._consumer = channels.consumer(ClassifyImage.channel, "bench")
        self._calls: list[Call] = []

    async def fill(self) -> None:
        """Publish them."""
        for begin in range(0, self.size, _AT_ONCE):
            count = min(_AT_ONCE, self.size - begin)
            await self.publish(ClassifyImage(job=self.job(), key="input") for _ in range(count))

    async def step(self) -> None:
        """Hand off the last message, and take the next."""
        delivery = await self.take(self._consumer, self._calls)
        self._calls = [self._consumer.hand_off(delivery, [decode(delivery.body)], apologies.apology)]

    async def waiting(self) -> int:
        """The messages in the channel."""
        return int(await self.channels.redis.xlen(self.channels.keys.key(ClassifyImage.channel)))


class WaitingJobs(Load):
    """Jobs of one chat whose slots are all taken. One job begins, and one ends, whose slot the next one gets."""

    title = "jobs that wait for their chat's turn"

    def __init__(self, channels: Channels, size: int) -> None:
        super().__init__(channels, size)
        self._receive = channels.consumer(AcceptUpdate.channel, "bench")
        self._reply = channels.consumer(SendReply.channel, "bench")

    async def fill(self) -> None:
        """Begin ``size`` jobs, and those that take the slots."""
        for _ in range(self.size + _SLOTS):
            await self._begin()

    async def step(self) -> None:
        """Begin a job, and end another."""
        await self._begin()
        answer = await self.take(self._reply)
        await self.channels.scripts.run(self._reply.hand_off(answer, [], apologies.apology))

    async def waiting(self) -> int:
        """The jobs without a slot."""
        return int(await self.channels.redis.zcard(self.channels.keys.key("waiting")))

    async def _begin(self) -> None:
        await self.publish([AcceptUpdate(job=self.job(), update={})])
        update = await self.take(self._receive)
        job = msgspec.structs.replace(decode(update.body).job, id=f"{update.job}-0")
        answer = SendReply(job=job, content=Words(text="done"))
        await self.channels.scripts.run(self._receive.hand_off(update, [answer], apologies.apology))
