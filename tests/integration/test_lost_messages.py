"""Whatever is deleted out of Redis by hand, at whatever stage: in the end each job is answered or apologised for once.

The six real workers, with a picture at every stage of its way. Only Telegram, the decoder and the model are stand-ins.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
import itertools
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from classifier.serve.second_look import Sight
from classify import ClassifyWorker
from common.channels.channels import Channels
from common.channels.consumer import Consumer, Delivery
from common.channels.keys import GROUP
from common.messages import (
    CHANNELS,
    AcceptUpdate,
    Finding,
    FindingKind,
    Guess,
    Job,
    Message,
    SendReply,
    ShowTyping,
    Words,
    decode,
)
from common.model.input import InputSpec, pack
from common.runtime import apologies
from common.runtime.loop import Runtime
from common.runtime.worker import Worker
from common.settings import Settings
from common.store import Store
from common.telegram.client import Me
from common.telegram.sending import Buttons, Target
from common.telegram.transport import Take
from fetch_url import FetchUrlWorker
from file_check import FileCheckWorker
from garbage_collect import GarbageCollectWorker
from receive import ReceiveWorker
from reply import ReplyWorker
from tests.support import model_in_use, observer, web_server
from tests.support.conversing import converse
from tests.support.runtimes import SOON
from tests.support.web_server import WebServer

DEADLINE_S = 15.0
PICTURE = b"a picture"
SPEC = InputSpec(model="m", resize=8, crop=8, interpolation="bilinear", mean=(0, 0, 0), std=(1, 1, 1))
LATER_MS = 10**7

# The chats, named for where the message of their one picture is. The last one has more pictures than slots.
REPLYING, CLASSIFYING, CHECKING, FETCHING, DOWNLOADING, ACCEPTING, WAITING = range(1, 8)
OF_WAITING = 6
EVERYBODY = Counter({chat: 1 for chat in range(REPLYING, WAITING)} | {WAITING: OF_WAITING})

_updates = itertools.count(1)


class Telegram:
    """Keeps what is said, by chat, and has one file."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []

    async def download(self, file_id: str, take: Take) -> None:
        await take(PICTURE)

    async def show_typing(self, chat_id: int, thread_id: int | None) -> None:
        pass

    async def send(self, target: Target, html: str, _buttons: Buttons, confirm: Callable[[], Awaitable[None]]) -> int:
        await confirm()
        self.said.append((target.chat_id, html))
        return len(self.said)


class Inputs:
    """Makes the same model input of every file, where a decoder would take a process and its time."""

    def __init__(self, store: Store, models_dir: Path, *_: Any) -> None:
        self._store = store

    async def make(self, content: bytes, key: str) -> Words | None:
        assert content == PICTURE
        await asyncio.to_thread(self._store.write, key, pack(bytes(3 * SPEC.crop**2), SPEC))
        return None


class Model:
    """Sees a cat in everything."""

    record = model_in_use.record(SPEC)
    labels = ("cat", "dog")

    @staticmethod
    def rest(idle_s: float) -> None:
        pass

    @staticmethod
    def find(sights: Sequence[Sight], _given_up: threading.Event) -> list[Finding]:
        return [Finding(kind=FindingKind.CLASS, guesses=(Guess(0, 1.0),), probability=1.0)] * len(sights)

    @staticmethod
    def took_s(asked: float, answered: float) -> float:
        return answered - asked


