from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InputLost, Outage
from common.store import Store
from tests.support.make import job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(folder)


def test_a_file_reads_as_it_was_written(store: Store) -> None:
    store.write("1-10-0.0.original", b"hello")
    store.write("1-10-0.0.original", b"hello again")

    assert store.read("1-10-0.0.original") == b"hello again"


def test_a_file_that_is_not_there_is_lost_and_named(store: Store) -> None:
    with pytest.raises(InputLost, match=r"'1-10-0\.0\.original'"):
        store.read("1-10-0.0.original")


def test_a_file_with_one_byte_changed_anywhere_or_cut_off_anywhere_is_lost(store: Store, folder: Path) -> None:
    store.write("1.0.input", b"hello")
    whole = (folder / "1.0.input").read_bytes()

    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            (folder / "1.0.input").write_bytes(damaged)
            with pytest.raises(InputLost, match=r"'1\.0\.input' is damaged"):
                store.read("1.0.input")


def test_deleting_twice_is_not_an_error(store: Store) -> None:
    store.write("1.0.input", b"hello")

    store.delete("1.0.input")
    store.delete("1.0.input")

    assert list(store.files()) == []


def test_files_are_listed_with_the_time_they_were_written(store: Store, folder: Path) -> None:
    store.write("1.0.input", b"hello")
    os.utime(folder / "1.0.input", (1000.0, 1000.0))

    assert list(store.files()) == [("1.0.input", 1000.0)]


HOSTILE_KEYS = [
    # Ways out
    *("..", ".", "/", "./1.0.input", "../1.0.input", "../../etc/passwd", "1.0/../../x.y", "1.0.input/..", "1.0.input/"),
    *("/etc/passwd", "//host/share.x", "a/b.c", "a\\b.c", "..\\..\\x.y", "C:\\x.y", "C:x.y", "~/x.y", "~root.x"),
    *("%2e%2e%2fx.y", "..%2fx.y", "．．/x.y", "a∕b.c", "file:///x.y"),
    # Names that are not keys, or that other programs might read in another way
    *(
        "",
        "1",
        ".hidden",
        ".part",
        "-rf.x",
        "1..input",
        "1.0.input.",
        "a b.c",
        " 1.0.input",
        "1.0.input ",
        "*.*",
        "?.x",
    ),
    *(
        "1.0.input\n",
        "1.0.input\r",
        "\n1.0.input",
        "a\n.b",
        "a\0.b",
        "1.0.input\0",
        "a\t.b",
        "\x1b[2J.x",
        "$HOME.x",
        "`x`.y",
    ),
    *("ä.b", "１.0.input", "a.b\u202e", "\udcff.x", "a;b.c", "a|b.c", "a&b.c", "a'b.c", 'a"b.c', "<a>.b"),
]


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
@pytest.mark.parametrize("operation", ["read", "write", "delete"])
def test_no_key_leaves_the_folder(operation: str, key: str, store: Store, folder: Path) -> None:
    arguments = (key, b"hello") if operation == "write" else (key,)

    with pytest.raises(ValueError, match="not a store key"):
        getattr(store, operation)(*arguments)
    assert [path.name for path in folder.parent.rglob("*")] == ["files"]


@given(st.text(max_size=40) | st.text("./\\-_a0~\0\n", max_size=12))
def test_every_file_lies_in_the_folder_whatever_its_key(key: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root) / "files")
        with contextlib.suppress(ValueError):
            store.write(key, b"hello")
            assert [path.name for path in (Path(root) / "files").iterdir()] == [key]
        assert [path.name for path in Path(root).iterdir()] == ["files"]


@pytest.mark.parametrize("id_", ["1-10", "1-10-0", "123456789-987654321-4"])
@pytest.mark.parametrize("kind", ["original", "input"])
def test_a_job_s_keys_are_accepted(id_: str, kind: str, store: Store) -> None:
    key = job(id_, run=1).key(kind)

    store.write(key, b"hello")
    assert store.read(key) == b"hello"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("1.0.input", b"old")

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(Outage, match=r"cannot write '1\.0\.input': No space left"):
            store.write("1.0.input", b"new")

    assert store.read("1.0.input") == b"old"
    assert [name for name, _ in store.files()] == ["1.0.input"]


