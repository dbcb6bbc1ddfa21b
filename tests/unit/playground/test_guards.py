"""Who may call the playground, and how large a request may be."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from playground.application import Application
from playground.guards import MAX_BODY_BYTES, MAX_FORM_BYTES
from tests.support.bot_api import TOKEN

FORM = "multipart/form-data; boundary=x"
PIECE = b"x" * (1 << 20)


def client(port: int = 80) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Application(TOKEN, port).asgi), base_url="http://localhost")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "localhost:80"}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
async def test_on_port_80_a_browser_leaves_the_port_out(headers: dict[str, str], status: int) -> None:
    async with client() as http:
        assert (await http.get("/", headers=headers)).status_code == status


async def test_on_another_port_a_browser_names_it() -> None:
    async with client(8081) as http:
        assert (await http.get("/")).status_code == 403


@pytest.mark.parametrize(("content_type", "limit"), [("application/json", MAX_BODY_BYTES), (FORM, MAX_FORM_BYTES)])
@pytest.mark.parametrize("path", ["/api/chats/1001/messages", "/api/chats/1001/raw", f"/bot{TOKEN}/sendPhoto"])
async def test_of_an_endless_body_no_more_is_read_than_a_request_may_bring(
    path: str, content_type: str, limit: int
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        if content_type == FORM:
            yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        while read < 2 * limit:
            read += len(PIECE)
            yield PIECE

    async with client() as http:
        answer = await http.post(path, content=endless(), headers={"Content-Type": content_type})
    assert limit <= read <= limit + 2 * len(PIECE)
    if path.startswith("/api/"):
        assert (answer.status_code, answer.json()) == (200, {"refused": "This is too much at once."})
    else:
        assert answer.status_code == 413
        assert answer.json() == {"ok": False, "error_code": 413, "description": "Request Entity Too Large"}


async def test_of_a_body_that_announces_too_much_nothing_is_read() -> None:
    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("it was read")
        yield b""

    headers = {"Content-Type": FORM, "Content-Length": str(MAX_FORM_BYTES + 1)}
    async with client() as http:
        answer = await http.post("/api/chats/1001/messages", content=unread(), headers=headers)
    assert answer.json() == {"refused": "This is too much at once."}
