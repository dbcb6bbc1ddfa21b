"""A web server, and a worker that fetches from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common.channels.channels import Channels
from common.messages import FetchUrl
from common.settings import Settings
from common.web.host_slots import PER_HOST
from fetch_url import FetchUrlWorker
from tests.support import model_in_use
from tests.support.in_process_decoder import InProcessDecoder
from tests.support.links import LOCAL, OK, failing_links
from tests.support.make import job
from tests.support.web_server import WebServer, drip, serving


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving({}) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models_dir=tmp_path / "models", fetch_allow_networks=LOCAL)


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[FetchUrlWorker]:
    model_in_use.put_in_use(settings.models_dir)
    worker = FetchUrlWorker(settings, decoder=InProcessDecoder())
    await worker.open(Channels(worker.settings))
    yield worker
    await worker.close()


@pytest.fixture
def failing(server: WebServer) -> Iterator[list[str]]:
    with failing_links(server) as links:
        yield links


@pytest.fixture
async def dripping(worker: FetchUrlWorker, server: WebServer) -> AsyncIterator[list[asyncio.Task[object]]]:
    """A worker that has as many links in flight to one dripping host as that host may have."""
    server.answers["/drip"] = drip(OK, b"X-Cat: 1\r\n")
    links = [FetchUrl(job=job(f"1-{i}-0"), url=server.url("/drip")) for i in range(8)]
    tasks = [asyncio.create_task(worker.handle(link)) for link in links]
    done: set[asyncio.Task[object]] = set()
    async with asyncio.timeout(5):
        while len(done) < len(tasks) - PER_HOST:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
    yield tasks  # type: ignore[misc]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
