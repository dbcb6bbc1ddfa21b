"""Runs the Lua scripts in ``lua/``, the only ones that change the channels: several in one round trip.

Each ``.lua`` file is the body of a function. ``prelude.lua`` and ``fair_queueing.lua``, which the scripts share, come
before it; ``coda.lua``, which calls it, comes after it. This module tells Lua where in KEYS the streams begin and end,
from the number of channels.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import itertools
import math
import operator
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.channels import redis_client
from common.channels.redis_client import RedisLimits

_FOLDER = Path(__file__).parent / "lua"
# As UTF-8, whatever the locale: OpenVINO sets another one while it reads a network in another thread.
_TEXTS = {path.stem: path.read_text("utf-8") for path in _FOLDER.glob("*.lua")}
_PRELUDE, _FAIR_QUEUEING, _CODA = (_TEXTS.pop(name) for name in ("prelude", "fair_queueing", "coda"))
_FIRST_STREAM: Final = 7  # KEYS 1 to 6 are about jobs: see prelude.lua
_SCAN_COUNT: Final = 200


class Call(NamedTuple):
    """One run of a script. Several go to Redis in one round trip: see ``Scripts.execute``.

    ``keys`` come after those that every script gets.
    """

    script: str
    keys: Sequence[str]
    args: Sequence[str | bytes | int]


class Scripts:
    """Runs the scripts on one Redis server.

    Attributes:
        redis: The client.
        hashes: The name of each script in Redis.
    """

    def __init__(self, redis: Redis, ledger: Sequence[str], limits: RedisLimits) -> None:
        """``ledger`` are the keys that every script gets first: see ``prelude.lua``."""
        self.redis = redis
        self._ledger = ledger
        self._limits = limits
        self._texts = _scripts(len(ledger))
        self.hashes = {name: _hash(text) for name, text in self._texts.items()}
        self._idle: list[AbstractConnection] = []
        self._answering_since = self._answered_at = time.monotonic()

    async def execute(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts in one round trip, in order.

        Returns:
            Each script's result, or the ``redis.ResponseError`` that it failed with.

        Raises:
            redis.ConnectionError, redis.TimeoutError: Redis is away. Any of the scripts may have run: run them again.
        """
        async with self.time_limit():
            return await self._execute(calls)

    async def run(self, call: Call) -> Any:
        """Run one script.

        Raises:
            redis.RedisError: Redis is away, or refused.
        """
        result = (await self.execute([call]))[0]
        if isinstance(result, RedisError):
            raise result
        return result

    @contextlib.asynccontextmanager
    async def time_limit(self) -> AsyncIterator[None]:
        """Raise ``redis.TimeoutError`` in a context that takes longer than a healthy server would."""
        try:
            async with asyncio.timeout(self._limits.answer_s):
                yield
        except TimeoutError:
            msg = f"no answer within {self._limits.answer_s:g} s"
            raise RedisTimeoutError(msg) from None

    async def scan_hash(self, key: str) -> AsyncIterator[list[str]]:
        """The fields of a hash, in batches. A field that is added or deleted meanwhile may be among them.

        Raises:
            redis.RedisError: Redis is away.
        """
        async for rows in self._scan(functools.partial(self.redis.hscan, key)):
            yield [text(field) for field in rows]

    async def scan_sorted_set(self, key: str) -> AsyncIterator[list[str]]:
        """The members of a sorted set, in the same way."""
        async for rows in self._scan(functools.partial(self.redis.zscan, key)):
            yield [text(member) for member, _ in rows]

    async def _scan(self, scan: Callable[..., Any]) -> AsyncIterator[Any]:
        cursor = 0
        while True:
            async with self.time_limit():
                cursor, rows = await scan(cursor, count=_SCAN_COUNT)
            yield rows
            if not cursor:
                return

    def answering_s(self) -> float:
        """For how long the server has answered without a break; 0 when it has not for some seconds."""
        now = time.monotonic()
        return now - self._answering_since if now - self._answered_at <= self._limits.longest_break_s else 0.0

    async def _execute(self, calls: Sequence[Call]) -> list[Any]:
        results = await self._exchange(calls)
        self._note_answer()
        missing = [i for i, result in enumerate(results) if isinstance(result, NoScriptError)]
        if missing:  # a new server, or one that was restarted
            for script in self._texts.values():
                await self.redis.script_load(script)
            again = await self._exchange([calls[i] for i in missing])
            for i, result in zip(missing, again, strict=True):
                results[i] = result
        return results

    def _note_answer(self) -> None:
        # Not the time of connecting: a pool connects at any time, and a frozen server drops no connection.
        now = time.monotonic()
        if now - self._answered_at > self._limits.longest_break_s:
            self._answering_since = now
        self._answered_at = now

    async def _exchange(self, calls: Sequence[Call]) -> list[Any]:
        """What each call gives, or the error that it failed with.

        Calls that differ only in their arguments are one command: the fixed cost of a command, in Redis and here, is a
        good part of the work.
        """
        alike = [list(group) for _, group in itertools.groupby(calls, key=operator.attrgetter("script", "keys"))]
        replies = await self._send([self._command(group) for group in alike])
        pairs = zip(alike, replies, strict=True)
        return [result for group, reply in pairs for _, result in zip(group, _results(reply, group), strict=True)]

    def _command(self, calls: Sequence[Call]) -> Sequence[str | bytes | int]:
        keys = (*self._ledger, *calls[0].keys)
        arguments = itertools.chain.from_iterable((len(call.args), *call.args) for call in calls)
        return ("EVALSHA", self.hashes[calls[0].script], len(keys), *keys, *arguments)

    async def _send(self, commands: Sequence[Sequence[str | bytes | int]]) -> list[Any]:
        """Send all commands at once, and read a reply for each.

        Without redis-py's pipeline, and without a connection from its pool each time: both can do much more, and
        together take as long as all the rest. redis-py decides what to do about a connection that breaks.
        """
        connection = self._idle.pop() if self._idle else await redis_client.connection(self.redis)

        async def exchange() -> list[Any]:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await _reply(connection) for _ in commands]

        async def reconnect(_error: Exception) -> None:
            await connection.disconnect(nowait=True)  # else it waits for a dead peer

        try:
            replies: list[Any] = await connection.retry.call_with_retry(exchange, reconnect)
        except BaseException:  # the reply to a cancelled command must not be read as the next one's
            await connection.disconnect(nowait=True)
            raise
        finally:
            self._idle.append(connection)  # connects by itself if it is not connected
        return replies


