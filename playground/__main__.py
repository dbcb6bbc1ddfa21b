"""The playground's process: ``python -m playground``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator

import uvloop

from common import logs, settings
from common.errors import SettingsError
from common.supervision import parent
from playground import model_watch
from playground.application import Application
from playground.server import Server

_log = logging.getLogger("playground")


def main() -> int:
    """Serve until stopped. Returns the exit status."""
    try:
        config = settings.load()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    logs.set_up(config)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    parent.end_with_supervisor()
    if not config.uses_playground:
        parent.say_not_needed("TELEGRAM_TOKEN or TELEGRAM_API_URL is set, so the bot talks to Telegram")
        return 0
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config))


async def _serve(config: settings.Settings) -> int:
    port = config.playground_port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            _log.error("port %d is not free (%s): set PLAYGROUND_PORT to another", port, error.strerror)
            return 1
        application = Application(config.telegram_token, port)
        watch = asyncio.create_task(model_watch.watch(application.playground, config.models_dir))
        _log.info("chat with the bot at %s", config.telegram_api_url)
        await _Server(application).serve(sockets=[listener])
        watch.cancel()
    # Not 0: if Supervisor did not send the SIGTERM, it starts the playground again.
    return parent.ENDED_BY_SIGTERM


class _Server(Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and Ctrl-C: uvicorn would raise the signal again at the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
