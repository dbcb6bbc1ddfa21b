"""Dead letters: messages that could not be handled, kept with the error until an operator starts them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from common.channels.keys import Keys
from common.channels.scripts import Call, Scripts
from common.messages import Message, encode

KEPT_MS: Final = 7 * 24 * 3600 * 1000
_READ_AT_ONCE: Final = 100  # of some 10 kB each


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """A message that could not be handled, and what is kept with it.

    Attributes:
        id: Its entry's id in the stream of dead letters.
        channel: The channel that it was on.
        job: Its job; '' if it did not carry one.
        chat: Its job's chat; '' if that is not known.
        body: The message, as it was on its channel.
        origin: Its job's first message; b'' if that is not known.
        attempts: How many times handling it had failed before the last time.
        error: What was wrong, in a line.
        traceback: Where it was wrong.
    """

    id: str
    channel: str
    job: str
    chat: str
    body: bytes
    origin: bytes
    attempts: int
    error: str
    traceback: str

    @property
    def buried_s(self) -> float:
        """When it was buried, in Unix seconds by the clock of Redis."""
        return int(self.id.partition("-")[0]) / 1000


class DeadLetters:
    """The dead letters of one namespace."""

    def __init__(self, scripts: Scripts, keys: Keys) -> None:
        self._scripts = scripts
        self._keys = keys

    async def all(self) -> list[DeadLetter]:
        """All dead letters, the newest first.

        Raises:
            redis.RedisError: Redis is away.
        """
        found: list[DeadLetter] = []
        newest = "+"
        while True:
            async with self._scripts.time_limit():
                rows: Any = await self._scripts.redis.xrevrange(self._keys.dead, newest, count=_READ_AT_ONCE)
            found += [_dead_letter(id_, fields) for id_, fields in rows]
            if len(rows) < _READ_AT_ONCE:
                return found
            newest = f"({found[-1].id}"

    async def newest(self, count: int) -> list[DeadLetter]:
        """The newest dead letters, up to ``count``.

        Raises:
            redis.RedisError: Redis is away.
        """
        async with self._scripts.time_limit():
            rows: Any = await self._scripts.redis.xrevrange(self._keys.dead, count=count)
        return [_dead_letter(id_, fields) for id_, fields in rows]

    async def count(self) -> int:
        """How many dead letters there are.

        Raises:
            redis.RedisError: Redis is away.
        """
        async with self._scripts.time_limit():
            count: int = await self._scripts.redis.xlen(self._keys.dead)
        return count

    def revive(self, letters: Sequence[DeadLetter], first: Message | None) -> Call:
        """Start the job of those dead letters again with its ``first`` message, when its chat has a free slot.

        Without a first message, the letter has no job, and its own message goes back to its channel.

        Gives 1; 0 if the first of the letters does not exist; -1 if the job has not ended: its apology is on the way.
        """
        letter = letters[0]
        channel, body = (first.channel, encode(first)) if first else (letter.channel, letter.body)
        ids = [each.id for each in letters]
        return Call("revive", (self._keys.dead, self._keys.stream(channel)), (letter.job, letter.chat, body, *ids))

    async def expire(self, now_ms: int) -> None:
        """Drop the dead letters that are older than 7 days.

        Raises:
            redis.RedisError: Redis is away.
        """
        oldest = max(0, now_ms - KEPT_MS)
        async with self._scripts.time_limit():
            await self._scripts.redis.xtrim(self._keys.dead, minid=str(oldest), approximate=False)


def _dead_letter(id_: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    return DeadLetter(
        id=id_.decode(),
        channel=text(b"channel"),
        job=text(b"job"),
        chat=text(b"chat"),
        body=fields.get(b"body", b""),
        origin=fields.get(b"origin", b""),
        attempts=int(attempts) if (attempts := text(b"attempts")).isdecimal() else 0,
        error=text(b"error"),
        traceback=text(b"traceback"),
    )
