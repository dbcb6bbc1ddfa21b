"""Albums: several messages, each an update of its own, of which perhaps only one names the bot.

The photos of an album are asked about together. In a group, a message of an album that does not name the bot waits
for one that does, and begins with it, in whatever order the updates are read; without one, it is forgotten. The
answers go out in the order of the album: see ``order.py``.

    begins = await albums.join(accepted, said.chat_id, said.content.album, said.message_id, started, addressed=True)
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Final

import msgspec
from redis.exceptions import RedisError

from common.channels.keys import Keys
from common.channels.scripts import Call, Scripts, text
from common.errors import Outage
from common.messages import AcceptUpdate, Message, decode, encode


@dataclasses.dataclass(frozen=True)
class AlbumLimits:
    """How long albums are remembered. Tests pass smaller limits.

    Attributes:
        waiting_ms: An album of which nothing has addressed the bot, since its last message. Telegram sends an album's
            messages within a second; ``receive`` may die in between, and is back within 6 s.
        addressed_ms: Any other, since its last message: as long as one of them may come late, or again.
    """

    waiting_ms: int = 30_000
    addressed_ms: int = 300_000


ALBUMS: Final = AlbumLimits()
"""The bot's limits."""


class Albums:
    """The albums of one namespace.

    Args:
        scripts: Runs the script.
        keys: The keys of the namespace.
        limits: How long albums are remembered.
    """

    def __init__(self, scripts: Scripts, keys: Keys, limits: AlbumLimits = ALBUMS) -> None:
        self._scripts = scripts
        self._keys = keys
        self._limits = limits
        self._in_turn = asyncio.Lock()

    async def join(
        self,
        accepted: AcceptUpdate,
        chat_id: int,
        album: str,
        message_id: int,
        started: Sequence[Message],
        *,
        addressed: bool,
    ) -> list[Message]:
        """What begins with a message of an album. An update that is read again gets the same again.

        Args:
            accepted: The update that brings the message.
            chat_id: The message's chat.
            album: The album, by its name in that chat: ``media_group_id``.
            message_id: The message.
            started: The first message of each job that it asks for, or would ask for if it addressed the bot.
            addressed: Whether it addresses the bot.

        Returns:
            First messages of jobs, in the order of the album: those of this message and of the ones that waited. Empty
            if nothing of the album has addressed the bot yet, or if they have begun with another update.

        Raises:
            Outage: Redis is away, or refuses. Nothing may begin yet.
        """
        body = msgspec.json.encode([msgspec.Raw(encode(message)) for message in started])
        job = started[-1].job.id if started else ""
        args = (accepted.job.id, message_id, job, body, "1" if addressed else "")
        limits = (self._limits.waiting_ms, self._limits.addressed_ms)
        keys = (self._keys.album(chat_id, album), self._keys.albums(str(chat_id)))
        call = Call("album", keys, (*args, *limits))
        try:
            async with self._in_turn:  # several connections could bring the album's messages in another order
                begins = await self._scripts.run(call)
        except RedisError as error:
            msg = f"cannot ask Redis what else is in the album: {error}"
            raise Outage(msg) from error
        parts = [(text(before), _decoded(part) if part else started) for before, part in begins]
        return [message for before, part in parts for message in _after(before, part)]


def _decoded(part: bytes) -> list[Message]:
    return [decode(bytes(raw)) for raw in msgspec.json.decode(part, type=list[msgspec.Raw])]


def _after(before: str, part: Sequence[Message]) -> list[Message]:
    """A part of the album, with the job ``before`` before its first one."""
    first, *others = part
    return [msgspec.structs.replace(first, job=msgspec.structs.replace(first.job, after=before)), *others]
