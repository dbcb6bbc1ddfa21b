from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from common.languages.speech import say
from common.messages import Words
from common.web import download
from common.web import fetcher as web
from common.web.connections import Connections
from common.web.download import Fetched
from common.web.gate import Gate
from common.web.host_slots import HostSlots
from tests.support.links import LOCAL, OK, fetch, names
from tests.support.web_server import Answer, WebServer, content, drip


async def no_thread_fetches() -> None:
    """Wait until all fetching threads have ended."""
    for thread in threading.enumerate():
        if thread.name == "fetch":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


def body(fetched: Fetched | Words) -> bytes:
    assert isinstance(fetched, Fetched)
    return fetched.body


async def test_of_several_addresses_the_next_is_tried_where_one_refuses(server: WebServer) -> None:
    server.answers["/"] = content(b"hello")
    lookup = names(
        three_example="127.0.0.2 127.0.0.3 127.0.0.1", four_example="127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.1"
    )

    assert await fetch(f"http://three.example:{server.port}/", lookup=lookup) == b"hello"
    assert "did not send" in str(await fetch(f"http://four.example:{server.port}/", lookup=lookup))


def test_the_addresses_of_a_name_share_what_time_is_left() -> None:
    # Given addresses that never answer, and three seconds
    clock, limits = [100.0], []

    def connect(_addresses: object, *, policy: object, timeout: float) -> socket.socket:
        limits.append(timeout)
        clock[0] += timeout
        raise TimeoutError

    lookup = names(silent_example="127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4")
    connections = Connections(Gate(LOCAL), lookup, HostSlots(), deadline=103.0, connect=connect, clock=lambda: clock[0])

    # Then each has its share, and the last ends in time
    with pytest.raises(TimeoutError):
        connections.connect("http", "silent.example", 80)
    assert limits == pytest.approx([1, 1, 1])
    with pytest.raises(TimeoutError, match="no time left"):
        connections.connect("http", "silent.example", 80)
    connections.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(drip(b"", b"H"), id="status line"),
        pytest.param(drip(OK, b"X-Cat: 1\r\n"), id="headers"),
        pytest.param(drip(OK + b"X-Cat: ", b"1"), id="one header"),
        pytest.param(drip(OK + b"Content-Length: 9999\r\n\r\n", b"x"), id="body"),
        pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"), id="a chunk's size"),
        pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), id="chunks"),
    ],
)
async def test_a_server_that_drips_is_cut_and_its_thread_ends(answer: Answer, server: WebServer) -> None:
    server.answers["/"] = answer

    words = await fetch(server.url("/"), answer_s=0.2, total_s=0.3)

    assert words == say(download.UNREACHABLE.of(host="127.0.0.1"))
    assert await asyncio.to_thread(server.hung_up.wait, 5)
    await no_thread_fetches()


async def test_a_dripping_server_does_not_hold_up_other_links(server: WebServer) -> None:
    server.answers["/slow"] = drip(OK, b"X-Cat: 1\r\n")
    server.answers["/fast"] = content(b"hello")
    fetcher = web.Fetcher(LOCAL)

    slow = asyncio.create_task(fetcher.fetch(server.url("/slow")))
    async with asyncio.timeout(5):
        while "/slow" not in [path for path, _ in server.requests]:  # noqa: ASYNC110 -- another thread appends
            await asyncio.sleep(0)
    assert body(await fetcher.fetch(server.url("/fast"))) == b"hello"
    slow.cancel()

    # Cancelling ends the connection, too.
    assert await asyncio.to_thread(server.hung_up.wait, 5)
