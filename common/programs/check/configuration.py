"""Python and its packages; the settings and the file ``.env``."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from common import settings
from common.errors import SettingsError
from common.programs.check.result import Result, fail, ok, together, warn
from common.settings import Settings

OLDEST_PYTHON: Final = (3, 11)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def python(requirements: Path, version: tuple[int, ...] = sys.version_info[:3]) -> Result:
    """Whether this Python is new enough, and has the packages that ``requirements`` and what it includes pin."""
    shown = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return fail(f"{shown} is too old: Whatsit needs 3.11 or newer; delete .venv, then `make run PYTHON=python3.12`")
    file = requirements.relative_to(settings.ROOT) if requirements.is_relative_to(settings.ROOT) else requirements.name
    pinned = dict(_pins(requirements))
    other = {name: installed for name, wanted in pinned.items() if (installed := _installed(name)) != wanted}
    if other:
        what = ", ".join(f"{name} {installed or 'is missing'}" for name, installed in sorted(other.items()))
        cure = f"`.venv/bin/pip install -r {file}` installs what is pinned"
        return warn(f"{shown}, but not as {file} has it: {what}; {cure}")
    return ok(f"{shown}, {len(pinned)} packages as {file} has them")


def _pins(requirements: Path) -> Iterator[tuple[str, str]]:
    for line in requirements.read_text().splitlines():
        if line.startswith("-r "):
            yield from _pins(requirements.parent / line.removeprefix("-r ").strip())
        elif pin := re.match(r"([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;]+)", line):
            yield pin[1], pin[2]


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package).partition("+")[0]  # torch's CPU build calls itself 2.14.1+cpu
    except importlib.metadata.PackageNotFoundError:
        return None


def configured(environ: Mapping[str, str], env_file: Path) -> Result:
    """Whether every setting is right, ``.env`` is well-formed, and no other user can read it."""
    try:
        given = _given(environ, env_file)
    except OSError as error:
        return fail(f"{env_file} cannot be read ({error.strerror}): `sudo chown $USER {env_file}`, or run as its owner")
    except UnicodeDecodeError:
        return fail(f"{env_file} is not text in UTF-8: write it again, starting from .env.example")
    wrong = [fail(f"{problem}: set it right in {_where(name, environ)}") for name, problem in _wrong(given)]
    found = [*wrong, *_about_file(env_file)]
    if found:
        return together(found)
    where = f"{env_file.name} is yours alone; " if env_file.exists() else ""
    return ok(f"{where}set: {', '.join(sorted(given))}" if given else f"{where}all at their defaults")


def contact(config: Settings) -> Result:
    """Whether hosts can learn whose bot it is. Without that it works, except for a few of them."""
    if config.contact:
        return ok(f"links are fetched in the name of {config.contact}")
    return ok("not set: some hosts, such as Wikimedia, give pictures only to bots that name their operator")


def _given(environ: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """The settings that are not left at their defaults, as ``settings.load`` sees them."""
    values: dict[str, str] = {name: value for name, value in dotenv_values(env_file).items() if value}
    values |= {name: value for name, value in environ.items() if value}
    return {name: value for name, value in values.items() if name in settings.NAMES}


def _wrong(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    # One by one: together, the first error would hide the others.
    for name, value in given.items():
        try:
            settings.load({name: value}, Path(os.devnull))
        except SettingsError as error:
            yield name, str(error)


def _where(name: str, environ: Mapping[str, str]) -> str:
    return "the environment" if environ.get(name) else ".env"


def _about_file(env_file: Path) -> Iterator[Result]:
    if not env_file.exists():
        return
    mode = stat.S_IMODE(env_file.stat().st_mode)
    if mode & _OTHERS:
        yield warn(f"others may read {env_file} ({mode:03o}), and a token is a password: `chmod 600 {env_file}`")
    with env_file.open() as stream:
        lines = list(parse_stream(stream))
    for line in lines:
        if line.error or (line.key and line.value is None):
            # The line itself stays out of the message: it may hold a secret.
            yield fail(f"line {line.original.line} of {env_file} is not understood: write NAME=value")
        elif line.key and line.key not in settings.NAMES:
            yield warn(f"{env_file.name} sets {line.key}, which is not a setting{_did_you_mean(line.key)}")


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), settings.NAMES, n=1)
    return f": did you mean {near[0]}?" if near else ": README.md lists them"
