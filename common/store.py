"""The one seam to files: a local folder of small files, each written whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from common.errors import InputLost, Outage

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
_TEMPORARY = ".part"
_CRC_BYTES = 4
_numbers = itertools.count()


class Store:
    """Files by key, in one folder. Keys are job ids and a kind, never names from outside.

    A file begins with the CRC-32 of its content, so that a file which the disk damaged is not used.

    Every operation may wait for the disk: async code calls it in a thread. Each raises ``Outage`` when the disk fails
    (full, read-only, broken): that may pass, and is not the file's fault.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, key: str, content: bytes) -> None:
        """Write a file. A reader finds the whole file or no file.

        It is not synced to the disk, since it lives for less than a second. A power cut may lose or damage it. Its
        reader then notices (``InputLost``), and its job starts again (``docs/decisions/0013``).

        Raises:
            ValueError: The key could leave the folder.
            Outage: The disk is full or broken. An older file of that key stays as it was.
        """
        file = self._begin(key)
        try:
            file.finish(content)
        except BaseException:
            file.abandon()
            raise

    @contextlib.asynccontextmanager
    async def writing(self, key: str) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        """Write a file piece by piece, with the function that this yields. Without an error it appears at the end.

        For async code: all that waits for the disk runs in a thread.

        Raises:
            ValueError, Outage: As ``write``.
        """
        file = self._begin(key)
        last = b""

        async def add(piece: bytes) -> None:
            nonlocal last
            last, before = piece, last
            if before:
                await asyncio.to_thread(file.add, before)

        try:
            yield add
            await asyncio.to_thread(file.finish, last)  # one call: most files are one piece, and a thread takes 0.1 ms
        except BaseException:
            # Shielded: it may wait for a piece that hangs, and the task that cancels this one must not wait as well.
            await asyncio.shield(asyncio.to_thread(file.abandon))
            raise

    def _begin(self, key: str) -> _Unfinished:
        path = self._path(key)
        # Each unfinished file has its own name, so that two writers of one key do not share it.
        temporary = path.with_name(f"{path.name}.{os.getpid()}-{next(_numbers)}{_TEMPORARY}")
        return _Unfinished(path, temporary)

    def read(self, key: str) -> bytes:
        """A file's content.

        Raises:
            InputLost: There is no such file, or it is damaged.
            Outage: The disk is broken.
        """
        path = self._path(key)
        with _disk(f"read {key!r}"):
            try:
                with path.open("rb", buffering=0) as file:  # a buffer would be filled first, and copied: 0.15 ms
                    crc, content = file.read(_CRC_BYTES), file.read()
            except FileNotFoundError:
                msg = f"no file {key!r} in the store"
                raise InputLost(msg) from None
        if crc != _crc(content):
            msg = f"the file {key!r} is damaged: its checksum differs"
            raise InputLost(msg)
        return content

    def delete(self, key: str) -> None:
        """Delete a file; to delete it twice is not an error.

        Raises:
            Outage: The disk is broken.
        """
        path = self._path(key)
        with _disk(f"delete {key!r}"):
            path.unlink(missing_ok=True)

    def files(self) -> Iterator[tuple[str, float]]:
        """Name and modification time (Unix seconds) of every file with a key, and of unfinished ones.

        Raises:
            Outage: The disk is broken.
        """
        with _disk("list files"):
            for entry in os.scandir(self._folder):
                with contextlib.suppress(FileNotFoundError):
                    if _KEY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat().st_mtime

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            msg = f"{key!r} is not a store key"
            raise ValueError(msg)
        return self._folder / key


class _Unfinished:
    """A file that is being written, under a temporary name.

    Raises:
        Outage: As ``Store.write``; from every method but ``abandon``.
    """

    def __init__(self, path: Path, temporary: Path) -> None:
        self._path = path
        self._temporary = temporary
        self._crc = 0
        self._opened: BinaryIO | None = None
        # A task that waits for a piece can be cancelled, and abandons the file, while a thread still writes to it.
        self._lock = threading.Lock()
        self._abandoned = False

    def add(self, piece: bytes) -> None:
        """Write the next piece."""
        with self._lock, self._disk():
            self._write(piece)

    def finish(self, last: bytes) -> None:
        """Write the last piece, and give the file its name: now readers find it."""
        with self._lock, self._disk():
            self._write(last)
            if self._opened:
                self._opened.seek(0)
                self._opened.write(self._crc.to_bytes(_CRC_BYTES, "little"))
                self._opened.close()  # this writes the rest, and may find the disk full
                self._temporary.replace(self._path)

    def abandon(self) -> None:
        """Remove the file. An error here must not hide the first error, for which it is abandoned."""
        with self._lock:
            self._abandoned = True
            with contextlib.suppress(OSError):
                if self._opened:
                    self._opened.close()  # tries once more to write the rest
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _write(self, piece: bytes) -> None:
        if self._abandoned:
            return
        self._crc = zlib.crc32(piece, self._crc)
        self._file().write(piece)

    def _file(self) -> BinaryIO:
        if self._opened is None:
            # Operators who empty DATA_DIR may remove the folder, too.
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._opened = self._temporary.open("wb")
            self._opened.write(bytes(_CRC_BYTES))  # room for the checksum
        return self._opened

    def _disk(self) -> contextlib.AbstractContextManager[None]:
        return _disk(f"write {self._path.name!r}")


def _crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CRC_BYTES, "little")


@contextlib.contextmanager
def _disk(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"the store cannot {doing}: {error.strerror or error}"
        raise Outage(msg) from error
