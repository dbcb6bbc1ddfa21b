"""Each line of ``make check``, provoked for real: Redis servers, a playground, Supervisor, the command itself."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from common.programs.check import port as ports
from common.programs.check import redis_server, supervisor, telegram
from common.programs.check.result import ok, warn
from common.settings import ROOT, Settings
from common.telegram.client import Me, Telegram
from tests.support.bot_api import DIRECT, RunningPlayground, free_port, running_playground
from tests.support.redis_servers import BINARIES, RedisServer
from tests.support.supervisors import checkout, program, states, supervisord
from tests.support.waiting import wait_until

WRONG_TOKEN = "987654321:AAWrongWrongWrong"
START_S = 15.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="whatsit-") as path:  # short: a socket's path is limited
        yield Path(path)


@contextlib.contextmanager
def redis_with(folder: Path, *options: str, binary: str | None = None) -> Iterator[Settings]:
    """The settings for a real server that runs with those options."""
    server = RedisServer(binary or str(BINARIES["redis-6.2"]), folder)
    server.start(*options)
    try:
        yield Settings(redis_url=server.url, data_dir=folder)
    finally:
        server.kill()


@contextlib.contextmanager
def answering(answer_to_info: bytes | None) -> Iterator[Settings]:
    """The settings for a made-up server: it says +OK to all but INFO; with None, it never says anything."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while asked := self.request.recv(65536):
                if answer_to_info is None:
                    continue
                if b"\r\nINFO\r\n" in asked:
                    self.wfile.write(b"$%d\r\n%s\r\n" % (len(answer_to_info), answer_to_info))
                else:
                    self.wfile.write(b"+OK\r\n" * len(re.findall(rb"^\*\d", asked, re.MULTILINE)))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Settings(redis_url=f"redis://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def playground() -> Iterator[RunningPlayground]:
    with running_playground() as running:
        yield running


def at(playground: RunningPlayground, token: str | None = None) -> Settings:
    settings = Settings(telegram_api_url=playground.url, playground_port=playground.port)
    return settings if token is None else Settings(telegram_api_url=playground.url, telegram_token=token)


def call(playground: RunningPlayground, method: str, **parameters: str) -> None:
    url = f"{playground.url}/bot1:playground/{method}"
    with httpx.Client(**DIRECT) as client:
        client.post(url, data=parameters).raise_for_status()


@pytest.mark.parametrize("name", BINARIES)
def test_a_fit_redis_is_reported_with_version_policy_and_memory(folder: Path, name: str) -> None:
    if not BINARIES[name]:
        pytest.skip("no redis-server on the PATH (Debian: apt-get install redis-server)")
    with redis_with(folder, binary=BINARIES[name]) as config:
        result = redis_server.redis(config)
    assert result.level == "ok"
    assert re.fullmatch(r"[67]\.\d+\.\d+, append-only \(fsync always\), noeviction, \d+ MB of no limit", result.text)


def test_a_redis_that_evicts_is_refused(folder: Path) -> None:
    with redis_with(folder, "--maxmemory-policy", "allkeys-lru") as config:
        result = redis_server.redis(config)
    assert result.level == "FAIL"
    assert "(maxmemory-policy allkeys-lru): set it to noeviction" in result.text


def test_a_redis_without_append_only_gets_a_warning(folder: Path) -> None:
    with redis_with(folder, "--appendonly", "no") as config:
        result = redis_server.redis(config)
    assert result.level == "warn"
    assert "set appendonly yes" in result.text


@pytest.mark.parametrize(
    ("policy", "level", "said"), [("everysec", "ok", "last second"), ("no", "warn", "set it to al")]
)
def test_what_a_power_cut_would_take_is_said(folder: Path, policy: str, level: str, said: str) -> None:
    with redis_with(folder, "--appendfsync", policy) as config:
        result = redis_server.redis(config)
    assert result.level == level
    assert said in result.text


def test_a_redis_whose_memory_is_nearly_full_gets_a_warning(folder: Path) -> None:
    with redis_with(folder, "--maxmemory", "900kb") as config:
        result = redis_server.redis(config)
    assert result.level == "warn"
    assert "memory is nearly full, 1 MB of 1 MB: raise maxmemory" in result.text


def test_a_redis_that_wants_a_password_says_where_to_put_it(folder: Path) -> None:
    # The test server's own readiness check would be refused: the password is set once it runs.
    with redis_with(folder) as config:
        cli = Path(BINARIES["redis-6.2"] or "").with_name("redis-cli")
        sock = str(config.redis_url).removeprefix("unix://")
        subprocess.run([cli, "-s", sock, "CONFIG", "SET", "requirepass", "s3cret"], check=True, capture_output=True)
        without = redis_server.redis(config)
        wrong = redis_server.redis(dataclasses.replace(config, redis_url=f"unix://:wr0ng@{sock}"))
        right = redis_server.redis(dataclasses.replace(config, redis_url=f"unix://:s3cret@{sock}"))
    assert (without.level, wrong.level, right.level) == ("FAIL", "FAIL", "ok")
    assert without == wrong
    assert without.text.startswith("the server wants another user or password: put it into REDIS_URL")


def test_a_replica_is_refused(folder: Path) -> None:
    with redis_with(folder, "--replicaof", "127.0.0.1", str(free_port())) as config:
        result = redis_server.redis(config)
    assert result.level == "FAIL"
    assert "name its primary in REDIS_URL" in result.text


def test_a_redis_that_is_too_old_is_refused() -> None:
    with answering(b"redis_version:5.0.7\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n") as config:
        result = redis_server.redis(config)
    assert result.level == "FAIL"
    assert result.text == "Redis 5.0.7 is too old: Whatsit needs 6.2 or newer"


def test_a_redis_that_never_answers_is_reported_in_time() -> None:
    with answering(None) as config:
        result = redis_server.redis(config, limit_s=0.2)
    assert result.level == "FAIL"
    assert "did not answer" in result.text


def test_a_redis_that_is_not_there_is_a_failure_but_our_own_only_a_warning(folder: Path) -> None:
    theirs = redis_server.redis(Settings(redis_url=f"redis://:s3cret@127.0.0.1:{free_port()}"))
    assert theirs.level == "FAIL"
    assert "Connect call failed" in theirs.text
    assert "s3cret" not in theirs.text
    assert redis_server.redis(Settings(data_dir=folder)) == warn("ours is not running: `make run` starts it")


def test_a_data_dir_too_long_for_a_socket_is_refused(folder: Path) -> None:
    result = redis_server.redis(Settings(data_dir=folder / ("x" * 120)))
    assert result.level == "FAIL"
    assert "DATA_DIR is too long" in result.text


def test_without_a_token_the_playground_answers_or_is_to_be_started(playground: RunningPlayground) -> None:
    assert telegram.token(at(playground)) == ok(f"not set: the playground answers, at {playground.url}")
    port = free_port()
    away = Settings(telegram_api_url=f"http://127.0.0.1:{port}", playground_port=port)
    assert telegram.token(away) == warn("not set, and the playground does not answer: `make run` starts it")
    assert telegram.webhook(away).level == "warn"


def test_a_token_that_works_is_reported_by_the_bots_name(playground: RunningPlayground) -> None:
    config = Settings(telegram_api_url=playground.url)  # another port than PLAYGROUND_PORT: not our playground
    result = telegram.token(config)
    assert result.level == "ok"
    assert re.fullmatch(rf"@\w+, at 127\.0\.0\.1:{playground.port}", result.text)


def test_a_token_that_telegram_does_not_know_is_reported_and_not_shown(playground: RunningPlayground) -> None:
    result = telegram.token(at(playground, WRONG_TOKEN))
    assert result.level == "FAIL"
    assert "does not know this TELEGRAM_TOKEN: take the right one from @BotFather" in result.text
    assert "AAWrong" not in result.text


def test_a_telegram_that_cannot_be_reached_is_reported_with_its_address() -> None:
    port = free_port()
    result = telegram.token(Settings(telegram_api_url=f"http://127.0.0.1:{port}", telegram_token=WRONG_TOKEN))
    assert result.level == "FAIL"
    assert f"see that 127.0.0.1:{port} can be reached from here" in result.text
    assert "AAWrong" not in result.text


def test_a_telegram_that_never_answers_is_reported_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        result = telegram.token(Settings(telegram_api_url=url, telegram_token=WRONG_TOKEN), limit_s=0.2)
    assert result.level == "FAIL"
    assert result.text.startswith("Telegram does not answer: see that")


def test_a_webhook_is_a_failure_that_names_its_host_alone_and_how_to_remove_it(playground: RunningPlayground) -> None:
    config = at(playground)
    assert telegram.webhook(config) == ok("not set, as it must be; 0 updates waiting")
    call(playground, "setWebhook", url="https://hooks.example.org/s3cret")
    try:
        with playground.user() as user:
            user.send_text("hello")
        result = telegram.webhook(config)
    finally:
        call(playground, "deleteWebhook", drop_pending_updates="true")
    assert result.level == "FAIL"
    assert result.text.startswith("Telegram delivers to hooks.example.org and not to this bot (1 update waiting)")
    assert result.text.endswith(f"open {playground.url}/bot<TELEGRAM_TOKEN>/deleteWebhook once")
    assert "s3cret" not in result.text


def test_a_telegram_that_asks_to_wait_says_nothing_of_the_webhook(playground: RunningPlayground) -> None:
    with playground.user() as user:
        user.faults({"method": "getWebhookInfo", "do": "error", "status": 429, "retry_after_s": 3, "times": 1})
        result = telegram.webhook(at(playground))
    assert result == warn("not known: Telegram did not answer, see Token")


@pytest.mark.parametrize(
    ("flags", "groups", "guests"),
    [
        ((False, True), ("ok", "privacy mode is on, as it should be"), ("ok", "guest mode is on: @whatsit_bot below")),
        ((True, False), ("warn", "privacy mode is off: all messages"), ("ok", "guest mode is off: nobody can ask")),
    ],
)
def test_privacy_mode_and_guest_mode_are_told_with_the_ways_of_asking_that_work(
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[bool, bool],
    groups: tuple[str, str],
    guests: tuple[str, str],
) -> None:
    async def get_me(_: object) -> Me:
        return Me(42, "whatsit_bot", *flags)

    monkeypatch.setattr(Telegram, "get_me", get_me)
    for result, (level, said) in ((telegram.groups(Settings()), groups), (telegram.guests(Settings()), guests)):
        assert result.level == level
        assert result.text.startswith(said)
    assert "/what@whatsit_bot in reply to a photo" in telegram.groups(Settings()).text


def test_how_people_may_ask_is_not_known_while_telegram_is_away(playground: RunningPlayground) -> None:
    for look in (telegram.groups, telegram.guests):
        assert look(at(playground, WRONG_TOKEN)) == warn("not known: Telegram did not answer, see Token")


def test_a_free_port_is_well_and_so_is_one_that_our_own_playground_holds(playground: RunningPlayground) -> None:
    port = free_port()
    free = Settings(playground_port=port, telegram_api_url=f"http://127.0.0.1:{port}")
    assert ports.port(free, ROOT) == ok(f"{port} is free for the playground")
    assert ports.port(at(playground), ROOT) == ok(f"{playground.port} is held by this playground")


def test_a_port_that_another_program_or_bot_holds_is_reported_with_its_holder(
    playground: RunningPlayground, folder: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = ports.port(Settings(playground_port=port, telegram_api_url=f"http://127.0.0.1:{port}"), ROOT)
    assert result.level == "FAIL"
    assert re.match(rf"{port} is held by \S+ \(process {os.getpid()}, in {Path.cwd()}\): stop that", result.text)
    other = ports.port(at(playground), folder)
    assert other.level == "FAIL"
    assert f"another playground (process {playground.process.pid}, in {ROOT})" in other.text


def test_programs_that_run_or_are_not_needed_are_well(folder: Path) -> None:
    conf = program("classify", "sleep 60") + program("playground", "true")
    with supervisord(folder, conf) as sock:
        wait_until(lambda: states(sock)["playground"] == "EXITED", START_S, "the end of one")
        assert supervisor.supervisor(sock, Settings(data_dir=folder)) == ok(
            "1 running; done, or not needed: playground"
        )


def test_programs_that_cannot_run_are_stopped_or_hang_are_named_with_what_to_do(folder: Path) -> None:
    conf = program("classify", "false", startsecs="1", startretries="0") + program("reply", "sleep 60")
    conf += "".join(program(name, "sleep 60", autostart="false") for name in ("receive", "file_check"))
    conf += program("fetch_url", "sleep 60", startsecs="60")
    conf += "[eventlistener:watchdog]\nevents=TICK_5\ncommand=false\nstartretries=0\nstdout_logfile=NONE\n"
    (folder / "heartbeats").mkdir()
    (folder / "heartbeats" / "reply").touch()
    os.utime(folder / "heartbeats" / "reply", (1, 1))
    with supervisord(folder, conf) as sock:
        failed = {"classify": "FATAL", "watchdog": "FATAL"}
        wait_until(lambda: failed.items() <= states(sock).items(), START_S, "the failure of two")
        result = supervisor.supervisor(sock, Settings(data_dir=folder), hangs_after_s=0)
    assert result.level == "FAIL"
    assert "classify cannot run (FATAL): `supervisorctl tail classify` says why" in result.text
    assert "watchdog cannot run (FATAL): `supervisorctl tail watchdog stderr` says why" in result.text
    assert re.search(r"reply hangs, silent for \d+ s: `supervisorctl restart reply`", result.text)
    assert "stopped, `supervisorctl start NAME` starts one: file_check, receive" in result.text
    assert "look again in a moment: fetch_url" in result.text


def test_a_supervisord_that_does_not_run_or_answer_is_reported(folder: Path) -> None:
    sock = folder / "supervisor.sock"
    assert supervisor.supervisor(sock, None) == warn("is not running: `make run` starts it and the bot")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(sock))
        assert supervisor.supervisor(sock, None).level == "warn"
        left.listen()
        result = supervisor.supervisor(sock, None, limit_s=0.1)
    assert result.level == "FAIL"
    assert "did not answer within 0.1 s" in result.text


def run_check(root: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "common.programs.check"]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)


