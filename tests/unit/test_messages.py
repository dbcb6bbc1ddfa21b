"""Messages on the wire: what old and new workers must still understand of each other."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest

from common.messages import (
    CHANNELS,
    AnyMessage,
    CheckFile,
    ClassifyImage,
    DownloadPhoto,
    FetchUrl,
    Finding,
    FindingKind,
    Guess,
    Job,
    Kind,
    Message,
    Place,
    Prediction,
    Predictions,
    SendReply,
    Step,
    Subject,
    Words,
    decode,
    encode,
)
from tests.support import make


@pytest.mark.parametrize("message", [make.update(), make.classify(), make.reply()])
def test_a_message_survives_the_wire(message: Message) -> None:
    assert decode(encode(message)) == message


def test_a_field_from_a_newer_worker_is_ignored_and_one_that_an_older_worker_lacks_has_its_default() -> None:
    wire = json.loads(encode(CheckFile(job=make.job(), key="k", trail=(Step("download", 1, 2),))))
    wire["new_field"] = wire["job"]["new_field"] = 1
    del wire["trail"]
    assert decode(json.dumps(wire).encode()) == CheckFile(job=make.job(), key="k")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"Unknown"}', b'{"type":"CheckFile"}', b"\xff"])
def test_what_is_not_a_message_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode(body)


def test_every_message_belongs_to_a_channel_that_a_worker_serves() -> None:
    assert {message.channel for message in get_args(AnyMessage)} == set(CHANNELS)


def test_each_run_of_a_job_has_files_of_its_own() -> None:
    assert make.job("1-2-0").key("input") == "1-2-0.0.input"
    assert make.job("1-2-0", run=1).key("input") == "1-2-0.1.input"


def test_a_text_of_a_kind_that_only_a_newer_worker_knows_is_read_all_the_same() -> None:
    reply = SendReply(job=make.job(), content=Words(text="Hello", kind=Kind.BUSY))
    wire = json.loads(encode(reply))
    assert wire["content"]["kind"] == "busy"

    wire["content"]["kind"] = "of next year"

    assert decode(json.dumps(wire).encode()) == SendReply(job=make.job(), content=Words(text="Hello"))


# Versions before 0.3: no findings, no second look


class FormerPrediction(msgspec.Struct, frozen=True, array_like=True):
    label: str
    probability: float


class FormerPredictions(msgspec.Struct, frozen=True, kw_only=True, tag="Predictions"):
    top: tuple[FormerPrediction, ...]
    model: str = ""
    model_ms: float = 0.0


class FormerMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    job: dict[str, object]


class FormerCheckFile(FormerMessage, frozen=True, kw_only=True, tag="CheckFile"):
    key: str
    announced_bytes: int | None = None
    file_unique_id: str = ""


class FormerClassifyImage(FormerMessage, frozen=True, kw_only=True, tag="ClassifyImage"):
    key: str
    file_unique_id: str = ""


class FormerSendReply(FormerMessage, frozen=True, kw_only=True, tag="SendReply"):
    content: FormerPredictions
    files: tuple[str, ...] = ()


FOUND = Finding(
    kind=FindingKind.GROUP,
    guesses=(Guess(243, 0.45), Guess(242, 0.22)),
    probability=0.93,
    group="dog",
    place=Place.LEFT,
    other=Finding(kind=FindingKind.CLASS, guesses=(Guess(949, 0.9),), probability=0.9, place=Place.RIGHT),
    views=4,
)
LABELS = {243: "bull mastiff", 242: "boxer"}
CONTENT = Predictions.of(FOUND, LABELS, "M", 8.5)  # type: ignore[arg-type]


def test_a_worker_of_the_version_before_reads_an_answer_by_its_labels() -> None:
    body = encode(SendReply(job=make.job(), content=CONTENT, files=make.job().files))

    read = msgspec.json.decode(body, type=FormerSendReply)

    assert read.content == FormerPredictions(
        top=(FormerPrediction("bull mastiff", 0.45), FormerPrediction("boxer", 0.22)), model="M", model_ms=8.5
    )


def test_a_worker_of_the_version_before_reads_a_request_for_a_second_look_as_one_for_a_first() -> None:
    check = encode(CheckFile(job=make.job(), key="k", file_unique_id="U", first_look=CONTENT))
    classify = encode(ClassifyImage(job=make.job(), key="k", file_unique_id="U", original="o", first_look=CONTENT))

    assert msgspec.json.decode(check, type=FormerCheckFile).file_unique_id == "U"
    assert msgspec.json.decode(classify, type=FormerClassifyImage).key == "k"


def test_an_answer_and_a_picture_from_a_worker_of_the_version_before_are_read() -> None:
    job = '{"id":"1-10-0","chat_id":7,"message_id":5,"accepted_at":0.0}'
    answer = f'{{"type":"SendReply","job":{job},"content":{{"type":"Predictions","top":[["cat",0.4]],"model":"M"}}}}'
    picture = f'{{"type":"ClassifyImage","job":{job},"key":"1-10-0.0.input"}}'

    assert decode(answer.encode()) == SendReply(
        job=make.job(), content=Predictions(top=(Prediction("cat", 0.4),), model="M")
    )
    assert decode(picture.encode()) == ClassifyImage(job=make.job(), key="1-10-0.0.input")


def test_findings_survive_the_wire_and_what_only_a_newer_worker_knows_has_its_fallback() -> None:
    reply = SendReply(job=make.job(), content=CONTENT)
    assert decode(encode(reply)) == reply

    wire = json.loads(encode(reply))
    wire["content"]["finding"] |= {"kind": "of next year", "place": "behind"}
    read = decode(json.dumps(wire).encode())
    assert isinstance(read, SendReply)
    assert isinstance(read.content, Predictions)
    assert read.content.finding
    assert (read.content.finding.kind, read.content.finding.place) == (FindingKind.UNSURE, Place.MIDDLE)


# Version 0.3: no subject, no order, no topics of direct messages, nothing that waits


class JobOf03(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    chat_id: int | None
    message_id: int | None
    accepted_at: float
    thread_id: int | None = None
    user_id: int | None = None
    run: int = 0
    restarts: int = 0
    quote: str = ""


class MessageOf03(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    job: JobOf03
    trail: tuple[Step, ...] = ()


class DownloadPhotoOf03(MessageOf03, frozen=True, kw_only=True, tag="DownloadPhoto"):
    file_id: str
    file_unique_id: str = ""
    announced_bytes: int | None = None


class FetchUrlOf03(MessageOf03, frozen=True, kw_only=True, tag="FetchUrl"):
    url: str


class SendReplyOf03(MessageOf03, frozen=True, kw_only=True, tag="SendReply"):
    content: Predictions | Words
    files: tuple[str, ...] = ()


AnyOf03 = DownloadPhotoOf03 | FetchUrlOf03 | SendReplyOf03

OLD = {"id": "1-10-1", "chat_id": 7, "message_id": 5, "accepted_at": 0.0, "thread_id": 3, "quote": "http://a/"}
NEW = {"subject": Subject.STILL, "after": "1-10-0", "topic_id": 31}
SORTS: list[tuple[type[Message], dict[str, object], dict[str, object]]] = [
    (DownloadPhoto, {"file_id": "F", "announced_bytes": 9}, {"unavailable_since": 1.5}),
    (FetchUrl, {"url": "http://a/"}, {}),
    (SendReply, {"content": Words(text="Hello"), "files": ("a",)}, {"ready_at": 1.5}),
]


@pytest.mark.parametrize(("sort", "old", "new"), SORTS)
def test_a_worker_of_0_3_reads_what_it_knows_and_what_it_hands_on_is_answered_like_before(
    sort: type[Message], old: dict[str, object], new: dict[str, object]
) -> None:
    body = encode(sort(job=Job(**OLD, **NEW), **old, **new))  # type: ignore[arg-type]

    read: AnyOf03 = msgspec.json.decode(body, type=AnyOf03)

    assert msgspec.to_builtins(read.job) == OLD
    assert decode(msgspec.json.encode(read)) == sort(job=Job(**OLD), **old)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sort", "old", "new"), SORTS)
def test_a_message_of_0_3_is_about_a_picture_that_waits_for_no_other(
    sort: type[Message], old: dict[str, object], new: dict[str, object]
) -> None:
    wire = json.loads(encode(sort(job=Job(**OLD), **old)))  # type: ignore[arg-type]
    assert not (NEW | new).keys() & (wire | wire["job"]).keys(), "what has its default is as 0.3 writes it"

    read = decode(json.dumps(wire).encode())

    assert (read.job.subject, read.job.after, read.job.topic_id) == (Subject.PICTURE, "", None)
    assert not any(getattr(read, name) for name in new)


def test_a_subject_that_only_a_newer_worker_knows_is_a_picture() -> None:
    wire = json.loads(encode(make.reply()))
    wire["job"]["subject"] = "hologram"
    assert decode(json.dumps(wire).encode()).job.subject is Subject.PICTURE