class Bot:
    """The six workers on one Redis."""

    def __init__(self, channels: Channels, settings: Settings, web: WebServer) -> None:
        self.channels = channels
        self.telegram = Telegram()
        self._web = web
        client: Any = self.telegram
        model: Any = Model()
        receive, classify = ReceiveWorker(settings, client), ClassifyWorker(settings)
        converse(receive, channels, Me(42, "whatsit_bot"))
        classify.answers = receive.answers
        classify.classifier = model
        self.sweeper = GarbageCollectWorker(settings)
        workers = (
            receive,
            FileCheckWorker(settings),
            FetchUrlWorker(settings),
            classify,
            ReplyWorker(settings, client),
        )
        self.workers: dict[str, Worker[Any]] = {worker.channel: worker for worker in (*workers, self.sweeper)}

    # Bringing messages to where they are to be lost

    async def send(self, chat: int, number: int = 1) -> None:
        """Updates are stored, each with a picture; as a link if the chat is the one for that."""
        messages = []
        for _ in range(number):
            id_ = next(_updates)
            asked: dict[str, Any] = {"message_id": id_, "date": 0, "chat": {"id": chat, "type": "private"}}
            asked["from"] = {"id": chat, "is_bot": False, "first_name": "A"}
            if chat == FETCHING:
                asked["text"] = self._web.url("/picture")
            else:
                asked["photo"] = [{"file_id": "F", "file_unique_id": "U", "width": 9, "height": 9, "file_size": 9}]
            job = Job(id=f"1-{id_}", chat_id=chat, message_id=None, accepted_at=0)
            messages.append(AcceptUpdate(job=job, update={"update_id": id_, "message": asked}))
        await observer.publish(self.channels, *messages)

    async def step(self, channel: str) -> None:
        """Handle all that is on a channel now, and not what follows."""
        consumer = self.channels.consumer(channel, "stepping")
        for delivery in await take_all(self.channels, consumer):
            worker, message = self.workers[channel], decode(delivery.body)
            outputs: Any
            outputs = (await worker.handle_batch([message]))[0]
            listed = [outputs] if isinstance(outputs, Message) else outputs or []
            listed = [output for output in listed if not isinstance(output, ShowTyping)]  # which is only in the way
            assert await self.channels.scripts.run(consumer.hand_off(delivery, listed, _busy))

    async def come_to_every_stage(self) -> None:
        for chat, stages in {
            REPLYING: ("receive", "receive", "file_check", "classify"),
            CLASSIFYING: ("receive", "receive", "file_check"),
            CHECKING: ("receive", "receive"),
            FETCHING: ("receive",),
        }.items():
            await self.send(chat)
            for stage in stages:
                await self.step(stage)
        await self.send(DOWNLOADING)
        await self.send(WAITING, OF_WAITING)
        await self.step("receive")
        await self.send(ACCEPTING)

    async def put_all_off(self) -> None:
        """Make every message wait for its retry."""
        for channel in CHANNELS:
            consumer = self.channels.consumer(channel, "postponing")
            for delivery in await take_all(self.channels, consumer):
                assert await self.channels.scripts.run(consumer.retry(delivery, LATER_MS, 1))

    @contextlib.asynccontextmanager
    async def all_in_hand(self) -> AsyncIterator[None]:
        """Every worker has taken its messages, and is handling them; at the end it finishes, and stops."""
        there = {channel: await self.channels.redis.xlen(self.channels.keys.key(channel)) for channel in CHANNELS}
        gate, begun = asyncio.Event(), Counter[str]()
        patch = pytest.MonkeyPatch()
        for worker in self.workers.values():
            _hold(worker, gate, begun, patch)
        runtimes = [Runtime(worker, self.channels, channel, retries=SOON) for channel, worker in self.workers.items()]
        running = [asyncio.create_task(runtime.run()) for runtime in runtimes]
        try:
            async with asyncio.timeout(DEADLINE_S):
                while any(begun[channel] < number for channel, number in there.items()):  # noqa: ASYNC110 -- of any task
                    await asyncio.sleep(0.005)
                yield
                gate.set()
                for runtime in runtimes:
                    runtime.stop()
                await asyncio.gather(*running)
        finally:
            patch.undo()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    # What becomes of it

    async def work_off(self) -> None:
        """Run the workers until nothing more happens; postponed messages are due at once."""
        async with asyncio.timeout(DEADLINE_S):
            counts = None
            while counts != (counts := await observer.counts(self.channels)):
                for channel, worker in self.workers.items():
                    if await self._is_due(channel):
                        await Runtime(worker, self.channels, channel, retries=SOON, burst=True).run()

    async def _is_due(self, channel: str) -> bool:
        redis: Any = self.channels.redis
        delayed = self.channels.keys.key(channel, "delayed")
        for id_ in await redis.zrange(delayed, 0, -1):
            await redis.zadd(delayed, {id_: 0}, xx=True)
        return bool(await redis.exists(delayed) or await redis.xlen(self.channels.keys.key(channel)))

    async def two_sweeps(self) -> None:
        for _ in range(2):
            await self.work_off()
            await self.sweeper.sweep(self.channels, now=0)
        await self.work_off()


async def take_all(channels: Channels, consumer: Consumer) -> Sequence[Delivery]:
    return consumer.taken(await channels.scripts.run(consumer.take(100))).deliveries


def _busy(job: Job) -> SendReply:
    return apologies.busy(job, 0)


def _hold(worker: Worker[Any], gate: asyncio.Event, begun: Counter[str], patch: pytest.MonkeyPatch) -> None:
    """Make a worker's handler wait for the gate."""
    handle = worker.handle_batch

    async def held(messages: Any) -> Any:
        begun[worker.channel] += len(messages)
        await gate.wait()
        return await handle(messages)

    patch.setattr(worker, "handle_batch", held)


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with web_server.serving({"/picture": web_server.content(PICTURE, "image/jpeg")}) as web:
        yield web


