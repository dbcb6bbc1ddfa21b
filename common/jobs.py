"""Starting a job again from its first message, and apologising when that is no use."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from common.channels import Call, Channels, Consumer, Delivery
from common.messages import Job, SendReply, Words, decode, encode

RESTARTS: Final = 1
APOLOGY: Final = (
    "Sorry, something went wrong on my side and I could not finish this one. Please send it again; "
    "if it fails again, try another picture."
)

_log = logging.getLogger(__name__)


def apology(job: Job) -> SendReply:
    """What the user reads when a job cannot be finished."""
    files = (job.key("original"), job.key("input"))
    return SendReply(job=job, content=Words(text=APOLOGY, kind="apology"), files=files)


async def restart(channels: Channels, job: str, held: tuple[Consumer, Delivery] | None = None) -> Call | None:
    """The call that starts a job again from its first message, or apologises if that was done before.

    Args:
        channels: Where the job lives.
        job: The job.
        held: Who holds the job's message, if anybody: it is given up for the new one.

    Returns:
        The call, or None if the job has ended, or its first message cannot be read.

    Raises:
        redis.RedisError: Redis is away.
    """
    body = await channels.origin(job)
    if body is None:
        return None
    try:
        first = decode(body)
    except msgspec.DecodeError:
        _log.exception("job=%s cannot start again: its first message cannot be read", job)
        return None
    if first.job.run >= RESTARTS:
        _log.error("job=%s cannot be finished, though it was started again: the user gets an apology", job)
        return channels.restart(job, apology(first.job), held=held)
    again = msgspec.structs.replace(first, job=msgspec.structs.replace(first.job, run=first.job.run + 1))
    _log.warning("job=%s starts again from its first message", job)
    return channels.restart(job, again, origin=encode(again), held=held)