def test_the_command_reports_everything_in_lines_without_a_secret_and_exits_1_for_a_failure(
    folder: Path, playground: RunningPlayground
) -> None:
    environ = checkout(folder) | {"TELEGRAM_API_URL": playground.url}
    (folder / ".env").write_text(f"TELEGRAM_TOKEN={WRONG_TOKEN}\nMODELL=auto\n")
    (folder / ".env").chmod(0o644)
    done = run_check(folder, environ)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert [line[5:15].strip() for line in lines] == (
        [
            "Python",
            "Settings",
            "Token",
            "Webhook",
            "Groups",
            "Guests",
            "Contact",
            "Redis",
            "Model",
            "Disk",
            "Pictures",
            "Port",
            "Supervisor",
        ]
    )
    assert [line[:4].strip() for line in lines] == [
        "ok",
        "warn",
        "FAIL",
        *["warn"] * 3,
        "ok",
        "warn",
        *["ok"] * 4,
        "warn",
    ]
    assert "AAWrong" not in done.stdout


def test_with_a_wrong_setting_the_command_says_so_and_looks_at_what_it_can(folder: Path) -> None:
    done = run_check(folder, checkout(folder) | {"ENGINE": "onnx"})
    assert done.returncode == 1
    assert "FAIL Settings    ENGINE='onnx' is not one of" in done.stdout
    assert "warn the rest    not looked at until the settings are right" in done.stdout


