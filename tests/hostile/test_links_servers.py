"""Servers that send too much, too slowly, other data than they announce, or nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ipaddress
import logging
import ssl
import subprocess
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.messages import Kind, Words
from common.web import download
from common.web import fetcher as web
from common.web.download import Fetched, FetchLimits
from common.web.gate import Address
from common.web.visit import NO_PREVIEW
from common.words import FILE_TOO_LARGE, refusal
from tests.support.web_server import Answer, Handler, WebServer, content, drip, hang_up, redirect, serving, status

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
LIMITS = FetchLimits(total_s=5, answer_s=4, unreachable_after_s=4, max_bytes=100_000)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NOTHING = Words.of(download.UNREACHABLE.of(host="127.0.0.1"), Kind.UNREACHABLE)
TOO_LARGE = refusal(FILE_TOO_LARGE)
TOO_LONG = refusal(download.TOO_LONG_REDIRECT.of(most=8192, host="127.0.0.1"))


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving({}) as server:
        yield server


async def fetch(link: str, limits: FetchLimits = LIMITS) -> bytes | Words:
    fetched = await web.Fetcher(LOCAL, limits=limits).fetch(link)
    return fetched.body if isinstance(fetched, Fetched) else fetched


def flood(start: bytes, more: bytes = b"x" * 65536) -> Answer:
    """Send as fast as possible, until the client hangs up."""
    return drip(start, more, every_s=0)


# Too much


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(flood(b""), NOTHING, id="no status line"),
        pytest.param(flood(b"HTTP/1.1 200 "), NOTHING, id="a reason without end"),
        pytest.param(flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), NOTHING, id="100 Continue without end"),
        pytest.param(flood(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n" * 1000), NOTHING, id="early hints"),
        pytest.param(flood(OK + b"X-Cat: "), NOTHING, id="one header without end"),
        pytest.param(flood(OK, b"X-Cat: 1\r\n" * 1000), NOTHING, id="headers without end"),
        pytest.param(flood(OK, b"X: " + b"1" * 60_000 + b"\r\n"), NOTHING, id="large headers without end"),
        pytest.param(flood(OK + b"X: 1\r\n", b" folded\r\n" * 1000), NOTHING, id="a folded header without end"),
        pytest.param(flood(OK + b"\r\n"), TOO_LARGE, id="a body without end"),
        pytest.param(flood(CHUNKED, b"1\r\nx\r\n" * 1000), TOO_LARGE, id="small chunks without end"),
        pytest.param(flood(CHUNKED + b"1"), NOTHING, id="a chunk's size without end"),
        pytest.param(flood(CHUNKED + b"1;", b"a=b;" * 1000), NOTHING, id="a chunk's extension without end"),
        pytest.param(flood(CHUNKED + b"-1\r\n"), TOO_LARGE, id="a chunk of -1 bytes"),
        pytest.param(flood(CHUNKED + b"-F\r\n"), NOTHING, id="a chunk of less"),
        pytest.param(flood(CHUNKED + b"F" * 40 + b"\r\n"), TOO_LARGE, id="a chunk larger than the world"),
        pytest.param(flood(CHUNKED + b"0\r\n", b"X-Cat: 1\r\n" * 1000), TOO_LARGE, id="trailers without end"),
        pytest.param(flood(OK + b"Content-Length: -1\r\n\r\n"), TOO_LARGE, id="-1 bytes announced"),
        pytest.param(flood(OK + b"Content-Length: lots\r\n\r\n"), TOO_LARGE, id="lots announced"),
        pytest.param(flood(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"), NOTHING, id="5000 digits announced"),
        pytest.param(flood(OK + b"Content-Length: 9\r\nContent-Length: 8\r\n\r\n"), NOTHING, id="two lengths"),
        pytest.param(flood(OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"), NOTHING, id="two kinds"),
        pytest.param(
            flood(b"HTTP/1.1 302 Found\r\nLocation: /" + b"a" * 100_000 + b"\r\n\r\n"), TOO_LONG, id="long target"
        ),
        pytest.param(flood(OK + b"Set-Cookie: a=1\r\n", b" folded\r\n" * 1000), NOTHING, id="a folded cookie"),
        pytest.param(flood(OK, b"Set-Cookie: a=" + b"1" * 4000 + b"\r\n"), NOTHING, id="cookies without end"),
        pytest.param(flood(b"", b"\r\n" * 1000), NOTHING, id="line breaks without end"),
        pytest.param(flood(b"\x16\x03\x01"), NOTHING, id="TLS"),
        pytest.param(flood(b"SSH-2.0-OpenSSH_9.6\r\n"), NOTHING, id="SSH"),
        pytest.param(flood(b"+PONG\r\n"), NOTHING, id="Redis"),
    ],
)
async def test_a_flood_is_cut_and_fills_no_memory(answer: Answer, words: Words, server: WebServer) -> None:
    server.answers["/"] = answer

    began = time.monotonic()
    tracemalloc.start()
    fetched = await fetch(server.url("/"))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fetched == words
    assert peak_bytes < 5_000_000
    assert time.monotonic() - began < LIMITS.answer_s, "cut by what came, not by the clock"
    assert await asyncio.to_thread(server.hung_up.wait, 5)
    await no_thread_fetches()


async def test_a_body_is_counted_over_a_page_and_its_picture(server: WebServer) -> None:
    server.answers["/page"] = content(b"<html><meta property=og:image content=/picture>" + b" " * 60_000)
    server.answers["/picture"] = content(bytes(60_000))
    fetcher = web.Fetcher(LOCAL, limits=LIMITS)
    page = await fetcher.fetch(server.url("/page"))
    assert isinstance(page, Fetched)

    assert await fetcher.preview(page) == refusal(NO_PREVIEW)
    assert len(server.requests) == 2


def deflated(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(bytes(50_000_000))),
        ("x-gzip", gzip.compress(bytes(50_000_000))),
        ("gzip", b"".join([gzip.compress(bytes(1_000_000))] * 50)),
        ("deflate", deflated(50_000_000)),
        ("gzip, deflate", zlib.compress(gzip.compress(bytes(50_000_000)))),
        ("gzip, gzip, gzip", gzip.compress(gzip.compress(gzip.compress(bytes(50_000_000))))),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_bomb_is_cut_however_it_is_packed(encoding: str, body: bytes, chunked: bool, server: WebServer) -> None:
    if chunked:
        raw = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        server.answers["/"] = content(raw, content_encoding=encoding, content_length="", transfer_encoding="chunked")
    else:
        server.answers["/"] = content(body, content_encoding=encoding)

    tracemalloc.start()
    fetched = await fetch(server.url("/"))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fetched == TOO_LARGE
    assert peak_bytes < 5_000_000


async def test_an_encoding_that_nobody_knows_stays_as_it_is(server: WebServer) -> None:
    server.answers["/"] = content(b"as it is", content_encoding="rot13")

    assert await fetch(server.url("/")) == b"as it is"


async def test_what_is_packed_too_often_is_refused(server: WebServer) -> None:
    server.answers["/"] = content(b"as it is", content_encoding=", ".join(["gzip"] * 100))

    assert await fetch(server.url("/")) == NOTHING


# Too slow


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="100 Continue"),
        pytest.param(drip(CHUNKED, b"1;a=b\r\nx\r\n"), id="chunks with extensions"),
        pytest.param(drip(CHUNKED + b"0\r\n", b"X-Cat: 1\r\n"), id="trailers"),
        pytest.param(drip(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\0"), id="gzip"),
    ],
)
async def test_a_server_that_drips_is_cut_at_one_moment_and_its_thread_ends(answer: Answer, server: WebServer) -> None:
    server.answers["/"] = answer
    limits = FetchLimits(answer_s=0.5, total_s=0.5)
    began = time.monotonic()

    assert await fetch(server.url("/"), limits) == NOTHING
    assert time.monotonic() - began < 2
    assert await asyncio.to_thread(server.hung_up.wait, 5)
    await no_thread_fetches()


async def test_redirects_share_one_limit(server: WebServer) -> None:
    def slowly(handler: Handler) -> None:
        handler.server.stopping.wait(0.2)
        redirect(handler.path + "1")(handler)

    server.answers |= {"/" + "1" * hops: slowly for hops in range(5)}
    began = time.monotonic()

    assert await fetch(server.url("/"), FetchLimits(answer_s=0.5, total_s=2)) == NOTHING
    assert time.monotonic() - began < 1.5
    assert 2 <= len(server.requests) <= 3


async def test_headers_must_come_sooner_than_all_of_the_body(server: WebServer) -> None:
    def body_slowly(handler: Handler) -> None:
        handler.wfile.write(OK + b"Content-Length: 4\r\n\r\n")
        for letter in (b"s", b"l", b"o", b"w"):
            handler.server.stopping.wait(0.2)
            handler.wfile.write(letter)

    def headers_slowly(handler: Handler) -> None:
        handler.server.stopping.wait(0.8)
        content(b"slow")(handler)

    server.answers |= {"/body": body_slowly, "/headers": headers_slowly}
    limits = FetchLimits(answer_s=0.5, total_s=5)

    assert await fetch(server.url("/body"), limits) == b"slow"
    assert await fetch(server.url("/headers"), limits) == NOTHING


async def test_a_dripping_handshake_is_cut_too(server: WebServer) -> None:
    def drip_tls(handler: Handler) -> None:
        drip(b"\x16\x03\x03\x40\x00", b"\x02")(handler)

    with raw_server(drip_tls) as port:
        began = time.monotonic()
        fetched = await web.Fetcher(LOCAL, limits=FetchLimits(answer_s=0.5)).fetch(f"https://127.0.0.1:{port}/")
        assert fetched == NOTHING
        assert time.monotonic() - began < 2
        await no_thread_fetches()


@contextlib.contextmanager
def raw_server(answer: Answer) -> Iterator[int]:
    """A server that does not wait for a request."""

    class RawHandler(Handler):
        def handle(self) -> None:
            answer(self)

    with serving({}) as server:
        server.RequestHandlerClass = RawHandler
        yield server.port


# TLS


def certified(folder: Path, *names: str) -> Path:
    """A key and a self-signed certificate for those names."""
    file = folder / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", f"subjectAltName={','.join(names)}", "-keyout", str(file), "-out", f"{file}.crt"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl on the PATH")
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("tls"), "DNS:localhost", "IP:127.0.0.1")


@contextlib.contextmanager
def tls_server(certificate: Path, called: list[str]) -> Iterator[WebServer]:
    """A web server behind TLS, and the names by which it is called."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: called.append(str(name))
    with WebServer({"/": content(b"hello")}) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def trust(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusting = ssl.create_default_context(cafile=f"{certificate}.crt")
    monkeypatch.setattr("requests.adapters._preloaded_ssl_context", trusting, raising=False)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", f"{certificate}.crt")


async def test_a_server_that_cannot_prove_its_name_is_not_talked_to(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(certificate, []) as server:
        link = f"https://localhost:{server.port}/"
        # Environment variables that would make requests trust it, or not verify, are ignored
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, f"{certificate}.crt")
        assert await fetch(link) == Words.of(download.UNREACHABLE.of(host="localhost"), NOTHING.kind)
        assert server.requests == []

        # A client that trusts it accepts it: so the missing trust is the reason
        trust(certificate, monkeypatch)
        assert await fetch(link) == b"hello"
        assert isinstance(await fetch(f"https://127.0.0.2:{server.port}/"), Words)  # trusted, but for another name


async def test_names_that_only_browsers_take_must_be_proven_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a certificate for all names of one zone and no others, as storage services have
    wildcard = certified(tmp_path, "DNS:*.s3.localhost", "DNS:a_b.localhost")
    called: list[str] = []
    with tls_server(wildcard, called) as server:
        assert isinstance(await fetch(f"https://my_cats.s3.localhost:{server.port}/"), Words), "nobody trusts it"
        trust(wildcard, monkeypatch)

        for host in ("my_cats.s3.localhost", "cats-.s3.localhost", "👍.s3.localhost", "a_b.localhost"):
            assert await fetch(f"https://{host}:{server.port}/") == b"hello", host
        assert called[1:] == ["my_cats.s3.localhost", "cats-.s3.localhost", "xn--yp8h.s3.localhost", "a_b.localhost"]

        asked = len(server.requests)
        for host in ("my_cats.localhost", "a.my_cats.s3.localhost", "x_y.localhost", "s3.localhost", "👍.localhost"):
            assert isinstance(await fetch(f"https://{host}:{server.port}/"), Words), host
        assert len(server.requests) == asked


# What they say


async def test_nothing_that_a_server_says_gets_into_an_answer(server: WebServer) -> None:
    evil = "<b>evil</b>\x1b[31m\u202eevil"
    server.answers["/status"] = hang_up(f"HTTP/1.1 404 {evil}\r\nX: {evil}\r\n\r\n{evil}".encode())
    server.answers["/redirect"] = redirect(f"http://{evil}/".encode().decode("latin-1"))
    server.answers["/teapot"] = hang_up(f"HTTP/1.1 418 {evil}\r\n\r\n".encode())
    for path in ("/status", "/redirect", "/teapot", "/nothing"):
        words = await fetch(server.url(path))
        assert isinstance(words, Words)
        assert "evil" not in words.text
        assert words.text.isprintable()


FORGED = "\r\n2026-01-01T00:00:00.000Z ERROR   the operator's own words\u2028\x1b[2K\u202e"


@pytest.mark.parametrize(
    "answer",
    [
        hang_up(f"{FORGED}\r\n\r\n".encode()),
        hang_up(b"HTTP/1.1 200 OK\r\n" + FORGED.encode() + b": 1\r\n\r\n"),
        hang_up(b"HTTP/1.1 200 OK\r\nNo colon " + FORGED.encode() + b"\r\n\r\n"),
        hang_up(b"HTTP/1.1 302 Found\r\nLocation: " + FORGED.strip().encode() + b"\r\n\r\n"),
        hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 1" + FORGED.strip().encode() + b"\r\n\r\n"),
        hang_up(CHUNKED + FORGED.encode() + b"\r\n"),
        content(b"no gzip" + FORGED.encode(), content_encoding="gzip"),
        status(500),
    ],
)
async def test_nothing_that_a_server_says_can_begin_a_line_of_the_log(
    answer: Answer, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.answers["/"] = answer

    await fetch(server.url("/"))

    assert all(record.getMessage().isprintable() for record in caplog.records)


@pytest.mark.parametrize(
    "link", [f"http://127.0.0.1/{FORGED}", f"ftp://{FORGED}", f"http://{FORGED}/", f"http://a@{FORGED}"]
)
async def test_nor_can_a_link(link: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    words = await fetch(link, FetchLimits(answer_s=0.2))

    assert isinstance(words, Words)
    assert words.text.isprintable()
    assert "operator" not in words.text
    assert any("operator" in record.getMessage() for record in caplog.records), "the operator can see what was refused"
    assert all(record.getMessage().isprintable() for record in caplog.records)


async def test_what_was_refused_and_why_is_in_the_log_and_not_in_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    words = await fetch("http://10.1.2.3/secret")

    assert "10.1.2.3" in caplog.text
    assert "Private-Use" in caplog.text
    assert words == Words.of(web.BAD_LINK, Kind.REFUSAL)


async def test_an_unexpected_error_is_logged_and_refused_like_every_other(caplog: pytest.LogCaptureFixture) -> None:
    """A server that makes one of our libraries fail must not have its link tried again and again."""

    def broken(*_arguments: object) -> list[Address]:
        raise KeyError(FORGED)

    fetched = await web.Fetcher(LOCAL, lookup=broken, limits=LIMITS).fetch("http://server.example/")
    assert fetched == Words.of(download.UNREACHABLE.of(host="server.example"), Kind.UNREACHABLE)
    said = "".join(record.getMessage() for record in caplog.records)
    assert "in broken" in said
    assert said.replace("\n", "").isprintable()


async def no_thread_fetches() -> None:
    for thread in threading.enumerate():
        if thread.name == "fetch":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()