@contextlib.contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """No file can grow beyond that, which fails as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("most_bytes", [0, 3, 8000, 60_000])
@pytest.mark.parametrize("size", [5, 10_000, 100_000])
def test_a_disk_that_is_full_is_an_outage_whenever_it_becomes_so(most_bytes: int, size: int, store: Store) -> None:
    store.write("1.0.input", b"old")
    if size <= most_bytes:
        pytest.skip("there is room")

    with full_disk(most_bytes), pytest.raises(Outage, match=r"cannot write '1\.0\.input': File too large"):
        store.write("1.0.input", bytes(size))

    assert store.read("1.0.input") == b"old"
    assert [name for name, _ in store.files()] == ["1.0.input"]


async def test_a_file_that_comes_in_pieces_is_there_when_it_is_whole(store: Store) -> None:
    async with store.writing("1.0.original") as add:
        await add(b"hel")
        with pytest.raises(InputLost):
            store.read("1.0.original")
        await add(b"lo")

    assert store.read("1.0.original") == b"hello"
    assert [name for name, _ in store.files()] == ["1.0.original"]


@pytest.mark.parametrize(
    "pieces",
    [[], [b""], [b"a"], [b"a", b"", b"b"], [b"one", b"two", b"three", b"four"], [b"a", b"b" * 300_000, b"c" * 20_000]],
    ids=lambda pieces: f"{len(pieces)} pieces",
)
async def test_pieces_stand_in_the_order_in_which_they_came(pieces: list[bytes], store: Store) -> None:
    async with store.writing("1.0.original") as add:
        for piece in pieces:
            await add(piece)

    assert store.read("1.0.original") == b"".join(pieces)


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_file_that_is_cut_short_while_the_disk_hangs_leaves_nothing_unfinished(
    pieces: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    opened = Path.open

    def slow(path: Path, *mode: Any) -> Any:
        begun.set()
        goes_on.wait(20)
        return opened(path, *mode)

    monkeypatch.setattr(Path, "open", slow)

    async def receive() -> None:
        async with store.writing("1.0.original") as add:
            for _ in range(pieces):
                await add(b"hello")

    task = asyncio.create_task(receive())
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not [name for name, _ in store.files() if name.endswith(".part")]


async def test_a_file_that_is_cut_short_leaves_nothing_and_is_still_cut_short_on_a_full_disk(store: Store) -> None:
    begun = asyncio.Event()

    async def receive() -> None:
        async with store.writing("1.0.original") as add:
            await add(bytes(100))
            await add(bytes(100))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(receive())
    await begun.wait()
    with full_disk(0):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert list(store.files()) == []


async def test_a_disk_that_is_full_in_the_middle_is_an_outage(store: Store) -> None:
    with full_disk(50_000), pytest.raises(Outage, match=r"cannot write '1\.0\.original': File too large"):
        async with store.writing("1.0.original") as add:
            for _ in range(10):
                await add(bytes(20_000))

    assert list(store.files()) == []


@pytest.mark.parametrize("operation", ["read", "write", "delete"])
def test_what_the_disk_cannot_do_is_an_outage_that_names_the_file(operation: str, store: Store, folder: Path) -> None:
    (folder / "1.0.input").mkdir()  # which cannot be read, replaced or deleted as a file
    arguments = ("1.0.input", b"hello") if operation == "write" else ("1.0.input",)

    with pytest.raises(Outage, match=rf"cannot {operation} '1\.0\.input': (Is a directory|Operation not permitted)"):
        getattr(store, operation)(*arguments)
    assert [path.name for path in folder.iterdir()] == ["1.0.input"]


def test_files_that_cannot_be_listed_are_an_outage(store: Store, folder: Path) -> None:
    folder.rmdir()

    with pytest.raises(Outage, match="cannot list files: No such file or directory"):
        list(store.files())


def test_the_folder_is_for_its_owner_alone(store: Store, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
