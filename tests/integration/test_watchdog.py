"""The watchdog under a real Supervisor: which workers it kills, what the log says, and when it judges no worker."""

from __future__ import annotations

import asyncio
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor import childutils

from common.programs.watchdog import Silent, Watchdog, WatchdogLimits, end
from common.settings import ROOT, Settings
from common.supervision import heartbeat
from tests.support.redis_servers import RedisServer
from tests.support.supervisors import checkout, program, states, supervisord
from tests.support.waiting import wait_until

START_S = 15.0
AT_ONCE = WatchdogLimits(silent_s=0)
TICK = b"ver:3.0 server:supervisor serial:1 pool:watchdog poolserial:1 eventname:TICK_5 len:15\nwhen:1201063880"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="whatsit-") as path:  # short: a socket's path is limited
        yield Path(path)


@pytest.fixture
def config(folder: Path) -> Settings:
    return Settings(data_dir=folder)


@pytest.fixture
def sock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Supervisor with a worker and the playground."""
    log = str(folder / "run" / "logs" / "classify.log")
    worker = """sh -c 'trap "echo asked" USR1; while true; do sleep 0.1; done'"""
    conf = program("classify", worker, autorestart="true", stdout_logfile=log) + program("playground", "sleep 60")
    with supervisord(folder, conf) as sock:
        monkeypatch.setenv("SUPERVISOR_SERVER_URL", f"unix://{sock}")
        wait_until(lambda: set(states(sock).values()) == {"RUNNING"}, START_S, "the programs' start")
        yield sock


def pids(folder: Path) -> dict[str, int]:
    """Process ids by program, as Supervisor's own log has them."""
    log = (folder / "run" / "logs" / "supervisord.log").read_text()
    return {name: int(pid) for name, pid in re.findall(r"spawned: '(\w+)' with pid (\d+)", log)}


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    return "State:\tZ" not in status  # a zombie has ended, and waits for its parent to notice


def test_a_silent_worker_is_asked_where_it_stands_and_killed_and_started_again_and_no_other_program_is(
    folder: Path, sock: Path, config: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    before = pids(folder)
    dog = Watchdog(config, AT_ONCE)
    dog.look()
    assert not caplog.messages, "seen for the first time, so not silent yet"
    dog.look()
    wait_until(lambda: pids(folder)["classify"] != before["classify"], START_S, "a new one")
    assert re.fullmatch(rf"classify \(process {before['classify']}\) hangs, silent for 0 s: .*", caplog.messages[0])
    assert (folder / "run" / "logs" / "classify.log").read_text() == "asked\n"
    assert is_alive(before["playground"])


def test_a_worker_that_beats_is_not_killed(folder: Path, sock: Path, config: Settings) -> None:
    dog = Watchdog(config, AT_ONCE)
    for second in range(1, 4):
        heartbeat.touch(heartbeat.heartbeat_file(config, "classify"))
        os.utime(heartbeat.heartbeat_file(config, "classify"), (second, second))
        dog.look()
    assert is_alive(pids(folder)["classify"])


def test_where_no_sign_of_life_can_be_written_nobody_is_missed(
    folder: Path, sock: Path, config: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "heartbeats").write_text("no folder")
    dog = Watchdog(config, AT_ONCE)
    for _ in range(3):
        dog.look()
    (line,) = caplog.messages
    assert line.startswith("no sign of life can be written ([Errno 17] File exists")
    assert is_alive(pids(folder)["classify"])
    (folder / "heartbeats").unlink()
    caplog.set_level("INFO")
    dog.look()
    assert caplog.messages[1:] == ["… and it works again"]


FULL_DISK = """
    set -e
    mount -t tmpfs -o size=64k,nr_inodes=5 none "$1"
    mkdir "$1/heartbeats"
    touch --date=@1 "$1/heartbeats/classify"
    head --bytes=1M /dev/zero >"$1/filled" || true
    touch "$1/last_inode" || true
    "$2" - "$1" <<END
"""


def test_on_a_full_disk_who_has_a_heartbeat_file_still_beats_and_the_watchdog_sees_that_others_cannot(
    folder: Path,
) -> None:
    if not shutil.which("unshare"):
        pytest.skip("no unshare (Linux, package util-linux)")
    code = """
        import logging, pathlib, sys
        from common.settings import Settings
        from common.programs.watchdog import Watchdog
        from common.supervision import heartbeat
        logging.basicConfig(stream=sys.stdout, format="%(message)s")
        config = Settings(data_dir=pathlib.Path(sys.argv[1]))
        classify, reply = (heartbeat.heartbeat_file(config, name) for name in ("classify", "reply"))
        heartbeat.touch(classify)
        assert classify.stat().st_mtime > 1
        try:
            heartbeat.touch(reply)
        except OSError as error:
            print(error.strerror)
        Watchdog(config).look()
        """
    script = textwrap.dedent(FULL_DISK) + textwrap.dedent(code) + "END\n"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder), sys.executable]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.stderr.startswith(("unshare:", "mount:")):
        pytest.skip(f"no small disk can be made here: {done.stderr}")
    said, judged = done.stdout.splitlines()
    assert said == "No space left on device", done.stderr
    assert judged.startswith("no sign of life can be written ([Errno 28] No space left on device")


