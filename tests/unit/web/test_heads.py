"""Heads as servers send them, against what browsers make of them."""

from __future__ import annotations

import contextlib
import http.client
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.languages.speech import say
from common.web import download
from common.web.heads import BadHead, clean_head
from tests.support.links import OK, fetch
from tests.support.web_server import WebServer, hang_up

LENGTH = b"Content-Length: 5\r\n"
BODY = b"\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
KEEPS_OPEN = b"WORLD"  # what comes after the announced length is not the body


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + BODY, id="100"),
        pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n" + OK + LENGTH + BODY, id="102"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK + LENGTH + BODY, id="103"),
        pytest.param(
            b"HTTP/1.1 103 E\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" * 3 + OK + LENGTH + BODY, id="three of them"
        ),
        pytest.param(
            b"HTTP/1.1 199\r\nContent-Encoding: br\r\n\r\n" + OK + LENGTH + BODY, id="199 with its own headers"
        ),
        pytest.param(OK + b"X-Debug: 1\r\n" * 150 + LENGTH + BODY, id="150 headers"),
        pytest.param(OK + b"X-Debug: 1\r\n" * 15_000 + LENGTH + BODY, id="15,000 headers"),
        pytest.param(OK + b"Set-Cookie: a=1\r\n" * 150 + LENGTH + BODY, id="150 cookies"),
        pytest.param(
            OK + b"Content-Security-Policy: " + b"x" * 100_000 + b"\r\n" + LENGTH + BODY, id="a line of 100 kB"
        ),
        pytest.param(OK + b"Set-Cookie: a=" + b"x" * 100_000 + b"\r\n" + LENGTH + BODY, id="a cookie of 100 kB"),
        pytest.param(OK + b"Content-Type: " + b"x" * 100_000 + b"\r\n" + LENGTH + BODY, id="a type of 100 kB"),
        pytest.param(OK + b"X Powered By: x\r\n" + CHUNKED + CHUNKS, id="blanks in a name"),
        pytest.param(OK + b"nonsense\r\n" + CHUNKED + CHUNKS, id="no colon"),
        pytest.param(OK + b": x\r\n" + CHUNKED + CHUNKS, id="no name"),
        pytest.param(OK + b"X\0\x01: \0\r\n" + CHUNKED + CHUNKS, id="NUL"),
        pytest.param(OK + LENGTH + b"\0X: 1\r\n" + BODY + KEEPS_OPEN, id="NUL first"),
        pytest.param(OK + b"X\xe9\xff: \xe9\xff\x85\r\n" + CHUNKED + CHUNKS, id="bytes that are not ASCII"),
        pytest.param(OK + b"X: a\rContent-Length: 1\r\n" + CHUNKED + CHUNKS, id="a carriage return in a value"),
        pytest.param(OK + b"X: 1\r\n Content-Length: 1\r\n\tand more\r\n" + LENGTH + BODY + KEEPS_OPEN, id="folded"),
        pytest.param(OK + b" folded: first\r\n" + LENGTH + BODY + KEEPS_OPEN, id="folded before any header"),
        pytest.param(OK + b"Transfer-Encoding:\r\n chunked\r\n" + CHUNKS, id="a folded encoding"),
        pytest.param(OK + b"Content-Length : 5\r\n" + BODY + KEEPS_OPEN, id="a blank before the colon"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello" + KEEPS_OPEN, id="LF alone"),
        pytest.param(b"HTTP/1.1 200\r\n" + LENGTH + BODY + KEEPS_OPEN, id="no reason"),
        pytest.param(b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n" + LENGTH + BODY, id="a reason of 100 kB"),
        pytest.param(b"\r\n\r\n" + OK + LENGTH + BODY, id="line breaks first"),
        pytest.param(b"HTTP/1.0 200 OK\r\n" + BODY, id="HTTP/1.0"),
        pytest.param(b"HTTP/1.0 200 OK\r\n" + CHUNKED + CHUNKS, id="HTTP/1.0 in chunks"),
        pytest.param(b"HTTP/2 200\r\n" + LENGTH + BODY, id="HTTP/2 in name only"),
        pytest.param(b"http/1.1 200 OK\r\n" + LENGTH + BODY, id="in small letters"),
        pytest.param(OK + BODY, id="no headers"),
        pytest.param(OK + LENGTH * 2 + BODY + KEEPS_OPEN, id="the same length twice"),
        pytest.param(OK + b"Content-Length: 5, 5\r\n" + BODY + KEEPS_OPEN, id="the same length twice in one line"),
        pytest.param(OK + b"Content-Length: many\r\n" + BODY, id="a length that is no number"),
        pytest.param(OK + b"Content-Length: -5\r\n" + BODY, id="a negative length"),
        pytest.param(OK + b"Content-Length: 2\r\n" + CHUNKED + CHUNKS, id="a length, and chunks"),
        pytest.param(
            OK + CHUNKED + b"Content-Length: 1\r\nContent-Length: 2\r\n" + CHUNKS, id="chunks, and two lengths"
        ),
        pytest.param(OK + CHUNKED * 2 + CHUNKS, id="chunked twice"),
        pytest.param(OK + b"TRANSFER-ENCODING: Chunked\r\n" + CHUNKS, id="in other letters"),
        pytest.param(OK + b"Transfer-Encoding: identity\r\n" + LENGTH + BODY, id="transferred as it is"),
    ],
)
async def test_what_browsers_read_is_read(answer: bytes, server: WebServer) -> None:
    server.answers["/"] = hang_up(answer)

    assert await fetch(server.url("/")) == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n" + BODY, id="two lengths"),
        pytest.param(OK + b"Content-Length: 5, 6\r\n" + BODY, id="two lengths in one line"),
        pytest.param(OK + LENGTH, id="breaks off in its headers"),
        pytest.param(OK + LENGTH + b"X: hel", id="breaks off in a header"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="only an interim answer"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n\r\n", id="line breaks"),
        pytest.param(b"HTTP/1.1\r\n" + LENGTH + BODY, id="no status"),
        pytest.param(b"HTTP/1.1 20 OK\r\n" + LENGTH + BODY, id="two digits"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n" + LENGTH + BODY, id="four digits"),
        pytest.param(b"HTTP/1.1 099 OK\r\n" + LENGTH + BODY, id="below 100"),
        pytest.param(b"<html>HTTP/1.1 200 OK\r\n" + BODY, id="a page without a head"),
    ],
)
async def test_what_is_not_http_counts_as_no_answer(answer: bytes, server: WebServer) -> None:
    server.answers["/"] = hang_up(answer)

    assert await fetch(server.url("/")) == say(download.UNREACHABLE.of(host="127.0.0.1"))


