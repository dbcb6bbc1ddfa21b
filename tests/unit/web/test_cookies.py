"""Cookies within one link, against RFC 6265 and what docs/security.md says."""

from __future__ import annotations

import pytest

from common.messages import Words
from common.web import fetcher as web
from common.web.download import Fetched
from tests.support.links import LOCAL, fetch, names, tight
from tests.support.web_server import Answer, Handler, WebServer, content, redirect, serving


def until_cookie(cookie: str, sets: str) -> Answer:
    """Redirects to itself with a cookie, until it is sent back."""

    def answer(handler: Handler) -> None:
        if cookie in (handler.headers["Cookie"] or ""):
            content(b"hello")(handler)
        else:
            redirect(handler.path, set_cookie=sets)(handler)

    return answer


def sent(server: WebServer) -> list[str | None]:
    return [headers.get("Cookie") for _, headers in server.requests]


@pytest.mark.parametrize(
    "sets",
    [
        "seen=1",
        "seen=1; Path=/",
        "seen=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        "seen=1; Domain=127.0.0.1",
        "seen=1; Expires=nonsense; Unknown=x; ;;",
        "seen=1; Max-Age",
        f"seen=1; Max-Age={'9' * 1000}",
        "seen=1; Max-Age=later; Version=1; Path=",
    ],
)
async def test_a_cookie_is_sent_back_to_the_host_that_asks_for_it(sets: str, server: WebServer) -> None:
    server.answers["/"] = until_cookie("seen=1", sets)

    assert await fetch(server.url("/")) == b"hello"
    assert sent(server) == [None, "seen=1"]


async def test_several_cookies_come_together_and_the_last_value_counts(server: WebServer) -> None:
    server.answers["/"] = redirect("/2", set_cookie="a=1")
    server.answers["/2"] = redirect("/3", set_cookie="b=2")
    server.answers["/3"] = redirect("/4", set_cookie="a=3")
    server.answers["/4"] = content(b"hello")

    assert await fetch(server.url("/")) == b"hello"
    assert sent(server)[:2] == [None, "a=1"]
    assert set(str(sent(server)[2]).split("; ")) == {"a=1", "b=2"}
    assert set(str(sent(server)[3]).split("; ")) == {"a=3", "b=2"}


@pytest.mark.parametrize(
    "sets",
    [
        "seen=1; Path=/elsewhere",
        "seen=1; Secure",
        "seen=1; Max-Age=0",
        "seen=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "seen=1; Domain=other.example",
        "seen=" + "x" * 5000,
    ],
)
async def test_a_cookie_that_is_not_for_this_request_stays(sets: str, server: WebServer) -> None:
    server.answers["/"] = redirect("/next", set_cookie=sets)
    server.answers["/next"] = content(b"hello")

    assert await fetch(server.url("/")) == b"hello"
    assert sent(server) == [None, None]


async def test_a_cookie_can_be_taken_back(server: WebServer) -> None:
    server.answers["/"] = redirect("/2", set_cookie="a=1; Path=/")
    server.answers["/2"] = redirect("/3", set_cookie="a=; Path=/; Max-Age=0")
    server.answers["/3"] = content(b"hello")

    assert await fetch(server.url("/")) == b"hello"
    assert sent(server) == [None, "a=1", None]


async def test_no_other_host_gets_a_cookie_whatever_its_domain(server: WebServer) -> None:
    lookup = names(www_cats_example="127.0.0.1", cats_example="127.0.0.1", other_example="127.0.0.1")
    for number, host in enumerate(("cats.example", "other.example", "www.cats.example")):
        to = f"http://{host}:{server.port}/{number + 1}"
        server.answers[f"/{number}"] = redirect(to, set_cookie=f"from{number}=1; Domain=cats.example; Path=/")
    server.answers["/3"] = content(b"hello")

    assert await fetch(f"http://www.cats.example:{server.port}/0", lookup=lookup) == b"hello"
    assert sent(server) == [None, None, None, "from0=1"], "the first host, when it is asked again"


async def test_another_port_of_the_host_gets_no_cookie(server: WebServer) -> None:
    with serving({"/": content(b"hello")}) as other:
        server.answers["/"] = redirect(other.url("/"), set_cookie="a=1; Path=/")

        assert await fetch(server.url("/")) == b"hello"
        assert sent(other) == [None]


async def test_no_cookie_outlives_its_link(server: WebServer) -> None:
    server.answers["/"] = until_cookie("seen=1", "seen=1; Max-Age=9999")
    fetcher = web.Fetcher(LOCAL, limits=tight())

    for _ in range(2):
        assert isinstance(await fetcher.fetch(server.url("/")), Fetched)
    assert sent(server) == [None, "seen=1"] * 2


async def test_a_page_s_picture_is_asked_for_with_the_page_s_cookies(server: WebServer) -> None:
    page = b"<html><meta property=og:image content=/cat.jpg>"
    server.answers["/"] = content(page, "text/html", set_cookie="seen=1; Path=/")
    server.answers["/cat.jpg"] = content(b"hello")
    fetcher = web.Fetcher(LOCAL, limits=tight())
    fetched = await fetcher.fetch(server.url("/"))
    assert not isinstance(fetched, Words)

    assert isinstance(await fetcher.preview(fetched), Fetched)
    assert sent(server) == [None, "seen=1"]


async def test_a_host_that_is_not_content_with_its_cookie_is_left_after_ten_redirects(server: WebServer) -> None:
    server.answers["/"] = redirect("/", set_cookie="a=1")

    assert "more than 10 times" in str(await fetch(server.url("/")))
    assert len(server.requests) == 11


async def test_a_host_that_sets_too_much_gets_nothing_back(server: WebServer) -> None:
    """Servers take about 8 kB of headers: with more, each answer would be an error."""
    for number in range(3):
        server.answers[f"/{number}"] = redirect(f"/{number + 1}", set_cookie=f"c{number}={'x' * 4000}")
    server.answers["/3"] = content(b"hello")

    assert await fetch(server.url("/0")) == b"hello"
    assert [len(cookie or "") for cookie in sent(server)] == [0, 4003, 8008, 0]
