"""Ends a worker whose event loop hangs, so that Supervisor starts a new one: its event listener ``watchdog``.

A worker touches its heartbeat file every two seconds for as long as its event loop runs
(``common/supervision/heartbeat.py``). So a file that is no longer touched shows that the loop hangs: in a call that
never returns, or an endless loop. The worker cannot end that by itself, and cannot even obey SIGTERM: it gets SIGKILL.
Its messages in flight are taken again.

The watchdog must not kill a worker by mistake. So it measures silence by its own clock, from when it last saw the file
change, and not by the file's date: a clock that is set, or a machine that slept, does not count as silence. And a round
does not count if it comes late (perhaps everything was paused), or if the disk takes no sign of life.
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
class WatchdogLimits:
    """How long the watchdog waits, in seconds.

    Attributes:
        silent_s: How long a worker may show no sign of life.
        late_s: From one look to the next. After a longer pause every worker's silence counts from zero. Supervisor's
            TICK_5 comes every five seconds, give or take one.
        stacks_s: For a process to write its threads' stacks.
        answer_s: For Supervisor to answer.
    """

    silent_s: float = heartbeat.SILENT_LIMIT_S
    late_s: float = 8.0
    stacks_s: float = 0.5
    answer_s: float = 10.0


class Sign(NamedTuple):
    """A worker's process: its id, and the modification time of its heartbeat file."""

    pid: int
    touched_ns: int | None


class Silent(NamedTuple):
    """A process without a sign of life, by its name in ``supervisorctl``."""

    name: str
    pid: int
    for_s: float


class Watch:
    """Remembers since when each process has shown no sign of life."""

    def __init__(self, limits: WatchdogLimits) -> None:
        self._limits = limits
        self._looked_at: float | None = None
        self._since: dict[str, tuple[Sign, float]] = {}

    def silent(self, seen: Mapping[str, Sign], now: float) -> list[Silent]:
        """The processes that have been silent for too long. The start of a process is a sign of life, too.

        Args:
            seen: The state of each process that should be alive, by its name.
            now: The time, in seconds of a monotonic clock.
        """
        gap_s = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        if gap_s > self._limits.late_s:
            _log.warning("%.0f s since the last look, which is too long: each silence counts from zero", gap_s)
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
            self._since[name] = (seen[name], now)  # if it cannot be killed, the next try is not at the next tick
        return found


def workers(processes: Iterable[Mapping[str, Any]], config: Settings) -> dict[str, Sign]:
    """The state of each worker that should be alive, by its name in ``supervisorctl``.

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
        return None  # it does not exist yet; the start of its process counts


def end(silent: Sequence[Silent], supervisor: Any, limits: WatchdogLimits) -> None:
    """Make each silent process log its stacks, then kill it.

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
        # A process that hung before it handled SIGUSR1 dies of that signal, and the next one may run already.
        if supervisor.getProcessInfo(one.name)["pid"] == one.pid:
            supervisor.signalProcess(one.name, name)
    except _NO_ANSWER as error:
        _log.warning("%s cannot be sent %s: %s", one.name, name, error)


class Watchdog:
    """Looks for hanging workers, and kills them."""

    def __init__(self, config: Settings, limits: WatchdogLimits = WatchdogLimits()) -> None:
        self._config = config
        self._limits = limits
        self._watch = Watch(limits)
        self._problem = Problem(_log, logging.ERROR)

    def look(self) -> None:
        """Kill the silent workers. A problem that prevents this is logged once, and the watchdog goes on."""
        if problem := self._round():
            self._problem.report(problem)
        else:
            self._problem.clear()

    def _round(self) -> str:
        """One round. Returns the problem that prevented it; '' if none did."""
        try:
            self._show_life()
        except OSError as error:
            return f"no sign of life can be written ({error}), so no worker is judged"
        try:
            with childutils.getRPCInterface(os.environ) as rpc:
                seen = workers(rpc.supervisor.getAllProcessInfo(), self._config)
                end(self._watch.silent(seen, time.monotonic()), rpc.supervisor, self._limits)
        except _NO_ANSWER as error:
            return f"Supervisor does not say who runs: {error}"
        return ""

    def _show_life(self) -> None:
        """Write a sign of life as a worker does first: on a full disk, a file can be touched but perhaps not created.

        On a disk that hangs this hangs too, so that the round is late.

        Raises:
            OSError: It cannot be written.
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
    """Look at each tick, until Supervisor ends or stops this program."""
    try:
        config = settings.load()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    logs.set_up(config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent.end_with_supervisor()
    limits = WatchdogLimits()
    socket.setdefaulttimeout(limits.answer_s)
    _log.info("watching over %s", ", ".join(CHANNELS))
    watchdog = Watchdog(config, limits)
    for _ in _ticks():
        watchdog.look()


if __name__ == "__main__":
    main()
