"""Albums: several messages, each an update of its own, of which perhaps only one names the bot.

The photos of an album are asked about together. In a group, a message of an album that does not name the bot waits
for one that does, and begins with it, in whatever order the updates are read; without one, it is forgotten.

    begins = await albums.join(accepted, said.chat_id, said.content.album, said.message_id, started, addressed=True)

They are answered together, too: in one message with a line for each photo, which changes as the lines become known.
Whoever has the turn sends or changes it.

    turn = await albums.take_turn(job, line)
    if turn: ...; await albums.end_turn(job, turn, message_id)
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from redis.exceptions import RedisError

from common.channels.keys import Keys
from common.channels.outages import as_outage
from common.channels.scripts import Call, Scripts, text
from common.errors import AlbumWaits, Outage
from common.messages import AcceptUpdate, Job, Message, decode, encode


@dataclasses.dataclass(frozen=True)
class AlbumLimits:
    """How long albums are remembered, and how often their messages change. Tests pass smaller limits.

    Attributes:
        waiting_ms: An album of which nothing has addressed the bot, since its last message. Telegram sends an album's
            messages within a second; ``receive`` may die in between, and is back within 6 s.
        addressed_ms: Any other, since its last message or line: as long as one of them may come late, or again.
        pause_ms: The shortest time between two changes of a message.
        turn_ms: How long one worker alone may change it; a dead one's job may do so at once when it comes again.
        send_ms: How late in its turn it may still begin to. A call to Telegram takes 15 s at most.
        look_ms: After what time another one looks whether the turn is over.
    """

    waiting_ms: int = 10_000
    addressed_ms: int = 300_000
    pause_ms: int = 1_000
    turn_ms: int = 30_000
    send_ms: int = 12_000
    look_ms: int = 100


ALBUMS: Final = AlbumLimits()
"""The bot's limits."""


@dataclasses.dataclass(frozen=True)
class Turn:
    """A turn at an album's message: send it, or change it.

    Attributes:
        number: Its number.
        message_id: The message to change; 0 to send one.
        reply_to: The album's first message; 0 if nobody can reply to it.
        is_album: Whether more than one photo has come.
        lines: The number of each photo, and its line as HTML; '' if that is not known yet.
        ends_at: When it is too late to begin, by ``time.monotonic()``.
    """

    number: int
    message_id: int
    reply_to: int
    is_album: bool
    lines: Sequence[tuple[int, str]]
    ends_at: float


class Albums:
    """The albums of one namespace.

    Args:
        scripts: Runs the scripts.
        keys: The keys of the namespace.
        limits: How long albums are remembered, and how often their messages change.
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
        photo = next((message.job.id for message in started if message.job.album), "")
        args = (accepted.job.id, message_id, job, body, "1" if addressed else "")
        limits = (self._limits.waiting_ms, self._limits.addressed_ms)
        keys = (self._keys.album(chat_id, album), self._keys.albums(str(chat_id)))
        call = Call("album", keys, (*args, *limits, photo))
        try:
            async with self._in_turn:  # several connections could bring the album's messages in another order
                begins = await self._scripts.run(call)
        except RedisError as error:
            msg = f"cannot ask Redis what else is in the album: {error}"
            raise Outage(msg) from error
        parts = [(text(before), _decoded(part) if part else started) for before, part in begins]
        return [message for before, part in parts for message in _after(before, part)]

    async def take_turn(self, job: Job, line: str) -> Turn | None:
        """Note what is said of a photo, and take the turn at its album's message.

        Args:
            job: The photo's. It has a chat.
            line: What is said of it, as HTML.

        Returns:
            The turn, which ``end_turn`` ends; None if the message says all this already.

        Raises:
            AlbumWaits: The message was changed a moment ago, or somebody else has the turn.
            Outage: Redis is away, or refuses.
        """
        limits, began = self._limits, time.monotonic()
        args = (limits.turn_ms, limits.look_ms, limits.addressed_ms)
        keys = (self._album(job), self._keys.albums(job.chat))
        with as_outage("what else is said of the album"):
            said = await self._scripts.run(Call("album_line", keys, (job.id, job.message_id or 0, line, *args)))
        match [text(said[0]), *said[1:]]:
            case ["shown"]:
                return None
            case ["wait", wait_ms]:
                raise AlbumWaits(wait_ms / 1000, job.album)
        number, message_id, reply_to, count, rows = said[1:]
        lines = [(nth, text(row)) for nth, row in rows]
        return Turn(number, message_id, reply_to, count > 1, lines, began + limits.send_ms / 1000)

    async def end_turn(
        self, job: Job, turn: Turn, message_id: int | None = None, *, pause_s: float = 0.0, gone: bool = False
    ) -> bool:
        """End a turn.

        Args:
            job: Whose turn it was.
            turn: The turn.
            message_id: The message that was sent or changed; None for none.
            pause_s: How long nothing can be sent now, if that is longer than the usual pause.
            gone: Whether the message that was to be changed no longer exists.

        Returns:
            False if the message may say something else meanwhile: take another turn.

        Raises:
            Outage: Redis is away, or refuses.
        """
        became = "gone" if gone else "" if message_id is None else str(message_id)
        pause_ms = self._limits.pause_ms if message_id is not None else 0
        args = (turn.number, became, max(pause_ms, round(pause_s * 1000)))
        with as_outage("what else is said of the album"):
            return bool(await self._scripts.run(Call("album_shown", (self._album(job),), args)))

    def _album(self, job: Job) -> str:
        if job.chat_id is None:
            msg = f"job {job.id} is in an album and in no chat"
            raise ValueError(msg)
        return self._keys.album(job.chat_id, job.album)


def _decoded(part: bytes) -> list[Message]:
    return [decode(bytes(raw)) for raw in msgspec.json.decode(part, type=list[msgspec.Raw])]


def _after(before: str, part: Sequence[Message]) -> list[Message]:
    """A part of the album, with the job ``before`` before its first one."""
    first, *others = part
    return [msgspec.structs.replace(first, job=msgspec.structs.replace(first.job, after=before)), *others]
