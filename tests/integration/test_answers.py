"""The same picture again: it gets its stored answer, and never a wrong one."""

from __future__ import annotations

import dataclasses
import struct
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from classifier.serve.second_look import Sight
from classify import ClassifyWorker
from common.channels.answers import Answers, of_pixels, of_telegram
from common.channels.channels import Channels
from common.errors import InputLost
from common.messages import (
    CheckFile,
    ClassifyImage,
    DeleteFiles,
    DownloadPhoto,
    Finding,
    FindingKind,
    Guess,
    Prediction,
    Predictions,
    SendReply,
)
from common.model import input, whole
from common.model.records import Calibration, ModelRecord, in_use
from common.settings import Settings
from common.store import Store
from common.telegram.transport import Take
from receive import ReceiveWorker
from tests.support import make, model_in_use

CAT = Finding(kind=FindingKind.CLASS, guesses=(Guess(0, 0.9), Guess(1, 0.1)), probability=0.9)

LABELS = tuple(f"shade {number}" for number in range(256))


@pytest.fixture
def model(settings: Settings) -> ModelRecord:
    settings.models_dir.mkdir()
    model_in_use.put_in_use(settings.models_dir)
    (settings.models_dir / "m").mkdir()
    (settings.models_dir / "m" / "labels.json").write_text(msgspec.json.encode(LABELS).decode())
    record = in_use(settings.models_dir)
    assert record
    return record


@pytest.fixture
def answers(channels: Channels, settings: Settings) -> Answers:
    return Answers(channels, settings)


def limited(channels: Channels, settings: Settings, **limits: int) -> Answers:
    return Answers(channels, dataclasses.replace(settings, **limits))  # type: ignore[arg-type]


async def test_what_was_found_is_recalled_without_words(channels: Channels, answers: Answers) -> None:
    await answers.remember({"a": CAT})
    assert await answers.recall(["b", "a"]) == [None, CAT]
    assert await answers.recall([]) == []
    kept = await channels.redis.hget(channels.keys.key("answers"), "a")
    assert kept
    assert "cat" not in str(kept)


def test_another_model_another_picture_or_another_kind_of_name_is_another_key(model: ModelRecord) -> None:
    other = msgspec.structs.replace(model, folder="another")
    calibrated = msgspec.structs.replace(model, calibration=Calibration(temperature=0.9))
    by_other_rules = msgspec.structs.replace(model, calibration=Calibration(rules=2))
    keys = [of_telegram(each, "x") for each in (model, other, calibrated, by_other_rules)]
    keys += [of_telegram(model, "y"), of_pixels(model, b"x"), of_pixels(model, b"x", b"y")]
    assert len(set(keys)) == len(keys)


async def test_answers_are_bounded_in_number_and_the_oldest_go_first(channels: Channels, settings: Settings) -> None:
    few = limited(channels, settings, cache_max=3)
    for name in "abcd":
        await few.remember({name: CAT})
    assert [known is not None for known in await few.recall(list("abcd"))] == [False, True, True, True]
    assert await channels.redis.hlen(channels.keys.key("answers")) == 3


async def test_answers_are_bounded_in_time(channels: Channels, answers: Answers) -> None:
    await answers.remember({"a": CAT, "b": CAT})
    await channels.redis.zadd(channels.keys.key("answers", "at"), {"a": 0})
    assert [known is not None for known in await answers.recall(["a", "b"])] == [False, True]
    await answers.remember({"c": CAT})
    assert await channels.redis.hexists(channels.keys.key("answers"), "a") is False


async def test_with_a_maximum_of_0_nothing_is_kept(channels: Channels, settings: Settings) -> None:
    off = limited(channels, settings, cache_max=0)
    await off.remember({"a": CAT})
    assert await off.recall(["a"]) == [None]
    assert not await channels.redis.exists(channels.keys.key("answers"))


async def test_when_redis_refuses_or_holds_nonsense_the_picture_is_simply_looked_at(
    channels: Channels, answers: Answers
) -> None:
    await answers.remember({"a": CAT})
    await channels.redis.hset(channels.keys.key("answers"), "a", b"{")
    assert await answers.recall(["a"]) == [None]
    await channels.redis.delete(channels.keys.key("answers"))
    await channels.redis.set(channels.keys.key("answers"), "of another type")
    await answers.remember({"a": CAT})
    assert await answers.recall(["a"]) == [None]


class Downloads:
    """A Telegram that counts downloads."""

    def __init__(self) -> None:
        self.made = 0

    async def download(self, file_id: str, take: Take) -> None:
        self.made += 1
        await take(b"a picture")


