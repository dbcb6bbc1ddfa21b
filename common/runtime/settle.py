"""What happens to a message, by what its handler returned or raised."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
import traceback
from collections.abc import Sequence
from typing import Final

import msgspec
from redis.exceptions import RedisError

from common.channels.channels import Channels
from common.channels.consumer import Consumer, Delivery
from common.channels.scripts import Call
from common.errors import Deferred, Expired, InputLost, LeaseLost, Outage
from common.messages import DeleteFiles, Message, SendReply, Step
from common.runtime import apologies, restarts
from common.runtime.outcomes import Finished, HandedBack, KilledItsWorker, Undecodable
from common.runtime.retries import Retries

_TRACEBACK_LIMIT: Final = 8_000  # characters kept in a dead letter

_log = logging.getLogger(__name__)


class Settler:
    """Decides what happens to the messages of one consumer, and logs it.

    Args:
        channels: Where its channel is.
        consumer: Whose messages they are.
        retries: When a message that was not finished comes again.

    Attributes:
        backlog_s: How long the waiting work will take, by the last estimate.
    """

    def __init__(self, channels: Channels, consumer: Consumer, retries: Retries) -> None:
        self.backlog_s = 0.0
        self._channels = channels
        self._consumer = consumer
        self._retries = retries

    async def settle(self, finished: Finished) -> Call | None:
        """The call that settles a message; None if this worker no longer holds it, and nothing is left to do.

        Call it once for each message: it logs the decision, and a delay is random.

        Raises:
            redis.RedisError: Redis is away, and nothing was decided.
        """
        try:
            return await self._decide(finished)
        except RedisError:
            raise
        except Exception as error:  # the handler's result is not a message, or cannot be encoded
            return await self._decide(dataclasses.replace(finished, outcome=error))

    async def _decide(self, finished: Finished) -> Call | None:
        delivery, outcome = finished.delivery, finished.outcome
        match outcome:
            case LeaseLost():
                _log.warning("job=%s was taken over by another worker", delivery.job)
                return None
            case HandedBack():
                return self._consumer.hand_back(delivery)
            case BaseException() if first_look := apologies.first_look(finished.message):
                return self._settle_for(first_look, finished, outcome)
            case Outage() | Deferred() | Expired():
                return await self._put_off(finished, outcome)
            case InputLost() if delivery.job:
                return await self._restart(delivery, outcome)
            case KilledItsWorker() | Undecodable():
                return await self._bury(finished, outcome)
            case BaseException():
                return await self._try_again(finished, outcome)
            case _:
                return self._hand_off(finished, outcome)

    def _expire(self, finished: Finished, why: BaseException) -> Call:
        """The job ends without an answer, and its files are deleted."""
        _log.info("job=%s ends without an answer, for which nobody waits any longer: %s", finished.delivery.job, why)
        message, deletion = finished.message, []
        if message:
            keys = message.files if isinstance(message, SendReply) else message.job.files
            deletion = [DeleteFiles(job=message.job, keys=keys)] if keys else []
        return self._hand_off(finished, deletion, "expired")

    def _hand_off(self, finished: Finished, outputs: Sequence[Message], count: str = "handled") -> Call:
        busy = functools.partial(apologies.busy, backlog_s=self.backlog_s)
        too_fast = functools.partial(apologies.too_fast, per_minute=self._channels.limits.of_a_user)
        return self._consumer.hand_off(finished.delivery, _with_trail(finished, outputs), busy, too_fast, count)

    def _settle_for(self, first_look: SendReply, finished: Finished, error: BaseException) -> Call:
        """A second look that failed, in whatever way, is not tried again: the first look's answer is ready."""
        is_expected = isinstance(error, Outage | Deferred | InputLost)
        said = "job=%s gets the answer of its first look, since the second failed: %r"
        shown = None if is_expected or finished.shown else error
        _log.log(logging.INFO if is_expected else logging.ERROR, said, finished.delivery.job, error, exc_info=shown)
        return self._hand_off(finished, [first_look])

    async def _put_off(self, finished: Finished, why: Outage | Deferred | Expired) -> Call:
        """No attempt is used. The delay grows with the outage, to a minute, for a day, or while people wait."""
        delivery, message = finished.delivery, finished.message
        if isinstance(why, Expired) or (message and message.job.is_over(time.time())):
            return self._expire(finished, why)
        since_ms = delivery.since_ms or delivery.taken_ms
        delay_s = self._retries.in_outage_s((delivery.taken_ms - since_ms) / 1000)
        if delay_s is None:
            return await self._bury(finished, why)
        level = logging.WARNING
        if isinstance(why, Deferred):
            delay_s, level = why.retry_after_s, why.log_level
        _log.log(level, "job=%s postponed for %.1f s: %s", delivery.job, delay_s, why)
        return self._consumer.postpone(delivery, _ms(delay_s), since_ms)

    async def _try_again(self, finished: Finished, error: BaseException) -> Call:
        delivery, most = finished.delivery, self._retries.attempts
        attempts = delivery.attempts + 1
        delay_s = self._retries.after_failure_s(attempts)
        if delay_s is None:
            return await self._bury(finished, error)
        said = "job=%s failed, attempt %d of %d, again in %.1f s"
        _log.warning(said, delivery.job, attempts, most, delay_s, exc_info=None if finished.shown else error)
        return self._consumer.retry(delivery, _ms(delay_s), attempts)

    async def _restart(self, delivery: Delivery, error: InputLost) -> Call:
        call = await restarts.restart(self._channels, delivery.job, held=(self._consumer, delivery))
        _log.warning("job=%s lost its input: %s", delivery.job, error)
        return call

    async def _bury(self, finished: Finished, error: BaseException) -> Call:
        delivery, message = finished.delivery, finished.message
        apology = None
        if delivery.job and not isinstance(message, SendReply):
            ledger = self._channels.ledger
            job = message.job if message else await ledger.whose(delivery.job, await ledger.origin(delivery.job))
            apology = apologies.apology(job) if job else None
        said = "job=%s is buried (see `make dead`): %r"
        _log.error(said, delivery.job, error, exc_info=None if finished.shown else error)
        trace = "".join(traceback.format_exception(error))
        if len(trace) > _TRACEBACK_LIMIT:  # whole lines: the filter would not recognise half a token
            trace = trace[-_TRACEBACK_LIMIT:].partition("\n")[2]
        return self._consumer.bury(delivery, _utf8(f"{type(error).__name__}: {error}"), _utf8(trace), apology)


def _with_trail(finished: Finished, outputs: Sequence[Message]) -> list[Message]:
    if finished.message is None:
        return list(outputs)
    step = Step(finished.message.stage, float(finished.delivery.waited_ms), round(finished.took_ms, 1))
    trail = (*finished.message.trail, step)
    return [msgspec.structs.replace(output, trail=trail) for output in outputs]


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _utf8(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot spell and an error may quote."""
    return text.encode("utf-8", "replace").decode()
