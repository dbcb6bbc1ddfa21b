"""Ends a worker whose event loop hangs, so that Supervisor starts a new one: its event listener ``watchdog``.

A worker touches its heartbeat file every two seconds for as long as its event loop turns
(``common/runtime/process.py``), so a file that nothing touches any more tells of a loop that stands still: a call that
never returns, or an endless one. The worker cannot mend that itself, and cannot even obey SIGTERM: it gets SIGKILL.
What it held is taken again.

Nobody must be killed by mistake, so silence is measured by this process's own clock: from when it saw the file change
last, and not by the file's date. Then a clock that is set, or a machine that slept, is nobody's silence. And a round
proves nothing if it comes late (then perhaps everything stood still), or if the disk takes no sign of life.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from supervisor import childutils

from common import logs, settings
from common.errors import SettingsError
from common.messages import CHANNELS
from common.settings import Settings
from common.supervision import identity
from common.supervision.identity import SILENT_LIMIT_S, supervisors_name

LATE_S: Final = 8.0  # Supervisor's TICK_5 comes every five seconds, give or take one
STACKS_TAKE_S: Final = 0.5  # for a process to write where each of its threads stands
ANSWER_LIMIT_S: Final = 10.0

_NO_ANSWER: Final = (xmlrpc.client.Error, http.client.HTTPException, OSError)

_log = logging.getLogger(__name__)


class Sign(NamedTuple):
    """What is seen of a worker's process: its id, and when its heartbeat file was touched, as the file has it."""

    pid: int
    touched_ns: int | None


class Silent(NamedTuple):
    """A process without a sign of life, by the name that ``supervisorctl`` has for it."""

    name: str
    pid: int
    for_s: float


class Watch:
    """Remembers since when each process has shown no sign of life."""

    def __init__(self) -> None:
        self._looked_at: float | None = None
        self._since: dict[str, tuple[Sign, float]] = {}

    def silent(self, seen: Mapping[str, Sign], now: float) -> list[Silent]:
        """Who has been silent for too long. The start of a process is a sign of life, too.

        Args:
            seen: What is seen now of each process that should be alive, by its name.
            now: The time, in seconds of a clock that nobody sets.
        """
        gap_s = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        if gap_s > LATE_S:
            _log.warning("%.0f s since the last look, which proves nothing: everybody's silence counts anew", gap_s)
            self._since.clear()
        before, self._since = self._since, {}
        for name, sign in seen.items():
            last = before.get(name)
            self._since[name] = last if last and last[0] == sign else (sign, now)
        found = [
            Silent(name, sign.pid, now - since)
            for name, (sign, since) in self._since.items()
            if now - since > SILENT_LIMIT_S
        ]
        for name, _, _ in found:
            self._since[name] = (seen[name], now)  # if it cannot be ended, that is not tried at every tick
        return found


def workers(processes: Iterable[Mapping[str, Any]], config: Settings) -> dict[str, Sign]:
    """What is seen of each worker that should be alive, by the name that ``supervisorctl`` has for it.

    Args:
        processes: What Supervisor's ``getAllProcessInfo`` says.
        config: Where heartbeat files are.
    """
    return {
        supervisors_name(process["group"], process["name"]): Sign(process["pid"], _touched_ns(config, process["name"]))
        for process in processes
        if process["group"] in CHANNELS and process["statename"] in {"STARTING", "RUNNING"}
    }


def _touched_ns(config: Settings, process: str) -> int | None:
    try:
        return identity.heartbeat_file(config, process).stat().st_mtime_ns
    except OSError:
        return None  # none yet; its process's start counts


class Watchdog:
    """Looks, and acts on what it sees."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._watch = Watch()
        self._problem = ""

    def look(self) -> None:
        """See who is silent, and end it. What keeps it from that is said once, and it goes on."""
        problem = self._round()
        if problem and problem != self._problem:
            _log.error("%s", problem)
        elif self._problem and not problem:
            _log.info("… and it works again")
        self._problem = problem

    def _round(self) -> str:
        """One look. Returns what kept it from being one, if anything did."""
        try:
            self._show_life()
        except OSError as error:
            return f"no sign of life can be written ({error}), so nobody is missed"
        try:
            with childutils.getRPCInterface(os.environ) as rpc:
                seen = workers(rpc.supervisor.getAllProcessInfo(), self._config)
                _end(self._watch.silent(seen, time.monotonic()), rpc.supervisor)
        except _NO_ANSWER as error:
            return f"Supervisor does not say who runs: {error}"
        return ""

    def _show_life(self) -> None:
        """Do what a worker does for its first sign of life: on a full disk, a file can be touched but perhaps not made.

        On a disk that hangs this hangs too, so that the round is late.

        Raises:
            OSError: It cannot be done.
        """
        path = identity.heartbeat_file(self._config, "watchdog")
        identity.touch(path)
        path.unlink()


def _end(silent: Sequence[Silent], supervisor: Any) -> None:
    for one in silent:
        _log.error(
            "%s (process %d) hangs, silent for %.0f s: its log gets its threads' stacks, then it is killed", *one
        )
        _signal(supervisor, one, "SIGUSR1")
    if silent:
        time.sleep(STACKS_TAKE_S)
    for one in silent:
        _signal(supervisor, one, "SIGKILL")


def _signal(supervisor: Any, one: Silent, name: str) -> None:
    try:
        # One that hung before it knew SIGUSR1 dies of it, and its successor may be there already.
        if supervisor.getProcessInfo(one.name)["pid"] == one.pid:
            supervisor.signalProcess(one.name, name)
    except _NO_ANSWER as error:
        _log.warning("%s cannot be sent %s: %s", one.name, name, error)


def _ticks() -> Iterator[None]:
    """Supervisor's events, one after the other until it ends: https://supervisord.org/events.html."""
    childutils.listener.ready()
    while line := sys.stdin.readline():
        sys.stdin.read(int(childutils.get_headers(line)["len"]))
        yield
        childutils.listener.ok()
        childutils.listener.ready()


def main() -> None:
    """Look at each tick, until Supervisor ends or says so."""
    try:
        config = settings.load()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    logs.set_up(config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    identity.end_with_supervisor()
    socket.setdefaulttimeout(ANSWER_LIMIT_S)
    _log.info("watching over %s", ", ".join(CHANNELS))
    watchdog = Watchdog(config)
    for _ in _ticks():
        watchdog.look()


if __name__ == "__main__":
    main()