@pytest.mark.parametrize(("file_unique_id", "downloads"), [("seen", 0), ("new", 1), ("", 1)])
async def test_a_photo_that_was_answered_before_is_not_downloaded(
    channels: Channels, settings: Settings, model: ModelRecord, file_unique_id: str, downloads: int
) -> None:
    telegram: Any = Downloads()
    receive = ReceiveWorker(settings, telegram, Store(settings.files_dir))
    receive.answers = Answers(channels, settings)
    await Answers(channels, settings).remember({of_telegram(model, "seen"): CAT})

    outcome = await receive.handle(DownloadPhoto(job=make.job(), file_id="F", file_unique_id=file_unique_id))

    assert telegram.made == downloads
    assert isinstance(outcome, SendReply) == (downloads == 0)


class Model:
    """A classifier that counts the pictures that it gets. A picture of one colour shows the class of that number."""

    def __init__(self, record: ModelRecord, sure: float = 0.9) -> None:
        self.record = record
        self.engine = SimpleNamespace(name="none")
        self.labels = LABELS
        self.sure = sure
        self.asked: list[int] = []
        self.fails_at_wholes = False

    def took_s(self, asked: float, answered: float) -> float:
        return answered - asked

    def find(self, sights: Sequence[Sight], _given_up: threading.Event) -> list[Finding]:
        self.asked.append(len(sights))
        if self.fails_at_wholes and sights[0].whole:
            raise ValueError
        return [self._found(sight) for sight in sights]

    def _found(self, sight: Sight) -> Finding:
        # A second look sees what is at the left end.
        guess = Guess(sight.whole.pixels[0], 0.9) if sight.whole else Guess(sight.centre[0], self.sure)
        return Finding(kind=FindingKind.CLASS, guesses=(guess,), probability=guess.probability)


def shade(settings: Settings, model: ModelRecord, job: str, value: int, file_unique_id: str = "") -> ClassifyImage:
    """The message for a picture of one colour, its model input and its original in the store."""
    job_ = make.job(job)
    message = ClassifyImage(
        job=job_, key=job_.key("input"), file_unique_id=file_unique_id, original=job_.key("original")
    )
    pixels = bytes([value]) * (3 * model.input.crop**2)
    Store(settings.files_dir).write(message.key, input.pack(pixels, model.input))
    return message


