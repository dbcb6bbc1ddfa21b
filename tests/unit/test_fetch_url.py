from __future__ import annotations

import asyncio
import gzip
import io
import ipaddress
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from PIL import Image
from ssrfguard import Resolver

from common import images, web
from common.errors import Outage, SettingsError
from common.images import refusal
from common.messages import ClassifyImage, FetchUrl, SendReply, Words
from common.model_input import InputSpec, unpack
from common.model_record import IN_USE, ModelRecord
from common.settings import Settings
from common.store import Store
from fetch_url import UrlFetch
from tests.make import job
from tests.web_server import Answer, WebServer, content, drip, hang_up, redirect, serving, status

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
SPEC = InputSpec(model="m", resize=8, crop=6, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)
OK = b"HTTP/1.1 200 OK\r\n"


def png(size: tuple[int, int] = (20, 10)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    return file.getvalue()


def prepare_model(models_dir: Path) -> None:
    models_dir.mkdir(exist_ok=True)
    record = ModelRecord(model="m", title="M", folder="m", input=SPEC, classes=2, weights_sha256="", weights_source="")
    (models_dir / IN_USE).write_bytes(msgspec.json.encode(record))


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving({}) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models_dir=tmp_path / "models", fetch_allow_networks=LOCAL)


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[UrlFetch]:
    prepare_model(settings.models_dir)
    worker = UrlFetch(settings)
    await worker.open()
    yield worker
    await worker.close()


async def fetch(
    url: str, *, time_limit_s: float = 5, max_bytes: int = 10_000, resolver: Resolver | None = None
) -> bytes | str:
    """What is behind the link, or the words of its refusal."""
    fetcher = web.Fetcher(LOCAL, time_limit_s=time_limit_s, max_bytes=max_bytes, resolver=resolver)
    fetched = await fetcher.fetch(url)
    return fetched.text if isinstance(fetched, Words) else fetched


def names(**addresses: str) -> Resolver:
    """A resolver that knows those names alone, each with one address."""

    def resolve(host: str, port: int, *_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        known = {name.replace("_", "."): address for name, address in addresses.items()}
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (known[host], port))]

    return resolve


async def no_thread_fetches() -> None:
    """Wait until all fetching threads have ended."""
    for thread in threading.enumerate():
        if thread.name == "fetch":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


# The worker


async def test_a_link_to_an_image_becomes_a_model_input(
    worker: UrlFetch, settings: Settings, server: WebServer
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
    answer: Answer, words: str, worker: UrlFetch, settings: Settings, server: WebServer
) -> None:
    server.answers["/link"] = answer

    handed_off = await worker.handle(FetchUrl(job=job(), url=server.url("/link")))

    assert isinstance(handed_off, SendReply)
    assert isinstance(handed_off.content, Words)
    assert handed_off.content.kind == "refusal"
    assert words in handed_off.content.text
    assert list(Store(settings.files_dir).files()) == []


