"""Messages on the wire: what old and new workers must still understand of each other."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest

from common.messages import CHANNELS, AnyMessage, CheckFile, Kind, Message, SendReply, Step, Words, decode, encode
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
