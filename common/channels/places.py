"""Who waits in private chats, and where each is in line.

    for place in (await places.look()).places: ...

A chat's place is that of its next picture: its others wait behind that one (fair queueing). The wait is an estimate,
from the pace at which jobs end.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from common.channels.keys import GROUP, Keys
from common.channels.outages import as_outage
from common.channels.scripts import Call, Scripts, text
from common.messages import Job, decode

_WHAT: Final = "who waits"


@dataclasses.dataclass(frozen=True)
class PlaceLimits:
    """What is told. Tests pass smaller limits.

    Attributes:
        wait_ms: The shortest wait that is told.
        age_ms: How long a message is in its channel at least: before that, it may be on its way through.
        lease_ms: How long one process is told, and no other, since it last was told something.
        looked_at: How many messages are looked at, from the end of the pipeline. Redis takes 1 to 2.5 ms for these
            (docs/decisions/0031).
        most: How many places are told.
    """

    wait_ms: int = 3_000
    age_ms: int = 1_000
    lease_ms: int = 10_000
    looked_at: int = 200
    most: int = 100


PLACES: Final = PlaceLimits()
"""The bot's limits."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a private chat is in line.

    Attributes:
        job: The job of its next picture.
        nth: Its place among all chats, from 1.
        wait_s: How long it will roughly wait.
    """

    job: str
    nth: int
    wait_s: float


@dataclasses.dataclass(frozen=True)
class Line:
    """Who waits. ``is_busy``: a picture is in the pipeline, so that somebody may wait soon."""

    is_busy: bool
    places: Sequence[Place] = ()


class Places:
    """The places of one namespace. Each method raises ``Outage`` when Redis is away, or refuses.

    Args:
        scripts: Runs the script.
        keys: The keys of the namespace.
        limits: What is told.
    """

    def __init__(self, scripts: Scripts, keys: Keys, limits: PlaceLimits = PLACES) -> None:
        self._scripts = scripts
        self._keys = keys
        self._limits = limits
        self._process = uuid.uuid4().hex[:8]

    async def look(self) -> Line:
        """Who waits, those next in line first; nobody while another process is told."""
        limits = self._limits
        args = (limits.lease_ms, limits.wait_ms, limits.age_ms, limits.looked_at, limits.most)
        with as_outage(_WHAT):
            call = Call("places", (self._keys.places,), (GROUP, self._process, *args))
            is_busy, rows = await self._scripts.run(call)
        return Line(bool(is_busy), [Place(text(job), nth, wait_ms / 1000) for job, nth, wait_ms in rows])

    async def jobs(self, places: Sequence[Place]) -> list[Job | None]:
        """The job at each place, as it began; None if it has ended."""
        if not places:
            return []
        with as_outage(_WHAT):
            async with self._scripts.time_limit():
                bodies: Any = await self._scripts.redis.hmget(self._keys.jobs, [place.job for place in places])
        return [_job(body) for body in bodies]


def _job(body: bytes | None) -> Job | None:
    try:
        return decode(body or b"").job
    except msgspec.DecodeError:
        return None
