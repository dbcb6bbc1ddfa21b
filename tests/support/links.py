"""For tests of links: limits that are small, names that need no name server, and hosts that fail."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from common.errors import TooEarly
from common.messages import FetchUrl, SendReply, Words
from common.store import Store
from common.web import fetcher as web
from common.web.download import FetchLimits
from common.web.gate import Address
from common.web.names import Lookup
from fetch_url import FetchUrlWorker
from tests.support.web_server import WebServer, drip, hang_up, redirect

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)


OK = b"HTTP/1.1 200 OK\r\n"


def tight(**limits: float) -> FetchLimits:
    return FetchLimits(**({"total_s": 5, "answer_s": 5, "unreachable_after_s": 5, "max_bytes": 10_000} | limits))  # type: ignore[arg-type]


async def fetch(url: str, *, lookup: Lookup | None = None, **limits: float) -> bytes | str:
    """What is behind the link, or the words of its refusal."""
    fetcher = web.Fetcher(LOCAL, lookup=lookup, limits=tight(**limits))
    fetched = await fetcher.fetch(url)
    return fetched.text if isinstance(fetched, Words) else fetched.body


def names(**addresses: str) -> Lookup:
    """Knows only those names, each with its addresses."""
    known = {name.replace("_", "."): text.split() for name, text in addresses.items()}

    def look_up(host: str, deadline: float) -> list[Address]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [ipaddress.ip_address(text) for text in known[host]]

    return look_up


FAILING = names(
    private_example="192.168.1.1",
    both_example="127.0.0.1 10.0.0.1",
    silent_example="127.0.0.1",
    closed_example="127.0.0.1",
    server_example="127.0.0.1",
)


@contextlib.contextmanager
def failing_links(server: WebServer) -> Iterator[list[str]]:
    """One link for each way in which a host gives no answer. A user must not be able to distinguish them."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening: refuses
        server.answers["/hang-up"] = hang_up()
        server.answers["/drip"] = drip(OK, b"X-Cat: 1\r\n")
        server.answers["/to-private"] = redirect("http://10.0.0.1/secret")
        server.answers["/to-private-name"] = redirect("http://private.example/secret")
        server.answers["/to-closed"] = redirect(f"http://closed.example:{closed.getsockname()[1]}/")
        server.answers["/to-number"] = redirect("http://2130706433/")
        yield [
            "http://unknown.example/",
            "http://private.example/",
            "http://private.example:6379/",
            f"http://both.example:{server.port}/",
            f"http://closed.example:{closed.getsockname()[1]}/",
            f"http://silent.example:{silent.getsockname()[1]}/",
            f"https://silent.example:{silent.getsockname()[1]}/",
            f"https://server.example:{server.port}/speaks-no-tls",
            *(
                f"http://server.example:{server.port}/{path}"
                for path in ("hang-up", "drip", "to-private", "to-private-name", "to-closed", "to-number")
            ),
        ]


async def answered(worker: FetchUrlWorker, message: FetchUrl) -> tuple[float, SendReply]:
    """When the worker gives its answer, in seconds since it began, and the answer."""
    began = time.time()
    with pytest.raises(TooEarly) as early:
        await worker.handle(message)
    # As stored: on a busy machine, the clock may be read late.
    until = msgspec.json.decode(Store(worker.settings.files_dir).read(message.job.key("answer")))["until"]
    assert early.value.retry_after_s <= until - began
    # Before that moment, it is too early again.
    if time.time() < until - 0.1:
        with pytest.raises(TooEarly):
            await worker.handle(message)
    await asyncio.sleep(until - time.time())
    answer = await worker.handle(message)
    assert isinstance(answer, SendReply)
    assert answer.files == (message.job.key("answer"),)
    return until - began, answer
