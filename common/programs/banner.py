"""What `make run` prints before Supervisor takes over the terminal. Checks what would keep the bot from working."""

from __future__ import annotations

import os
import socket
import sys
from typing import Final

from common import settings
from common.errors import SettingsError
from common.model.records import in_use
from common.programs.redis_command import MAX_SOCKET_PATH
from common.settings import ROOT, TELEGRAM_API, Settings

SUPERVISOR_SOCKET: Final = ROOT / "run" / "supervisor.sock"


def main() -> None:
    """Print which model answers, where to chat, and how to watch and stop the bot."""
    try:
        config = settings.load()
        _check_port(config)
        _check_path()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    model = in_use(config.models_dir)
    lines = [
        "",
        f"  Model   {model.title if model else 'not prepared yet'}",
        f"  Chat    {_where_to_chat(config)}",
        "  Watch   . .venv/bin/activate; supervisorctl status; supervisorctl tail -f classify",
        "  Stop    Ctrl-C",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _where_to_chat(config: Settings) -> str:
    if config.uses_playground:
        return f"open {config.telegram_api_url}"
    if config.telegram_api_url == TELEGRAM_API:
        return "write to your bot in Telegram"
    return f"through the Bot API at {config.telegram_api_url}"


def _check_port(config: Settings) -> None:
    """Refuse a port that is taken: only a log would show it, or the bot would connect to another bot's playground."""
    if not config.uses_playground:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", config.playground_port))
        except OSError as error:
            msg = f"PLAYGROUND_PORT={config.playground_port} cannot be used ({error.strerror}): set it to another"
            raise SettingsError(msg) from None


def _check_path() -> None:
    length = len(os.fsencode(SUPERVISOR_SOCKET))
    if length > MAX_SOCKET_PATH:
        msg = f"{str(SUPERVISOR_SOCKET)!r} has {length} bytes, and a socket's path may have {MAX_SOCKET_PATH}: "
        raise SettingsError(msg + "move this folder to a shorter path")


if __name__ == "__main__":
    main()
