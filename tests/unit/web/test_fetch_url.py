from __future__ import annotations

import asyncio
import contextlib
import gzip
import ipaddress
import itertools
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from common.channels.channels import Channels
from common.errors import HostBusy, Outage, SettingsError, TooEarly
from common.messages import ClassifyImage, FetchUrl, Kind, SendReply, Words
from common.model.input import InputSpec, unpack
from common.model.records import IN_USE, ModelRecord
from common.settings import Settings
from common.store import Store
from common.web import download, previews
from common.web import fetcher as web
from common.web.connections import Connections
from common.web.download import Fetched, Limits
from common.web.gate import Address, Gate
from common.web.host_slots import PER_HOST, HostSlots, machine, zone
from common.web.names import Lookup
from common.words import refusal
from fetch_url import FetchUrlWorker
from tests.support import model_in_use
from tests.support.make import job
from tests.support.model_in_use import SPEC
from tests.support.photos import png
from tests.support.web_server import Answer, WebServer, content, drip, hang_up, redirect, serving, status

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving({}) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models_dir=tmp_path / "models", fetch_allow_networks=LOCAL)


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[FetchUrlWorker]:
    model_in_use.put_in_use(settings.models_dir)
    worker = FetchUrlWorker(settings)
    await worker.open(Channels(worker.settings))
    yield worker
    await worker.close()


async def fetch(url: str, *, lookup: Lookup | None = None, **limits: float) -> bytes | str:
    """What is behind the link, or the words of its refusal."""
    fetcher = web.Fetcher(LOCAL, lookup=lookup, limits=tight(**limits))
    fetched = await fetcher.fetch(url)
    return fetched.text if isinstance(fetched, Words) else fetched.body


def tight(**limits: float) -> Limits:
    return Limits(**({"total_s": 5, "answer_s": 5, "told_after_s": 5, "max_bytes": 10_000} | limits))  # type: ignore[arg-type]


def names(**addresses: str) -> Lookup:
    """Knows those names alone, each with its addresses."""
    known = {name.replace("_", "."): text.split() for name, text in addresses.items()}

    def look_up(host: str, deadline: float) -> list[Address]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [ipaddress.ip_address(text) for text in known[host]]

    return look_up


def body(fetched: Fetched | Words) -> bytes:
    assert isinstance(fetched, Fetched)
    return fetched.body


async def no_thread_fetches() -> None:
    """Wait until all fetching threads have ended."""
    for thread in threading.enumerate():
        if thread.name == "fetch":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


# The worker