@pytest.fixture
async def bot(channels: Channels, settings: Settings, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> Bot:
    for module in ("file_check", "fetch_url"):
        monkeypatch.setattr(f"{module}.InputMaker", Inputs)
    monkeypatch.setattr("classify.in_use", lambda models_dir: None)
    for worker in (ReceiveWorker, GarbageCollectWorker):  # no polling, and no sweep but those of the tests
        monkeypatch.setattr(worker, "background", Worker.background)
    local = (ipaddress.ip_network("127.0.0.0/8"),)
    bot = Bot(channels, dataclasses.replace(settings, fetch_allow_networks=local, cache_max=0), web)
    await bot.come_to_every_stage()
    return bot


async def assert_everybody_is_answered_and_nothing_is_left(bot: Bot) -> None:
    assert Counter(chat for chat, _ in bot.telegram.said) == EVERYBODY
    left = {name for name in await observer.left(bot.channels) if name != "pace" and not name.startswith("users:")}
    assert left == set()
    assert [name for name, _ in bot.sweeper.store.files()] == []


# What a careless hand does. Each is done in every channel.

Harm = Callable[[Channels], Awaitable[Any]]


def delete(*keys: str) -> Harm:
    """Delete whole keys; "*" stands for each channel."""

    async def harm(channels: Channels) -> None:
        for key in keys:
            names = [key.replace("*", channel) for channel in CHANNELS] if "*" in key else [key]
            await channels.redis.delete(*(channels.keys.key(name) for name in names))

    return harm


async def delete_entries(channels: Channels) -> None:
    redis: Any = channels.redis
    for stream in channels.keys.streams:
        for id_, _ in await redis.xrange(stream):
            await redis.xdel(stream, id_)


async def acknowledge_entries(channels: Channels) -> None:
    redis: Any = channels.redis
    for stream in channels.keys.streams:
        for id_, _ in await redis.xrange(stream):
            await redis.xack(stream, GROUP, id_)


async def acknowledge_and_delete_entries(channels: Channels) -> None:
    await acknowledge_entries(channels)
    await delete_entries(channels)


async def trim_streams(channels: Channels) -> None:
    for stream in channels.keys.streams:
        await channels.redis.xtrim(stream, maxlen=0)


async def with_groups(channels: Channels) -> Sequence[str]:
    """The streams that have their group."""
    streams = [channels.keys.key(channel) for channel in CHANNELS]
    return [stream for stream in streams if await channels.redis.xinfo_groups(stream)]


async def drop_groups(channels: Channels) -> None:
    for stream in await with_groups(channels):
        await channels.redis.xgroup_destroy(stream, GROUP)


async def drop_consumers(channels: Channels) -> None:
    for stream in await with_groups(channels):
        for consumer in await channels.redis.xinfo_consumers(stream, GROUP):
            await channels.redis.xgroup_delconsumer(stream, GROUP, consumer["name"])


async def skip_entries(channels: Channels) -> None:
    for stream in await with_groups(channels):
        await channels.redis.xgroup_setid(stream, GROUP, "$")


def empty(key: str) -> Harm:
    """Remove each member of a sorted set, or of each channel's."""

    async def harm(channels: Channels) -> None:
        redis: Any = channels.redis
        for name in dict.fromkeys(key.replace("*", channel) for channel in CHANNELS):
            for member in await redis.zrange(channels.keys.key(name), 0, -1):
                await redis.zrem(channels.keys.key(name), member)

    return harm


LEDGER: dict[str, Harm] = {
    "jobs": delete("jobs"),
    "jobs:at": delete("jobs:at"),
    "jobs:chat": delete("jobs:chat"),
    "turns": delete("turns"),
    "waiting": delete("waiting"),
    "each that waits": empty("waiting"),
    "jobs and jobs:at": delete("jobs", "jobs:at"),
    "turns and waiting": delete("turns", "waiting"),
    "pace, told, counts": delete("pace", "told", "counts"),
}
STREAMS: dict[str, Harm] = {
    "each entry": delete_entries,
    "each entry by XTRIM": trim_streams,
    "the streams": delete("*"),
    "the streams and jobs:at": delete("*", "jobs:at"),
    "the streams and turns": delete("*", "turns"),
    "the groups": drop_groups,
    "the consumers": drop_consumers,
}
IN_HAND: dict[str, Harm] = {
    "each entry's acknowledgement": acknowledge_entries,
    "each entry and its acknowledgement": acknowledge_and_delete_entries,
    "begun": delete("*:begun"),
}
PUT_OFF: dict[str, Harm] = {
    "each that is put off": empty("*:delayed"),
    "delayed": delete("*:delayed"),
    "parked": delete("*:parked"),
    "delayed and parked": delete("*:delayed", "*:parked"),
}


def table(*rows: dict[str, Harm]) -> pytest.MarkDecorator:
    harms = {story: harm for row in rows for story, harm in row.items()}
    return pytest.mark.parametrize("harm", harms.values(), ids=harms)


@table({"nothing": delete("x")}, LEDGER, STREAMS, {"what is new to the groups": skip_entries})
async def test_deleted_while_messages_wait_in_their_channels(bot: Bot, channels: Channels, harm: Harm) -> None:
    await harm(channels)
    await bot.two_sweeps()
    await assert_everybody_is_answered_and_nothing_is_left(bot)


@table({"nothing": delete("x")}, LEDGER, STREAMS, IN_HAND)
async def test_deleted_while_workers_have_messages_in_hand(bot: Bot, channels: Channels, harm: Harm) -> None:
    async with bot.all_in_hand():
        await harm(channels)
    await bot.two_sweeps()
    await assert_everybody_is_answered_and_nothing_is_left(bot)


@table({"nothing": delete("x")}, LEDGER, PUT_OFF)
async def test_deleted_while_messages_are_put_off(bot: Bot, channels: Channels, harm: Harm) -> None:
    await bot.put_all_off()
    await harm(channels)
    await bot.two_sweeps()
    await assert_everybody_is_answered_and_nothing_is_left(bot)
