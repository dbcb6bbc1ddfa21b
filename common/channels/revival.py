"""Starts a dead letter's job again, from the job's first message."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import msgspec

from common.channels.channels import Channels
from common.channels.dead_letters import DeadLetter
from common.messages import CHANNELS, AnyMessage, decode

_GONE, _UNDER_WAY = 0, -1  # what common/channels/lua/revive.lua returns, else 1
_NOTHING_TO_START_FROM: Final = "its job's first message cannot be read, so there is nothing to start from"
_STILL_UNDER_WAY: Final = "its job is still under way: its apology has not been sent yet, or it was started again"


class NotDone(Exception):  # noqa: N818 -- an answer, in words for the operator
    """The request cannot be done."""


def of_its_job(letter: DeadLetter, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """The letter, and all others of its job (its apology may have been buried, too), which one new start settles."""
    return [letter, *(other for other in letters if letter.job and other.job == letter.job and other != letter)]


def beginning(letter: DeadLetter, letters: Sequence[DeadLetter]) -> AnyMessage | None:
    """The message that the letter's job starts from, as a new run, so that its files have other names.

    None for a letter without a job.

    Raises:
        NotDone: There is nothing to start from.
    """
    if not letter.job:
        if letter.channel not in CHANNELS:
            raise NotDone(f"it comes from {letter.channel!r}, which is not a channel")
        return None
    known = []
    for each in of_its_job(letter, letters):
        with contextlib.suppress(msgspec.DecodeError):
            known.append(decode(each.origin))
    if not known:
        raise NotDone(_NOTHING_TO_START_FROM)
    latest = max(known, key=lambda message: message.job.run)
    job = msgspec.structs.replace(latest.job, run=latest.job.run + 1, restarts=0)
    return msgspec.structs.replace(latest, job=job)


async def start(channels: Channels, letter: DeadLetter, letters: Sequence[DeadLetter]) -> str:
    """Start a dead letter's job again. Returns what happened to it.

    Raises:
        NotDone: It cannot be started.
    """
    first = beginning(letter, letters)
    outcome = await channels.scripts.run(channels.dead_letters.revive(of_its_job(letter, letters), first))
    if outcome == _UNDER_WAY:
        raise NotDone(_STILL_UNDER_WAY)
    if outcome == _GONE:
        raise NotDone("this dead letter is gone")
    return f"job={letter.job} is started again" if first else f"is on {letter.channel} again, as it was"


async def prospect(channels: Channels, letter: DeadLetter, letters: Sequence[DeadLetter]) -> str:
    """What a retry would do now."""
    try:
        first = beginning(letter, letters)
    except NotDone as why:
        return f"not possible: {why}"
    if first is None:
        return f"puts the message back on {letter.channel} as it is"
    if await channels.ledger.live([letter.job]):
        return f"not possible now: {_STILL_UNDER_WAY}"
    return (
        f"starts the job again from its first message ({type(first).__name__}, on {first.channel}); "
        "its user gets an answer, though they have had the apology"
    )
