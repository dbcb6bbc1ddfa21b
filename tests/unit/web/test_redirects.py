from __future__ import annotations

from tests.support.links import fetch
from tests.support.web_server import WebServer, content, drip, redirect


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
