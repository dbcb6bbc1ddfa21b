"""The classify worker with a real model: right answers, and no picture harmed by another."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from classifier.artifact import put_in_use
from classifier.prepare.choose import Request, prepare
from classifier.serve.engines.engine import Engine, Output, Picture
from classify import ClassifyWorker
from common.channels.channels import Channels
from common.errors import InputLost, Outage
from common.messages import ClassifyImage, DeleteFiles, Predictions, SendReply
from common.model.input import pack
from common.model.records import in_use
from common.pictures.child.images import to_pixels
from common.settings import Settings
from common.store import Store
from tests.support import make, photos
from tests.support.models_fixtures import quiet

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def settings(lite2_dir: Path, tmp_path: Path) -> Settings:
    return Settings(models_dir=lite2_dir, data_dir=tmp_path)


async def opened(settings: Settings) -> ClassifyWorker:
    worker = ClassifyWorker(settings)
    await worker.open(Channels(settings))
    return worker


def picture(worker: ClassifyWorker, name: str, job: str) -> ClassifyImage:
    """The message for that photo, with its model input in the store."""
    message = make.classify(job)
    record = in_use(worker.settings.models_dir)
    assert record
    pixels = to_pixels(photos.photo(name), record.input)
    worker.store.write(message.key, pack(pixels, record.input))
    return message


def best(outputs: Any) -> str:
    reply, delete = outputs
    assert isinstance(reply, SendReply)
    assert isinstance(reply.content, Predictions)
    assert isinstance(delete, DeleteFiles)
    return reply.content.top[0].label


async def test_pictures_in_a_batch_keep_their_own_answers_and_a_lost_one_harms_no_other(settings: Settings) -> None:
    worker = await opened(settings)
    cat, coffee = picture(worker, "chelsea", "1-1-0"), picture(worker, "coffee", "1-2-0")
    damaged = picture(worker, "rocket", "1-3-0")
    file = settings.files_dir / damaged.key
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")

    results = await worker.handle_batch([cat, make.classify("1-4-0"), damaged, coffee])

    assert "cat" in best(results[0])
    assert best(results[3]) == "espresso"
    assert isinstance(results[1], InputLost)
    assert isinstance(results[2], InputLost)


async def test_a_picture_that_the_disk_does_not_give_now_waits_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await opened(settings)
    cat, unreadable = picture(worker, "chelsea", "1-1-0"), picture(worker, "coffee", "1-2-0")
    read = Store.read

    def fails_once(store: Store, key: str) -> bytes:
        if key == unreadable.key:
            raise Outage("Input/output error")
        return read(store, key)

    monkeypatch.setattr(Store, "read", fails_once)
    results = await worker.handle_batch([unreadable, cat])
    assert isinstance(results[0], Outage)
    assert "cat" in best(results[1])


async def test_another_model_put_in_use_answers_without_a_restart(
    lite2_dir: Path, inception_dir: Path, tmp_path: Path
) -> None:
    models_dir = tmp_path / "models"
    shutil.copytree(lite2_dir, models_dir)
    worker = await opened(Settings(models_dir=models_dir, data_dir=tmp_path))
    old = picture(worker, "chelsea", "1-1-0")
    shutil.copytree(inception_dir, models_dir, dirs_exist_ok=True)

    new = picture(worker, "chelsea", "1-2-0")
    results = await worker.handle_batch([old, new])

    assert isinstance(results[0], InputLost), "made for the former model: its job starts again"
    reply, _ = results[1]  # type: ignore[misc]
    assert reply.content.model == "Inception V3"  # type: ignore[union-attr]


async def test_a_damaged_model_is_waited_out_and_costs_no_picture(lite2_dir: Path, tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    shutil.copytree(lite2_dir, models_dir)
    worker = await opened(Settings(models_dir=models_dir, data_dir=tmp_path))
    message = picture(worker, "chelsea", "1-1-0")
    put_in_use(models_dir, msgspec.structs.replace(worker.classifier.record, why="It is put in use again."))
    (weights,) = models_dir.glob("*/model.bin")
    weights.write_bytes(weights.read_bytes()[:-10])
    (result,) = await worker.handle_batch([message])
    assert isinstance(result, Outage)
    prepare(Request(model="efficientnet_lite2"), models_dir, quiet)
    assert "cat" in best((await worker.handle_batch([message]))[0])


async def test_two_batches_at_once_get_their_own_answers_one_after_the_other(settings: Settings) -> None:
    worker = await opened(settings)
    names = ("chelsea", "coffee", "rocket")
    batches = [[picture(worker, name, f"1-{batch}-{index}") for index, name in enumerate(names)] for batch in range(4)]

    results = await asyncio.gather(*(worker.handle_batch(batch) for batch in batches))

    assert [[best(outputs) for outputs in batch] for batch in results] == [[best(each) for each in results[0]]] * 4
    assert "cat" in best(results[0][0])
    assert best(results[0][1]) == "espresso"


class Busy(Engine):
    """An engine whose turn has not come yet.

    Attributes:
        asked: Set when somebody waits for their turn.
        free: Set when their turn comes.
        computed: How many pictures each call computed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.classes = engine.name, engine.classes
        self.asked, self.free = threading.Event(), threading.Event()
        self.computed: list[int] = []

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> Sequence[Output]:
        self.asked.set()
        assert self.free.wait(20)
        found = self._engine.outputs(pictures, given_up, again=again)
        self.computed.append(len(found))
        return found

    def rest(self) -> None:
        self._engine.rest()


async def test_a_batch_that_was_cut_short_while_it_waited_does_not_take_its_turn(settings: Settings) -> None:
    worker = await opened(settings)
    worker.classifier.engine = engine = Busy(worker.classifier.engine)
    cut = asyncio.create_task(worker.handle_batch([picture(worker, "chelsea", "1-1-0")]))
    assert await asyncio.to_thread(engine.asked.wait, 20)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    engine.free.set()

    await worker.handle_batch([picture(worker, "coffee", "1-2-0"), picture(worker, "rocket", "1-3-0")])
    assert sorted(engine.computed) == [0, 2], "of the first batch, nothing was computed"


def test_with_several_processes_each_leaves_a_second_batch_to_the_others(settings: Settings) -> None:
    assert ClassifyWorker(settings).concurrency == 2
    assert ClassifyWorker(dataclasses.replace(settings, classify_processes=2)).concurrency == 1