async def test_a_link_to_an_image_becomes_a_model_input(
    worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/red.png"] = content(png(), kind="text/html")  # what it is, decoding decides

    handed_off = await worker.handle(FetchUrl(job=job(), url=server.url("/red.png")))

    assert handed_off == ClassifyImage(job=job(), key=job().key("input"))
    stored = Store(settings.files_dir).read(job().key("input"))
    assert bytes(unpack(stored, SPEC)) == bytes((255, 0, 0)) * 36


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (content(b"<!doctype html><title>A cat</title>", kind="image/png"), "a web page"),
        (content(png()[:-30]), "cut off or damaged"),
        (content(b"no image", kind="image/png"), "not an image"),
        (content(b""), "empty"),
        (status(404), "nothing at this link"),
    ],
)
async def test_what_is_no_image_is_refused_in_plain_words(
    answer: Answer, words: str, worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/link"] = answer

    handed_off = await worker.handle(FetchUrl(job=job(), url=server.url("/link")))

    assert isinstance(handed_off, SendReply)
    assert isinstance(handed_off.content, Words)
    assert handed_off.content.kind is Kind.REFUSAL
    assert words in handed_off.content.text
    assert list(Store(settings.files_dir).files()) == []


async def test_without_a_model_the_link_waits(worker: FetchUrlWorker, settings: Settings, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    (settings.models_dir / IN_USE).unlink()

    with pytest.raises(Outage, match="no model"):
        await worker.handle(FetchUrl(job=job(), url=server.url("/red.png")))


async def test_several_links_are_fetched_at_once(worker: FetchUrlWorker) -> None:
    # Given hosts that answer nobody until all eight have been asked
    everybody = threading.Barrier(8)

    def together(handler: object) -> None:
        everybody.wait(timeout=10)
        content(png())(handler)  # type: ignore[arg-type]

    with serving({"/red.png": together}, "0.0.0.0") as hosts:
        links = [f"http://127.0.0.{i + 1}:{hosts.port}/red.png" for i in range(8)]
        answers = await asyncio.gather(
            *(worker.handle(FetchUrl(job=job(f"1-{i}"), url=link)) for i, link in enumerate(links))
        )

    assert all(isinstance(answer, ClassifyImage) for answer in answers)


async def test_a_worker_that_never_opened_closes(settings: Settings) -> None:
    await FetchUrlWorker(settings).close()


# What is sent


async def test_a_request_says_who_asks_and_carries_nothing_else(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given an environment with a proxy, and a password for this host
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://me:secret@127.0.0.1:9")
    server.answers["/first"] = redirect("/second", set_cookie="cat=1; Path=/", www_authenticate="Basic")
    server.answers["/second"] = content(b"hello")

    assert await fetch(server.url("/first")) == b"hello"
    assert len(server.requests) == 2
    for _, headers in server.requests:
        assert {name.lower() for name in headers} == {"host", "user-agent", "accept", "accept-encoding"}
        assert headers["User-Agent"].startswith("Whatsit/")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("example.com/cat.jpg", "http://example.com/cat.jpg"),
        ("example.com:8080/cat.jpg", "http://example.com:8080/cat.jpg"),
        ("https://example.com", "https://example.com"),
        ("HTTP://example.com", "HTTP://example.com"),
        ("ftp://example.com", "ftp://example.com"),
    ],
)
def test_a_bare_host_is_asked_by_http_as_telegram_s_apps_do(written: str, asked: str) -> None:
    assert web.with_scheme(written) == asked


async def test_an_international_name_is_asked_by_its_ascii_form(server: WebServer) -> None:
    server.answers["/k%C3%A4tzchen%20klein.png"] = content(b"hello")
    lookup = names(**{"xn--mller-kva_example": "127.0.0.1"})

    fetched = await fetch(f"http://müller.example:{server.port}/kätzchen klein.png", lookup=lookup)

    assert fetched == b"hello"
    assert server.requests[0][1]["Host"] == f"xn--mller-kva.example:{server.port}"


# Links that are none


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/cat.jpg",
        "gopher://example.com/",
        "http://",
        "http:///cat.jpg",
        "mailto:someone@example.com",
        "data:image/png;base64,AAAA",
        "http://user:password@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa mple.com/",
        "http://example..com/",
        "http://" + "a" * 300 + ".com/",
        "http://example.com/" + "a" * 2048,
        "http://127.0.0.1:1/" + "a/../" * 500,  # as written, whatever it comes to
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "",
        "http://\udcff.com/",
    ],
)
async def test_what_is_no_link_to_a_public_address_is_refused(url: str) -> None:
    assert await fetch(url) == web.BAD_LINK
    assert "http and https" in web.BAD_LINK
    assert "2048 characters" in web.BAD_LINK


def test_a_network_that_would_open_others_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="FETCH_ALLOW_NETWORKS"):
        web.Fetcher((ipaddress.ip_network("64:ff9b::/96"),))


# Hosts that give nothing


FAILING = names(
    private_example="192.168.1.1",
    both_example="127.0.0.1 10.0.0.1",
    silent_example="127.0.0.1",
    closed_example="127.0.0.1",
    server_example="127.0.0.1",
)