async def test_without_a_model_the_link_waits(worker: UrlFetch, settings: Settings, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    (settings.models_dir / IN_USE).unlink()

    with pytest.raises(Outage, match="no model"):
        await worker.handle(FetchUrl(job=job(), url=server.url("/red.png")))


async def test_several_links_are_fetched_at_once(worker: UrlFetch, server: WebServer) -> None:
    # Given a server that answers nobody until eight have asked
    everybody = threading.Barrier(8)

    def together(handler: object) -> None:
        everybody.wait(timeout=10)
        content(png())(handler)  # type: ignore[arg-type]

    server.answers["/red.png"] = together

    answers = await asyncio.gather(
        *(worker.handle(FetchUrl(job=job(f"1-{i}"), url=server.url("/red.png"))) for i in range(8))
    )

    assert all(isinstance(answer, ClassifyImage) for answer in answers)


async def test_a_decode_that_nobody_waits_for_keeps_its_place(
    worker: UrlFetch, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a picture that takes longer to decode than anybody waits
    began, go_on = threading.Semaphore(0), threading.Event()

    def decode_slowly(*_arguments: object) -> Words:
        began.release()
        go_on.wait(10)
        return refusal("decoded")

    monkeypatch.setattr(images, "model_input", decode_slowly)
    server.answers["/red.png"] = content(png())
    given_up = asyncio.create_task(worker.handle(FetchUrl(job=job(), url=server.url("/red.png"))))
    assert await asyncio.to_thread(began.acquire, timeout=5)
    given_up.cancel()
    await asyncio.wait([given_up])

    # When it is tried again
    again = asyncio.create_task(worker.handle(FetchUrl(job=job(), url=server.url("/red.png"))))

    # Then that waits until the first has ended
    assert not await asyncio.to_thread(began.acquire, timeout=0.3)
    go_on.set()
    assert await again == SendReply(job=job(), content=refusal("decoded"))


async def test_a_worker_that_never_opened_closes(settings: Settings) -> None:
    await UrlFetch(settings).close()


# What is sent


async def test_a_request_says_who_asks_and_carries_nothing_else(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given an environment with a proxy, and a password for this host
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answers["/first"] = redirect("/second")
    server.answers["/second"] = content(b"hello")

    assert await fetch(server.url("/first")) == b"hello"
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
    resolver = names(**{"xn--mller-kva_example": "127.0.0.1"})

    fetched = await fetch(f"http://müller.example:{server.port}/kätzchen klein.png", resolver=resolver)

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


async def test_every_failing_host_gets_the_same_words(server: WebServer) -> None:
    """Whether a name does not exist, is private, refuses, hangs up or is silent: a user cannot tell."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening: refuses
        server.answers["/hang-up"] = hang_up()
        server.answers["/to-private"] = redirect("http://10.0.0.1/secret")
        server.answers["/to-file"] = redirect("file:///etc/passwd")
        resolver = names(
            private_example="192.168.1.1",
            silent_example="127.0.0.1",
            closed_example="127.0.0.1",
            server_example="127.0.0.1",
        )
        answers = [
            (host, await fetch(f"{scheme}://{host}:{port}{path}", time_limit_s=0.3, resolver=resolver))
            for scheme, host, port, path in (
                ("http", "unknown.example", 80, "/"),
                ("http", "private.example", 80, "/"),
                ("http", "closed.example", closed.getsockname()[1], "/"),
                ("http", "silent.example", silent.getsockname()[1], "/"),
                ("https", "silent.example", silent.getsockname()[1], "/"),
                ("https", "server.example", server.port, "/speaks-no-tls"),
                ("http", "server.example", server.port, "/hang-up"),
                ("http", "server.example", server.port, "/to-private"),
                ("http", "server.example", server.port, "/to-file"),
            )
        ]

    for host, words in answers:
        assert words == web.UNREACHABLE.format(host=host, time_limit_s=0.3)
    assert "0.3 seconds" in str(answers[0][1])


async def test_a_name_with_a_private_address_beside_a_public_one_is_not_asked(server: WebServer) -> None:
    def both(_host: str, port: int, *_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port)) for address in ("127.0.0.1", "10.0.0.1")]

    words = await fetch(f"http://both.example:{server.port}/", resolver=both)

    assert words == web.UNREACHABLE.format(host="both.example", time_limit_s=5)
    assert server.requests == []


async def test_without_allowed_networks_this_machine_is_not_asked(server: WebServer) -> None:
    fetcher = web.Fetcher(resolver=names(here_example="127.0.0.1"))

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

    assert await fetch(server.url("/")) == web.UNREACHABLE.format(host="127.0.0.1", time_limit_s=5)


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

    words = await fetch(server.url("/"), time_limit_s=0.2)

    assert words == web.UNREACHABLE.format(host="127.0.0.1", time_limit_s=0.2)
    assert await asyncio.to_thread(server.hung_up.wait, 5)
    await no_thread_fetches()


async def test_a_dripping_server_does_not_hold_up_other_links(server: WebServer) -> None:
    server.answers["/slow"] = drip(OK, b"X-Cat: 1\r\n")
    server.answers["/fast"] = content(b"hello")
    fetcher = web.Fetcher(LOCAL, time_limit_s=10)

    slow = asyncio.create_task(fetcher.fetch(server.url("/slow")))
    async with asyncio.timeout(5):
        while "/slow" not in [path for path, _ in server.requests]:  # noqa: ASYNC110 -- another thread appends
            await asyncio.sleep(0)
    assert await fetcher.fetch(server.url("/fast")) == b"hello"
    slow.cancel()

    # Who gives up waiting ends the conversation, too.
    assert await asyncio.to_thread(server.hung_up.wait, 5)


# Names that do not resolve, and cannot be given up


@pytest.fixture
def name_server() -> Iterator[threading.Event]:
    """Answers slow names when it is set; at the latest when the test ends."""
    answers = threading.Event()
    yield answers
    answers.set()


def slow_names(name_server: threading.Event) -> Resolver:
    """A resolver of this machine's address for every name; for a slow one, when the name server answers."""

    def resolve(host: str, port: int, *_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if host.startswith("slow"):
            name_server.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    return resolve


async def test_slow_names_do_not_hold_up_other_links(server: WebServer, name_server: threading.Event) -> None:
    server.answers["/"] = content(b"hello")
    fetcher = web.Fetcher(LOCAL, resolver=slow_names(name_server))

    slow = [asyncio.create_task(fetcher.fetch(f"http://slow-{i}.example/")) for i in range(8)]
    await asyncio.sleep(0)  # all of them begin
    async with asyncio.timeout(5):
        assert await fetcher.fetch(f"http://fast.example:{server.port}/") == b"hello"

    name_server.set()
    assert all(isinstance(fetched, Words) for fetched in await asyncio.gather(*slow))


async def test_when_every_thread_waits_for_a_name_the_next_link_waits_too(
    server: WebServer, name_server: threading.Event
) -> None:
    # Given as many slow names as there are threads, which nobody waits for any more
    server.answers["/"] = content(b"hello")
    fetcher = web.Fetcher(LOCAL, resolver=slow_names(name_server), time_limit_s=0.1, max_threads=2)
    slow = [fetcher.fetch(f"http://slow-{i}.example/") for i in range(2)]
    assert all("did not send" in str(fetched) for fetched in await asyncio.gather(*slow))

    # Then the next link is tried again later, and not refused
    with pytest.raises(Outage, match="all 2 fetching threads wait for slow name servers"):
        await fetcher.fetch(f"http://fast.example:{server.port}/")

    name_server.set()
    await no_thread_fetches()
    fetcher = web.Fetcher(LOCAL, resolver=slow_names(name_server), max_threads=2)
    assert await fetcher.fetch(f"http://fast.example:{server.port}/") == b"hello"


def test_a_slow_name_does_not_keep_the_process_from_ending() -> None:
    script = """if True:
        import asyncio, threading
        from common import web

        def never(*_arguments):
            threading.Event().wait()

        asyncio.run(web.Fetcher(resolver=never, time_limit_s=0.1).fetch("http://slow.example/"))
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=10)
