"""Whatever a picture does to the decoder, only that picture is refused, and the worker goes on."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Outage
from common.file_lock import try_lock
from common.languages.speech import say
from common.limits import MAX_FILE_BYTES
from common.messages import Kind, Words
from common.model.input import InputSpec
from common.pictures import child_process, large_picture_lock
from common.pictures.child import images
from common.pictures.child.confinement import MAX_MEMORY_BYTES
from common.pictures.child_process import DecoderProcess
from common.pictures.decoder import QUEUE_LIMIT_S, Decoder
from common.pictures.inputs import InputMaker
from common.pictures.large_picture_lock import LargePictureLock
from common.pictures.protocol import (
    DECODE_LIMIT_S,
    REPLY_BYTES,
    Refusal,
    ReplyKind,
    StrayReply,
    expect_ready,
    expect_reply,
    read_refusal,
    reply,
)
from common.pictures.refusals import TEXTS
from common.store import Store
from common.web.download import FetchLimits
from fetch_url import FetchUrlWorker
from file_check import FileCheckWorker
from tests.hostile.misbehaving_child import SLOWLY_S, order
from tests.hostile.pictures import WHOLE
from tests.support import model_in_use, photos
from tests.support.heic_boxes import BUILT, coded, heic, overlay
from tests.support.heic_files import HEIC
from tests.support.waiting import DEADLINE_S, until

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for what only Linux has")

MISBEHAVING = "tests.hostile.misbehaving_child"
SPEC = InputSpec(model="m", resize=120, crop=100, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)
PICTURE = WHOLE["PNG"]
OTHER = WHOLE["GIF"]


@pytest.fixture
async def decoder() -> AsyncIterator[Decoder]:
    decoder = Decoder(module=MISBEHAVING, limit_s=3)
    yield decoder
    await decoder.close()


def expected(content: bytes) -> bytes:
    pixels = images.decode_to_pixels(content, SPEC)
    assert isinstance(pixels, bytes)
    return pixels


async def decode(decoder: Decoder, content: bytes) -> bytes | Refusal:
    return await decoder.decode(content, SPEC, "1-10-0.0.input")


async def process_of(decoder: Decoder) -> DecoderProcess:
    """The decoder's process, as soon as it is ready."""
    decoder.start()
    assert decoder._process
    return await decoder._process


def is_gone(pid: int) -> bool:
    """Whether a process has ended; its parent may not have read its exit status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def processor_time(pid: int) -> int:
    """The processor time of a process, in ticks of 10 ms (proc(5))."""
    _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    return sum(map(int, fields.split()[11:13]))


def memory_bytes(pid: int, what: str) -> int:
    """A figure of a process's memory (proc(5)): ``VmPeak``, ``VmRSS``."""
    status = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[what].split()[0]) * 1024


def open_files(pid: int) -> dict[str, str]:
    return {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}


# Normal operation


async def test_pictures_decode_as_they_do_without_a_process_of_their_own(decoder: Decoder) -> None:
    assert await decode(decoder, PICTURE) == expected(PICTURE)
    assert await decode(decoder, OTHER) == expected(OTHER)
    assert await decode(decoder, b"hello") is Refusal.NO_IMAGE
    assert await decode(decoder, b"") is Refusal.EMPTY
    assert await decode(decoder, bytes(MAX_FILE_BYTES + 1)) is Refusal.TOO_LARGE


async def test_one_process_decodes_many_files(decoder: Decoder) -> None:
    first = (await process_of(decoder)).pid
    for _ in range(50):
        await decode(decoder, PICTURE)

    assert (await process_of(decoder)).pid == first


async def test_files_that_come_at_once_are_decoded_one_after_the_other(decoder: Decoder) -> None:
    files = [PICTURE, OTHER, b"hello"] * 5

    answers = await asyncio.gather(*(decode(decoder, file) for file in files))

    assert answers == [expected(PICTURE), expected(OTHER), Refusal.NO_IMAGE] * 5