def seen_whole(
    settings: Settings, model: ModelRecord, asked: CheckFile, at_left: int, at_right: int = 0
) -> ClassifyImage:
    """The message for a second look, with what is at the picture's ends, and the whole picture in the store."""
    width, height = 2 * model.input.resize, model.input.resize
    row = bytes([at_left]) * (3 * width // 2) + bytes([at_right]) * (3 * width // 2)
    picture = struct.pack("<HH", width, height) + row * height + (row + row) * (2 * height)
    key = asked.job.key("whole")
    Store(settings.files_dir).write(key, whole.pack(picture, model.input))
    name = asked.file_unique_id
    return ClassifyImage(job=asked.job, key=key, file_unique_id=name, first_look=asked.first_look)


async def opened(channels: Channels, settings: Settings, model: Any) -> ClassifyWorker:
    worker = ClassifyWorker(settings, lambda settings: model)
    await worker.open(channels)
    return worker


async def test_the_model_is_asked_once_about_the_same_pixels_and_each_message_gets_its_own_answer(
    channels: Channels, settings: Settings, model: ModelRecord
) -> None:
    asked = Model(model)
    worker = await opened(channels, settings, asked)

    first = await worker.handle_batch(
        [shade(settings, model, "1-1-0", 1), shade(settings, model, "1-2-0", 2), shade(settings, model, "1-3-0", 1)]
    )
    again = await worker.handle_batch(
        [shade(settings, model, "1-4-0", 2, "U"), shade(settings, model, "1-5-0", 3)],
    )

    assert asked.asked == [2, 1]
    assert [said(outputs) for outputs in (*first, *again)] == [
        ("1-1-0", "shade 1"),
        ("1-2-0", "shade 2"),
        ("1-3-0", "shade 1"),
        ("1-4-0", "shade 2"),
        ("1-5-0", "shade 3"),
    ]
    known = await Answers(channels, settings).of_file(model, "U")
    assert known
    assert known.top[0].label == "shade 2"


async def test_a_picture_whose_centre_says_too_little_is_sent_back_once_for_a_second_look(
    channels: Channels, settings: Settings, model: ModelRecord
) -> None:
    worker = await opened(channels, settings, Model(model, sure=0.5))
    message = shade(settings, model, "1-1-0", 1, "U")

    (back,) = await worker.handle_batch([message])

    assert isinstance(back, CheckFile)
    assert (back.key, back.file_unique_id) == (message.job.key("original"), "U")
    assert back.first_look
    assert back.first_look.top == (Prediction("shade 1", 0.5),)
    assert await worker.answers.of_file(model, "U") is None, "nothing is decided yet"
    (answer,) = await worker.handle_batch([seen_whole(settings, model, back, at_left=7)])
    assert said(answer) == ("1-1-0", "shade 7")
    _, deletion = answer  # type: ignore[misc]
    assert deletion == DeleteFiles(job=message.job, keys=message.job.files)


@pytest.mark.parametrize("ends", [(7, 8), (8, 7)])
async def test_pictures_alike_in_the_centre_and_different_at_one_end_get_different_answers_in_both_orders(
    channels: Channels, settings: Settings, model: ModelRecord, ends: tuple[int, int]
) -> None:
    asked = Model(model, sure=0.5)
    worker = await opened(channels, settings, asked)
    for round_ in range(2):
        for number, end in enumerate(ends):
            job = f"1-{round_}-{number}"
            (back,) = await worker.handle_batch([shade(settings, model, job, 1, f"{number}")])
            assert isinstance(back, CheckFile)
            (answer,) = await worker.handle_batch([seen_whole(settings, model, back, at_left=end)])
            assert said(answer) == (job, f"shade {end}")
    assert len(asked.asked) == 6, "four first looks; of the second looks, the last two were known"
    for number, end in enumerate(ends):
        known = await worker.answers.of_file(model, f"{number}")
        assert known
        assert known.top[0].label == f"shade {end}"


@pytest.mark.parametrize("reason", ["started again", "without its file"])
async def test_a_picture_that_cannot_be_looked_at_again_is_answered_by_its_centre_and_that_is_not_kept(
    channels: Channels, settings: Settings, model: ModelRecord, reason: str
) -> None:
    worker = await opened(channels, settings, Model(model, sure=0.5))
    message = shade(settings, model, "1-1-0", 1, "U")
    if reason == "started again":
        again = msgspec.structs.replace(message.job, run=1)
        content = worker.store.read(message.key)
        worker.store.write(again.key("input"), content)
        message = msgspec.structs.replace(message, job=again)
    else:
        message = msgspec.structs.replace(message, original="")

    (answer,) = await worker.handle_batch([message])

    assert said(answer) == ("1-1-0", "shade 1")
    assert await worker.answers.of_file(model, "U") is None


@pytest.mark.parametrize("lost", ["input", "whole"])
async def test_a_second_look_that_lost_its_pixels_stops_no_other(
    channels: Channels, settings: Settings, model: ModelRecord, lost: str
) -> None:
    worker = await opened(channels, settings, Model(model, sure=0.5))
    (back,) = await worker.handle_batch([shade(settings, model, "1-1-0", 1)])
    assert isinstance(back, CheckFile)
    assert back.first_look
    second = seen_whole(settings, model, back, at_left=7)
    worker.store.delete(back.job.key(lost))

    other = shade(settings, model, "1-2-0", 3)
    results = await worker.handle_batch([second, msgspec.structs.replace(other, original="")])

    assert isinstance(results[0], InputLost), "the runtime answers with the first look"
    assert said(results[1]) == ("1-2-0", "shade 3")


async def test_a_second_look_in_which_the_model_fails_stops_no_other(
    channels: Channels, settings: Settings, model: ModelRecord
) -> None:
    asked = Model(model, sure=0.5)
    worker = await opened(channels, settings, asked)
    (back,) = await worker.handle_batch([shade(settings, model, "1-1-0", 1)])
    assert isinstance(back, CheckFile)
    second = seen_whole(settings, model, back, at_left=7)
    other = msgspec.structs.replace(shade(settings, model, "1-2-0", 3), original="")
    asked.fails_at_wholes = True

    results = await worker.handle_batch([second, other])

    assert isinstance(results[0], ValueError)
    assert said(results[1]) == ("1-2-0", "shade 3")


async def test_second_looks_that_take_too_long_do_not_hold_up_first_looks(
    channels: Channels, settings: Settings, model: ModelRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await opened(channels, settings, Model(model, sure=0.5))
    (back,) = await worker.handle_batch([shade(settings, model, "1-1-0", 1)])
    assert isinstance(back, CheckFile)
    second = seen_whole(settings, model, back, at_left=7)
    other = msgspec.structs.replace(shade(settings, model, "1-2-0", 3), original="")
    monkeypatch.setattr("classify.SECOND_LOOKS_S", 0.0)

    results = await worker.handle_batch([second, other])

    assert isinstance(results[0], TimeoutError)
    assert said(results[1]) == ("1-2-0", "shade 3")


async def test_typing_is_shown_for_the_first_look_only(settings: Settings) -> None:
    worker, message = ClassifyWorker(settings), make.classify()
    assert worker.announce(message)
    assert worker.announce(msgspec.structs.replace(message, first_look=Predictions(top=(), finding=CAT))) is None


def said(outputs: Any) -> tuple[str, str]:
    reply, _ = outputs
    return reply.job.id, reply.content.top[0].label
