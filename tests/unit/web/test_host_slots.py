from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
import threading

import pytest

from common.errors import HostBusy
from common.messages import ClassifyImage, FetchUrl, Words
from common.web import fetcher as web
from common.web.download import Fetched
from common.web.gate import Address
from common.web.host_slots import PER_HOST, HostSlots, machine, zone
from fetch_url import FetchUrlWorker
from tests.support.links import LOCAL, OK, names
from tests.support.make import job
from tests.support.photos import png
from tests.support.web_server import WebServer, content, drip, serving


def body(fetched: Fetched | Words) -> bytes:
    assert isinstance(fetched, Fetched)
    return fetched.body


async def test_one_host_cannot_occupy_the_whole_worker(
    worker: FetchUrlWorker, server: WebServer, dripping: list[asyncio.Task[object]]
) -> None:
    # Three links are in flight; the others were postponed, each for longer than the one before
    put_off = [task.exception() for task in dripping if task.done()]
    assert len(dripping) - len(put_off) == PER_HOST
    delays = [error.retry_after_s for error in put_off if isinstance(error, HostBusy)]
    assert sorted(delays) == [0.25, 0.5, 0.75, 1.0, 1.25]

    # and links to others go on; this is the same machine under another address
    server.answers["/red.png"] = content(png())
    with serving({"/red.png": content(png())}, "127.0.0.2") as other:
        async with asyncio.timeout(2):
            answer = await worker.handle(FetchUrl(job=job(), url=other.url("/red.png")))
    assert isinstance(answer, ClassifyImage)


async def test_a_host_is_counted_by_its_address_under_every_name(server: WebServer) -> None:
    server.answers["/drip"] = drip(OK, b"X-Cat: 1\r\n")
    lookup = names(**{f"{letter}_example": "127.0.0.1" for letter in "abcd"})
    fetcher = web.Fetcher(LOCAL, lookup=lookup)
    slow = [asyncio.create_task(fetcher.fetch(f"http://{letter}.example:{server.port}/drip")) for letter in "abc"]
    async with asyncio.timeout(5):
        while len(server.requests) < len(slow):  # noqa: ASYNC110 -- another thread appends
            await asyncio.sleep(0)

    with pytest.raises(HostBusy, match=r"'127\.0\.0\.1'"):
        await fetcher.fetch(f"http://d.example:{server.port}/")

    # A finished link frees its slot
    slow[0].cancel()
    await asyncio.wait(slow[:1])
    server.answers["/"] = content(b"hello")
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(HostBusy):
                assert body(await fetcher.fetch(f"http://d.example:{server.port}/")) == b"hello"
                break
    for task in slow[1:]:
        task.cancel()
    await asyncio.wait(slow)


async def test_a_host_is_counted_by_its_name_at_every_address() -> None:
    with serving({"/drip": drip(OK, b"X-Cat: 1\r\n")}, "0.0.0.0") as hosts:
        addresses = itertools.count(1)
        fetcher = web.Fetcher(LOCAL, lookup=lambda host, deadline: [ipaddress.ip_address(f"127.0.0.{next(addresses)}")])
        link = f"http://many.example:{hosts.port}/drip"
        slow = [asyncio.create_task(fetcher.fetch(link)) for _ in range(PER_HOST)]
        async with asyncio.timeout(5):
            while len(hosts.requests) < len(slow):  # noqa: ASYNC110 -- another thread appends
                await asyncio.sleep(0)

        with pytest.raises(HostBusy, match=r"'many\.example'"):
            await fetcher.fetch(link)
        for task in slow:
            task.cancel()
        await asyncio.wait(slow)


async def test_the_names_of_one_silent_name_server_cannot_occupy_the_whole_worker(server: WebServer) -> None:
    answers = threading.Event()

    def look_up(host: str, deadline: float) -> list[Address]:
        if host.endswith("slow.example"):
            answers.wait(20)
        return [ipaddress.ip_address("127.0.0.1")]

    server.answers["/"] = content(b"hello")
    fetcher = web.Fetcher(LOCAL, lookup=look_up)
    slow = [asyncio.create_task(fetcher.fetch(f"http://{letter}.slow.example/")) for letter in "abcdefgh"]
    done, _ = await asyncio.wait(slow, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
    async with asyncio.timeout(5):
        while len(done) < len(slow) - PER_HOST:
            done, _ = await asyncio.wait(slow, timeout=0.05)
    assert all(isinstance(task.exception(), HostBusy) for task in done)

    async with asyncio.timeout(5):
        assert body(await fetcher.fetch(f"http://fast.other:{server.port}/")) == b"hello"
    answers.set()
    await asyncio.gather(*slow, return_exceptions=True)


def test_a_link_that_finds_no_free_slot_comes_back_later_each_time() -> None:
    slots = HostSlots(per_host=1)
    slots.acquire("a")
    delays = []
    for _ in range(100):
        with pytest.raises(HostBusy) as busy:
            slots.acquire("a")
        delays.append(busy.value.retry_after_s)
    assert delays[:3] == [0.25, 0.5, 0.75]
    assert delays[-1] == 15
    with slots.held("b"):
        pass

    slots.release(["a"])
    slots.acquire("a")
    with pytest.raises(HostBusy) as busy:
        slots.acquire("a")
    assert busy.value.retry_after_s == 0.25


@pytest.mark.parametrize(
    ("name", "its_zone"),
    [
        ("example.com", "*.example.com"),
        ("a.b.example.com.", "*.example.com"),
        ("a.b.example.co.uk", "*.example.co.uk"),
        ("a.abc.xyz", "*.abc.xyz"),
        ("intranet", "*.intranet"),
    ],
)
def test_a_zone_is_what_one_owner_has(name: str, its_zone: str) -> None:
    assert zone(name) == its_zone


def test_of_ipv6_a_machine_is_all_that_its_owner_has() -> None:
    assert machine(ipaddress.ip_address("2001:db8::1")) == machine(ipaddress.ip_address("2001:db8::ffff:0:0:1"))
    assert machine(ipaddress.ip_address("2001:db8::1")) != machine(ipaddress.ip_address("2001:db8:0:1::1"))
    assert machine(ipaddress.ip_address("192.0.2.1")) == "192.0.2.1"