async def test_a_model_with_a_large_input_gets_all_of_it(decoder: Decoder) -> None:
    spec = msgspec.structs.replace(SPEC, resize=2100, crop=2000)  # more than a socket holds

    assert await decoder.decode(PICTURE, spec, "x") == images.decode_to_pixels(PICTURE, spec)


async def test_closing_ends_a_busy_process(decoder: Decoder) -> None:
    process = await process_of(decoder)
    working = asyncio.create_task(decode(decoder, order("hang")))
    await asyncio.sleep(0)

    working.cancel()
    await asyncio.wait([working])
    await decoder.close()

    assert is_gone(process.pid)
    assert process.has_died  # and its exit status was read


async def test_a_decoder_that_never_started_closes() -> None:
    await Decoder().close()


async def test_a_decoder_closes_while_it_starts() -> None:
    decoder = Decoder()
    decoder.start()
    await asyncio.sleep(0)
    await decoder.close()


@linux
async def test_it_costs_less_than_5_ms_a_file(decoder: Decoder) -> None:
    photo = photos.jpeg("coffee")
    there, here = [], []
    for _ in range(200):  # alternating, so that other work on the machine slows both
        began = time.perf_counter()
        await decode(decoder, photo)
        there.append(time.perf_counter() - began)
        began = time.perf_counter()
        images.decode_to_pixels(photo, SPEC)
        here.append(time.perf_counter() - began)

    # Their fastest tenths, since other processes can still slow one of the two more than the other
    assert statistics.quantiles(there, n=10)[0] - statistics.quantiles(here, n=10)[0] < 0.005


# Crashes, hangs and hunger


