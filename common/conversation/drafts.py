"""Shows people in private chats their place in line.

    You are 7th in line: about 9 seconds.

A draft is not a message. It is gone after 30 s or with the bot's next message, makes no sound, carries no job, may be
lost, and is never repeated: the next one comes in some seconds. One loop serves all chats, those next in line first.
Where the server has no drafts, or does not take one, people see "typing…" as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import zlib
from collections.abc import Callable
from typing import Final

from common import words
from common.channels.channels import Channels
from common.channels.places import Place
from common.errors import Deferred, MethodUnknown, Outage, TelegramRefused
from common.languages.speech import say
from common.messages import Job
from common.telegram.client import Telegram

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class DraftLimits:
    """How often drafts are sent. Tests pass smaller limits.

    Attributes:
        look_s: How often it looks who waits, while pictures are in the pipeline.
        idle_s: The same while there are no pictures.
        renew_s: After what time a chat gets the next draft.
        most: Drafts that one look sends at most. At one look a second, that is 20 calls a second.
        call_s: How long a call may take.
        outage_s: How long to pause if Telegram is down.
        unknown_s: The same if its server does not have the method; and for one picture, if its chat takes no draft.
    """

    look_s: float = 1.0
    idle_s: float = 5.0
    renew_s: float = 5.0
    most: int = 20
    call_s: float = 3.0
    outage_s: float = 5.0
    unknown_s: float = 600.0


DRAFTS: Final = DraftLimits()
"""The bot's limits."""


class Drafts:
    """The drafts of one process.

    Args:
        telegram: Where they go.
        limits: How often.
        clock: The time, in seconds from any point.
    """

    def __init__(
        self, telegram: Telegram, limits: DraftLimits = DRAFTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._telegram = telegram
        self._limits = limits
        self._clock = clock
        self._woken = asyncio.Event()
        self._next: dict[str, float] = {}  # when a job's next draft is due
        self._paused_until = 0.0

    def wake(self) -> None:
        """Look soon: a picture was asked for."""
        self._woken.set()

    async def run(self, channels: Channels) -> None:
        """Show places for as long as it runs. Whatever fails, answers are worth more than drafts."""
        while True:
            is_busy = False
            try:
                is_busy = await self.round(channels)
            except Outage as error:  # the runtime's loop meets the same error, and says so
                _log.debug("no places in line are shown: %s", error)
            except Exception:
                _log.exception("no places in line are shown")
            if not is_busy:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.idle_s):
                        await self._woken.wait()
            self._woken.clear()
            await asyncio.sleep(self._limits.look_s)

    async def round(self, channels: Channels) -> bool:
        """Look once, and send the drafts that are due. Gives whether there are pictures in the pipeline.

        Raises:
            Outage: Redis is away.
        """
        if self._clock() < self._paused_until:
            return False
        line = await channels.places.look()
        now = self._clock()
        self._next = {job: due for job, due in self._next.items() if due > now}
        due = [place for place in line.places if place.job not in self._next][: self._limits.most]
        self._next |= {place.job: now + self._limits.renew_s for place in due}
        jobs = await channels.places.jobs(due)  # right before they go out: an ended job's draft would stay
        await asyncio.gather(*(self._show(place, job) for place, job in zip(due, jobs, strict=True) if job))
        return line.is_busy

    async def _show(self, place: Place, job: Job) -> None:
        if job.chat_id is None:
            return
        try:
            async with asyncio.timeout(self._limits.call_s):
                said = say(words.place(place.nth, place.wait_s), job.language)
                await self._telegram.draft(job.chat_id, draft_id(job.id), said, job.thread_id)
        except MethodUnknown as error:
            self._pause(self._limits.unknown_s, error)
        except Deferred as error:
            self._pause(error.retry_after_s, error)
        except (Outage, TimeoutError) as error:
            self._pause(self._limits.outage_s, error)
        except TelegramRefused as error:
            self._next[job.id] = self._clock() + self._limits.unknown_s
            _log.debug("job=%s: no place in line is shown: %s", job.id, error)

    def _pause(self, seconds: float, why: Exception) -> None:
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        _log.debug("no places in line are shown for %.0f s: %r", seconds, why)


def draft_id(job: str) -> int:
    """The id of a job's drafts: 31 bits, and not 0."""
    return zlib.crc32(job.encode()) & 0x7FFF_FFFF or 1
