from __future__ import annotations

import asyncio

import pytest

from common.errors import TooEarly
from common.messages import FetchUrl, SendReply
from common.settings import Settings
from fetch_url import FetchUrlWorker
from tests.support.links import FAILING, names, tight
from tests.support.make import job
from tests.support.web_server import WebServer, status


async def test_an_answer_that_waits_can_be_given_by_any_worker(settings: Settings) -> None:
    message = FetchUrl(job=job(), url="http://unknown.example/")
    with pytest.raises(TooEarly) as early:
        await FetchUrlWorker(settings, lookup=FAILING, limits=tight(answer_s=0.1, unreachable_after_s=0.2)).handle(
            message
        )
    await asyncio.sleep(early.value.retry_after_s)

    answer = await FetchUrlWorker(settings, lookup=names(unknown_example="127.0.0.1")).handle(message)

    assert isinstance(answer, SendReply)
    assert "unknown.example" in str(answer.content)


async def test_an_answer_that_comes_late_is_given_at_once(settings: Settings) -> None:
    worker = FetchUrlWorker(settings, lookup=FAILING, limits=tight(answer_s=0.3, unreachable_after_s=0))

    answer = await worker.handle(FetchUrl(job=job(), url="http://unknown.example/"))

    assert isinstance(answer, SendReply)
    assert answer.files == ()


async def test_a_link_that_is_wrong_as_written_is_refused_at_once(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/gone"] = status(410)
    for link in ("http://10.0.0.1/", "http://me@example.com/", "ftp://example.com/", server.url("/gone")):
        assert isinstance(await worker.handle(FetchUrl(job=job(), url=link)), SendReply)
