"""What a request says, and which links make one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from common import VERSION
from common.messages import FetchUrl
from common.settings import Settings
from common.web import fetcher as web
from fetch_url import FetchUrlWorker
from tests.support.in_process_decoder import InProcessDecoder
from tests.support.links import LOCAL, fetch, names, tight
from tests.support.make import job
from tests.support.web_server import Handler, WebServer, content, redirect, status


async def test_a_request_says_who_asks_and_carries_nothing_else(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given an environment with a proxy, and a password for this host
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://me:secret@127.0.0.1:9")
    server.answers["/first"] = redirect("/second", www_authenticate="Basic")
    server.answers["/second"] = content(b"hello")

    assert await fetch(server.url("/first")) == b"hello"
    assert len(server.requests) == 2
    for _, headers in server.requests:
        assert {name.lower() for name in headers} == {"host", "user-agent", "accept", "accept-encoding"}
        assert headers["User-Agent"] == f"Whatsit/{VERSION} (+Telegram bot)"


async def test_the_operator_s_address_is_in_each_request_as_wikimedia_asks(server: WebServer) -> None:
    server.answers["/first"] = redirect("/second")
    server.answers["/second"] = content(b"hello")

    await web.Fetcher(LOCAL, limits=tight(), contact="https://example.org/bot; me@example.org").fetch(
        server.url("/first")
    )

    agents = [headers["User-Agent"] for _, headers in server.requests]
    assert agents == [f"Whatsit/{VERSION} (https://example.org/bot; me@example.org; Telegram bot)"] * 2


async def test_the_worker_asks_in_the_name_of_its_operator(server: WebServer, settings: Settings) -> None:
    server.answers["/"] = status(404)
    worker = FetchUrlWorker(dataclasses.replace(settings, contact="me@example.org"), decoder=InProcessDecoder())

    await worker.handle(FetchUrl(job=job(), url=server.url("/")))

    assert "(me@example.org; " in server.requests[0][1]["User-Agent"]


async def test_images_are_wanted_first_and_pages_are_taken(server: WebServer) -> None:
    """Some hosts give a page where text/html is named, even for a picture. Others then have no page to give."""
    server.answers["/"] = content(b"hello")

    await fetch(server.url("/"))

    accepted = server.requests[0][1]["Accept"]
    assert accepted.startswith("image/*,")
    assert "*/*;q=0" in accepted
    assert "text/html" not in accepted


@pytest.mark.parametrize("path", ["//cat.jpg", "/a//b.jpg", "/%7Ecat%2Fdog.jpg", "/a;b=c,d/e:f@g!$&'()*+.jpg"])
async def test_a_path_is_asked_for_as_it_is_written(path: str, server: WebServer) -> None:
    asked = []

    def answer(handler: Handler) -> None:
        asked.append(handler.requestline)  # since handler.path has one slash at its beginning, whatever was asked
        content(b"hello")(handler)

    server.answers[path.replace("//cat", "/cat")] = answer

    assert await fetch(server.url(path)) == b"hello"
    assert asked == [f"GET {path} HTTP/1.1"]


@pytest.mark.parametrize(
    ("written", "tried"),
    [
        ("example.com/cat.jpg", "https://example.com/cat.jpg http://example.com/cat.jpg"),
        ("example.com:8080/cat.jpg", "https://example.com:8080/cat.jpg http://example.com:8080/cat.jpg"),
        ("https://example.com", "https://example.com"),
        ("HTTP://example.com", "HTTP://example.com"),
        ("ftp://example.com", "ftp://example.com"),
    ],
)
def test_a_bare_host_is_tried_by_https_and_then_by_http(written: str, tried: str) -> None:
    assert web.whole_links(written) == tuple(tried.split())


async def test_an_international_name_is_asked_by_its_ascii_form(server: WebServer) -> None:
    server.answers["/k%C3%A4tzchen%20klein.png"] = content(b"hello")
    lookup = names(**{"xn--mller-kva_example": "127.0.0.1"})

    fetched = await fetch(f"http://müller.example:{server.port}/kätzchen klein.png", lookup=lookup)

    assert fetched == b"hello"
    assert server.requests[0][1]["Host"] == f"xn--mller-kva.example:{server.port}"
