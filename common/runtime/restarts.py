"""Starting a job again from its first message, and apologising when that is no use."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Final

import msgspec

from common import words
from common.channels.channels import Channels
from common.channels.consumer import Consumer, Delivery
from common.channels.scripts import Call
from common.messages import Job, Kind, SendReply, Words, decode, encode

RESTARTS: Final = 1
APOLOGY: Final = (
    "Sorry, something went wrong on my side and I could not finish this one. Please send it again; "
    "if it fails again, try another picture."
)

_log = logging.getLogger(__name__)


def apology(job: Job) -> SendReply:
    """What the user reads when a job cannot be finished."""
    files = (job.key("original"), job.key("input"))
    return SendReply(job=job, content=Words(text=APOLOGY, kind=Kind.APOLOGY), files=files)


def busy(job: Job, backlog_s: float) -> SendReply:
    """What the user reads instead of an answer when there is too much to do: for how long, roughly."""
    return SendReply(job=job, content=Words(text=words.busy(backlog_s), kind=Kind.BUSY))


def too_fast(job: Job, per_minute: int) -> SendReply:
    """What a user reads instead of an answer who sends more than that in a minute."""
    return SendReply(job=job, content=Words(text=words.too_fast(per_minute), kind=Kind.TOO_FAST))


async def restart(channels: Channels, job: str, held: tuple[Consumer, Delivery] | None = None) -> Call:
    """The call that starts a job again from its first message, or apologises if that was done before.

    A job that has no first message, or one that cannot be read, ends with the apology, as far as anything tells whose
    it is: it could only be looked at in vain for ever.

    Args:
        channels: Where the job lives.
        job: The job.
        held: Who holds the job's message, if anybody: it is given up for the new one.

    Raises:
        redis.RedisError: Redis is away.
    """
    body, chat = await channels.origin(job)
    try:
        first = decode(body or b"")
    except msgspec.DecodeError as error:
        _log.error("job=%s cannot be started again: its first message cannot be read (%s): %r", job, error, body)
        whose = _whose(job, chat, held)
        return channels.restart(job, apology(whose) if whose else None, held=held)
    if first.job.restarts >= RESTARTS:
        _log.error("job=%s cannot be finished, though it was started again: the user gets an apology", job)
        return channels.restart(job, apology(first.job), held=held)
    job_again = msgspec.structs.replace(first.job, run=first.job.run + 1, restarts=first.job.restarts + 1)
    again = msgspec.structs.replace(first, job=job_again)
    _log.warning("job=%s starts again from its first message", job)
    return channels.restart(job, again, origin=encode(again), held=held)


def _whose(job: str, chat: str | None, held: tuple[Consumer, Delivery] | None) -> Job | None:
    """As much of a job as the message in hand tells, or else its chat."""
    with contextlib.suppress(msgspec.DecodeError):
        return decode(held[1].body if held else b"").job
    with contextlib.suppress(ValueError):
        return Job(id=job, chat_id=int(chat or ""), message_id=None, accepted_at=time.time())
    return None