@pytest.fixture
def failing(server: WebServer) -> Iterator[list[str]]:
    """A link for each way in which a host gives nothing, which a user must not be able to tell apart."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening: refuses
        server.answers["/hang-up"] = hang_up()
        server.answers["/drip"] = drip(OK, b"X-Cat: 1\r\n")
        server.answers["/to-private"] = redirect("http://10.0.0.1/secret")
        server.answers["/to-private-name"] = redirect("http://private.example/secret")
        server.answers["/to-closed"] = redirect(f"http://closed.example:{closed.getsockname()[1]}/")
        server.answers["/to-file"] = redirect("file:///etc/passwd")
        server.answers["/to-password"] = redirect("http://me:secret@server.example/")
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
                for path in ("hang-up", "drip", "to-private", "to-private-name", "to-closed", "to-file", "to-password")
            ),
        ]


async def test_every_failing_host_gets_the_same_words(failing: list[str]) -> None:
    for link in failing:
        fetched = await web.Fetcher(LOCAL, lookup=FAILING, limits=tight(answer_s=0.3)).fetch(link)
        host = link.split("/")[2].split(":")[0]
        assert fetched == Words(text=download.UNREACHABLE.format(host=host), kind=Kind.UNREACHABLE), link


async def told(worker: FetchUrlWorker, message: FetchUrl) -> tuple[float, SendReply]:
    """When the worker lets its answer out, in seconds since it began, and which one."""
    began = time.time()
    with pytest.raises(TooEarly) as early:
        await worker.handle(message)
    # As it is written: this machine may be busy, and its clock read late.
    until = msgspec.json.decode(Store(worker.settings.files_dir).read(message.job.key("answer")))["until"]
    assert early.value.retry_after_s <= until - began
    # Who comes before that comes again.
    if time.time() < until - 0.1:
        with pytest.raises(TooEarly):
            await worker.handle(message)
    await asyncio.sleep(until - time.time())
    answer = await worker.handle(message)
    assert isinstance(answer, SendReply)
    assert answer.files == (message.job.key("answer"),)
    return until - began, answer


async def test_every_failing_host_is_told_at_the_same_time(settings: Settings, failing: list[str]) -> None:
    """How soon a host fails tells as much as words would: so all of it is told at one moment."""
    limits = tight(answer_s=0.4, told_after_s=1.5)
    answers = await asyncio.gather(
        *(
            told(FetchUrlWorker(settings, lookup=FAILING, limits=limits), FetchUrl(job=job(f"1-{number}-0"), url=link))
            for number, link in enumerate(failing)
        )
    )

    assert [moment for moment, _ in answers] == pytest.approx([1.5] * len(failing), abs=0.02)
    assert all("does not exist, is not public" in str(answer.content) for _, answer in answers)


async def test_an_answer_that_waits_can_be_given_by_any_worker(settings: Settings) -> None:
    message = FetchUrl(job=job(), url="http://unknown.example/")
    with pytest.raises(TooEarly) as early:
        await FetchUrlWorker(settings, lookup=FAILING, limits=tight(answer_s=0.1, told_after_s=0.2)).handle(message)
    await asyncio.sleep(early.value.retry_after_s)

    answer = await FetchUrlWorker(settings, lookup=names(unknown_example="127.0.0.1")).handle(message)

    assert isinstance(answer, SendReply)
    assert "unknown.example" in str(answer.content)


async def test_an_answer_that_comes_late_is_given_at_once(settings: Settings) -> None:
    worker = FetchUrlWorker(settings, lookup=FAILING, limits=tight(answer_s=0.3, told_after_s=0))

    answer = await worker.handle(FetchUrl(job=job(), url="http://unknown.example/"))

    assert isinstance(answer, SendReply)
    assert answer.files == ()


async def test_what_a_link_says_of_itself_is_told_at_once(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/gone"] = status(410)
    for link in ("http://10.0.0.1/", "http://me@example.com/", "ftp://example.com/", server.url("/gone")):
        assert isinstance(await worker.handle(FetchUrl(job=job(), url=link)), SendReply)


async def test_a_name_with_a_private_address_beside_a_public_one_is_not_asked(server: WebServer) -> None:
    words = await fetch(f"http://both.example:{server.port}/", lookup=FAILING)

    assert words == download.UNREACHABLE.format(host="both.example")
    assert server.requests == []


async def test_of_several_addresses_the_next_is_tried_where_one_refuses(server: WebServer) -> None:
    server.answers["/"] = content(b"hello")
    lookup = names(
        three_example="127.0.0.2 127.0.0.3 127.0.0.1", four_example="127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.1"
    )

    assert await fetch(f"http://three.example:{server.port}/", lookup=lookup) == b"hello"
    assert "did not send" in str(await fetch(f"http://four.example:{server.port}/", lookup=lookup))


async def test_without_allowed_networks_this_machine_is_not_asked(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher = web.Fetcher(lookup=names(here_example="127.0.0.1"))

    monkeypatch.setattr("common.web.gate.PORTS", {server.port})
    fetched = await fetcher.fetch(f"http://here.example:{server.port}/")

    assert isinstance(fetched, Words)
    assert "not public" in fetched.text
    assert server.requests == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(404, "nothing"), (410, "nothing"), (403, "let me"), (503, "again later"), (429, "again later"), (418, "418")],
)
async def test_a_status_that_is_no_success_is_told(code: int, words: str, server: WebServer) -> None:
    server.answers["/"] = status(code)

    told = str(await fetch(server.url("/")))

    assert words in told
    assert str(code) in told
    assert "127.0.0.1" in told


# Redirects


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


# Limits


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
async def test_a_body_over_the_limit_is_refused_whatever_was_announced(answer: Answer, server: WebServer) -> None:
    server.answers["/"] = answer

    assert "larger than 20 MB" in str(await fetch(server.url("/"), max_bytes=10_000))


async def test_a_gzip_bomb_takes_no_memory(server: WebServer) -> None:
    server.answers["/"] = content(gzip.compress(gzip.compress(bytes(300_000_000), 1), 1), content_encoding="gzip, gzip")

    tracemalloc.start()
    words = await fetch(server.url("/"), max_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "larger than 20 MB" in str(words)
    assert peak < 10_000_000


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
async def test_an_answer_broken_off_is_no_answer(answer: Answer, server: WebServer) -> None:
    server.answers["/"] = answer

    assert await fetch(server.url("/")) == download.UNREACHABLE.format(host="127.0.0.1")


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

    assert words == download.UNREACHABLE.format(host="127.0.0.1")
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

    # Who gives up waiting ends the conversation, too.
    assert await asyncio.to_thread(server.hung_up.wait, 5)


# Hosts with many links


@pytest.fixture
async def dripping(worker: FetchUrlWorker, server: WebServer) -> AsyncIterator[list[asyncio.Task[object]]]:
    """A worker whose hands are full of links to one host that drips, and takes no more of them."""
    server.answers["/drip"] = drip(OK, b"X-Cat: 1\r\n")
    links = [FetchUrl(job=job(f"1-{i}-0"), url=server.url("/drip")) for i in range(8)]
    tasks = [asyncio.create_task(worker.handle(link)) for link in links]
    done: set[asyncio.Task[object]] = set()
    async with asyncio.timeout(5):
        while len(done) < len(tasks) - PER_HOST:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
    yield tasks  # type: ignore[misc]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_one_host_cannot_have_all_hands(
    worker: FetchUrlWorker, server: WebServer, dripping: list[asyncio.Task[object]]
) -> None:
    # Three links are with the host; the others were put off, each for longer than the one before
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


async def test_a_host_is_known_by_its_address_whatever_it_calls_itself(server: WebServer) -> None:
    server.answers["/drip"] = drip(OK, b"X-Cat: 1\r\n")
    lookup = names(**{f"{letter}_example": "127.0.0.1" for letter in "abcd"})
    fetcher = web.Fetcher(LOCAL, lookup=lookup)
    slow = [asyncio.create_task(fetcher.fetch(f"http://{letter}.example:{server.port}/drip")) for letter in "abc"]
    async with asyncio.timeout(5):
        while len(server.requests) < len(slow):  # noqa: ASYNC110 -- another thread appends
            await asyncio.sleep(0)

    with pytest.raises(HostBusy, match=r"'127\.0\.0\.1'"):
        await fetcher.fetch(f"http://d.example:{server.port}/")

    # Who is through makes room
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


async def test_a_host_is_known_by_its_name_wherever_that_leads() -> None:
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


def test_the_addresses_of_a_name_share_what_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given addresses that all swallow whatever is sent to them, and three seconds
    clock, limits = [100.0], []

    def connect(_addresses: object, *, policy: object, timeout: float) -> socket.socket:
        limits.append(timeout)
        clock[0] += timeout
        raise TimeoutError

    monkeypatch.setattr("common.web.connections.connect", connect)
    monkeypatch.setattr("common.web.connections.time.monotonic", lambda: clock[0])
    lookup = names(silent_example="127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4")
    connections = Connections(Gate(LOCAL), lookup, HostSlots(), deadline=103.0)

    # Then each has its share, and the last ends in time
    with pytest.raises(TimeoutError):
        connections.connect("http", "silent.example", 80)
    assert limits == pytest.approx([1, 1, 1])
    with pytest.raises(TimeoutError, match="no time left"):
        connections.connect("http", "silent.example", 80)
    connections.close()


async def test_the_names_of_one_silent_name_server_cannot_have_all_hands(server: WebServer) -> None:
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


def test_whoever_finds_no_place_comes_back_later_each_time_until_there_is_one() -> None:
    places = HostSlots(each=1)
    places.take("a")
    delays = []
    for _ in range(100):
        with pytest.raises(HostBusy) as busy:
            places.take("a")
        delays.append(busy.value.retry_after_s)
    assert delays[:3] == [0.25, 0.5, 0.75]
    assert delays[-1] == 15
    with places.taken("b"):
        pass

    places.give_back(["a"])
    places.take("a")
    with pytest.raises(HostBusy) as busy:
        places.take("a")
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


def test_a_slow_name_does_not_keep_the_process_from_ending() -> None:
    script = """if True:
        import asyncio, threading
        from common.web import download
        from common.web import fetcher as web

        def never(*_arguments):
            threading.Event().wait()

        limits = download.Limits(answer_s=0.1)
        asyncio.run(web.Fetcher(lookup=never, limits=limits).fetch("http://slow.example/"))
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=10)


