"""Ends a worker whose event loop hangs, so that Supervisor starts a new one: its event listener ``watchdog``.

A worker touches its heartbeat file every two seconds for as long as its event loop turns
(``common/supervision/heartbeat.py``). So a file that is no longer touched shows that the loop stands still: in a call
that never returns, or an endless loop. The worker cannot end that by itself, and cannot even obey SIGTERM: it gets
SIGKILL. The messages that it held are taken again.

No worker may be killed by mistake. So silence is measured by this process's own clock, from when it last saw the file
change, and not by the file's date: a clock that is set, or a machine that slept, does not count as silence. And a round
proves nothing if it comes late (perhaps everything stood still), or if the disk takes no sign of life.
"""

from __future__ import annotations

import dataclasses
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
from common.problem import Problem
from common.settings import Settings
from common.supervision import heartbeat, parent
from common.supervision.identity import supervisors_name

_NO_ANSWER: Final = (xmlrpc.client.Error, http.client.HTTPException, OSError)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long the watchdog waits, in seconds.

    Attributes:
        silent_s: How long a worker may show no sign of life.
        late_s: From one look to the next. After a longer pause every worker's silence counts from zero. Supervisor's
            TICK_5 comes every five seconds, give or take one.
        stacks_s: For a process to write where each of its threads stands.
        answer_s: For Supervisor to answer.
    """

    silent_s: float = heartbeat.SILENT_LIMIT_S
    late_s: float = 8.0
    stacks_s: float = 0.5
    answer_s: float = 10.0


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

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
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
        if gap_s > self._limits.late_s:
            _log.warning("%.0f s since the last look, which proves nothing: each silence counts from zero", gap_s)
            self._since.clear()
        before, self._since = self._since, {}
        for name, sign in seen.items():
            last = before.get(name)
            self._since[name] = last if last and last[0] == sign else (sign, now)
        found = [
            Silent(name, sign.pid, now - since)
            for name, (sign, since) in self._since.items()
            if now - since > self._limits.silent_s
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
        return heartbeat.heartbeat_file(config, process).stat().st_mtime_ns
    except OSError:
        return None  # not there yet; the start of its process counts


def end(silent: Sequence[Silent], supervisor: Any, limits: Limits) -> None:
    """Have each silent process log its stacks, then kill it.

    Args:
        silent: The processes.
        supervisor: Supervisor's XML-RPC interface.
        limits: How long they may take for their stacks.
    """
    for one in silent:
        _log.error(
            "%s (process %d) hangs, silent for %.0f s: its log gets its threads' stacks, then it is killed", *one
        )
        _signal(supervisor, one, "SIGUSR1")
    if silent:
        time.sleep(limits.stacks_s)
    for one in silent:
        _signal(supervisor, one, "SIGKILL")


def _signal(supervisor: Any, one: Silent, name: str) -> None:
    try:
        # One that hung before it handled SIGUSR1 dies of it, and the next one may be there already.
        if supervisor.getProcessInfo(one.name)["pid"] == one.pid:
            supervisor.signalProcess(one.name, name)
    except _NO_ANSWER as error:
        _log.warning("%s cannot be sent %s: %s", one.name, name, error)


class Watchdog:
    """Looks, and acts on what it sees."""

    def __init__(self, config: Settings, limits: Limits = Limits()) -> None:
        self._config = config
        self._limits = limits
        self._watch = Watch(limits)
        self._problem = Problem(_log, logging.ERROR)

    def look(self) -> None:
        """See who is silent, and end it. What keeps it from that is said once, and the watchdog goes on."""
        if problem := self._round():
            self._problem.report(problem)
        else:
            self._problem.clear()

    def _round(self) -> str:
        """One look. Returns what kept it from being one, if anything did."""
        try:
            self._show_life()
        except OSError as error:
            return f"no sign of life can be written ({error}), so nobody is missed"
        try:
            with childutils.getRPCInterface(os.environ) as rpc:
                seen = workers(rpc.supervisor.getAllProcessInfo(), self._config)
                end(self._watch.silent(seen, time.monotonic()), rpc.supervisor, self._limits)
        except _NO_ANSWER as error:
            return f"Supervisor does not say who runs: {error}"
        return ""

    def _show_life(self) -> None:
        """Do what a worker does for its first sign of life: on a full disk, a file can be touched but perhaps not made.

        On a disk that hangs this hangs too, so that the round is late.

        Raises:
            OSError: It cannot be done.
        """
        path = heartbeat.heartbeat_file(self._config, "watchdog")
        heartbeat.touch(path)
        path.unlink()


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
    parent.end_with_supervisor()
    limits = Limits()
    socket.setdefaulttimeout(limits.answer_s)
    _log.info("watching over %s", ", ".join(CHANNELS))
    watchdog = Watchdog(config, limits)
    for _ in _ticks():
        watchdog.look()


if __name__ == "__main__":
    main()
