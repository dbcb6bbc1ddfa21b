"""A web server for tests, on a free port of this machine: it answers each path as the test says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Answer: TypeAlias = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers one request by its path. The connection closes after each."""

    server: WebServer

    def do_GET(self) -> None:
        """Give the path's answer, or 404."""
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answers.get(self.path, status(404))(self)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: it would mix with the test's own output."""


class WebServer(ThreadingHTTPServer):
    """The server.

    Attributes:
        address: Where it listens.
        answers: How to answer, by path; may be changed while it runs.
        accepted: How many connections there were so far.
        requests: Path and headers of each request so far.
        stopping: Set when the server stops, for answers that wait.
        hung_up: Set when an answer finds that the client has hung up.
    """

    daemon_threads = False
    block_on_close = True  # so that no thread and no socket outlives its test

    def __init__(self, answers: Mapping[str, Answer], address: str = "127.0.0.1") -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 0), Handler)
        self.address = address
        self.answers = dict(answers)
        self.accepted = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        self.hung_up = threading.Event()

    @property
    def port(self) -> int:
        """The port where it listens."""
        return self.server_address[1]

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{self.address}:{self.port}{path}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count the connection."""
        accepted = super().get_request()
        self.accepted += 1
        return accepted

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of many tests."""
        self.hung_up.set()


@contextlib.contextmanager
def serving(answers: Mapping[str, Answer], address: str = "127.0.0.1") -> Iterator[WebServer]:
    """A web server that answers those paths."""
    with WebServer(answers, address) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def content(body: bytes, kind: str = "image/png", **headers: str) -> Answer:
    """200 and that body. Headers: ``content_length="5"`` is sent as Content-Length: 5."""

    def answer(handler: Handler) -> None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.send_response(200)
        for name, value in ({"content-type": kind, "content-length": str(len(body))} | given).items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def status(code: int) -> Answer:
    """That status, and a page that says so."""

    def answer(handler: Handler) -> None:
        handler.send_error(code)

    return answer


def redirect(to: str, body: bytes = b"", code: int = 302, **headers: str) -> Answer:
    """A redirect, and a body for clients that read it. Headers as for ``content``."""

    def answer(handler: Handler) -> None:
        handler.send_response(code)
        handler.send_header("location", to)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drip(start: bytes, drop: bytes, every_s: float = 0.01) -> Answer:
    """Raw bytes at once, then one ``drop`` after another, until the client hangs up or the server stops."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(start)
        while not handler.server.stopping.wait(every_s):
            handler.wfile.write(drop)

    return answer


def hang_up(after: bytes = b"") -> Answer:
    """Close the connection, perhaps in the middle of an answer."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(after)

    return answer
