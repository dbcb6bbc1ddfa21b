"""The worker that fetches links."""

from __future__ import annotations

import asyncio
import threading

import pytest

from common.errors import Outage
from common.messages import ClassifyImage, FetchUrl, Kind, SendReply, Words
from common.model.input import unpack
from common.model.records import IN_USE
from common.settings import Settings
from common.store import Store
from fetch_url import FetchUrlWorker
from tests.support.heic_files import HEIC
from tests.support.make import job
from tests.support.model_in_use import SPEC
from tests.support.photos import png
from tests.support.web_server import Answer, WebServer, content, serving, status


async def test_a_link_to_an_image_becomes_a_model_input(
    worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/red.png"] = content(png(), kind="text/html")  # decoding decides what it is

    handed_off = await worker.handle(FetchUrl(job=job(), url=server.url("/red.png")))

    assert handed_off == ClassifyImage(job=job(), key=job().key("input"), original=job().key("original"))
    assert Store(settings.files_dir).read(job().key("original")) == png(), "it is kept for a second look"
    stored = Store(settings.files_dir).read(job().key("input"))
    assert bytes(unpack(stored, SPEC)) == bytes((255, 0, 0)) * 36


async def test_a_download_that_the_disk_does_not_take_only_gets_no_second_look(
    worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/red.png"] = content(png())
    (settings.files_dir / job().key("original")).mkdir()  # which a file cannot replace

    handed_off = await worker.handle(FetchUrl(job=job(), url=server.url("/red.png")))

    assert handed_off == ClassifyImage(job=job(), key=job().key("input"), original="")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (content(b"<!doctype html><title>A cat</title>", kind="image/png"), "a web page"),
        (content(png()[:-30]), "cut off or damaged"),
        (content(HEIC["HEIC"][:-30], kind="image/heic"), "save it and send it as a photo"),
        (content(b"no image", kind="image/png"), "not an image"),
        (content(b""), "empty"),
        (status(404), "nothing at this link"),
    ],
)
async def test_what_is_not_an_image_is_refused_in_plain_words(
    answer: Answer, words: str, worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/link"] = answer

    handed_off = await worker.handle(FetchUrl(job=job(), url=server.url("/link")))

    assert isinstance(handed_off, SendReply)
    assert isinstance(handed_off.content, Words)
    assert handed_off.content.kind is Kind.REFUSAL
    assert words in handed_off.content.text
    assert "not as a file" not in handed_off.content.text
    assert list(Store(settings.files_dir).files()) == []


async def test_without_a_model_the_link_waits(worker: FetchUrlWorker, settings: Settings, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    (settings.models_dir / IN_USE).unlink()

    with pytest.raises(Outage, match="no model"):
        await worker.handle(FetchUrl(job=job(), url=server.url("/red.png")))


async def test_several_links_are_fetched_at_once(worker: FetchUrlWorker) -> None:
    # Given hosts that do not answer until all eight have a request
    everybody = threading.Barrier(8)

    def together(handler: object) -> None:
        everybody.wait(timeout=10)
        content(png())(handler)  # type: ignore[arg-type]

    with serving({"/red.png": together}, "0.0.0.0") as hosts:
        links = [f"http://127.0.0.{i + 1}:{hosts.port}/red.png" for i in range(8)]
        answers = await asyncio.gather(
            *(worker.handle(FetchUrl(job=job(f"1-{i}"), url=link)) for i, link in enumerate(links))
        )

    assert all(isinstance(answer, ClassifyImage) for answer in answers)


async def test_a_worker_that_never_opened_closes(settings: Settings) -> None:
    await FetchUrlWorker(settings).close()
