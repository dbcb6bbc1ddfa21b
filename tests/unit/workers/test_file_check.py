from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from common.channels.channels import Channels
from common.errors import InputLost, Outage
from common.messages import (
    CheckFile,
    ClassifyImage,
    DeleteFiles,
    Finding,
    FindingKind,
    Guess,
    Kind,
    Prediction,
    Predictions,
    SendReply,
    Words,
)
from common.model import whole
from common.model.input import unpack
from common.model.records import IN_USE
from common.settings import Settings
from common.store import Store
from file_check import FileCheckWorker
from tests.support import model_in_use
from tests.support.in_process_decoder import InProcessDecoder
from tests.support.make import job
from tests.support.model_in_use import SPEC
from tests.support.photos import png
from tests.support.picture_files import photo, saved

ORIGINAL = job().key("original")
INPUT = job().key("input")
WHOLE = job().key("whole")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models")
    model_in_use.put_in_use(settings.models_dir)
    return settings


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings.files_dir)


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[FileCheckWorker]:
    worker = FileCheckWorker(settings, decoder=InProcessDecoder())
    await worker.open(Channels(worker.settings))
    yield worker
    await worker.close()


def keys(store: Store) -> set[str]:
    return {name for name, _ in store.files()}


@pytest.mark.parametrize("announced", [None, len(png()), len(png()) - 1])
async def test_a_whole_image_becomes_a_model_input_and_the_download_stays_for_a_second_look(
    announced: int | None, worker: FileCheckWorker, store: Store
) -> None:
    store.write(ORIGINAL, png())

    handed_off = await worker.handle(CheckFile(job=job(), key=ORIGINAL, announced_bytes=announced))

    assert handed_off == [ClassifyImage(job=job(), key=INPUT, original=ORIGINAL)]
    assert keys(store) == {INPUT, ORIGINAL}
    assert bytes(unpack(store.read(INPUT), SPEC)) == bytes((255, 0, 0)) * 36


async def test_what_is_not_an_image_is_refused_and_its_download_goes_with_the_reply(
    worker: FileCheckWorker, store: Store
) -> None:
    store.write(ORIGINAL, b"just text")

    (reply,) = await worker.handle(CheckFile(job=job(), key=ORIGINAL))

    assert isinstance(reply, SendReply)
    assert isinstance(reply.content, Words)
    assert reply.content.kind is Kind.REFUSAL
    assert "not an image" in reply.content.text
    assert reply.files == (ORIGINAL,)
    assert keys(store) == {ORIGINAL}


async def test_a_download_shorter_than_announced_is_lost(worker: FileCheckWorker, store: Store) -> None:
    store.write(ORIGINAL, png())

    with pytest.raises(InputLost, match=rf"has {len(png())} of {len(png()) + 1} bytes"):
        await worker.handle(CheckFile(job=job(), key=ORIGINAL, announced_bytes=len(png()) + 1))
    assert keys(store) == {ORIGINAL}


async def test_a_download_that_is_as_short_the_second_time_was_announced_wrongly(
    worker: FileCheckWorker, store: Store
) -> None:
    again = msgspec.structs.replace(job(), run=1)
    key = again.key("original")
    store.write(key, png())
    outputs = await worker.handle(CheckFile(job=again, key=key, announced_bytes=len(png()) + 1))
    assert isinstance(outputs[0], ClassifyImage)


async def test_a_download_that_is_gone_is_lost(worker: FileCheckWorker) -> None:
    with pytest.raises(InputLost, match="no file"):
        await worker.handle(CheckFile(job=job(), key=ORIGINAL))


async def test_checking_twice_gives_the_same(worker: FileCheckWorker, store: Store) -> None:
    store.write(ORIGINAL, png())
    message = CheckFile(job=job(), key=ORIGINAL)

    assert await worker.handle(message) == await worker.handle(message)


async def test_without_a_model_the_download_waits(worker: FileCheckWorker, store: Store, settings: Settings) -> None:
    store.write(ORIGINAL, png())
    (settings.models_dir / IN_USE).unlink()

    with pytest.raises(Outage, match="no model"):
        await worker.handle(CheckFile(job=job(), key=ORIGINAL))


@pytest.mark.parametrize(("operation", "key"), [("read", ORIGINAL), ("write", INPUT)])
async def test_a_failing_disk_is_an_outage_that_names_the_file(
    operation: str, key: str, worker: FileCheckWorker, store: Store, settings: Settings
) -> None:
    store.write(ORIGINAL, png())
    store.delete(key)
    (settings.files_dir / key).mkdir()  # which can be neither read nor replaced

    with pytest.raises(Outage, match=f"cannot {operation} '{key}': Is a directory"):
        await worker.handle(CheckFile(job=job(), key=ORIGINAL))


# A second look

FIRST = Predictions(
    top=(Prediction("cat", 0.4),),
    finding=Finding(kind=FindingKind.UNSURE, guesses=(Guess(0, 0.4),)),
)
SECOND_LOOK = CheckFile(job=job(), key=ORIGINAL, file_unique_id="U", first_look=FIRST)
ANSWER = SendReply(job=job(), content=FIRST, files=(ORIGINAL, INPUT, WHOLE))


async def test_for_a_second_look_the_whole_picture_is_written_and_the_download_goes(
    worker: FileCheckWorker, store: Store
) -> None:
    store.write(ORIGINAL, png())

    handed_off = await worker.handle(SECOND_LOOK)

    assert handed_off == [
        ClassifyImage(job=job(), key=WHOLE, file_unique_id="U", first_look=FIRST),
        DeleteFiles(job=job(), keys=(ORIGINAL,)),
    ]
    picture = whole.unpack(store.read(WHOLE), SPEC)
    assert (picture.width, picture.height) == (2 * SPEC.resize, SPEC.resize), "it is 20 x 10 pixels"
    assert picture.view(0, 0) == bytes((255, 0, 0)) * SPEC.crop**2


@pytest.mark.parametrize("content", [b"just text", saved(photo((1100, 100)), "PNG"), png()[:40]])
async def test_a_picture_that_cannot_be_seen_whole_gets_the_first_look_s_answer(
    content: bytes, worker: FileCheckWorker, store: Store
) -> None:
    store.write(ORIGINAL, content)

    assert await worker.handle(SECOND_LOOK) == [ANSWER]
