"""The jobs that an update begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from common.conversation.bot import Asking, Bot
from common.conversation.jobs import first_messages, jobs
from common.limits import MAX_FILE_BYTES
from common.messages import AcceptUpdate, DownloadPhoto, FetchUrl, Job, Message, SendReply, Subject, Words
from common.settings import Settings
from common.telegram.client import Me
from common.telegram.jobs import job_of
from common.telegram.pictures import NoPreview, Photo
from common.telegram.reading import read
from common.telegram.said import Said
from common.telegram.updates import Asked, LeftOut, Link, Unwelcome

PRIVATE = {"id": 7, "type": "private"}


def update(**message: Any) -> dict[str, Any]:
    return {"update_id": 10, "message": {"message_id": 5, "chat": PRIVATE, "from": {"id": 7}} | message}


def test_an_update_of_a_private_chat_knows_where_to_apologise() -> None:
    assert job_of(update(), "1", 3.0) == Job(id="1-10", chat_id=7, message_id=None, accepted_at=3.0)


@pytest.mark.parametrize(
    "raw",
    [
        update(chat={"id": -100, "type": "supergroup"}),
        update(chat={"id": "7", "type": "private"}),
        update(chat=[]),
        {"update_id": 10, "message": "hello"},
        {"update_id": 10, "edited_message": {}},
    ],
)
def test_another_update_or_one_that_cannot_be_read_does_not(raw: dict[str, Any]) -> None:
    assert job_of(raw, "1", 3.0) == Job(id="1-10", chat_id=None, message_id=None, accepted_at=3.0)


def accepted(**message: Any) -> tuple[AcceptUpdate, Asking]:
    raw = update(**message)
    said = read(raw)
    assert isinstance(said, Said)
    accepted = AcceptUpdate(job=job_of(raw, "1", 3.0), update=raw)
    return accepted, Asking(said, accepted.job.id, "7")


async def begun(found: list[Asked]) -> Sequence[Message]:
    update, asking = accepted()
    nothing: Any = None
    bot = Bot(Settings(), nothing, nothing, Me(42, "whatsit_bot"))
    return await first_messages(bot, update, asking, found)


@pytest.mark.parametrize(
    ("fields", "thread_id", "topic_id", "user_id"),
    [
        ({}, None, None, 7),
        ({"message_thread_id": 3, "is_topic_message": True}, 3, None, 7),
        ({"message_thread_id": 3}, None, None, 7),
        ({"direct_messages_topic": {"topic_id": 31, "user": {"id": 7}}}, None, 31, 7),
        ({"sender_chat": {"id": -5}}, None, None, -5),
        ({"from": None}, None, None, None),
    ],
)
def test_each_thing_that_is_asked_for_is_a_job_that_knows_its_message_topic_and_sender(
    fields: dict[str, Any], thread_id: int | None, topic_id: int | None, user_id: int | None
) -> None:
    (job,) = jobs(*accepted(**fields), [Link("https://e.org/a")])
    assert (job.id, job.chat_id, job.message_id, job.accepted_at) == ("1-10-0", 7, 5, 3.0)
    assert (job.thread_id, job.topic_id, job.user_id) == (thread_id, topic_id, user_id)
    assert (job.quote, job.after) == ("", "")


def test_several_things_are_answered_one_after_the_other_and_each_link_is_quoted() -> None:
    found: list[Asked] = [Photo("f", "u", 9, Subject.STILL), Link("https://e.org/a"), LeftOut("link", 5, 2)]
    first, second, third = jobs(*accepted(), found)
    assert [job.id for job in (first, second, third)] == ["1-10-0", "1-10-1", "1-10-2"]
    assert [job.after for job in (first, second, third)] == ["", "1-10-0", "1-10-1"]
    assert [job.quote for job in (first, second, third)] == ["", "https://e.org/a", ""]
    assert [job.subject for job in (first, second, third)] == [Subject.STILL, Subject.PICTURE, Subject.PICTURE]


def test_an_answer_hangs_on_the_message_with_the_picture_in_the_same_chat() -> None:
    found: list[Asked] = [Photo("f", "u", 9, message_id=4), Link("https://e.org/a", 4), NoPreview("videos", 4)]
    assert [job.message_id for job in jobs(*accepted(), found)] == [4, 4, 4]
    (job,) = jobs(*accepted(message_id=0), [Unwelcome("polls")])
    assert job.message_id is None, "nobody can reply to it"


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (LeftOut("link", 5, 2), "I looked at the first 5 links. Please send the other 2 in another message."),
        (LeftOut("link", 5, 1), "I looked at the first 5 links. Please send the other one in another message."),
        (NoPreview("videos"), "I can’t look at videos without a preview picture"),
        (Unwelcome("polls"), "I don’t accept polls."),
        (Photo("f", "u", MAX_FILE_BYTES + 1), "This file is larger than 20 MB"),
    ],
)
async def test_what_the_bot_does_not_look_at_is_told(item: Asked, said: str) -> None:
    (message,) = await begun([item])
    assert isinstance(message, SendReply)
    assert isinstance(message.content, Words)
    assert message.content.text.startswith(said)


async def test_a_picture_begins_with_its_download_and_a_link_with_its_request() -> None:
    whole, unnamed, link = await begun([Photo("f", "u", 9), Photo("g", "", None), Link("https://e.org/a")])
    assert isinstance(whole, DownloadPhoto)
    assert (whole.file_id, whole.file_unique_id, whole.announced_bytes) == ("f", "u", 9)
    assert isinstance(unnamed, DownloadPhoto)
    assert (unnamed.file_id, unnamed.file_unique_id, unnamed.announced_bytes) == ("g", "", None)
    assert isinstance(link, FetchUrl)
    assert link.url == "https://e.org/a"
