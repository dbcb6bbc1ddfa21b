"""The jobs that an update begins: its own, and one for each thing that it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from common import VERSION, words
from common.limits import MAX_FILE_BYTES
from common.messages import AcceptUpdate, DownloadPhoto, FetchUrl, Job, Kind, Message, SendReply, Subject, Words
from common.model.records import in_use
from common.settings import Settings
from common.telegram import raw
from common.telegram.pictures import NoPreview, Photo
from common.telegram.said import Said
from common.telegram.updates import Asked, Command, LeftOut, Link, NotServed, Unwelcome


def job_of(update: dict[str, Any], bot_id: str, now: float) -> Job:
    """A raw update's own job. It knows where to apologise if the update cannot be read: in a private chat only.

    Args:
        update: The update as the Bot API sent it. Only its id must exist.
        bot_id: The bot that it was sent to.
        now: The time, in Unix seconds.
    """
    chat = raw.fields(raw.fields(update.get("message")).get("chat"))
    return Job(
        id=f"{bot_id}-{update['update_id']}",
        chat_id=raw.number(chat.get("id")) if chat.get("type") == "private" else None,
        message_id=None,
        accepted_at=now,
    )


def first_messages(accepted: AcceptUpdate, said: Said, found: Sequence[Asked], settings: Settings) -> list[Message]:
    """The first message of each job that an update begins.

    Args:
        accepted: The update.
        said: Its message.
        found: What that asks for.
        settings: For the answers to commands.
    """
    return [_first_message(job, item, settings) for job, item in zip(jobs(accepted, said, found), found, strict=True)]


def jobs(accepted: AcceptUpdate, said: Said, found: Sequence[Asked]) -> Iterator[Job]:
    """A job for each thing that a message asks for. Each is answered after the one before it."""
    before = ""
    for index, item in enumerate(found):
        job = Job(
            id=f"{accepted.job.id}-{index}",
            chat_id=said.chat_id,
            message_id=_message_id(item) or said.message_id or None,  # a message that nobody can reply to has 0
            thread_id=said.thread_id,
            topic_id=said.topic_id,
            user_id=said.sender_id,
            accepted_at=accepted.job.accepted_at,
            quote=item.url if isinstance(item, Link) and len(found) > 1 else "",
            subject=item.subject if isinstance(item, Photo) else Subject.PICTURE,
            after=before,
        )
        before = job.id
        yield job


def _message_id(item: Asked) -> int | None:
    return item.message_id if isinstance(item, Photo | Link | NoPreview | LeftOut) else None


def _first_message(job: Job, item: Asked, settings: Settings) -> Message:
    match item:
        case Photo() if (item.file_bytes or 0) <= MAX_FILE_BYTES:
            size, name = item.file_bytes, item.file_unique_id
            return DownloadPhoto(job=job, file_id=item.file_id, file_unique_id=name, announced_bytes=size)
        case Link():
            return FetchUrl(job=job, url=item.url)
        case Command():
            text = words.command(item.name, VERSION, in_use(settings.models_dir), settings)
            return SendReply(job=job, content=Words(text=text, kind=Kind.COMMAND))
        case LeftOut():
            return SendReply(job=job, content=Words(text=words.left_out(item.what, item.most, item.count)))
        case _:
            return SendReply(job=job, content=words.refusal(_why_not(item)))


def _why_not(item: Photo | NoPreview | Unwelcome | NotServed) -> str:
    """The words for something that the bot does not look at."""
    match item:
        case Photo():
            return words.TOO_LARGE
        case NoPreview():
            return words.no_preview(item.what)
        case Unwelcome():
            return words.unwelcome(item.what)
        case NotServed():
            return words.NOT_FOR_YOU