# Web pages


PICTURES = {
    "og": '<meta property="og:image" content="/red.png">',
    "og by name": "<meta name=OG:Image content=' /red.png '>",
    "og with a type": '<meta property="og:image:type" content="image/png"><meta property=og:image content=red.png>',
    "og, url": '<meta property="og:image:url" content="red.png">',
    "og, secure": '<META PROPERTY="og:image:secure_url" CONTENT="red.png"/>',
    "og after others": "<link rel=image_src href=/404><meta name=twitter:image content=/404>"
    "<meta property=og:image content=red.png>",
    "first og of several": "<meta property=og:image content=red.png><meta property=og:image content=/404>",
    "og that is no link": "<meta property=og:image content='data:image/png,x'><meta property=og:image content='http://['>"
    "<meta name=twitter:image content=red.png>",
    "twitter": '<meta name="twitter:image" content="red.png">',
    "twitter, src": '<meta name="twitter:image:src" content="red.png">',
    "link": '<link rel="shortcut image_src" href="red.png">',
    "with a base": '<base href="/deep/"><meta property="og:image" content="../red.png">',
    "escaped": '<meta property="og:image" content="red.png?a=1&amp;b=&#50;">',
    "in the body": "</head><body><p>Hello<meta property=og:image content=red.png>",
    "behind broken markup": "<! --><a b=><<p <!-- --!><meta property=og:image content=red.png>",
}


