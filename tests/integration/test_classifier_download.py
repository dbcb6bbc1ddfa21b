"""Downloads from servers that break off, send something else, or are slow."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from classifier.prepare.download import LIMITS, DownloadError, DownloadLimits, fetch

CONTENT = bytes(range(256)) * 4096  # 1 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()[:8]

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """An HTTP server whose every answer a test chooses. The last behaviour stays."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = [send]
        self.ranges: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.ranges.append(self.headers.get("Range"))
                behaviours = server.behaviours
                (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/weights.pth"


def send(request: BaseHTTPRequestHandler, content: bytes = CONTENT) -> None:
    """The file, or the requested part of it."""
    asked = request.headers.get("Range", "")
    start = int(asked.removeprefix("bytes=").removesuffix("-") or 0)
    request.send_response(206 if asked else 200)
    if asked:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.send_header("Content-Length", str(len(content) - start))
    request.end_headers()
    request.wfile.write(content[start:])


def send_all(request: BaseHTTPRequestHandler) -> None:
    request.headers.replace_header("Range", "")
    send(request)


def send_half(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(CONTENT)))
    request.end_headers()
    request.wfile.write(CONTENT[: len(CONTENT) // 2])


def answer(status: int, **headers: str) -> Behaviour:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return behave


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def part_of(target: Path) -> Path:
    return target.with_name("weights.pth.part")


def test_a_download_appears_whole(server: Server, target: Path) -> None:
    fetch(server.url, target, sha256=SHA256)

    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()


def test_a_broken_download_goes_on_where_it_broke(server: Server, target: Path) -> None:
    server.behaviours = [send_half, send]

    fetch(server.url, target, sha256=SHA256)

    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={len(CONTENT) // 2}-"]


def test_an_interrupted_download_goes_on_the_next_time(server: Server, target: Path) -> None:
    part_of(target).write_bytes(CONTENT[:1000])

    fetch(server.url, target, sha256=SHA256)

    assert target.read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_a_server_without_ranges_sends_all_again(server: Server, target: Path) -> None:
    part_of(target).write_bytes(b"something that the server's answer must replace")
    server.behaviours = [send_all]

    fetch(server.url, target, sha256=SHA256)

    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_taken(server: Server, target: Path) -> None:
    part_of(target).write_bytes(CONTENT)
    server.behaviours = [answer(416)]

    fetch(server.url, target, sha256=SHA256)

    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"something else", b"longer than the file: " + CONTENT])
@pytest.mark.parametrize("first", [send, answer(416)])
def test_a_bad_part_costs_one_download_from_the_beginning(
    server: Server, target: Path, part: bytes, first: Behaviour
) -> None:
    part_of(target).write_bytes(part)
    server.behaviours = [first if len(part) < len(CONTENT) else answer(416), send]

    fetch(server.url, target, sha256=SHA256)

    assert target.read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(part)}-", None]


def test_after_a_bad_part_a_wrong_file_is_refused_all_the_same(server: Server, target: Path) -> None:
    part_of(target).write_bytes(CONTENT[:1000])
    server.behaviours = [lambda request: send(request, CONTENT[::-1])]

    with pytest.raises(DownloadError, match="SHA-256 begins with"):
        fetch(server.url, target, sha256=SHA256)

    assert server.ranges == ["bytes=1000-", None]
    assert list(target.parent.iterdir()) == []


def test_a_server_that_refuses_a_range_without_being_asked_is_refused(server: Server, target: Path) -> None:
    server.behaviours = [answer(416)]

    with pytest.raises(DownloadError, match="the server answered 416"):
        fetch(server.url, target, sha256=SHA256)


def test_a_download_reports_how_much_has_arrived(server: Server, target: Path) -> None:
    part_of(target).write_bytes(CONTENT[: len(CONTENT) // 2])
    reported: list[float] = []

    fetch(server.url, target, sha256=SHA256, progress=reported.append)

    assert reported == sorted(set(reported))
    assert reported[0] >= 0.5
    assert reported[-1] == 1


def test_a_server_that_keeps_breaking_is_given_up_and_its_part_kept(server: Server, target: Path) -> None:
    server.behaviours = [send_half]

    with pytest.raises(DownloadError, match="the connection broke after 524288 of 1048576 bytes"):
        fetch(server.url, target, sha256=SHA256)

    assert len(server.ranges) == LIMITS.attempts
    assert part_of(target).stat().st_size == len(CONTENT) // 2
    assert not target.exists()


def test_another_file_than_the_right_one_is_not_kept(server: Server, target: Path) -> None:
    server.behaviours = [lambda request: send(request, CONTENT[::-1])]

    with pytest.raises(DownloadError, match=f"SHA-256 begins with ........, not {SHA256}"):
        fetch(server.url, target, sha256=SHA256)

    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (answer(404), "the server answered 404 Not Found"),
        (answer(503), "the server answered 503"),
        (answer(206, Content_Range="bytes 7-9/10"), "another part of the file"),
    ],
)
def test_a_server_that_has_something_else_is_refused(
    server: Server, target: Path, behaviour: Behaviour, message: str
) -> None:
    server.behaviours = [behaviour]

    with pytest.raises(DownloadError, match=message):
        fetch(server.url, target, sha256=SHA256)

    assert not target.exists()


def test_a_server_that_sends_too_much_is_refused(server: Server, target: Path) -> None:
    limits = DownloadLimits(max_bytes=len(CONTENT) - 1)

    with pytest.raises(DownloadError, match="the server sends more than"):
        fetch(server.url, target, sha256=SHA256, limits=limits)


def test_a_server_that_falls_silent_is_given_up(server: Server, target: Path) -> None:
    given_up = threading.Event()

    def fall_silent(_request: BaseHTTPRequestHandler) -> None:
        given_up.wait(10)

    server.behaviours = [fall_silent]

    with pytest.raises(DownloadError, match=r"127.0.0.1:\d+: nothing came for 0.05 s"):
        fetch(server.url, target, sha256=SHA256, limits=DownloadLimits(silent_s=0.05))
    given_up.set()


def test_a_server_that_drips_is_given_up_at_the_time_limit(server: Server, target: Path) -> None:
    given_up = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT[:10])
        request.wfile.flush()
        given_up.wait(10)

    server.behaviours = [drip]

    with pytest.raises(DownloadError, match="too slow: 10 bytes when the time limit was reached"):
        fetch(server.url, target, sha256=SHA256, limits=DownloadLimits(total_s=0))
    given_up.set()

    assert part_of(target).read_bytes() == CONTENT[:10]


def test_an_absent_server_is_reported_at_once(target: Path) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9: no connection"):
        fetch("http://127.0.0.1:9/weights.pth", target, sha256=SHA256)


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"gone/weights.pth.part: No such file or directory"):
        fetch(server.url, tmp_path / "gone" / "weights.pth", sha256=SHA256)