async def _reply(connection: AbstractConnection) -> Any:
    try:
        reply = await connection.read_response(timeout=math.inf)  # one limit for all of it: RedisLimits.answer_s
    except ResponseError as error:
        return error
    if reply is None:  # no script gives that, but redis-py does if the system dropped the connection (ETIMEDOUT)
        raise RedisTimeoutError("the connection to Redis timed out")
    return reply


def _results(reply: Any, calls: Sequence[Call]) -> Sequence[Any]:
    """What each of the calls of one command gave: see ``coda.lua``. A command that did not run failed for all calls."""
    return [reply] * len(calls) if isinstance(reply, ResponseError) else reply


def text(value: bytes | str) -> str:
    """A value from Redis as text: bytes, or a string where ``REDIS_URL`` asks for decoded responses."""
    return value if isinstance(value, str) else value.decode()


@functools.cache
def _scripts(ledger_length: int) -> dict[str, str]:
    """The scripts' texts, by name, for that many keys in the ledger, which include a stream for each channel."""
    numbers = f"local STREAMS_FROM, STREAMS_TO, KEYS_FROM = {_FIRST_STREAM}, {ledger_length}, {ledger_length + 1}"
    begin, end = f"{numbers}\n{_PRELUDE}\n{_FAIR_QUEUEING}\nlocal function run(ARGV)\n", f"\nend\n{_CODA}"
    return {name: f"{begin}{script}{end}" for name, script in _TEXTS.items()}


def _hash(script: str) -> str:
    """The name that Redis gives a script. It protects nothing secret."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
