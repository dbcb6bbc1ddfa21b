"""Calls to Redis and back: each caller gets its own answer, whatever happens to connections and callers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.channels.channels import Channels, Once
from common.settings import Settings
from tests.support import make
from tests.support.redis_servers import BINARIES, RedisServer, running_redis

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]
LIMIT_S = 20.0


async def ask(channels: Channels, job: str, turns_of_patience: int) -> bool:
    """Make a call that only this job answers, and perhaps give up. Returns whether there was an answer."""
    asking = asyncio.create_task(channels.ledger.lost([job]))
    for _ in range(turns_of_patience):
        await asyncio.sleep(0)
    if turns_of_patience:
        asking.cancel()
    with contextlib.suppress(asyncio.CancelledError, RedisError):
        assert await asking == [job]
        return True
    return False


class Askers:
    """Eight callers make thirty calls each, side by side, while connections are cut and scripts forgotten."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._ended = asyncio.Semaphore(0)
        self.answers = [0] * 8

    async def ask_often(self, who: int) -> None:
        lot = random.Random(who)  # noqa: S311
        for number in range(30):
            backoff = lot.choice([0, lot.randrange(1, 25)])
            self.answers[who] += await ask(self._channels, f"{who}-{number}", backoff)
            self._ended.release()

    async def cut_and_forget(self) -> None:
        for number in itertools.count():
            for _ in range(3):  # and not by the clock: a slow machine would do nothing but connect
                await self._ended.acquire()
            with contextlib.suppress(RedisError):
                if number % 2:
                    await self._channels.redis.script_flush()
                else:
                    await self._channels.redis.client_kill_filter(_type="normal", skipme=True)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_no_caller_reads_anothers_answer_when_callers_give_up_and_connections_are_cut(
    redis: RedisServer, settings: Settings, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def play() -> None:
        channels = Channels(settings)
        for who, number in itertools.product(range(8), range(30)):
            await channels.redis.hset(channels.keys.key("jobs", "at"), f"{who}-{number}", "no stream")
        askers = Askers(channels)
        cutting = asyncio.create_task(askers.cut_and_forget())
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(askers.ask_often(who) for who in range(8)))
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)
        assert all(askers.answers)
        assert await ask(channels, "1-1", 0)
        await channels.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(play())


class Relay:
    """A proxy between the bot and Redis, on TCP."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        relay = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{relay.sockets[0].getsockname()[1]}"
        finally:
            relay.close()
            for pump in self._pumps:
                pump.cancel()
            await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_unix_connection(self._server.socket)
        self._writers += [writer]
        for source, sink in ((reader, redis_writer), (redis_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)

    @staticmethod
    async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65_536):
                sink.write(piece)
        sink.close()

    def reset_all(self) -> None:
        """As a router does that has forgotten a connection: its users learn that it is gone."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_connection_that_was_reset_while_idle_is_made_again(
    tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def play(server: RedisServer) -> None:
        relay = Relay(server)
        async with relay.running() as url:
            channels = Channels(Settings(redis_url=url, data_dir=tmp_path))
            async with asyncio.timeout(LIMIT_S):
                for number in range(3):
                    once = Once("1:0", str(number), 1000)
                    assert await channels.publish([(make.classify(f"1-{number}-0"), once)]) == 1, "by our connection"
                    assert await channels.length() == number + 1, "by one of the pool"
                    relay.reset_all()
                    await asyncio.sleep(0.05)
            await channels.close()

    with running_redis(str(BINARIES["redis-6.2"])) as server, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(play(server))


async def test_a_caller_that_gives_up_is_not_made_to_go_on(channels: Channels) -> None:
    """In any turn of the event loop: as a worker's tasks do when it stops, or when they wait longer than their
    limit."""
    await channels.redis.ping()
    for turns in range(12):
        for _ in range(5):
            waiting = asyncio.create_task(never_ending(channels))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
            done, _ = await asyncio.wait([waiting], timeout=5)
            assert done, f"it went on, cancelled after {turns} turns"
            assert waiting.cancelled()


async def never_ending(channels: Channels) -> None:
    while True:
        await channels.redis.ping()


async def test_a_network_that_times_out_is_not_an_answer(channels: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    await channels.redis.hset(channels.keys.key("jobs", "at"), "1-1-0", "no stream")
    assert await channels.ledger.lost(["1-1-0"]) == ["1-1-0"]
    (connection,) = channels.scripts._idle

    async def timed_out(*_: object, **__: object) -> bytes:
        raise TimeoutError(110, "Connection timed out")  # what Python makes of ETIMEDOUT

    monkeypatch.setattr(connection, "_read_response_from_parser", timed_out)
    with pytest.raises(RedisTimeoutError):
        await channels.ledger.lost(["1-1-0"])
    monkeypatch.undo()
    assert await channels.ledger.lost(["1-1-0"]) == ["1-1-0"]
