"""A job for each thing that a message asks for, and its first message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from common import words
from common.answers.questions import asked_class
from common.conversation import commands, small_talk
from common.conversation.bot import Asking, Bot
from common.conversation.preferences import BUTTONS
from common.languages.texts import Text
from common.limits import MAX_FILE_BYTES
from common.messages import AcceptUpdate, DownloadPhoto, FetchUrl, Job, Message, SendReply, Subject, Words
from common.telegram.pictures import NoPreview, Photo
from common.telegram.small_talk import SmallTalk
from common.telegram.updates import Asked, Command, LeftOut, Link, NothingShown, NotServed, Unwelcome


async def first_messages(bot: Bot, accepted: AcceptUpdate, asking: Asking, found: Sequence[Asked]) -> Sequence[Message]:
    """The first message of each job that a message begins. A command may begin nothing.

    Args:
        bot: For the answers to commands.
        accepted: The update.
        asking: Its message.
        found: What that asks for.

    Raises:
        Outage: Redis is away.
    """
    others = 0
    if asking.said.guest_query:  # one answer, which says how many were left out
        others = sum(item.count for item in found[1:] if isinstance(item, LeftOut))
        found = found[:1]
    numbered = zip(jobs(accepted, asking, found, others), found, strict=True)
    started = [await _first_message(bot, asking, job, item) for job, item in numbered]
    return [message for message in started if message]


def jobs(accepted: AcceptUpdate, asking: Asking, found: Sequence[Asked], others: int = 0) -> Iterator[Job]:
    """A job for each thing that a message asks for. Each is answered after the one before it.

    ``others`` are as in ``Job``.
    """
    said, before = asking.said, ""
    # Of several things, nobody knows which one is meant.
    asked = asked_class(said.content.text.text, asking.language) if len(found) == 1 else None
    for index, item in enumerate(found):
        job = Job(
            id=f"{accepted.job.id}-{index}",
            chat_id=None if said.guest_query else said.chat_id,
            message_id=_message_id(item) or said.message_id or None,  # a message that nobody can reply to has 0
            thread_id=said.thread_id,
            topic_id=said.topic_id,
            user_id=said.sender_id,
            accepted_at=accepted.job.accepted_at,
            quote=item.url if isinstance(item, Link) and len(found) > 1 else "",
            subject=item.subject if isinstance(item, Photo) else Subject.PICTURE,
            after=before,
            album=said.content.album if index == 0 and _is_its_own(item) else "",
            guest_query=said.guest_query,
            spoiler=isinstance(item, Photo) and item.spoiler,
            short=asking.preferences.short,
            language=asking.language,
            buttons=_has_buttons(asking),
            asked=-1 if asked is None else asked,
            others=others,
        )
        before = job.id
        yield job


def _is_its_own(item: Asked) -> bool:
    """Whether a message shows it itself, and not the one that it replies to; a link shows something elsewhere."""
    return isinstance(item, Photo | NoPreview) and item.message_id is None


def _has_buttons(asking: Asking) -> bool:
    """Whether there are buttons below an answer. A guest has no use for those that the bot must answer."""
    in_group = not asking.said.is_private
    return not asking.said.guest_query and BUTTONS.now(asking.preferences, in_group=in_group) == "1"


def _message_id(item: Asked) -> int | None:
    return item.message_id if isinstance(item, Photo | Link | NoPreview | LeftOut) else None


async def _first_message(bot: Bot, asking: Asking, job: Job, item: Asked) -> Message | None:
    match item:
        case Photo() if (item.file_bytes or 0) <= MAX_FILE_BYTES:
            size, name = item.file_bytes, item.file_unique_id
            return DownloadPhoto(job=job, file_id=item.file_id, file_unique_id=name, announced_bytes=size)
        case Link():
            return FetchUrl(job=job, url=item.url)
        case Command():
            content = await commands.answer(bot, asking, item)
            return SendReply(job=job, content=content) if content else None
        case SmallTalk():
            return await small_talk.answer(bot, asking, job, item)
        case LeftOut():
            return SendReply(job=job, content=Words.of(words.left_out(item.what, item.most, item.count)))
        case NothingShown():
            return SendReply(job=job, content=Words.of(words.guest_hint(bot.me.username)))
        case _:
            return SendReply(job=job, content=words.refusal(_why_not(item)))


def _why_not(item: Photo | NoPreview | Unwelcome | NotServed) -> Text:
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
