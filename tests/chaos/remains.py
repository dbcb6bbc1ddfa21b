"""What is left in Redis after a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import redis

from common.channels.keys import GROUP
from common.messages import CHANNELS
from tests.chaos.report import Memory
from tests.support.running_bot import Bot

_PREFIX: Final = "{whatsit}:"
_NEVER_EXPIRES: Final = -1  # redis.io/commands/ttl
_KEPT: Final = ("counts", "pace", "answers", "answers:at")
# What was published before; how many jobs a user began in a minute; the order of an album, and a chat's albums; who
# shows places in line.
_KEPT_FOR_A_TIME: Final = ("seen:", "users:", "album:", "albums:", "places")


def connect(bot: Bot) -> redis.Redis:
    """A client that shows everything as text, even packed data such as a delayed entry."""
    socket = str(bot.root / "run" / "redis.sock")
    return redis.Redis(unix_socket_path=socket, decode_responses=True, encoding_errors="replace")


def memory(client: redis.Redis) -> Memory:
    """The memory that Redis uses, after it has returned freed memory to the system."""
    client.memory_purge()
    found = client.info("memory")
    with client.pipeline(transaction=False) as pipe:
        for prefix in _KEPT_FOR_A_TIME:
            for key in client.scan_iter(f"{_PREFIX}{prefix}*", count=1000):
                pipe.memory_usage(key, samples=0)
        markers = sum(size or 0 for size in pipe.execute())
    return Memory(found["used_memory"], found["mem_clients_normal"], markers)


def counts(client: redis.Redis) -> Counter[str]:
    """The counters of the bot, summed over all channels."""
    total: Counter[str] = Counter()
    found: Any = client.hgetall(f"{_PREFIX}counts")
    for name, number in found.items():
        total[name.partition(" ")[2]] += int(number)
    return total


def left_keys(client: redis.Redis) -> Iterator[str]:
    """What should not be in Redis: everything except empty streams, counters, and markers that expire."""
    found: Any = client.scan_iter(count=1000)
    for key in sorted(found):
        name = key.removeprefix(_PREFIX)
        if name in CHANNELS:
            yield from _left_in_stream(client, key)
        elif not (
            name in _KEPT
            or (name == "dead" and not client.xlen(key))
            or (name.startswith(_KEPT_FOR_A_TIME) and client.ttl(key) != _NEVER_EXPIRES)
        ):
            yield f"{key}: {_content(client, key)}"


def _left_in_stream(client: redis.Redis, key: str) -> Iterator[str]:
    if client.xlen(key):
        yield f"{key}: {client.xrange(key, count=3)}"
    pending: Any = client.xpending(key, GROUP)
    if pending["pending"]:
        yield f"{key}: pending {pending}"
    consumers: Any = client.xinfo_consumers(key, GROUP)
    if len(consumers) > 1:  # a worker that comes back has the same name
        yield f"{key}: consumers {consumers}"


def _content(client: redis.Redis, key: str) -> str:
    read: dict[str, Callable[[], Any]] = {
        "hash": lambda: client.hgetall(key),
        "zset": lambda: client.zrange(key, 0, 5, withscores=True),
        "stream": lambda: client.xrange(key, count=3),
        "set": lambda: client.smembers(key),
        "string": lambda: client.get(key),
        "none": lambda: "gone by now",
    }
    return str(read[str(client.type(key))]())[:1000]
