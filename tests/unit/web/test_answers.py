"""What an answer says before its body: statuses, encodings, and that there is nothing."""

from __future__ import annotations

import gzip
import zlib

import pytest

from common.web import fetcher as web
from common.web.download import Fetched
from tests.support.links import LOCAL, OK, fetch, tight
from tests.support.web_server import WebServer, content, hang_up


def answer(status: str, *headers: str, body: bytes = b"hello") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


@pytest.mark.parametrize("status", ["999 Request denied", "600 x", "777", "401 x", "402 x", "403 x", "407 x", "451 x"])
async def test_a_host_that_refuses_is_said_to_refuse(status: str, server: WebServer) -> None:
    server.answers["/"] = hang_up(answer(status, "Content-Type: image/png"))

    assert await fetch(server.url("/")) == f"127.0.0.1 does not let me have this: it answered {status[:3]}."


@pytest.mark.parametrize("status", ["304 Not Modified", "305 Use Proxy", "400 x", "406 x", "415 x", "418 x"])
async def test_another_status_is_named(status: str, server: WebServer) -> None:
    server.answers["/"] = hang_up(answer(status))

    assert await fetch(server.url("/")) == f"127.0.0.1 answered {status[:3]} instead of sending an image."


@pytest.mark.parametrize("status", ["200 OK", "201 x", "203 x", "226 x"])
async def test_a_status_of_success_brings_a_file(status: str, server: WebServer) -> None:
    server.answers["/"] = hang_up(answer(status))

    assert await fetch(server.url("/")) == b"hello"


@pytest.mark.parametrize(
    "raw",
    [
        answer("200 OK", "Content-Length: 0", body=b""),
        answer("200 OK", body=b""),
        answer("200 OK", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        answer("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"")),
        answer("200 OK", "Content-Encoding: gzip", "Content-Length: 0", body=b""),
        answer("204 No Content", body=b""),
        answer("205 Reset Content", body=b""),
    ],
)
async def test_an_empty_answer_is_said_to_be_empty(raw: bytes, server: WebServer) -> None:
    server.answers["/"] = hang_up(raw)

    assert await fetch(server.url("/")) == "127.0.0.1 sent nothing: its answer was empty."


@pytest.mark.parametrize(
    ("content_range", "whole"),
    [("bytes 0-4/5", True), ("bytes 0-4/9", False), ("bytes 4-8/9", False), ("bytes 0-4/*", False), ("x", False)],
)
async def test_a_part_that_is_not_the_whole_is_said_to_be_a_part(
    content_range: str, whole: bool, server: WebServer
) -> None:
    server.answers["/"] = hang_up(answer("206 Partial Content", f"Content-Range: {content_range}"))

    fetched = await fetch(server.url("/"))

    assert (fetched == b"hello") == whole
    assert whole or "only a part" in str(fetched)


@pytest.mark.parametrize("location", ["", "Location:", "Location:   "])
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_without_a_target_is_said_to_lead_to_no_page(
    location: str, status: int, server: WebServer
) -> None:
    """Browsers leave an empty Location out, too (Chromium's HttpResponseHeaders::IsRedirect)."""
    server.answers["/"] = hang_up(answer(f"{status} x", *filter(None, [location]), "Content-Type: image/png"))

    assert "does not say where to" in str(await fetch(server.url("/")))


@pytest.mark.parametrize("packing", ["br", "BR", "zstd", "compress", "gzip, br", "br, gzip", "dcb"])
async def test_a_file_that_is_packed_unasked_blames_the_server_and_not_the_picture(
    packing: str, server: WebServer
) -> None:
    server.answers["/"] = content(b"\x8b\x02\x80hello\x03", "image/jpeg", content_encoding=packing)

    words = str(await fetch(server.url("/")))

    assert words.startswith("127.0.0.1 sent this packed")
    assert "error of the server" in words
    assert "JPEG" not in words


@pytest.mark.parametrize("encoding", ["identity", "none", "utf-8", "aws-chunked", "binary", "identity, identity", "x"])
async def test_an_encoding_that_packs_nothing_is_left_out(encoding: str, server: WebServer) -> None:
    server.answers["/"] = content(b"hello", content_encoding=encoding)

    assert await fetch(server.url("/")) == b"hello"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("GZIP", gzip.compress(b"hello")),
        ("x-gzip", gzip.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),  # without zlib's frame, as some servers have it
        ("identity, gzip", gzip.compress(b"hello")),
        ("aws-chunked,gzip", gzip.compress(b"hello")),
        ("gzip, utf-8", gzip.compress(b"hello")),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello"))),
    ],
)
async def test_what_can_be_unpacked_is(encoding: str, body: bytes, server: WebServer) -> None:
    server.answers["/"] = content(body, content_encoding=encoding)

    assert await fetch(server.url("/")) == b"hello"


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        ("text/html; charset=windows-1251", "windows-1251"),
        ('text/html;charset="Shift_JIS"; x=y', "Shift_JIS"),
        ("text/html; CHARSET = utf-8", "utf-8"),
        ("text/html", ""),
        ("charset=x", ""),
        ("nonsense", ""),
    ],
)
async def test_what_a_server_says_of_a_page_comes_along(kind: str, encoding: str, server: WebServer) -> None:
    server.answers["/"] = content(b"<html>", kind, refresh="0; url=/k\xc3\xa4tzchen")

    fetched = await web.Fetcher(LOCAL, limits=tight()).fetch(server.url("/"))

    assert isinstance(fetched, Fetched)
    assert (fetched.encoding, fetched.refresh) == (encoding, "0; url=/kätzchen")


async def test_a_wrong_content_type_decides_nothing(server: WebServer) -> None:
    for kind in ("text/html", "application/octet-stream", "", "x", "image/png\x00"):
        server.answers["/"] = hang_up(OK + f"Content-Type: {kind}\r\n\r\nhello".encode())
        assert await fetch(server.url("/")) == b"hello"
