"""What could not be handled, and starting it again: ``python -m common.programs.dead_letters``.

    list          each dead letter in a line, the newest first
    show ID       all that is kept of one: the message, the error, the traceback; and what a retry would do
    retry ID      starts its job again from the job's first message; ``retry --all``: all of them

A message without a job (a typing sign, a deletion) goes back to its channel as it is. Runs at any time beside the bot.
Exits 0 when it is done, 1 when it is not, or not for all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import datetime
import io
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from redis.exceptions import RedisError, ResponseError

from common import logs, settings
from common.channels.channels import Channels
from common.channels.dead_letters import KEPT_MS, DeadLetter
from common.channels.redis_client import RedisLimits
from common.errors import SettingsError
from common.messages import CHANNELS, AnyMessage, decode

_HEAD: Final = ("ID", "BURIED", "CHANNEL", "JOB", "ATTEMPTS", "ERROR")
_FOOT: Final = (
    f"Kept for {KEPT_MS // (24 * 3600 * 1000)} days. "
    "More about one: show ID. Start its job again: retry ID, or retry --all."
)
_GONE, _UNDER_WAY = 0, -1  # what common/channels/lua/revive.lua returns, else 1
_NOTHING_TO_START_FROM: Final = "its job's first message cannot be read, so that there is nothing to start from"
_STILL_UNDER_WAY: Final = "its job is still under way: its apology has not been sent yet, or it was started again"
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 24 * 3600


class _NotDone(Exception):  # noqa: N818 -- an answer, in words for the operator
    """What was asked for cannot be done."""


@dataclasses.dataclass(frozen=True)
class _Page:
    """Shows what others wrote: without our secrets, and without what a terminal would obey."""

    secrets: tuple[str, ...] = ()

    def line(self, text: str) -> str:
        """The text in one line."""
        return _printable(self._without_secrets(text))

    def lines(self, text: str) -> str:
        """The text with its line breaks."""
        # Split at these alone: a terminal may take the others that splitlines() knows for something else.
        return "\n".join(_printable(line) for line in self._without_secrets(text).split("\n"))

    def _without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def main(arguments: Sequence[str] | None = None, redis_limits: RedisLimits | None = None) -> int:
    """The command. Returns its exit code."""
    asked = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal need not know all of Unicode
    page = _Page()
    try:
        channels, page = _opened(redis_limits)
        return asyncio.run(_run(asked, channels, page))
    except _NotDone as why:
        problem = str(why)
    except RedisError as error:
        problem = f"Redis cannot be used ({str(error).rstrip('.')}): `make check` says what to do"
    except BrokenPipeError:  # whoever reads has read enough: `list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    sys.stderr.write(page.line(problem) + "\n")
    return 1


def _opened(redis_limits: RedisLimits | None) -> tuple[Channels, _Page]:
    logging.getLogger("dotenv").setLevel(logging.ERROR)
    try:
        config = settings.load()
    except SettingsError as error:
        raise _NotDone(f"the settings are wrong: {error}") from None
    logs.set_up(dataclasses.replace(config, log_level="ERROR"))
    return Channels(config, redis_limits), _Page(logs.secrets(config))


def _parser() -> argparse.ArgumentParser:
    prog = "python -m common.programs.dead_letters"
    parser = argparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} list | show ID | retry ID | retry --all",
        description="Shows the messages that could not be handled, and starts their jobs again.",
        epilog="As much of an ID will do as tells it from the others.",
    )
    parser.set_defaults(all=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=prog)
    commands.add_parser("list", help="each in a line, the newest first")
    show = commands.add_parser("show", help="all that is kept of one, and what a retry would do")
    show.add_argument("id", metavar="ID")
    retry = commands.add_parser("retry", help="start its job again from the job's first message")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="ID", nargs="?")
    which.add_argument("--all", action="store_true", help="all of them, the oldest first")
    return parser


async def _run(asked: argparse.Namespace, channels: Channels, page: _Page) -> int:
    try:
        letters = await channels.dead_letters.all()
        if asked.command == "list" or (asked.all and not letters):
            _say(_listed(letters, page, time.time()))
            return 0
        if asked.command == "show":
            _say(await _shown(channels, _chosen(letters, asked.id), letters, page))
            return 0
        chosen = letters[::-1] if asked.all else [_chosen(letters, asked.id)]
        return await _retry(channels, chosen, letters, page)
    finally:
        await channels.close()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _chosen(letters: Sequence[DeadLetter], id_: str) -> DeadLetter:
    found = [letter for letter in letters if letter.id == id_]
    found = found or [letter for letter in letters if id_ and letter.id.startswith(id_)]
    if not found:
        raise _NotDone(f"there is no dead letter {id_!r} (any more)")
    if len(found) > 1:
        raise _NotDone(f"{len(found)} dead letters have an ID that begins with {id_!r}: write more of it")
    return found[0]


# Looking


def _listed(letters: Sequence[DeadLetter], page: _Page, now: float) -> str:
    if not letters:
        return "No dead letters."
    rows = [_HEAD, *(_row(letter, page, now) for letter in letters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0  # nothing stands behind the error
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        lines = [line if len(line) <= columns else f"{line[: columns - 1]}…" for line in lines]
    return "\n".join([*lines, "", _FOOT])


def _row(letter: DeadLetter, page: _Page, now: float) -> tuple[str, ...]:
    buried = f"{_local(letter):%Y-%m-%d %H:%M:%S} ({_ago(now - letter.buried_s)})"
    cells = (letter.id, buried, letter.channel, letter.job or "-", str(_attempts(letter)), letter.error)
    return tuple(page.line(cell) for cell in cells)


def _local(letter: DeadLetter) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(letter.buried_s, datetime.UTC).astimezone()


def _ago(seconds: float) -> str:
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s:.0f} {unit} ago"
    return f"{max(0, int(seconds))} s ago"  # two clocks may differ


def _attempts(letter: DeadLetter) -> int:
    return letter.attempts + 1  # with the one that it was buried for


async def _shown(channels: Channels, letter: DeadLetter, letters: Sequence[DeadLetter], page: _Page) -> str:
    fields = {
        "id": letter.id,
        "buried": f"{_local(letter):%Y-%m-%d %H:%M:%S %z} ({_ago(time.time() - letter.buried_s)})",
        "channel": letter.channel,
        "job": letter.job or "none",
        "chat": letter.chat or "not known",
        "attempts": str(_attempts(letter)),
        "error": letter.error,
        "retry": await _prospect(channels, letter, letters),
    }
    texts = {"message": _as_json(letter.body)}
    if letter.job:
        texts["first message of the job"] = "the same" if letter.origin == letter.body else _as_json(letter.origin)
    texts["traceback"] = letter.traceback.rstrip() or "none"
    head = [f"{name:<9} {page.line(value)}" for name, value in fields.items()]
    return "\n".join([*head, *(f"\n--- {name}\n{page.lines(text)}" for name, text in texts.items())])


def _as_json(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return repr(body)


async def _prospect(channels: Channels, letter: DeadLetter, letters: Sequence[DeadLetter]) -> str:
    """What a retry would do now."""
    try:
        first = _beginning(letter, letters)
    except _NotDone as why:
        return f"not possible: {why}"
    if first is None:
        return f"puts the message back on {letter.channel} as it is"
    if await channels.ledger.live([letter.job]):
        return f"not possible now: {_STILL_UNDER_WAY}"
    return (
        f"starts the job again from its first message ({type(first).__name__}, on {first.channel}); "
        "its user gets an answer, though he has had the apology"
    )


# Starting again


def _of_its_job(letter: DeadLetter, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """The letter, and all others of its job (its apology may have been buried, too), which one new start settles."""
    return [letter, *(other for other in letters if letter.job and other.job == letter.job and other != letter)]


def _beginning(letter: DeadLetter, letters: Sequence[DeadLetter]) -> AnyMessage | None:
    """What the letter's job starts from, as another run than any before, so that their files are told apart.

    None for a letter without a job.

    Raises:
        _NotDone: There is nothing to start from.
    """
    if not letter.job:
        if letter.channel not in CHANNELS:
            raise _NotDone(f"it comes from {letter.channel!r}, which is no channel")
        return None
    known = []
    for each in _of_its_job(letter, letters):
        with contextlib.suppress(msgspec.DecodeError):
            known.append(decode(each.origin))
    if not known:
        raise _NotDone(_NOTHING_TO_START_FROM)
    latest = max(known, key=lambda message: message.job.run)
    job = msgspec.structs.replace(latest.job, run=latest.job.run + 1, restarts=0)
    return msgspec.structs.replace(latest, job=job)


async def _retry(channels: Channels, chosen: Sequence[DeadLetter], letters: Sequence[DeadLetter], page: _Page) -> int:
    """Start the jobs of the chosen letters again, and tell of each what has become of it. Returns the exit code."""
    done: set[str] = set()
    for letter in chosen:
        if letter.id in done:
            continue
        try:
            said = await _start(channels, letter, letters)
            done.update(each.id for each in _of_its_job(letter, letters))
        except _NotDone as why:
            said = f"left as it is: {why}"
        except ResponseError as error:  # concerns this one; a server that is away ends it all
            said = f"left as it is: Redis refused ({error})"
        _say(page.line(f"{letter.id}  {said}"))
    if len(chosen) > 1:
        _say(f"{len(done)} of {len(chosen)} started again.")
    return int(len(done) < len(chosen))


async def _start(channels: Channels, letter: DeadLetter, letters: Sequence[DeadLetter]) -> str:
    """Start a dead letter's job again. Returns what has become of it.

    Raises:
        _NotDone: It cannot be.
    """
    first = _beginning(letter, letters)
    outcome = await channels.scripts.run(channels.dead_letters.revive(_of_its_job(letter, letters), first))
    if outcome == _UNDER_WAY:
        raise _NotDone(_STILL_UNDER_WAY)
    if outcome == _GONE:
        raise _NotDone("there is no such dead letter any more")
    return f"job={letter.job} is started again" if first else f"is on {letter.channel} again, as it was"


if __name__ == "__main__":
    sys.exit(main())