def test_a_supervisor_that_does_not_answer_is_logged_once_and_so_is_its_return(
    folder: Path, config: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SUPERVISOR_SERVER_URL", f"unix://{folder / 'run' / 'supervisor.sock'}")
    caplog.set_level("INFO")
    dog = Watchdog(config)
    dog.look()
    dog.look()
    with supervisord(folder, program("classify", "sleep 60")):
        dog.look()
    said, over = caplog.messages
    assert said.startswith("Supervisor does not say who runs: [Errno 2]")
    assert over == "… and it works again"


def test_a_process_that_is_gone_by_then_is_left_alone_and_so_is_its_successor(
    folder: Path, sock: Path, caplog: pytest.LogCaptureFixture
) -> None:
    successor = pids(folder)["classify"]
    gone = [Silent("classify", successor + 1, 31), Silent("reply", 1, 31)]
    with childutils.getRPCInterface(os.environ) as rpc:
        end(gone, rpc.supervisor, AT_ONCE)
    assert is_alive(successor)
    assert not (folder / "run" / "logs" / "classify.log").read_text()
    faults = [line for line in caplog.messages if "cannot be sent" in line]
    assert faults == [f"reply cannot be sent {name}: <Fault 10: 'BAD_NAME: reply'>" for name in ("SIGUSR1", "SIGKILL")]


@pytest.fixture
def listener(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The watchdog as Supervisor starts it, ready for its first event; nobody listens at its Supervisor's socket."""
    environ = os.environ | {"DATA_DIR": str(folder), "SUPERVISOR_SERVER_URL": f"unix://{folder}/missing.sock"}
    command = [sys.executable, "-m", "common.programs.watchdog"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as running:
        try:
            assert said(running, 6) == b"READY\n"
            yield running
        finally:
            running.kill()


def said(running: subprocess.Popen[bytes], length: int) -> bytes:
    assert running.stdout
    text = b""
    while len(text) < length and select.select([running.stdout], [], [], START_S)[0]:
        if not (more := running.stdout.read(length - len(text))):
            break
        text += more
    return text


def test_every_tick_is_acknowledged_whatever_the_look_finds(listener: subprocess.Popen[bytes]) -> None:
    assert listener.stdin
    for _ in range(2):
        listener.stdin.write(TICK)
        assert said(listener, 17) == b"RESULT 2\nOKREADY\n"


def test_it_ends_when_supervisor_is_gone_and_its_events_with_it(listener: subprocess.Popen[bytes]) -> None:
    assert listener.stdin
    listener.stdin.close()
    assert listener.wait(START_S) == 0


def test_it_ends_after_sigterm(listener: subprocess.Popen[bytes]) -> None:
    listener.send_signal(signal.SIGTERM)
    assert listener.wait(START_S) == 0


def test_it_ends_at_once_where_supervisor_died_before_it_could_ask_to_end_with_it(folder: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    environ = os.environ | {"DATA_DIR": str(folder), "SUPERVISOR_ENABLED": "1"}
    command = [sys.executable, "-m", "common.programs.watchdog"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=pipe, stdout=pipe, stderr=theirs) as running:
        os.close(theirs)
        try:
            assert running.wait(START_S) == 0
        finally:
            running.kill()


def test_it_does_not_outlive_a_killed_supervisord(folder: Path) -> None:
    environ = checkout(folder)
    (folder / "run" / "logs").mkdir(parents=True)
    text = (ROOT / "supervisord.conf").read_text()
    _, section, after = text.partition("\n[eventlistener:watchdog]")
    (folder / "supervisord.conf").write_text(text.partition("\n[program:")[0] + section + after.partition("\n[")[0])
    log = folder / "run" / "logs" / "watchdog.log"
    with subprocess.Popen([str(Path(sys.prefix) / "bin" / "supervisord"), "-n"], cwd=folder, env=environ) as running:
        try:
            wait_until(lambda: log.exists() and "watching over" in log.read_text(), START_S, "the watchdog's start")
        finally:
            running.kill()
    wait_until(lambda: not is_alive(pids(folder)["watchdog"]), START_S, "the watchdog's end")


async def test_a_worker_that_cannot_give_a_sign_of_life_says_so_once_and_gives_it_as_soon_as_it_can(
    config: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = heartbeat.heartbeat_file(config, "classify")
    path.parent.write_text("not a folder")
    beating = asyncio.create_task(heartbeat.beat(path, interval_s=0))
    await asyncio.to_thread(wait_until, lambda: bool(caplog.messages), START_S, "the line about it")
    path.parent.unlink()
    await asyncio.to_thread(wait_until, lambda: len(caplog.messages) > 1, START_S, "the line that it is over")
    beating.cancel()
    assert path.exists()
    said = f"no sign of life can be written: [Errno 17] File exists: '{path.parent}'"
    assert caplog.messages == [said, "… and it works again"]


def test_a_worker_shows_that_it_lives_while_it_still_waits_for_redis(config: Settings) -> None:
    environ = {"DATA_DIR": str(config.data_dir), "PYTHONPATH": str(ROOT)}
    path = heartbeat.heartbeat_file(config, "garbage_collect")
    command = [sys.executable, "garbage_collect.py"]
    with subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.PIPE) as waiting:
        try:
            wait_until(path.exists, START_S, "a first sign of life")
            os.utime(path, (1, 1))
            wait_until(lambda: path.stat().st_mtime > 1, START_S, "another")
            waiting.terminate()
            _, log = waiting.communicate(timeout=START_S)
        finally:
            waiting.kill()
    assert b"waiting for Redis" in log
    assert b"is ready" not in log


HANGING = """
    import threading
    from common.runtime import process
    from common.runtime.worker import Worker

    class Hanging(Worker):
        channel = "classify"

        async def open(self, channels):
            threading.Thread(target=stand_by, daemon=True).start()
            hang()

        async def handle(self, message):
            raise NotImplementedError

    def stand_by():
        threading.Event().wait()

    def hang():
        print("hanging", flush=True)
        while True:
            pass

    process.run(Hanging)
"""


def test_a_worker_whose_loop_hangs_logs_where_each_of_its_threads_stands_when_it_is_asked_to(
    settings: Settings, redis: RedisServer
) -> None:
    environ = {
        "REDIS_URL": redis.url,
        "NAMESPACE": settings.namespace,
        "DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", textwrap.dedent(HANGING)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=pipe, stderr=pipe, bufsize=0) as running:
        try:
            assert said(running, 8) == b"hanging\n"
            running.send_signal(signal.SIGUSR1)
            assert running.stderr
            log = b""
            while b"in <module>" not in log and select.select([running.stderr], [], [], START_S)[0]:
                log += running.stderr.read(4096)
        finally:
            running.kill()
    assert re.search(r"Current thread .*\n  File .* in hang\n  File .* in open\n", log.decode()), log.decode()
    assert re.search(r"\nThread .*\n(  File .*\n)*?  File .* in stand_by\n", "\n" + log.decode()), log.decode()
