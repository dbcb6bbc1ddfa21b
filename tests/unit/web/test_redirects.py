from __future__ import annotations

from tests.support.links import fetch
from tests.support.web_server import WebServer, content, drip, redirect


async def test_four_redirects_are_followed(server: WebServer) -> None:
    for hop in range(4):
        server.answers[f"/{hop}"] = redirect(f"/{hop + 1}", code=(301, 302, 307, 308)[hop])
    server.answers["/4"] = content(b"hello")

    assert await fetch(server.url("/0")) == b"hello"


async def test_a_fifth_redirect_is_refused(server: WebServer) -> None:
    server.answers["/loop"] = redirect("/loop")

    assert "more than 4 times" in str(await fetch(server.url("/loop")))
    assert len(server.requests) == 5


async def test_a_redirect_s_body_is_not_read(server: WebServer) -> None:
    server.answers["/endless"] = drip(b"HTTP/1.1 302 Found\r\nLocation: /image\r\n\r\n", b"x" * 1000)
    server.answers["/image"] = content(b"hello")

    assert await fetch(server.url("/endless")) == b"hello"
