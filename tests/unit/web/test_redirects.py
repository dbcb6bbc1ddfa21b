from __future__ import annotations

import pytest

from common.languages.speech import say
from common.languages.texts import Text
from common.web import download
from tests.support.links import fetch, names
from tests.support.web_server import WebServer, content, drip, hang_up, redirect


async def test_ten_redirects_are_followed(server: WebServer) -> None:
    for hop in range(10):
        server.answers[f"/{hop}"] = redirect(f"/{hop + 1}", code=(300, 301, 302, 303, 307, 308)[hop % 6])
    server.answers["/10"] = content(b"hello")

    assert await fetch(server.url("/0")) == b"hello"


async def test_an_eleventh_redirect_is_refused(server: WebServer) -> None:
    server.answers["/loop"] = redirect("/loop")

    assert "more than 10 times" in str(await fetch(server.url("/loop")))
    assert len(server.requests) == 11


async def test_a_redirect_s_body_is_not_read(server: WebServer) -> None:
    server.answers["/endless"] = drip(b"HTTP/1.1 302 Found\r\nLocation: /image\r\n\r\n", b"x" * 1000)
    server.answers["/image"] = content(b"hello")

    assert await fetch(server.url("/endless")) == b"hello"


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        (b"/espa\xf1ol.jpg", "/espa%F1ol.jpg"),
        ("/español.jpg".encode(), "/espa%C3%B1ol.jpg"),
        (b"/a cat.jpg", "/a%20cat.jpg"),
        (b" /cat.jpg ", "/cat.jpg"),
        (b"cat.jpg?a=b#c", "/cat.jpg?a=b"),
        (b"\\cat.jpg", "/cat.jpg"),
        (b"/a\tcat.jpg", "/acat.jpg"),
        (b"//127.0.0.1:PORT/a//cat.jpg", "/a//cat.jpg"),
        (b"/%E4%20%7Ecat.jpg", "/%E4%20%7Ecat.jpg"),
        (b"/x.jpg?token=" + b"A1b2C3d4" * 900, "/x.jpg?token=" + "A1b2C3d4" * 900),
        (b"http:/cat.jpg", "/cat.jpg"),
        ("http://müller.example:PORT/cat.jpg".encode(), "/cat.jpg"),
        ("http://👍.example:PORT/cat.jpg".encode(), "/cat.jpg"),
        (b"http://my_cats.example:PORT/cat.jpg", "/cat.jpg"),
    ],
)
async def test_a_location_is_read_as_browsers_read_it(location: bytes, asked: str, server: WebServer) -> None:
    lookup = names(**{"xn--mller-kva_example": "127.0.0.1", "xn--yp8h_example": "127.0.0.1"})
    known = {"my_cats.example": names(cats="127.0.0.1")("cats", 0)}
    target = location.replace(b"PORT", str(server.port).encode())
    server.answers["/"] = hang_up(b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\n\r\n")
    server.answers[asked] = content(b"hello")

    fetched = await fetch(server.url("/"), lookup=lambda host, until: known.get(host) or lookup(host, until))

    assert fetched == b"hello"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://127.0.0.1/cat.jpg", download.BAD_REDIRECT),
        ("intent://cat#Intent;scheme=x;end", download.BAD_REDIRECT),
        ("mailto:cat@example.com", download.BAD_REDIRECT),
        ("http://me:secret@127.0.0.1/", download.BAD_REDIRECT),
        ("http://", download.BAD_REDIRECT),
        ("http://exa mple.com/", download.BAD_REDIRECT),
        ("/" + "a" * 8192, download.TOO_LONG_REDIRECT),
        ("/" + "a" * 100_000, download.TOO_LONG_REDIRECT),
        ("http://8.8.8.8:22/", download.BAD_PORT_REDIRECT),
    ],
    ids=lambda text: text[:30] if isinstance(text, str) else "",
)
async def test_a_redirect_that_is_not_followed_has_its_own_reason(
    location: str, words: Text, server: WebServer
) -> None:
    server.answers["/"] = redirect(location)

    numbers = {"most": 8192 if words is download.TOO_LONG_REDIRECT else 10, "ports": "80, 443, 8080, 8443"}
    assert await fetch(server.url("/")) == say(words.of(host="127.0.0.1", **numbers))


async def test_a_link_of_8_kb_is_followed_as_it_is_written(server: WebServer) -> None:
    path = "/x.jpg?signature=" + "A1b2C3d4" * 1000
    server.answers[path] = content(b"hello")

    assert await fetch(server.url(path)) == b"hello"
