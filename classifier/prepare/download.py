"""A download that can be resumed, and that counts only if its hash is right."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import requests
import urllib3

from common.model.checksums import sha256_of

_CHUNK_BYTES: Final = 2**17


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownloadLimits:
    """How long a download may take, and how large a file may be.

    Attributes:
        connect_s: The time to connect.
        silent_s: The time without a byte.
        total_s: The time of all attempts together.
        max_bytes: The size of the file.
        attempts: How often a download that breaks is tried.
    """

    connect_s: float = 5
    silent_s: float = 30
    total_s: float = 1800
    max_bytes: int = 512 * 2**20
    attempts: int = 3


LIMITS: Final = DownloadLimits()


class DownloadError(Exception):
    """The file could not be downloaded. The message says why, in one line."""


class _BrokenError(DownloadError):
    """The connection broke: what has arrived is kept, and another attempt may go on from there."""


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str,
    limits: DownloadLimits = LIMITS,
    progress: Callable[[float], object] = lambda _fraction: None,
) -> None:
    """Download ``url`` to ``target``, which appears only when it is whole and right.

    The part that a broken download has received stays next to it as ``.part``, and the next call goes on from there. If
    that leads to a wrong file, the whole file is requested once more.

    Args:
        url: The file's address.
        target: Where the file goes.
        sha256: The beginning of the file's SHA-256, in hexadecimal.
        limits: When to give up.
        progress: Takes how much has arrived, 0 to 1, with each hundredth.

    Raises:
        DownloadError: The server is unreachable, too slow, or sends something else; or the disk is full.
    """
    part = target.with_name(target.name + ".part")
    download = _Download(url, part, limits, time.monotonic() + limits.total_s, progress)
    try:
        is_patched = download.run()
        actual = sha256_of(part)
        if is_patched and not actual.startswith(sha256):
            part.unlink()
            download.run()
            actual = sha256_of(part)
        if not actual.startswith(sha256):
            part.unlink()
            msg = f"the file's SHA-256 begins with {actual[:8]}, not {sha256}"
            raise DownloadError(msg)
        part.replace(target)
    except OSError as error:  # requests' own errors are handled below: this is the disk
        msg = f"{part}: {error.strerror or error}"
        raise DownloadError(msg) from None


@dataclasses.dataclass(frozen=True)
class _Download:
    url: str
    part: Path
    limits: DownloadLimits
    deadline: float
    progress: Callable[[float], object]

    def run(self) -> bool:
        """Make ``part`` whole. Returns whether it had any bytes before the last answer."""
        for _ in range(self.limits.attempts - 1):
            with contextlib.suppress(_BrokenError):
                return self._attempt()
        return self._attempt()

    def _attempt(self) -> bool:
        had = self.part.stat().st_size if self.part.exists() else 0
        # Not compressed on the way: ranges and lengths count the file's own bytes.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
        timeout = (self.limits.connect_s, self.limits.silent_s)
        try:
            response = requests.get(self.url, headers=headers, stream=True, timeout=timeout)
        except requests.RequestException as error:
            msg = f"{_host(self.url)}: {_reason(error, self.limits)}"
            raise DownloadError(msg) from None
        with response:
            if had and response.status_code == requests.codes.requested_range_not_satisfiable:
                return True  # ``part`` is already whole, or another file: the hash decides
            start = _start(response, had)
            self._save(response, start)
        return start > 0

    def _save(self, response: requests.Response, start: int) -> None:
        """Write the response's body to ``part`` from byte ``start`` on."""
        total = _total(response, start, self.limits)
        done = start
        with self.part.open("r+b" if start else "wb") as file, self._progress(total) as progress:
            file.seek(start)
            file.truncate()
            try:
                # read1 returns what has arrived: read would wait for a whole chunk, past every limit.
                while chunk := response.raw.read1(_CHUNK_BYTES):
                    done += file.write(chunk)
                    progress(done)
                    self._check(done)
                broken = total is not None and done < total
            except urllib3.exceptions.HTTPError:
                broken = True
        if broken:
            msg = f"the connection broke after {done} of {total or 'unknown'} bytes"
            raise _BrokenError(msg)

    def _check(self, done: int) -> None:
        _check_size(done, self.limits)
        if time.monotonic() > self.deadline:
            msg = f"too slow: {done} bytes when the time limit was reached; the next attempt goes on from there"
            raise DownloadError(msg)

    @contextlib.contextmanager
    def _progress(self, total: int | None) -> Iterator[Callable[[int], None]]:
        """Gives the function that takes the number of bytes: for the terminal, and in hundredths for ``progress``."""
        reported = -1

        def report(done: int) -> None:
            nonlocal reported
            bar(done)
            if total and (percent := 100 * done // total) > reported:
                reported = percent
                self.progress(percent / 100)

        with _progress_bar(self.part.stem, total) as bar:
            yield report


def _start(response: requests.Response, had: int) -> int:
    """Where in the file the response's body belongs."""
    if response.status_code == requests.codes.partial_content:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {had}-"):
            msg = f"the server sent another part of the file than the one from byte {had}"
            raise DownloadError(msg)
        return had
    if response.status_code != requests.codes.ok:
        msg = f"the server answered {response.status_code} {response.reason}"
        raise DownloadError(msg)
    return 0


def _total(response: requests.Response, start: int, limits: DownloadLimits) -> int | None:
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        return None
    total = start + int(length)
    _check_size(total, limits)
    return total


def _check_size(size: int, limits: DownloadLimits) -> None:
    if size > limits.max_bytes:
        msg = f"the server sends more than {limits.max_bytes // 2**20} MB"
        raise DownloadError(msg)


def _host(url: str) -> str:
    return url.split("/")[2]


def _reason(error: requests.RequestException, limits: DownloadLimits) -> str:
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {limits.connect_s} s"
    if isinstance(error, requests.Timeout):
        return f"nothing came for {limits.silent_s} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not connect to it"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "the connection broke"


@contextlib.contextmanager
def _progress_bar(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal; gives the function that moves it to so many bytes."""
    from rich import progress  # noqa: PLC0415 -- 0.1 s that only a download needs

    with progress.Progress(
        progress.TextColumn("  {task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    ) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)
