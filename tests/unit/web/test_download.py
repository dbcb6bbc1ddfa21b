"""What servers answer, and how much of it is read."""

from __future__ import annotations

import gzip

import pytest

from common.languages.speech import say
from common.messages import Kind, Words
from common.web import download
from common.web import fetcher as web
from tests.support.links import FAILING, LOCAL, OK, fetch, tight
from tests.support.web_server import Answer, WebServer, content, drip, hang_up, status


async def test_every_failing_host_gets_the_same_words(failing: list[str]) -> None:
    for link in failing:
        fetched = await web.Fetcher(LOCAL, lookup=FAILING, limits=tight(answer_s=0.15)).fetch(link)
        host = link.split("/")[2].split(":")[0]
        assert fetched == Words.of(download.UNREACHABLE.of(host=host), Kind.UNREACHABLE), link


@pytest.mark.parametrize(
    ("code", "words"),
    [(404, "nothing"), (410, "nothing"), (403, "let me"), (503, "again later"), (429, "again later"), (418, "418")],
)
async def test_a_status_other_than_success_is_named_in_the_refusal(code: int, words: str, server: WebServer) -> None:
    server.answers["/"] = status(code)

    told = str(await fetch(server.url("/")))

    assert words in told
    assert str(code) in told
    assert "127.0.0.1" in told


async def test_a_body_as_large_as_the_limit_is_taken(server: WebServer) -> None:
    server.answers["/"] = content(bytes(10_000))

    assert await fetch(server.url("/"), max_bytes=10_000) == bytes(10_000)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(content(bytes(10_001)), id="announced"),
        pytest.param(content(bytes(10_001), content_length=""), id="not announced"),
        pytest.param(drip(OK + b"\r\n", bytes(5000)), id="endless"),
        pytest.param(
            drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1388\r\n" + bytes(5000) + b"\r\n"), id="endless chunks"
        ),
        pytest.param(content(b"", content_length="99999999999999999999"), id="announced, and never sent"),
        pytest.param(content(gzip.compress(bytes(10_001)), content_encoding="gzip"), id="compressed"),
    ],
)
async def test_a_body_over_the_limit_is_refused_whatever_size_was_announced(answer: Answer, server: WebServer) -> None:
    server.answers["/"] = answer

    assert "larger than 20 MB" in str(await fetch(server.url("/"), max_bytes=10_000))


async def test_a_compressed_image_is_decompressed(server: WebServer) -> None:
    server.answers["/"] = content(gzip.compress(b"hello"), content_encoding="gzip")

    assert await fetch(server.url("/")) == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(content(b"hello", content_length="99"), id="shorter than announced"),
        pytest.param(hang_up(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), id="last chunk missing"),
        pytest.param(content(b"no gzip", content_encoding="gzip"), id="not what its encoding says"),
        pytest.param(hang_up(b"nonsense\r\n\r\n"), id="no HTTP"),
    ],
)
async def test_an_answer_that_breaks_off_counts_as_unreachable(answer: Answer, server: WebServer) -> None:
    server.answers["/"] = answer

    assert await fetch(server.url("/")) == say(download.UNREACHABLE.of(host="127.0.0.1"))
