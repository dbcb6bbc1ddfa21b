"""What is wrong, and what to do: ``make check``.

    ok   Redis       7.0.15, append-only (fsync always), noeviction, 3 MB of no limit
    FAIL Webhook     Telegram delivers to example.org and not to this bot (3 updates waiting): open …

One line for each thing that the bot needs. Exits 1 if one is FAIL. With ``--at-start``, as Supervisor's program
``check`` runs it, the same lines go to the log once the other programs have started.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from common import logs, optional_packages, settings
from common.errors import SettingsError, WhatsitError
from common.programs.check import configuration, disk, model, port, redis_server, report, supervisor, telegram
from common.programs.check.result import Result, fail, warn
from common.settings import ROOT, Settings
from common.supervision import parent
from common.threads import in_daemon_thread

LIMIT_S: Final = 10.0
OTHERS_START_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.5
_SOCKET: Final = ROOT / "run" / "supervisor.sock"

_log = logging.getLogger(__name__)


class Check(NamedTuple):
    """A thing to check, with its name for people."""

    name: str
    look: Callable[[], Result]


def all_checks(config: Settings | None) -> list[Check]:
    """All checks; with wrong settings (None), those that need no settings."""
    checks = [
        Check("Python", partial(configuration.python, ROOT / _requirements())),
        Check("Settings", partial(configuration.configured, os.environ, ROOT / ".env")),
    ]
    last = Check("Supervisor", partial(supervisor.supervisor, _SOCKET, config))
    if config is None:
        return [*checks, last, Check("the rest", lambda: warn("not looked at until the settings are right"))]
    return [
        *checks,
        Check("Token", partial(telegram.token, config)),
        Check("Webhook", partial(telegram.webhook, config)),
        Check("Groups", partial(telegram.groups, config)),
        Check("Guests", partial(telegram.guests, config)),
        Check("Contact", partial(configuration.contact, config)),
        Check("Redis", partial(redis_server.redis, config)),
        Check("Model", partial(model.model, config)),
        Check("Disk", partial(disk.disk, config)),
        Check("Pictures", partial(disk.files, config, time.time())),
        Check("Port", partial(port.port, config, ROOT)),
        last,
    ]


def _requirements() -> str:
    """The file that says which packages belong here: a machine that only serves has no torch."""
    return "requirements.txt" if optional_packages.is_installed("torch") else "requirements/serve.txt"


def run(checks: Sequence[Check], limit_s: float = LIMIT_S) -> Iterator[tuple[str, Result]]:
    """Run all checks at the same time. Gives each name with its result, in order, as soon as it is known."""
    started = [(check.name, in_daemon_thread(partial(_looked, check), check.name)) for check in checks]
    deadline = time.monotonic() + limit_s
    for name, future in started:
        try:
            yield name, future.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            yield name, fail(f"was not known within {limit_s:g} s: does a disk or a server hang?")


def _looked(check: Check) -> Result:
    """What a check finds. An error is a result, too: a bug in one check must not hide the others' results."""
    try:
        return check.look()
    except WhatsitError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error}: see that this user may use it")
    except Exception as error:
        return fail(f"could not be looked at ({type(error).__name__}: {error}): please report this")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="make check", description="Says what is wrong and what to do.")
    parser.add_argument("--at-start", action="store_true", help="wait for the other programs, then log what is found")
    at_start = parser.parse_args(arguments).at_start
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # the line Settings says it better
    try:
        config = settings.load()
    except (SettingsError, OSError, UnicodeDecodeError):
        config = None  # the line Settings says what is wrong
    if at_start:
        _report_at_start(config)
        return 0
    logs.set_up(dataclasses.replace(config or Settings(), log_level="ERROR"))
    return _report(config)


def _report(config: Settings | None) -> int:
    levels = []
    secrets = logs.secrets(config) if config else ()
    for name, result in run(all_checks(config)):
        levels.append(result.level)
        sys.stdout.write(report.line(name, result, secrets, colour=report.wants_colour()) + "\n")
        sys.stdout.flush()
    return int("FAIL" in levels)


def _report_at_start(config: Settings | None) -> None:
    logs.set_up(config or Settings())
    parent.end_with_supervisor()
    secrets = logs.secrets(config) if config else ()
    _wait_for_the_others(config, OTHERS_START_S)
    for name, result in run(all_checks(config)):
        _log.log(report.SEVERITY[result.level], "%s", report.line(name, result, secrets))


def _wait_for_the_others(config: Settings | None, limit_s: float) -> None:
    """Return when Supervisor's programs are no longer starting and Redis answers, or after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and not _are_up(config):
        time.sleep(_LOOK_AGAIN_S)


def _are_up(config: Settings | None) -> bool:
    try:
        states = {program.state for program in supervisor.programs(_SOCKET)}
    except OSError:
        return False
    return "STARTING" not in states and (config is None or redis_server.answers(config))
