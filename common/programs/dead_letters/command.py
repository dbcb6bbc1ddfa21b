"""Shows the messages that could not be handled, and starts them again: ``make dead``.

    make dead             each dead letter in a line, the newest first
    make dead SHOW=ID     everything about one: the message, the error, the traceback; and what a retry would do
    make dead RETRY=ID    starts its job again from the job's first message; RETRY=all: all of them

A message without a job (a typing sign, a deletion) goes back to its channel as it is. Runs at any time beside the bot.
Exits 0 when all is done, 1 when something is not.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import io
import logging
import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from redis.exceptions import RedisError, ResponseError

from common import logs, settings
from common.channels.channels import Channels
from common.channels.dead_letters import DeadLetter
from common.channels.redis_client import RedisLimits
from common.channels.revival import NotDone, of_its_job, prospect, start
from common.errors import SettingsError
from common.programs.dead_letters.listing import Page, listed, shown

_USAGE: Final = "make dead | make dead SHOW=ID | make dead RETRY=ID | make dead RETRY=all"


def main(arguments: Sequence[str] | None = None, redis_limits: RedisLimits | None = None) -> int:
    """The command. Returns its exit code."""
    asked = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # some terminals do not know all of Unicode
    page = Page()
    try:
        channels, page = _opened(redis_limits)
        return asyncio.run(_run(asked, channels, page))
    except NotDone as why:
        problem = str(why)
    except RedisError as error:
        problem = f"Redis cannot be used ({str(error).rstrip('.')}): `make check` says what to do"
    except BrokenPipeError:  # the reader has read enough: `make dead | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    sys.stderr.write(page.line(problem) + "\n")
    return 1


def _opened(redis_limits: RedisLimits | None) -> tuple[Channels, Page]:
    logging.getLogger("dotenv").setLevel(logging.ERROR)
    try:
        config = settings.load()
    except SettingsError as error:
        raise NotDone(f"the settings are wrong: {error}") from None
    logs.set_up(dataclasses.replace(config, log_level="ERROR"))
    return Channels(config, redis_limits), Page(logs.secrets(config))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make dead",
        usage=_USAGE,
        description="Shows the messages that could not be handled, and starts their jobs again.",
        epilog="The first digits of an ID are enough if no other ID begins with them.",
    )
    parser.set_defaults(all=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog="make dead")
    commands.add_parser("list", usage=_USAGE, help="each in a line, the newest first")
    show = commands.add_parser("show", usage=_USAGE, help="all that is kept of one, and what a retry would do")
    show.add_argument("id", metavar="ID")
    retry = commands.add_parser("retry", usage=_USAGE, help="start its job again from the job's first message")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="ID", nargs="?")
    which.add_argument("--all", action="store_true", help="all of them, the oldest first")
    return parser


async def _run(asked: argparse.Namespace, channels: Channels, page: Page) -> int:
    try:
        letters = await channels.dead_letters.all()
        if asked.command == "list" or (asked.all and not letters):
            _say(listed(letters, page, time.time()))
            return 0
        if asked.command == "show":
            letter = _chosen(letters, asked.id)
            _say(shown(letter, await prospect(channels, letter, letters), page, time.time()))
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
        raise NotDone(f"there is no dead letter {id_!r} now")
    if len(found) > 1:
        raise NotDone(f"{len(found)} dead letters have an ID that begins with {id_!r}: write more of it")
    return found[0]


async def _retry(channels: Channels, chosen: Sequence[DeadLetter], letters: Sequence[DeadLetter], page: Page) -> int:
    """Start the jobs of the chosen letters again, and print what happened to each. Returns the exit code."""
    done: set[str] = set()
    for letter in chosen:
        if letter.id in done:
            continue
        try:
            said = await start(channels, letter, letters)
            done.update(each.id for each in of_its_job(letter, letters))
        except NotDone as why:
            said = f"left as it is: {why}"
        except ResponseError as error:  # only this letter; a server that is away ends the command
            said = f"left as it is: Redis refused ({error})"
        _say(page.line(f"{letter.id}  {said}"))
    if len(chosen) > 1:
        _say(f"{len(done)} of {len(chosen)} started again.")
    return int(len(done) < len(chosen))
