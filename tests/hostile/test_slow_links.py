"""Links that take time, or their own process."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.channels.channels import Channels
from common.languages.speech import say
from common.messages import FetchUrl, Words
from common.settings import Settings
from common.web import previews
from common.web.visit import NO_PREVIEW
from fetch_url import FetchUrlWorker
from tests.support import model_in_use
from tests.support.in_process_decoder import InProcessDecoder
from tests.support.links import FAILING, LOCAL, answered, failing_links, fetch, tight
from tests.support.make import job
from tests.support.web_server import WebServer, content, serving


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving({}) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models_dir=tmp_path / "models", fetch_allow_networks=LOCAL)


@pytest.fixture
def failing(server: WebServer) -> Iterator[list[str]]:
    with failing_links(server) as links:
        yield links


async def test_every_failing_host_is_refused_at_the_same_time(settings: Settings, failing: list[str]) -> None:
    """The time of a failure reveals as much as words would. So all are refused after the same delay."""
    limits = tight(answer_s=0.4, unreachable_after_s=1.5)
    answers = await asyncio.gather(
        *(
            answered(
                FetchUrlWorker(settings, lookup=FAILING, limits=limits), FetchUrl(job=job(f"1-{number}-0"), url=link)
            )
            for number, link in enumerate(failing)
        )
    )

    assert [moment for moment, _ in answers] == pytest.approx([1.5] * len(failing), abs=0.02)
    assert all("does not exist, is not public" in str(answer.content) for _, answer in answers)


async def test_a_failing_preview_is_refused_in_other_words_at_the_same_time(
    settings: Settings, failing: list[str], server: WebServer
) -> None:
    model_in_use.put_in_use(settings.models_dir)
    worker = FetchUrlWorker(
        settings, lookup=FAILING, limits=tight(answer_s=2.5, unreachable_after_s=3.5), decoder=InProcessDecoder()
    )
    await worker.open(Channels(worker.settings))
    kinds = [next(link for link in failing if host in link) for host in ("private.", "closed.", "silent.")]
    for number, link in enumerate(kinds):
        server.answers[f"/{number}"] = content(f"<html><meta property=og:image content='{link}'>".encode())

    answers = await asyncio.gather(
        *(
            answered(worker, FetchUrl(job=job(f"1-{number}-0"), url=f"http://server.example:{server.port}/{number}"))
            for number in range(len(kinds))
        )
    )

    assert [moment for moment, _ in answers] == pytest.approx([3.5] * len(kinds), abs=0.02)
    assert {answer.content.text for _, answer in answers if isinstance(answer.content, Words)} == {say(NO_PREVIEW)}
    await worker.close()


async def test_a_gzip_bomb_takes_no_memory(server: WebServer) -> None:
    server.answers["/"] = content(gzip.compress(gzip.compress(bytes(300_000_000), 1), 1), content_encoding="gzip, gzip")

    tracemalloc.start()
    words = await fetch(server.url("/"), max_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "larger than 20 MB" in str(words)
    assert peak < 10_000_000


def test_a_slow_name_does_not_keep_the_process_from_ending() -> None:
    script = """if True:
        import asyncio, threading
        from common.web import download
        from common.web import fetcher as web

        def never(*_arguments):
            threading.Event().wait()

        limits = download.FetchLimits(answer_s=0.1)
        asyncio.run(web.Fetcher(lookup=never, limits=limits).fetch("http://slow.example/"))
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=10)


@pytest.mark.parametrize("start", [b"<html>", b"<html><a ", b"<html><!--", b"<html><script>", b"<html><!DOCTYPE ["])
@pytest.mark.parametrize(
    "more", [b"<", b"<a ", b"<a b=", b"<!--", b"<![x[", b"</", b"&#x", b"<meta ", b'<a b="', b"<!-"]
)
def test_text_that_was_made_to_be_hard_to_parse_takes_no_time(start: bytes, more: bytes) -> None:
    began = time.process_time()
    previews.read_page(start + more * (previews.MOST_READ_BYTES // len(more)))
    assert time.process_time() - began < 2.5
