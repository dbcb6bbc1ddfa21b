"""Messages for tests."""

from __future__ import annotations

from typing import Any

from common.messages import AcceptUpdate, ClassifyImage, Job, SendReply, Words


def job(id_: str = "1-10-0", **fields: Any) -> Job:
    values: dict[str, Any] = {"id": id_, "chat_id": 7, "message_id": 5, "accepted_at": 0.0}
    return Job(**(values | fields))


def update(id_: str = "1-10", raw: dict[str, Any] | None = None) -> AcceptUpdate:
    return AcceptUpdate(job=job(id_), update=raw or {})


def classify(id_: str = "1-10-0") -> ClassifyImage:
    return ClassifyImage(job=job(id_), key=f"{id_}.0.input")


def reply(id_: str = "1-10-0", text: str = "hello") -> SendReply:
    return SendReply(job=job(id_), content=Words(text=text))