@pytest.mark.parametrize(("what", "how"), [("crash", "SIGSEGV"), ("leave", "exit status 7")])
async def test_a_file_that_crashes_the_decoder_is_refused_after_a_second_try(
    what: str, how: str, decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    first = (await process_of(decoder)).pid

    assert await decode(decoder, order(what)) is Refusal.UNREADABLE
    assert await decode(decoder, PICTURE) == expected(PICTURE)

    assert (await process_of(decoder)).pid != first
    assert [how in line and "'1-10-0.0.input'" in line for line in caplog.messages] == [True, True]


async def test_a_file_that_hangs_the_decoder_is_refused_at_once(caplog: pytest.LogCaptureFixture) -> None:
    decoder = Decoder(module=MISBEHAVING, limit_s=1)
    first = await process_of(decoder)

    assert await decode(decoder, order("hang")) is Refusal.TOO_SLOW
    assert await decode(decoder, PICTURE) == expected(PICTURE)

    await decoder.close()
    assert is_gone(first.pid)
    assert caplog.messages == ["'1-10-0.0.input' is refused: it was not decoded within 1 s"]


@linux
async def test_a_decoder_ends_by_itself_when_its_processor_time_is_used_up(
    decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    assert await decode(decoder, order("spin")) is Refusal.TOO_SLOW
    assert await decode(decoder, PICTURE) == expected(PICTURE)

    assert "SIGXCPU" in caplog.text


@linux
async def test_a_file_that_eats_memory_is_refused_and_the_decoder_lives_on(decoder: Decoder) -> None:
    process = await process_of(decoder)

    assert await decode(decoder, order("eat")) is Refusal.NO_IMAGE
    assert await decode(decoder, PICTURE) == expected(PICTURE)

    assert not process.has_died
    assert memory_bytes(process.pid, "VmPeak") <= MAX_MEMORY_BYTES
    await until(lambda: memory_bytes(process.pid, "VmRSS") < 100 * 2**20)  # freed once the answer is sent


async def test_a_file_whose_decoder_is_killed_by_somebody_else_is_decoded_all_the_same(
    decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    # As an operator does, or the kernel when the machine is out of memory
    process = await process_of(decoder)
    answer = asyncio.create_task(decode(decoder, order("slowly", PICTURE)))
    await asyncio.sleep(SLOWLY_S / 5)
    os.kill(process.pid, signal.SIGKILL)

    assert await answer == expected(PICTURE)
    assert "SIGKILL" in caplog.text


async def test_a_decoder_that_died_idle_costs_no_file_a_try(decoder: Decoder, caplog: pytest.LogCaptureFixture) -> None:
    process = await process_of(decoder)
    os.kill(process.pid, signal.SIGKILL)
    await until(lambda: is_gone(process.pid))

    assert await decode(decoder, PICTURE) == expected(PICTURE)
    assert caplog.messages == ["the decoder died while it was idle (SIGKILL)"]


async def test_the_next_decoder_starts_before_the_next_file_comes(decoder: Decoder) -> None:
    assert await decode(decoder, order("leave")) is Refusal.UNREADABLE
    next_one = decoder._process
    assert next_one

    assert await decode(decoder, PICTURE) == expected(PICTURE)
    assert decoder._process is next_one


# Waiting for other files


async def test_files_that_wait_too_long_for_the_files_before_them_come_again() -> None:
    decoder = Decoder(module=MISBEHAVING, limit_s=1, queue_limit_s=0.1)
    hanging = asyncio.create_task(decode(decoder, order("hang")))
    await asyncio.sleep(0)

    with pytest.raises(Outage, match=r"the pictures before this one took 0\.1 s"):
        await decode(decoder, PICTURE)

    assert await hanging is Refusal.TOO_SLOW
    assert await decode(decoder, PICTURE) == expected(PICTURE)
    await decoder.close()


async def test_a_file_that_is_cancelled_while_it_waits_blocks_no_other(decoder: Decoder) -> None:
    slow = asyncio.create_task(decode(decoder, order("slowly", PICTURE)))
    await process_of(decoder)
    given_up = asyncio.create_task(decode(decoder, OTHER))
    await asyncio.sleep(0)
    given_up.cancel()

    assert await slow == expected(PICTURE)
    assert await decode(decoder, OTHER) == expected(OTHER)


async def test_the_answer_to_a_cancelled_file_does_not_answer_the_next(decoder: Decoder) -> None:
    process = await process_of(decoder)
    given_up = asyncio.create_task(decode(decoder, order("slowly", PICTURE)))
    await asyncio.sleep(SLOWLY_S / 5)
    given_up.cancel()
    await asyncio.wait([given_up])

    await until(lambda: is_gone(process.pid))
    assert await decode(decoder, OTHER) == expected(OTHER)


async def test_a_decoder_that_does_not_start_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    decoder = Decoder(module="late_decoder")

    with pytest.raises(Outage, match="the decoder does not start"):
        await decode(decoder, PICTURE)

    # And when it starts, it decodes.
    (tmp_path / "late_decoder.py").write_text(f"from {MISBEHAVING} import main; main()")
    assert await decode(decoder, PICTURE) == expected(PICTURE)
    await decoder.close()


async def test_a_machine_without_room_for_a_decoder_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    decoder = Decoder()
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", fail)
        with pytest.raises(Outage, match="Resource temporarily unavailable"):
            await decode(decoder, PICTURE)

    assert await decode(decoder, PICTURE) == expected(PICTURE)
    await decoder.close()


# The lock for large pictures, which two decoders share


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "large-picture.lock"


@pytest.fixture
async def two(lock: Path) -> AsyncIterator[tuple[Decoder, Decoder]]:
    """The decoders of two workers, which are ready."""
    both = tuple(Decoder(module=MISBEHAVING, limit_s=3, lock=LargePictureLock(lock, DEADLINE_S)) for _ in range(2))
    for decoder in both:
        await process_of(decoder)
    yield both[0], both[1]
    for decoder in both:
        await decoder.close()


def is_free(lock: Path) -> bool:
    with lock.open("a") as file:
        return try_lock(file)


async def timed(decoder: Decoder, content: bytes) -> float:
    """How long a picture took."""
    began = time.monotonic()
    assert await decode(decoder, content) == expected(PICTURE)
    return time.monotonic() - began


LARGE = order("large", PICTURE)
LARGE_AND_SLOW = order("large", order("slowly", PICTURE))


async def test_two_large_pictures_are_decoded_one_after_the_other(two: tuple[Decoder, Decoder], lock: Path) -> None:
    took = sorted(await asyncio.gather(*(timed(decoder, LARGE_AND_SLOW) for decoder in two)))

    assert took[1] >= 2 * SLOWLY_S
    assert is_free(lock)


async def test_a_small_picture_waits_for_no_large_one(two: tuple[Decoder, Decoder], lock: Path) -> None:
    hanging = asyncio.create_task(decode(two[0], order("large", order("hang"))))
    await until(lambda: lock.exists() and not is_free(lock))

    assert await decode(two[1], PICTURE) == expected(PICTURE)

    assert not hanging.done()
    assert await hanging is Refusal.TOO_SLOW


async def test_waiting_for_another_large_picture_does_not_count_as_a_file_s_own_time(lock: Path) -> None:
    limits_s = (3 * SLOWLY_S, 1.5 * SLOWLY_S)  # the second one waits for as long as that
    one, other = (Decoder(module=MISBEHAVING, limit_s=s, lock=LargePictureLock(lock, DEADLINE_S)) for s in limits_s)
    for decoder in (one, other):
        await process_of(decoder)
    first = asyncio.create_task(decode(one, order("large", order("hang"))))
    await until(lambda: lock.exists() and not is_free(lock))

    assert await timed(other, LARGE_AND_SLOW) > limits_s[1]

    assert await first is Refusal.TOO_SLOW
    for decoder in (one, other):
        await decoder.close()


@pytest.mark.parametrize("what", ["crash", "hang"])
async def test_a_large_picture_that_ends_its_decoder_leaves_the_lock_free(
    what: str, two: tuple[Decoder, Decoder], lock: Path
) -> None:
    first = asyncio.create_task(decode(two[0], order("large", order(what))))
    await until(lock.exists)

    assert await decode(two[1], LARGE) == expected(PICTURE)

    assert await first in {Refusal.UNREADABLE, Refusal.TOO_SLOW}
    assert is_free(lock)


async def test_a_frozen_decoder_holds_the_lock_no_longer_than_its_time(
    two: tuple[Decoder, Decoder], lock: Path
) -> None:
    frozen = asyncio.create_task(decode(two[0], LARGE_AND_SLOW))
    await until(lambda: lock.exists() and not is_free(lock))
    os.kill((await process_of(two[0])).pid, signal.SIGSTOP)

    assert await decode(two[1], LARGE) == expected(PICTURE)
    assert await frozen is Refusal.TOO_SLOW


async def test_a_decoder_that_is_killed_while_it_waits_for_the_lock_is_replaced(
    two: tuple[Decoder, Decoder], lock: Path
) -> None:
    slow = asyncio.create_task(decode(two[0], LARGE_AND_SLOW))
    await until(lambda: lock.exists() and not is_free(lock))
    waiting = asyncio.create_task(decode(two[1], LARGE))
    os.kill((await process_of(two[1])).pid, signal.SIGKILL)

    assert await waiting == expected(PICTURE)
    assert await slow == expected(PICTURE)


async def test_a_large_picture_that_waits_too_long_is_decoded_next_to_the_other(
    lock: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lock.parent.mkdir()
    decoder = Decoder(module=MISBEHAVING, lock=LargePictureLock(lock, 0.1))
    with lock.open("a") as frozen_worker_s:
        assert try_lock(frozen_worker_s)
        assert await decode(decoder, LARGE) == expected(PICTURE)

    assert caplog.messages == ["another large picture takes over 0.1 s: this one is decoded next to it"]
    await decoder.close()


async def test_where_the_lock_fails_large_pictures_are_decoded_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    decoder = Decoder(module=MISBEHAVING, lock=LargePictureLock(tmp_path / "file" / "lock"))

    assert await decode(decoder, LARGE) == expected(PICTURE)

    assert "large pictures cannot be locked" in caplog.text
    await decoder.close()


async def test_the_longest_that_a_picture_can_take_fits_into_its_worker_s_limit() -> None:
    longest_s = QUEUE_LIMIT_S + large_picture_lock.WAIT_LIMIT_S + DECODE_LIMIT_S

    assert longest_s < FileCheckWorker.handler_limit_s
    # A page is decoded before its preview picture, and takes no time.
    assert FetchLimits().total_s + QUEUE_LIMIT_S + longest_s < FetchUrlWorker.handler_limit_s


# Lies


@pytest.mark.parametrize(
    "lie",
    [
        "ahead",
        "too much",
        "too little",
        "half",
        "no such kind",
        "no such refusal",
        "no text",
        "long refusal",
        "babble",
        "asks twice",
    ],
)
async def test_a_decoder_that_lies_is_not_believed_and_not_asked_again(lie: str, decoder: Decoder) -> None:
    process = await process_of(decoder)

    assert await decode(decoder, order(lie)) is Refusal.UNREADABLE
    assert await decode(decoder, PICTURE) == expected(PICTURE)

    await until(lambda: is_gone(process.pid))


async def test_a_second_answer_to_one_file_does_not_answer_the_next(
    decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    assert await decode(decoder, order("twice", PICTURE)) == expected(PICTURE)

    assert await decode(decoder, OTHER) == expected(OTHER)
    assert "was answered by" in caplog.text


HEADERS = st.binary(min_size=REPLY_BYTES, max_size=REPLY_BYTES)
LENGTHS = st.integers(0, 40) | st.sampled_from([29_999, 30_000, 30_001, 2**32 - 1])
NEARLY = st.builds(reply, st.integers(6, 8), st.integers(0, 4), LENGTHS)
NAMES = st.binary(max_size=30) | st.text(max_size=30).map(str.encode)


@given(header=HEADERS | NEARLY, name=NAMES)
def test_only_what_was_asked_for_gets_through(header: bytes, name: bytes) -> None:
    with contextlib.suppress(StrayReply):
        expect_ready(header)
        assert header == bytes(REPLY_BYTES)
    with contextlib.suppress(StrayReply):
        kind, length = expect_reply(header, 7, SPEC)
        assert int.from_bytes(header[:4], "little") == 7
        assert (kind, length) in {(ReplyKind.PIXELS, 3 * SPEC.crop**2), (ReplyKind.LARGE, 0)} or (
            kind is ReplyKind.REFUSAL and length < 30
        )
    with contextlib.suppress(StrayReply):
        assert name == read_refusal(name).encode()


@pytest.mark.parametrize("refusal", Refusal)
def test_what_was_asked_for_gets_through(refusal: Refusal) -> None:
    name = refusal.encode()

    assert expect_reply(reply(7, ReplyKind.REFUSAL, len(name)), 7, SPEC) == (ReplyKind.REFUSAL, len(name))
    assert read_refusal(name) is refusal
    assert expect_reply(reply(7, ReplyKind.LARGE, 0), 7, SPEC) == (ReplyKind.LARGE, 0)
    assert say(TEXTS[refusal]).endswith((".", "AVIF.", "it."))


async def test_heic_is_decoded_though_the_process_may_start_no_thread_and_open_no_file() -> None:
    decoder = Decoder()
    first = (await process_of(decoder)).pid

    for content in (HEIC | BUILT).values():
        assert await decode(decoder, content) == expected(content)
    assert (await process_of(decoder)).pid == first
    await decoder.close()


async def test_heic_pictures_upon_pictures_that_double_thirty_times_end_with_their_time() -> None:
    # Each level shows both pictures of the next: 4 kB that stand for 2^30 pictures.
    levels = [overlay(96, 64, (2 * level, 2 * level + 1)) for level in range(1, 31) for _ in range(2)]
    decoder = Decoder(limit_s=1)

    assert await decode(decoder, heic([*levels[1:], coded(), coded()])) is Refusal.TOO_SLOW
    assert await decode(decoder, PICTURE) == expected(PICTURE)
    await decoder.close()


# Burglary


async def told(decoder: Decoder) -> Any:
    """What a decoder can find out and do."""
    answer = await decode(decoder, order("tell"))
    await decoder.close()
    assert isinstance(answer, bytes)
    return json.loads(answer)


@linux
async def test_a_decoder_that_a_picture_has_taken_over_finds_nothing_and_can_do_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:secret")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@localhost")

    report = await told(Decoder(module=MISBEHAVING))

    python_s_own = {"LC_CTYPE"}  # which Python sets itself where no language is set (PEP 538)
    assert set(report["environment"]) <= {*child_process.KEPT_VARIABLES, *python_s_own}
    assert "secret" not in str(report)
    assert 0 not in report["user"]
    assert 0 not in report["groups"]
    assert report["folder"] is True
    assert report["memory"] == [MAX_MEMORY_BYTES] * 2
    assert report["core"] == [0, 0]
    assert [name for name, outcome in report["attempts"].items() if outcome.startswith("done")] == []


def landlock_version() -> int:
    """Which Landlock this kernel has: -1 if there is no Landlock, 6 and more if it blocks signals."""
    version: int = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
    return version


@linux
@pytest.mark.skipif(landlock_version() < 6, reason="wants Linux 6.12 with Landlock")
@pytest.mark.parametrize("module", [MISBEHAVING, "tests.hostile.same_user_child"])
async def test_a_decoder_can_do_nothing_to_its_worker(module: str) -> None:
    report = await told(Decoder(module=module))

    assert report["attempts on the worker"] == {"signal it": "PermissionError", "read its memory": "PermissionError"}


@linux
async def test_a_decoder_holds_nothing_open_but_its_socket(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        decoder = Decoder()
        process = await process_of(decoder)

        found = open_files(process.pid)

        await decoder.close()
    assert {name: target.partition(":")[0] for name, target in found.items()} == {
        "0": "socket",
        "1": "/dev/null",
        "2": "/dev/null",
    }


# The end of the worker

WORKER = """if True:
    import asyncio, sys
    from pathlib import Path
    from common.pictures.decoder import Decoder
    from common.pictures.large_picture_lock import LargePictureLock
    from tests.hostile.misbehaving_child import order
    from tests.hostile.test_decoder import SPEC

    async def main():
        decoder = Decoder(module="tests.hostile.misbehaving_child", lock=LargePictureLock(Path(sys.argv[2])))
        decoder.start()
        print((await decoder._process).pid, flush=True)
        sys.stdin.readline()
        hanging = order("large", order("hang"))
        await (decoder.decode(hanging, SPEC, "x") if sys.argv[1] == "busy" else asyncio.sleep(3600))

    asyncio.run(main())
"""


@linux
@pytest.mark.parametrize("state", ["busy", "idle"])
def test_a_killed_worker_s_decoder_ends_at_once_and_the_lock_is_free(state: str, lock: Path) -> None:
    command = [sys.executable, "-c", WORKER, state, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin
        assert worker.stdout
        pid = int(worker.stdout.readline())
        before = processor_time(pid)
        worker.stdin.write(b"go on\n")
        worker.stdin.flush()
        if state == "busy":
            asyncio.run(until(lambda: processor_time(pid) > before + 5))
            assert not is_free(lock)
        worker.kill()

    asyncio.run(until(lambda: is_gone(pid)))
    assert state == "idle" or is_free(lock)


async def test_a_decoder_ends_by_itself_when_its_worker_hangs_up() -> None:
    process = DecoderProcess("common.pictures.child.main")
    await process.ready()

    process._socket.close()

    await until(lambda: process.has_died)
    assert await process.end() == 0


@linux
async def test_ctrl_c_is_not_for_the_decoder() -> None:
    decoder = Decoder()
    process = await process_of(decoder)

    assert os.getpgid(process.pid) != os.getpgid(0)
    await decoder.close()


# What the user reads


@pytest.mark.parametrize(
    ("content", "words"),
    [(order("crash"), "could not read this picture"), (order("hang"), "could not read this picture within 10 seconds")],
)
async def test_the_user_reads_why_in_plain_words(content: bytes, words: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "files")
    model_in_use.put_in_use(tmp_path, SPEC)
    inputs = InputMaker(store, tmp_path, Decoder(module=MISBEHAVING, limit_s=0.5))
    inputs.open()

    refused = await inputs.make(content, "1-10-0.0.input")

    await inputs.close()
    assert isinstance(refused, Words)
    assert refused.kind is Kind.REFUSAL
    assert words in refused.text
    assert "send it as a photo" in refused.text
    assert list(store.files()) == []
