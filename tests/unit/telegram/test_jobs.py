"""The jobs that an update begins."""

from __future__ import annotations

from typing import Any

import pytest

from common.messages import AcceptUpdate, Job
from common.telegram.jobs import job_of, job_within

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


@pytest.mark.parametrize(
    ("fields", "thread_id", "user_id"),
    [
        ({}, None, 7),
        ({"message_thread_id": 3, "is_topic_message": True}, 3, 7),
        ({"message_thread_id": 3}, None, 7),
        ({"sender_chat": {"id": -5}}, None, -5),
        ({"from": None}, None, None),
    ],
)
def test_each_thing_that_is_asked_for_is_a_job_that_knows_its_message_topic_and_sender(
    fields: dict[str, Any], thread_id: int | None, user_id: int | None
) -> None:
    raw = update(**fields)
    job = job_within(AcceptUpdate(job=job_of(raw, "1", 3.0), update=raw), 2, "https://e.org/a")
    assert (job.id, job.chat_id, job.message_id, job.accepted_at) == ("1-10-2", 7, 5, 3.0)
    assert (job.thread_id, job.user_id, job.quote) == (thread_id, user_id, "https://e.org/a")