@pytest.mark.parametrize("more", [0, 1])
async def test_a_head_of_256_kb_is_read_and_a_larger_one_is_not(more: int, server: WebServer) -> None:
    """As docs/security.md says. Interim answers count, too."""
    interim, end = b"HTTP/1.1 103 Early Hints\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"
    fill = 256 * 1024 - len(interim) - len(OK) - len(b"X: ") - len(end)
    server.answers["/"] = hang_up(interim + OK + b"X: " + b"1" * (fill + more) + end)

    said = str(await fetch(server.url("/")))

    assert ("sent nothing" in said) == (not more)
    assert (said == say(download.UNREACHABLE.of(host="127.0.0.1"))) == bool(more)


async def test_a_switch_to_another_protocol_is_refused(server: WebServer) -> None:
    server.answers["/"] = hang_up(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + OK + LENGTH + BODY)

    assert await fetch(server.url("/")) == "127.0.0.1 answered 101 instead of sending an image."


def test_only_headers_that_are_used_are_handed_on() -> None:
    head = (
        b"HTTP/1.1 103 Early Hints\r\nRefresh: 1\r\n\r\n"
        b"HTTP/1.0 302 Found\r\nServer: x\r\nLOCATION:\r\nLocation: /a\r\n"
        b"Location: /b\r\nContent-Type: text/plain\r\ncontent-type: image/png\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Content-Encoding: identity, GZIP\r\nContent-Encoding: aws-chunked\r\nContent-Length: 7\r\n\r\nbody"
    )
    stream = io.BytesIO(head)

    assert sorted(clean_head(stream).decode().strip().split("\r\n")) == [
        "HTTP/1.1 302 ",
        "content-encoding: gzip",
        "content-length: 7",
        "content-type: image/png",
        "location: /a",
        "set-cookie: a=1",
        "set-cookie: b=2",
    ]
    assert stream.read() == b"body"


def test_a_head_is_read_in_time_that_grows_with_its_size() -> None:
    """Folded lines are joined, and joining 28,000 of them again and again would take a second."""
    folded = OK + b"Location: /\r\n" + b" folded\r\n" * 28_000 + b"\r\n"

    assert len(clean_head(io.BytesIO(folded))) < 20_000


def test_a_head_does_not_end_where_its_stream_ends() -> None:
    with pytest.raises(BadHead):
        clean_head(io.BytesIO(OK))


BYTES = [bytes([byte]) for byte in b"\r\n \t:,;=\0\x0b\x85\xff"]
PIECES = [*BYTES, b"\r\n", b"Location", b"Set-Cookie", b"; Max-Age=", b"9" * 400, b"Refresh", b"x" * 70_000]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_whatever_a_server_sends_http_client_gets_lines_without_a_fault(pieces: list[bytes]) -> None:
    with contextlib.suppress(BadHead):
        head = clean_head(io.BytesIO(OK + b"".join(pieces) + b"\r\n\r\n"))
        status_line, _, rest = head.partition(b"\r\n")
        message = http.client.parse_headers(io.BytesIO(rest))
        assert status_line == b"HTTP/1.1 200 "
        assert not message.defects
        assert len(message.items()) == rest.count(b"\r\n") - 1
