"""The same picture again: it gets its stored answer, and never a wrong one."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from classify import ClassifyWorker
from common.channels.answers import Answers, of_pixels, of_telegram
from common.channels.channels import Channels
from common.messages import ClassifyImage, DownloadPhoto, Prediction, Predictions, SendReply
from common.model import input
from common.model.records import ModelRecord, in_use
from common.settings import Settings
from common.store import Store
from common.telegram.transport import Take
from receive import ReceiveWorker
from tests.support import make, model_in_use

CAT = Predictions(top=(Prediction("cat", 0.9), Prediction("dog", 0.1)), model="M", model_ms=8.5)


@pytest.fixture
def model(settings: Settings) -> ModelRecord:
    settings.models_dir.mkdir()
    model_in_use.put_in_use(settings.models_dir)
    record = in_use(settings.models_dir)
    assert record
    return record


@pytest.fixture
def answers(channels: Channels, settings: Settings) -> Answers:
    return Answers(channels, settings)


def limited(channels: Channels, settings: Settings, **limits: int) -> Answers:
    return Answers(channels, dataclasses.replace(settings, **limits))  # type: ignore[arg-type]


async def test_what_was_said_is_recalled_without_the_models_time(answers: Answers) -> None:
    await answers.remember({"a": CAT})
    assert await answers.recall(["b", "a"]) == [None, msgspec.structs.replace(CAT, model_ms=0.0)]
    assert await answers.recall([]) == []


def test_another_model_another_picture_or_another_kind_of_name_is_another_key(model: ModelRecord) -> None:
    other = msgspec.structs.replace(model, folder="another")
    keys = [of_telegram(model, "x"), of_telegram(other, "x"), of_telegram(model, "y"), of_pixels(model, b"x")]
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
    """A classifier that counts the pictures that it gets."""

    def __init__(self, record: ModelRecord) -> None:
        self.record = record
        self.engine = SimpleNamespace(name="none")
        self.asked: list[int] = []

    def took_s(self, asked: float, answered: float) -> float:
        return answered - asked

    def predict(self, inputs: Sequence[Any], _given_up: threading.Event) -> list[tuple[Prediction, ...]]:
        self.asked.append(len(inputs))
        return [(Prediction(f"shade {pixels[0]}", 1.0),) for pixels in inputs]


def shade(settings: Settings, model: ModelRecord, job: str, value: int, file_unique_id: str = "") -> ClassifyImage:
    """The message for a picture of one colour, its model input in the store."""
    message = ClassifyImage(job=make.job(job), key=f"{job}.0.input", file_unique_id=file_unique_id)
    pixels = bytes([value]) * (3 * model.input.crop**2)
    Store(settings.files_dir).write(message.key, input.pack(pixels, model.input))
    return message


async def test_the_model_is_asked_once_about_the_same_pixels_and_each_message_gets_its_own_answer(
    channels: Channels, settings: Settings, model: ModelRecord
) -> None:
    asked: Any = Model(model)
    worker = ClassifyWorker(settings, lambda settings: asked)
    await worker.open(channels)

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


def said(outputs: Any) -> tuple[str, str]:
    reply, _ = outputs
    return reply.job.id, reply.content.top[0].label
