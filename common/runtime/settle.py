"""What becomes of a message, by what its handler returned or raised."""

from __future__ import annotations

import dataclasses
import functools
import logging
import random
import traceback
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from redis.exceptions import RedisError

from common.channels.channels import Channels
from common.channels.consumer import Consumer, Delivery
from common.channels.scripts import Call
from common.errors import Deferred, InputLost, LeaseLost, Outage
from common.messages import AnyMessage, Job, Message, SendReply, Step, decode
from common.runtime import restarts

MAX_ATTEMPTS: Final = 5
MAX_DEATHS: Final = 3
MAX_DELAY_S: Final = 60.0
LONGEST_OUTAGE_S: Final = 24 * 3600.0

_TRACEBACK_LIMIT: Final = 8_000  # characters kept in a dead letter

_log = logging.getLogger(__name__)


class HandedBack(Exception):  # noqa: N818 -- an outcome, not an error
    """The worker stops before it could finish the message."""


class KilledItsWorker(Exception):  # noqa: N818
    """A worker died three times while it handled this message and nothing else."""


class Undecodable(Exception):  # noqa: N818
    """The body is no message of this channel."""


Outcome: TypeAlias = Sequence[Message] | BaseException


@dataclasses.dataclass(frozen=True)
class Finished:
    """A message that its handler is through with.

    Attributes:
        delivery: The message, as it was taken.
        message: The same, read; None where it could not be.
        outcome: What its handler returned or raised.
        took_ms: How long that took.
        shown: Whether the log has the traceback already: all of a batch failed by the same error.
    """

    delivery: Delivery
    message: AnyMessage | None
    outcome: Outcome
    took_ms: float = 0.0
    shown: bool = False


class Settler:
    """Decides what becomes of the messages of one consumer, and says so in the log.

    Attributes:
        backlog_s: How long the work that waits will take, as far as is known.
    """

    def __init__(self, channels: Channels, consumer: Consumer) -> None:
        self.backlog_s = 0.0
        self._channels = channels
        self._consumer = consumer

    async def settle(self, finished: Finished) -> Call | None:
        """The call that settles a message; None if it is no longer ours, and nothing is left to do.

        To be asked once for each message: a decision is logged, and a delay drawn by lot.

        Raises:
            redis.RedisError: Redis is away, and nothing was decided.
        """
        try:
            return await self._decide(finished)
        except RedisError:
            raise
        except Exception as error:  # what the handler returned is no message, or cannot be encoded
            return await self._decide(dataclasses.replace(finished, outcome=error))

    async def _decide(self, finished: Finished) -> Call | None:
        delivery, outcome = finished.delivery, finished.outcome
        match outcome:
            case LeaseLost():
                _log.warning("job=%s was taken over by another worker", delivery.job)
                return None
            case HandedBack():
                return self._consumer.hand_back(delivery)
            case Outage() | Deferred():
                return await self._put_off(finished, outcome)
            case InputLost() if delivery.job:
                return await self._restart(delivery, outcome)
            case KilledItsWorker() | Undecodable():
                return await self._bury(finished, outcome)
            case BaseException():
                return await self._try_again(finished, outcome)
            case _:
                busy = functools.partial(restarts.busy, backlog_s=self.backlog_s)
                too_fast = functools.partial(restarts.too_fast, per_minute=self._channels.most_of_a_user)
                return self._consumer.hand_off(delivery, _with_trail(finished, outcome), busy, too_fast)

    async def _put_off(self, finished: Finished, outage: Outage | Deferred) -> Call:
        """No attempt is used: the delay doubles with the outage's length, up to a minute, for up to a day."""
        delivery = finished.delivery
        since_ms = delivery.since_ms or delivery.taken_ms
        lasted_s = (delivery.taken_ms - since_ms) / 1000
        if lasted_s > LONGEST_OUTAGE_S:
            return await self._bury(finished, outage)
        if isinstance(outage, Deferred):
            delay_s = outage.retry_after_s
            level = logging.INFO
        else:
            delay_s = min(MAX_DELAY_S, max(1.0, lasted_s))
            level = logging.WARNING
        _log.log(level, "job=%s put off for %.1f s: %s", delivery.job, delay_s, outage)
        return self._consumer.postpone(delivery, _ms(delay_s), since_ms)

    async def _try_again(self, finished: Finished, error: BaseException) -> Call:
        delivery = finished.delivery
        attempts = delivery.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            return await self._bury(finished, error)
        # 1, 2, 4, 8 s, each give or take a quarter, so that what failed together does not come back together.
        delay_s = 2.0**delivery.attempts * random.uniform(0.75, 1.25)  # noqa: S311 -- no secret
        said = "job=%s failed, attempt %d of %d, again in %.1f s"
        trace = None if finished.shown else error
        _log.warning(said, delivery.job, attempts, MAX_ATTEMPTS, delay_s, exc_info=trace)
        return self._consumer.retry(delivery, _ms(delay_s), attempts)

    async def _restart(self, delivery: Delivery, error: InputLost) -> Call:
        call = await restarts.restart(self._channels, delivery.job, held=(self._consumer, delivery))
        _log.warning("job=%s lost its input: %s", delivery.job, error)
        return call

    async def _bury(self, finished: Finished, error: BaseException) -> Call:
        delivery = finished.delivery
        apology = None
        if delivery.job and not isinstance(finished.message, SendReply):
            job = finished.message.job if finished.message else await self._job(delivery.job)
            apology = restarts.apology(job) if job else None
        said = "job=%s is buried (see python -m common.programs.dead_letters list): %r"
        _log.error(said, delivery.job, error, exc_info=None if finished.shown else error)
        trace = "".join(traceback.format_exception(error))
        if len(trace) > _TRACEBACK_LIMIT:  # whole lines: half a token would not be known for one
            trace = trace[-_TRACEBACK_LIMIT:].partition("\n")[2]
        return self._consumer.bury(delivery, _utf8(f"{type(error).__name__}: {error}"), _utf8(trace), apology)

    async def _job(self, job_id: str) -> Job | None:
        """The job of a message that could not be decoded, from the job's first message, if that can be."""
        origin, _ = await self._channels.origin(job_id)
        try:
            return decode(origin).job if origin else None
        except msgspec.DecodeError:
            return None


def _with_trail(finished: Finished, outputs: Sequence[Message]) -> list[Message]:
    if finished.message is None:
        return list(outputs)
    step = Step(finished.message.stage, float(finished.delivery.waited_ms), round(finished.took_ms, 1))
    trail = (*finished.message.trail, step)
    return [msgspec.structs.replace(output, trail=trail) for output in outputs]


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _utf8(text: str) -> str:
    """The text without what UTF-8 cannot spell: an error may quote it."""
    return text.encode("utf-8", "replace").decode()
