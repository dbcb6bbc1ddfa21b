"""The playground as a process: when it runs, and how it ends."""

from __future__ import annotations

import socket
import time

import httpx
import pytest

from common.supervision.parent import ENDED_BY_SIGTERM
from tests.support.bot_api import (
    DIRECT,
    TOKEN,
    RunningPlayground,
    free_port,
    is_up,
    running_playground,
    start_playground,
)
from tests.support.waiting import wait_until


def test_with_a_token_it_is_not_needed_and_ends_well_but_not_at_once() -> None:
    began = time.monotonic()
    with start_playground(free_port(), TELEGRAM_TOKEN="123456789:AAE") as process:
        _, log = process.communicate(timeout=20)
    assert process.returncode == 0
    assert log.count("\n") == 1
    assert "not needed: TELEGRAM_TOKEN or TELEGRAM_API_URL is set" in log
    assert time.monotonic() - began > 1.5, "Supervisor would take it for a failed start"


def test_a_busy_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with start_playground(port) as process:
            _, log = process.communicate(timeout=20)
    assert process.returncode == 1
    assert log.count("\n") == 1
    assert f"port {port} is not free" in log
    assert "PLAYGROUND_PORT" in log


def test_a_stop_ends_polls_and_event_streams_at_once() -> None:
    with (
        running_playground() as playground,
        httpx.Client(base_url=playground.url, **DIRECT) as http,
        http.stream("GET", "/api/events") as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        began = time.monotonic()
        playground.process.terminate()
        assert playground.process.wait(10) == ENDED_BY_SIGTERM
        assert time.monotonic() - began < 1
        list(lines)  # ends, and without an error


def test_answers_do_not_wait_for_delayed_acknowledgements() -> None:
    with running_playground() as playground, httpx.Client(base_url=playground.url, **DIRECT) as http:
        fastest = min(http.get("/api/bot").elapsed for _ in range(10))
    assert fastest.total_seconds() < 0.03, "Linux delays an acknowledgement by 40 ms: is TCP_NODELAY set?"


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n"
ENDLESS = {
    "address": (b"GET /", b"a"),
    "header": (REQUEST + b"A: ", b"a"),
    "headers": (REQUEST, b"A: a\r\n"),
    "trailers": (REQUEST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"A: a\r\n"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_an_endless_head_is_not_read_for_ever(what: str, playground: RunningPlayground) -> None:
    beginning, more = ENDLESS[what]
    with socket.create_connection(("127.0.0.1", playground.port), timeout=10) as connection:
        connection.sendall(beginning)
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                connection.sendall(more * 1000)

    with httpx.Client(base_url=playground.url, **DIRECT) as http:
        assert http.get("/api/bot").is_success


def test_the_log_names_the_page_and_never_the_calls() -> None:
    with start_playground(port := free_port(), LOG_LEVEL="DEBUG") as process:
        wait_until(lambda: is_up(port), 10, "the playground's start")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", **DIRECT) as http:
            assert http.get(f"/bot{TOKEN}/getMe").is_success
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert f"http://127.0.0.1:{port}" in log
    assert TOKEN not in log