@pytest.mark.parametrize("head", PICTURES.values(), ids=PICTURES.keys())
async def test_of_a_web_page_the_picture_that_it_shows_of_itself_is_taken(
    head: str, worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/red.png"] = server.answers["/red.png?a=1&b=2"] = content(png())
    server.answers["/page"] = content(f"<!doctype html><html><head>{head}".encode(), kind="image/png")
    server.answers["/link"] = redirect("/page")

    assert await worker.handle(FetchUrl(job=job(), url=server.url("/link"))) == ClassifyImage(
        job=job(), key=job().key("input")
    )
    assert bytes(unpack(Store(settings.files_dir).read(job().key("input")), SPEC)) == bytes((255, 0, 0)) * 36


async def test_a_page_in_utf_16_is_read_too(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/page"] = content(f"<html>{PICTURES['og']}".encode("utf-16"))

    assert isinstance(await worker.handle(FetchUrl(job=job(), url=server.url("/page"))), ClassifyImage)


@pytest.mark.parametrize(
    ("head", "asked"),
    [
        ("", []),
        ("<meta property=og:image content='file:///etc/passwd'>", []),
        ("<meta property=og:image content='http://10.0.0.1/'>", []),
        ("<meta property=og:image content='http://me:secret@127.0.0.1/red.png'>", []),
        ("<meta property=og:image content=/404>", ["/404"]),
        ("<meta property=og:image content=/page><meta name=twitter:image content=/red.png>", ["/page"]),
        ("<meta property=og:image content=/damaged.png><meta name=twitter:image content=/red.png>", ["/damaged.png"]),
        (f"<!--{'x' * 512 * 1024}--><meta property=og:image content=/red.png>", []),
    ],
)
async def test_a_web_page_without_such_a_picture_is_refused_after_one_try(
    head: str, asked: list[str], worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/damaged.png"] = content(png()[:-30])
    server.answers["/page"] = content(f"<!doctype html><html><head>{head}".encode())

    answer = await worker.handle(FetchUrl(job=job(), url=server.url("/page")))

    assert answer == SendReply(job=job(), content=refusal(web.NO_PREVIEW))
    assert [path for path, _ in server.requests] == ["/page", *asked]


async def test_a_preview_that_gives_nothing_is_told_in_other_words_at_no_other_time(
    settings: Settings, failing: list[str], server: WebServer
) -> None:
    model_in_use.put_in_use(settings.models_dir)
    worker = FetchUrlWorker(settings, lookup=FAILING, limits=tight(answer_s=2.5, told_after_s=3.5))
    await worker.open(Channels(worker.settings))
    kinds = [next(link for link in failing if host in link) for host in ("private.", "closed.", "silent.")]
    for number, link in enumerate(kinds):
        server.answers[f"/{number}"] = content(f"<html><meta property=og:image content='{link}'>".encode())

    answers = await asyncio.gather(
        *(
            told(worker, FetchUrl(job=job(f"1-{number}-0"), url=f"http://server.example:{server.port}/{number}"))
            for number in range(len(kinds))
        )
    )

    assert [moment for moment, _ in answers] == pytest.approx([3.5] * len(kinds), abs=0.02)
    assert {answer.content.text for _, answer in answers if isinstance(answer.content, Words)} == {web.NO_PREVIEW}
    await worker.close()


async def test_a_preview_shares_the_limits_of_its_page(server: WebServer) -> None:
    server.answers["/red.png"] = content(bytes(6000))
    server.answers["/page"] = content(f"<html>{PICTURES['og']}{'x' * 5000}".encode())
    fetcher = web.Fetcher(LOCAL, limits=tight(max_bytes=10_000))
    page = await fetcher.fetch(server.url("/page"))
    assert isinstance(page, Fetched)

    assert await fetcher.preview(page) == refusal(web.NO_PREVIEW)

    page.trip.received_bytes = 0
    assert isinstance(await fetcher.preview(page), Fetched)
    page.trip.began -= 5
    late = await fetcher.preview(page)
    assert late == Words(text=web.NO_PREVIEW, kind=Kind.UNREACHABLE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<svg><title>x</title><a href='/'/></svg>",
        b"<?xml version='1.0'?><rss/>",
        png(),
        b"<",
        b"\0<html>x",
    ],
)
def test_what_is_no_web_page_has_no_preview(body: bytes) -> None:
    assert previews.read_page(body) is None or body.endswith(b"<html>x")


@pytest.mark.parametrize("start", [b"<html>", b"<html><a ", b"<html><!--", b"<html><script>", b"<html><!DOCTYPE ["])
@pytest.mark.parametrize(
    "more", [b"<", b"<a ", b"<a b=", b"<!--", b"<![x[", b"</", b"&#x", b"<meta ", b'<a b="', b"<!-"]
)
def test_text_that_was_made_to_be_hard_to_parse_takes_no_time(start: bytes, more: bytes) -> None:
    began = time.process_time()
    previews.read_page(start + more * (previews.MOST_READ_BYTES // len(more)))
    assert time.process_time() - began < 2.5