def test_the_command_uses_colour_only_on_a_terminal(folder: Path) -> None:
    environ = checkout(folder)
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal, os.fdopen(theirs, "wb") as end:
        subprocess.run(
            [sys.executable, "-m", "common.programs.check"], cwd=folder, env=environ, stdout=end, check=False
        )
        shown = terminal.read(65536)
    assert b"\x1b[32mok  \x1b[0m Python" in shown
    assert "\x1b" not in run_check(folder, environ).stdout


def test_at_start_the_log_gets_the_same_lines_once_the_others_have_started(folder: Path) -> None:
    environ = checkout(folder)
    python = f"{sys.executable} -m"
    log = folder / "run" / "logs" / "check.log"
    conf = program("redis", f"{python} common.programs.embedded_redis", startsecs="1", autorestart="unexpected")
    conf += program("playground", f"{python} playground", startsecs="1", autorestart="unexpected")
    conf += program("check", f"{python} common.programs.check --at-start", stdout_logfile=str(log))
    with supervisord(folder, conf, **environ) as sock:
        wait_until(lambda: states(sock)["check"] == "EXITED", START_S, "the check at start")
        lines = log.read_text().splitlines()
        now = run_check(folder, environ)
    assert len(lines) == len(now.stdout.splitlines())
    assert all(re.match(r"\S+Z INFO    ok   \w+", line) for line in lines), lines
    assert now.returncode == 0, now.stdout


def test_systemd_accepts_the_unit_that_the_documented_command_writes(folder: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze (Debian: apt-get install systemd)")
    root = folder / "my bot"
    root.mkdir()
    checkout(root)
    shutil.copytree(ROOT / "docs", root / "docs")
    lines = (ROOT / "docs" / "operations.md").read_text().splitlines()
    (command,) = (line.strip().partition(" | sudo tee ")[0] for line in lines if line.startswith("    sed "))
    unit = subprocess.check_output(["sh", "-c", command], cwd=root, env=os.environ | {"USER": "me"}, text=True)
    assert "/opt/whatsit" not in unit
    assert f"\nUser=me\nWorkingDirectory={root}\n" in unit
    (folder / "whatsit.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / "whatsit.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
