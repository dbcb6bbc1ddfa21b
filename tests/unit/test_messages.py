"""Messages on the wire: what old and new workers must still understand of each other."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest

from common.languages.texts import Text
from common.messages import (
    CHANNELS,
    AnyMessage,
    Button,
    CheckFile,
    ClassifyImage,
    DownloadPhoto,
    Finding,
    FindingKind,
    Guess,
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


# Version 0.4: no albums, guests, spoilers and preferences; no buttons, edits and reactions


class FormerJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    chat_id: int | None
    message_id: int | None
    accepted_at: float
    thread_id: int | None = None
    topic_id: int | None = None
    user_id: int | None = None
    run: int = 0
    restarts: int = 0
    quote: str = ""
    subject: Subject = Subject.PICTURE
    after: str = ""


class FormerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    job: FormerJob
    trail: tuple[Step, ...] = ()


class FormerPredictions(msgspec.Struct, frozen=True, kw_only=True, tag="Predictions"):
    top: tuple[Prediction, ...]
    model: str = ""
    model_ms: float = 0.0
    finding: Finding


class FormerWords(msgspec.Struct, frozen=True, kw_only=True, tag="Words"):
    text: str
    kind: Kind = Kind.NOTICE


class FormerDownloadPhoto(FormerMessage, frozen=True, kw_only=True, tag="DownloadPhoto"):
    file_id: str
    file_unique_id: str = ""
    announced_bytes: int | None = None
    unavailable_since: float = 0.0


class FormerCheckFile(FormerMessage, frozen=True, kw_only=True, tag="CheckFile"):
    key: str
    announced_bytes: int | None = None
    file_unique_id: str = ""
    first_look: FormerPredictions | None = None


class FormerClassifyImage(FormerMessage, frozen=True, kw_only=True, tag="ClassifyImage"):
    key: str
    file_unique_id: str = ""
    original: str = ""
    first_look: FormerPredictions | None = None


class FormerSendReply(FormerMessage, frozen=True, kw_only=True, tag="SendReply"):
    content: FormerPredictions | FormerWords
    files: tuple[str, ...] = ()
    ready_at: float = 0.0


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


KNOWN: dict[str, Any] = {"thread_id": 3, "topic_id": 9, "user_id": 8, "subject": Subject.PAGE, "after": "1-10-1"}
JOB = make.job(**KNOWN, album="9001", spoiler=True, short=True, language="de", buttons=True, asked=287)
FORMER_JOB = FormerJob(id="1-10-0", chat_id=7, message_id=5, accepted_at=0.0, **KNOWN)
FORMER_CONTENT = FormerPredictions(top=CONTENT.top, model="M", model_ms=8.5, finding=FOUND)

# What a worker of version 0.4 has for each message of today.
OF_BOTH_VERSIONS = [
    (
        DownloadPhoto(job=JOB, file_id="F", file_unique_id="U", announced_bytes=9),
        FormerDownloadPhoto(job=FORMER_JOB, file_id="F", file_unique_id="U", announced_bytes=9),
    ),
    (
        CheckFile(job=JOB, key="k", file_unique_id="U", first_look=CONTENT),
        FormerCheckFile(job=FORMER_JOB, key="k", file_unique_id="U", first_look=FORMER_CONTENT),
    ),
    (
        ClassifyImage(job=JOB, key="k", file_unique_id="U", original="o", first_look=CONTENT),
        FormerClassifyImage(job=FORMER_JOB, key="k", file_unique_id="U", original="o", first_look=FORMER_CONTENT),
    ),
    (
        SendReply(job=JOB, content=CONTENT, files=("f",), ready_at=3.0),
        FormerSendReply(job=FORMER_JOB, content=FORMER_CONTENT, files=("f",), ready_at=3.0),
    ),
    (
        SendReply(job=JOB, content=Words(text="Hello", kind=Kind.COMMAND)),
        FormerSendReply(job=FORMER_JOB, content=FormerWords(text="Hello", kind=Kind.COMMAND)),
    ),
]


@pytest.mark.parametrize(("message", "former"), OF_BOTH_VERSIONS)
def test_a_worker_of_the_version_before_reads_all_that_it_knows_of_a_message(
    message: Message, former: FormerMessage
) -> None:
    assert msgspec.json.decode(encode(message), type=type(former)) == former


@pytest.mark.parametrize(("message", "former"), OF_BOTH_VERSIONS)
def test_a_message_from_a_worker_of_the_version_before_is_read(message: Message, former: FormerMessage) -> None:
    job = msgspec.structs.replace(JOB, album="", spoiler=False, short=False, language="", buttons=False, asked=-1)

    assert decode(msgspec.json.encode(former)) == msgspec.structs.replace(message, job=job)


@pytest.mark.parametrize(
    "newer",
    [
        SendReply(job=JOB, content=Words(text="Hello", buttons=((Button("Yes", "1:yes"),),)), edits=9),
        SendReply(job=JOB, content=Words(text="❤"), reaction="❤"),
    ],
)
def test_of_what_only_this_version_knows_the_version_before_says_the_words_in_a_new_message(newer: SendReply) -> None:
    assert isinstance(newer.content, Words)
    expected = FormerSendReply(job=FORMER_JOB, content=FormerWords(text=newer.content.text))

    assert msgspec.json.decode(encode(newer), type=FormerSendReply) == expected


# Version 0.5: words are English, and its buttons have neither meanings nor links.


class ButtonOf05(msgspec.Struct, frozen=True, array_like=True):
    text: str
    data: str


class WordsOf05(msgspec.Struct, frozen=True, kw_only=True, tag="Words", omit_defaults=True):
    text: str
    kind: Kind = Kind.NOTICE
    buttons: tuple[tuple[ButtonOf05, ...], ...] = ()
    shows: str = ""


def test_words_that_are_said_late_are_english_for_a_worker_of_0_5_and_its_words_are_said_as_they_are() -> None:
    button = Button.of(Text("Forget it"), "1:forget:1")
    newer = Words.of(Text("I don’t accept {what}.").of(what=Text("videos")), Kind.REFUSAL, ((button,),))
    older = WordsOf05(
        text="I don’t accept videos.", kind=Kind.REFUSAL, buttons=((ButtonOf05("Forget it", "1:forget:1"),),)
    )

    assert msgspec.json.decode(msgspec.json.encode(newer), type=WordsOf05) == older
    read = msgspec.json.decode(msgspec.json.encode(older), type=Words)
    assert (read.said("de"), read.buttons[0][0].said("de")) == ("I don’t accept videos.", "Forget it")


def test_a_guest_s_job_has_no_chat_for_the_version_before_which_ends_it() -> None:
    newer = SendReply(job=make.job(chat_id=None, user_id=7, guest_query="Q"), content=Words(text="Hello"))

    assert newer.job.chat == "g7"
    assert msgspec.json.decode(encode(newer), type=FormerSendReply).job.chat_id is None


def test_a_subject_that_only_a_newer_worker_knows_is_a_picture() -> None:
    wire = json.loads(encode(make.update()))
    wire["job"]["subject"] = "of next year"

    assert decode(json.dumps(wire).encode()) == make.update()


def test_findings_survive_the_wire_and_what_only_a_newer_worker_knows_has_its_fallback() -> None:
    reply = SendReply(job=make.job(), content=CONTENT)
    assert decode(encode(reply)) == reply

    wire = json.loads(encode(reply))
    wire["content"]["finding"] |= {"kind": "of next year", "place": "behind"}
    read = decode(json.dumps(wire).encode())
    assert isinstance(read, SendReply)
    assert isinstance(read.content, Predictions)
    assert (read.content.finding.kind, read.content.finding.place) == (FindingKind.UNSURE, Place.MIDDLE)
