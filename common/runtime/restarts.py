"""Starts a job again from its first message, and apologises if that does not help."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from common.channels.channels import Channels
from common.channels.consumer import Consumer, Delivery
from common.channels.scripts import Call
from common.messages import decode, encode
from common.runtime.apologies import apology

RESTARTS: Final = 1

_log = logging.getLogger(__name__)


async def restart(channels: Channels, job: str, held: tuple[Consumer, Delivery] | None = None) -> Call:
    """The call that starts a job again from its first message, or apologises if it was started again before.

    A job without a readable first message ends: a retry would never help. Its user gets the apology, if anything says
    whose job it is.

    Args:
        channels: The channels of the job.
        job: The job.
        held: The consumer that holds the job's message, if one does, and the message: the new one replaces it.

    Raises:
        redis.RedisError: Redis is away.
    """
    body = await channels.ledger.origin(job)
    try:
        first = decode(body or b"")
    except msgspec.DecodeError as error:
        _log.error("job=%s cannot be started again: its first message cannot be read (%s): %r", job, error, body)
        whose = await channels.ledger.whose(job, held[1].body if held else None)
        return channels.ledger.restart(job, apology(whose) if whose else None, held=held)
    if first.job.restarts >= RESTARTS:
        _log.error("job=%s cannot be finished, though it was started again: the user gets an apology", job)
        return channels.ledger.restart(job, apology(first.job), held=held)
    job_again = msgspec.structs.replace(first.job, run=first.job.run + 1, restarts=first.job.restarts + 1)
    again = msgspec.structs.replace(first, job=job_again)
    _log.warning("job=%s starts again from its first message", job)
    return channels.ledger.restart(job, again, origin=encode(again), held=held)
