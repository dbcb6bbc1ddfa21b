"""Supervisor: whether it runs, and whether all of its programs do."""

from __future__ import annotations

import dataclasses
import http.client
import os
import socket
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from common.messages import CHANNELS
from common.programs.check.result import Result, fail, ok, together, warn
from common.programs.redis_command import MAX_SOCKET_PATH
from common.settings import Settings
from common.supervision.heartbeat import SILENT_LIMIT_S, heartbeat_file
from common.supervision.identity import supervisors_name

ANSWER_LIMIT_S: Final = 5.0
# Supervisor binds "<path>.<its process id>" first, and then gives it its name; Linux's ids have 7 digits at most.
_LONGEST_SUFFIX: Final = 8


@dataclasses.dataclass(frozen=True)
class Program:
    """A process of one of Supervisor's programs: https://supervisord.org/subprocess.html#process-states.

    Attributes:
        name: What ``supervisorctl`` calls it.
        group: The program.
        process: The process's own name.
        state: Its state, in Supervisor's word.
        exit_status: How it ended, if it has.
        running_s: For how long it runs, if it does.
        log: The argument of ``supervisorctl tail`` for its log.
    """

    name: str
    group: str
    process: str
    state: str
    exit_status: int
    running_s: float
    log: str


def supervisor(
    sock: Path, config: Settings | None, limit_s: float = ANSWER_LIMIT_S, hangs_after_s: float = SILENT_LIMIT_S
) -> Result:
    """Whether the bot runs.

    Args:
        sock: supervisord's control socket.
        config: For the workers' signs of life; None if the settings are wrong.
        limit_s: How long supervisord may take to answer.
        hangs_after_s: How long a worker may show no sign of life.
    """
    excess = len(os.fsencode(sock)) + _LONGEST_SUFFIX - MAX_SOCKET_PATH
    if excess > 0:
        return fail(
            f"the path of supervisord's socket is {excess} bytes too long, {sock}: move the bot to a shorter one"
        )
    try:
        found = programs(sock, limit_s)
    except (FileNotFoundError, ConnectionRefusedError):
        return warn("is not running: `make run` starts it and the bot")
    except PermissionError:
        return fail(f"{sock} belongs to another user: check as that one, `sudo -u … make check`")
    except TimeoutError:
        return fail(f"supervisord did not answer within {limit_s:g} s: see run/logs/supervisord.log")
    return _judged(found, config, hangs_after_s)


def programs(sock: Path, limit_s: float = ANSWER_LIMIT_S) -> list[Program]:
    """Supervisor's programs, without the one that asks.

    Raises:
        OSError: supervisord does not run, does not answer, or is another user's.
    """
    connection = _UnixConnection(sock, limit_s)
    try:
        call = xmlrpc.client.dumps((), "supervisor.getAllProcessInfo")
        connection.request("POST", "/RPC2", call, {"Content-Type": "text/xml"})
        answer, _ = xmlrpc.client.loads(connection.getresponse().read())
    finally:
        connection.close()
    rows: Any = answer[0]
    return [_program(row) for row in rows if row["name"] != os.environ.get("SUPERVISOR_PROCESS_NAME")]


def _program(row: Mapping[str, Any]) -> Program:
    group, process = row["group"], row["name"]
    name = supervisors_name(group, process)
    # The watchdog talks with Supervisor over its standard output, and keeps no log of that.
    log = name if row["stdout_logfile"] else f"{name} stderr"
    return Program(name, group, process, row["statename"], row["exitstatus"], row["now"] - row["start"], log)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("supervisor", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _judged(found: Sequence[Program], config: Settings | None, hangs_after_s: float) -> Result:
    alike: dict[Result, list[str]] = {}
    for program in found:
        alike.setdefault(_about(program), []).append(program.name)
    results = [Result(same.level, same.text.format(", ".join(names))) for same, names in alike.items()]
    if config:
        results += [*_hanging(found, config, hangs_after_s), *_number(found, config)]
    if any(result.level != "ok" for result in results):
        return together(results)
    run = [program.name for program in found if program.state == "RUNNING"]
    rest = [program.name for program in found if program.state != "RUNNING"]
    return ok(f"{len(run)} running" + (f"; done, or not needed: {', '.join(rest)}" if rest else ""))


def _about(program: Program) -> Result:
    """What to say about it. {} stands for the names of all programs with the same result."""
    name = program.name
    match program.state:
        case "RUNNING":
            return ok("{}")
        case "STARTING" | "STOPPING":
            return warn("starting or stopping, look again in a moment: {}")
        case "EXITED" if program.exit_status == 0 and program.group not in CHANNELS:
            return ok("{}")  # not needed: its log says why
        case "STOPPED" | "EXITED" if program.exit_status == 0:
            return warn("stopped, `supervisorctl start NAME` starts one: {}")
        case state:
            return fail(f"{name} cannot run ({state}): `supervisorctl tail {program.log}` says why")


def _hanging(found: Sequence[Program], config: Settings, after_s: float) -> Iterator[Result]:
    for program in found:
        if program.group not in CHANNELS or program.state != "RUNNING" or program.running_s < after_s:
            continue
        beat = heartbeat_file(config, program.process)
        silent_s = time.time() - beat.stat().st_mtime if beat.exists() else program.running_s
        if silent_s > after_s:
            yield fail(f"{program.name} hangs, silent for {silent_s:.0f} s: `supervisorctl restart {program.name}`")


def _number(found: Sequence[Program], config: Settings) -> Iterator[Result]:
    there = sum(program.group == "classify" for program in found)
    if there not in (0, config.classify_processes):
        cure = "`make processes`, then `supervisorctl update`"
        yield warn(f"CLASSIFY_PROCESSES={config.classify_processes}, but Supervisor has {there}: {cure}")
