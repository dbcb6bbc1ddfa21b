"""What users read instead of an answer: an apology, or a notice that there is too much to do.

Where a second look fails, they read the answer of the first.
"""

from __future__ import annotations

from common import words
from common.messages import CheckFile, ClassifyImage, Job, Kind, Message, SendReply, Words


def apology(job: Job) -> SendReply:
    """What the user reads when a job cannot be finished."""
    return SendReply(job=job, content=Words.of(words.APOLOGY, Kind.APOLOGY), files=job.files)


def first_look(message: Message | None) -> SendReply | None:
    """What the user reads when a second look at a picture fails: the answer of the first. None if it was no such."""
    if isinstance(message, CheckFile | ClassifyImage) and message.first_look:
        return SendReply(job=message.job, content=message.first_look, files=message.job.files)
    return None


def busy(job: Job, backlog_s: float) -> SendReply:
    """What the user reads instead of an answer when there is too much to do, with a rough time."""
    return SendReply(job=job, content=Words.of(words.busy(backlog_s), Kind.BUSY))


def too_fast(job: Job, per_minute: int) -> SendReply:
    """What a user reads instead of an answer if they send more than that in a minute."""
    return SendReply(job=job, content=Words.of(words.too_fast(per_minute), Kind.TOO_FAST))
