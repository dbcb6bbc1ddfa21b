"""The whole bot with every fault on: no output shows a secret, and every connection goes to a configured address."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from common.messages import ClassifyImage, encode
from common.settings import ROOT
from tests.support import make, photos, web_server
from tests.support.bot_api import User, free_port, is_up
from tests.support.redis_servers import BINARIES, running_redis
from tests.support.running_bot import Bot, running_bot
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(150)

TOKEN = "987654321:AAHiddenHiddenHiddenHiddenHidden-_x"
PASSWORD = "opensesame-opensesame"
SECRETS = (TOKEN, TOKEN.partition(":")[2], PASSWORD)
CHAT = 3001

# Python runs this in every process of the bot. It notes each address that a socket connects to, and each name lookup.
AUDIT = """
    import os, sys

    def note(event, args):
        if event == "socket.connect":
            line = repr(args[1])
        elif event == "socket.getaddrinfo":
            line = repr(args[:2])
        else:
            return
        with open(os.environ["AUDIT_FILE"], "a") as file:
            file.write(f"{event} {line}\\n")

    sys.addaudithook(note)
"""
# The real playground, with a secret token.
PLAYGROUND = """
    import sys
    from common import settings
    settings.PLAYGROUND_TOKEN = settings.load().telegram_token
    from playground.__main__ import main
    sys.exit(main())
"""
FAULTS: list[dict[str, Any]] = [
    {"do": "error", "status": 500},
    {"do": "error", "status": 429, "retry_after_s": 1},
    {"do": "error", "status": 404},
    {"do": "error", "status": 401},
    {"do": "drop_before"},
    {"do": "drop_after"},
    {"do": "cut_body"},
    {"do": "delay", "delay_s": 0.2},
    {"do": "drip", "delay_s": 0.2},
    {"do": "wrong_size"},
]
METHODS = ("getUpdates", "getFile", "file", "sendMessage", "sendChatAction")


@contextlib.contextmanager
def playground_with_a_secret(folder: Path, models_dir: Path) -> Iterator[str]:
    """A playground whose token is ``TOKEN``. Gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": url, "PLAYGROUND_PORT": str(port)}
    command = [sys.executable, "-c", textwrap.dedent(PLAYGROUND)]
    with (folder / "playground.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environ | {"MODELS_DIR": str(models_dir)}, stdout=log, stderr=log
        )
        try:
            wait_until(lambda: is_up(port), 10, "the playground")
            yield url
        finally:
            process.terminate()
            process.wait(10)


def command_lines(root: Path) -> str:
    """The command lines of all processes that run in that folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").resolve().is_relative_to(root):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    assert sum("receive.py" in line for line in found) == 1
    return "\n".join(found)


def test_no_output_shows_a_secret_and_every_connection_goes_to_a_configured_address(
    lite2_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(AUDIT))
    audit = tmp_path / "audit"
    with (
        running_redis(str(BINARIES["redis-6.2"])) as server,
        playground_with_a_secret(tmp_path, lite2_dir) as url,
        web_server.serving({"/cat.jpg": web_server.content(photos.jpeg("chelsea"), "image/jpeg")}) as web,
        User(url, CHAT) as user,
    ):
        with redis.Redis(unix_socket_path=str(server.socket)) as client:
            client.config_set("requirepass", PASSWORD)
        environ = {
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": url,
            "REDIS_URL": f"{server.url}?password={PASSWORD}",
            "FETCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "LOG_LEVEL": "DEBUG",
            "PYTHONPATH": str(tmp_path),
            "AUDIT_FILE": str(audit),
        }
        with running_bot(lite2_dir, **environ) as bot:
            seen = use_it_with_every_fault(bot, user, web.url("/cat.jpg"))
            seen += command_lines(bot.root) + bot.ctl("status") + bot.ctl("tail", "receive")
            seen += checked(bot)
            bot.stop()
            files = [path for path in (bot.root / "run").rglob("*") if path.is_file() and "redis" not in path.parts]
            seen += "\n".join(path.read_text(errors="replace") for path in files)
        seen += (tmp_path / "playground.log").read_text()
        configured = {("127.0.0.1", int(url.rpartition(":")[2])), ("127.0.0.1", web.port)}

    assert "***/***" in seen, "the log would have shown the token"
    assert not [secret for secret in SECRETS if secret in seen]
    assert not [line for line in called(audit) if not is_configured(line, configured)]


def use_it_with_every_fault(bot: Bot, user: User, link: str) -> str:
    """Send photos and links while each call fails in each way in turn. Gives everything that the chat shows."""
    sent = 0
    for fault in FAULTS:
        user.faults(*({"method": method, "times": 1, "skip": 1, **fault} for method in METHODS))
        user.send_photo(photos.jpeg("chelsea"))
        user.send_text(link)
        user.send_photo_bytes_raw(b"no picture")
        sent += 3
        user.wait_for_answers(sent - 2, timeout_s=30)
    user.faults()
    # After a 401 or 404, getFile and sendMessage are not repeated, so some messages have no answer.
    bot.kill("classify")
    user.send_photo(photos.jpeg("chelsea"))
    with redis.Redis.from_url(bot.environ["REDIS_URL"]) as client:
        wait_until(lambda: not client.exists("{whatsit}:jobs"), 60, "the end of all jobs")
        client.xadd("{whatsit}:classify", {"job": "", "body": f'{{"{TOKEN}": "{PASSWORD}"}}'})
        wait_until(lambda: client.xlen("{whatsit}:dead") == 1, 20, "the burial")
        hostile = ClassifyImage(job=make.job(), key=f"{TOKEN}/{PASSWORD}")
        client.xadd("{whatsit}:classify", {"job": "", "body": encode(hostile)})
        wait_until(lambda: "Traceback" in bot.log("classify"), 20, "a traceback")
    return json.dumps([user.history(), user.bot()])


def checked(bot: Bot) -> str:
    """What ``make check`` says."""
    command = [str(bot.root / ".venv" / "bin" / "python"), "-m", "common.programs.check"]
    done = subprocess.run(command, cwd=bot.root, env=bot.environ, check=False, capture_output=True, text=True)
    assert "Redis" in done.stdout
    return done.stdout + done.stderr


def called(audit: Path) -> set[tuple[str, str]]:
    """Event and address of each connection and name lookup of the bot's processes."""
    found = {tuple(line.split(" ", 1)) for line in audit.read_text().splitlines()}
    assert {event for event, _ in found} >= {"socket.connect"}
    return found  # type: ignore[return-value]


def is_configured(call: tuple[str, str], configured: set[tuple[str, int]]) -> bool:
    event, what = call
    address = ast.literal_eval(what)
    if event == "socket.connect" and isinstance(address, str | bytes):
        return True  # a unix socket: Redis, Supervisor
    host, port = address[:2]
    return any(host in {name, name.encode()} and int(port) == of for name, of in configured)
