"""The part of ``bench_memory.sh`` that starts the bot inside the cgroup, sends it photos, and watches its memory.

Telegram (the playground), the web server and the senders are outside: a real bot has them on other machines.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import measuring
from benchmarks.pipeline import models, processes
from benchmarks.pipeline.models import VARIANTS, Variant
from benchmarks.pipeline.pictures import TWELVE_MEGAPIXELS, encoded, pictures
from common.messages import CHANNELS
from common.settings import PLAYGROUND_TOKEN
from tests.support import web_server
from tests.support.bot_api import User, running_playground
from tests.support.running_bot import Bot, running_bot
from tests.support.waiting import wait_until
from tests.support.web_server import WebServer

_Kind = tuple[str, dict[str, Any]]

GOALS_MB: Final = {"fp32": 600, "int8": 512}
LIMIT_MB: Final = 1024
PHOTOS: Final = 200
QUICK_PHOTOS: Final = 8
_ANSWERED_WITHIN_S: Final = 300.0
_CHATS: Final = 10
_FIRST_CHAT: Final = 6001
_UNDER_WAY: Final = 24  # more than the pipeline takes at once, and fewer than the files that the playground keeps
_SAMPLE_EVERY_S: Final = 0.2
# All decode to 36 MB. For a progressive JPEG libjpeg also keeps all coefficients, and the PNG itself has 18 MB.
_JPEG: Final[_Kind] = ("JPEG", {})
_PROGRESSIVE: Final[_Kind] = ("JPEG", {"progressive": True})
_WEBP: Final[_Kind] = ("WEBP", {"method": 0})
_PNG: Final[_Kind] = ("PNG", {"compress_level": 1})
# The first of four is sent as a photo, two as files, the last as a link.
_FORMATS: Final = {
    "JPEG": (_JPEG, _JPEG, _JPEG, _JPEG),
    "all formats": (_JPEG, _PROGRESSIVE, _JPEG, _WEBP, _JPEG, _PNG, _JPEG, _PROGRESSIVE),
}
_Peaks = dict[tuple[Variant, str], "Peak"]
_LOST: Final = re.compile(r"SIGKILL|exited: (?!check|playground)|decoder died|when a worker died|buried")


class Peak(NamedTuple):
    """The figures of one run.

    Attributes:
        by_process: Memory of each process in MB when their sum was largest.
        answered: How many photos were answered.
        killed: How many processes the kernel killed to free memory.
        lost: Lines of the logs about any other death.
        took_s: How long the run took.
    """

    by_process: Mapping[str, float]
    answered: int
    killed: int
    lost: Sequence[str]
    took_s: float

    @property
    def mb(self) -> float:
        """The largest sum."""
        return sum(self.by_process.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cgroup", type=Path, required=True, help="the cgroup with the limit")
    measuring.add_effort(parser, "one model")
    parser.add_argument(
        "--models", type=measuring.folder, help="a folder that keeps the prepared models for the next run"
    )
    asked = parser.parse_args(arguments)
    photos = QUICK_PHOTOS if asked.quick else PHOTOS
    with contextlib.ExitStack() as stack:
        folder = asked.models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        variants = VARIANTS[:1] if asked.quick else VARIANTS
        peaks = {
            (variant, name): _peak(models.prepared(variant, folder), asked.cgroup, files, photos)
            for name, files in ((name, _files(kinds)) for name, kinds in _FORMATS.items())
            for variant in variants
        }
    text = report(peaks, asked.cgroup, photos)
    sys.stdout.write(text)
    if asked.write:
        measuring.write("bench_memory", text)
    return int(any(peak.killed or peak.lost or peak.answered < photos for peak in peaks.values()))


def _files(kinds: Sequence[_Kind]) -> list[bytes]:
    """Photos of 12 megapixels, as files of these kinds."""
    made = zip(pictures(TWELVE_MEGAPIXELS), kinds, strict=False)
    return [encoded(picture, kind, **options) for picture, (kind, options) in made]


def _peak(models_dir: Path, cgroup: Path, files: Sequence[bytes], photos: int) -> Peak:
    pages = {f"/{number}": web_server.content(content, "image/*") for number, content in enumerate(files)}
    with contextlib.ExitStack() as stack:
        playground = stack.enter_context(running_playground())
        web = stack.enter_context(web_server.serving(pages))
        settings = {"TELEGRAM_API_URL": playground.url, "TELEGRAM_TOKEN": PLAYGROUND_TOKEN}
        settings |= {"FETCH_ALLOW_NETWORKS": "127.0.0.0/8"}
        killed = _killed(cgroup)
        with _inside(cgroup):
            bot = stack.enter_context(running_bot(models_dir, **settings))
        # A program that runs once at each start takes memory. Wait for its end before the first photo.
        wait_until(lambda: "EXITED" in bot.ctl("status", "check"), _ANSWERED_WITHIN_S, "the end of the start")
        users = [stack.enter_context(playground.user(_FIRST_CHAT + number)) for number in range(_CHATS)]
        began = time.monotonic()
        by_process = _watch(bot, _Sender(users, files, web).send, photos)
        return Peak(
            by_process=by_process,
            answered=_answered(bot),
            killed=_killed(cgroup) - killed,
            lost=[
                line for log in ("supervisord", *CHANNELS) for line in bot.log(log).splitlines() if _LOST.search(line)
            ],
            took_s=time.monotonic() - began,
        )


class _Sender:
    """Sends one photo after the other: as a photo, as a file and as a link."""

    def __init__(self, users: Sequence[User], files: Sequence[bytes], web: WebServer) -> None:
        self._users = itertools.cycle(users)
        self._files = itertools.cycle(enumerate(files))
        self._web = web

    def send(self) -> None:
        """Send the next one."""
        user, (number, content) = next(self._users), next(self._files)
        match number % 4:
            case 0:
                user.send_photo(content)
            case 3:
                user.send_text(self._web.url(f"/{number}"))
            case _:
                user.send_document(content, "photo", mime_type="image/*")


def _watch(bot: Bot, send: Callable[[], None], photos: int) -> dict[str, float]:
    """Send so many photos, and return the memory of each process when their sum was largest."""
    over = threading.Event()

    def sample() -> dict[str, float]:
        highest = processes.pss_mb(bot.root)
        while not over.wait(_SAMPLE_EVERY_S):
            highest = max(highest, processes.pss_mb(bot.root), key=lambda found: sum(found.values()))
        return highest

    with ThreadPoolExecutor(1) as thread:
        highest = thread.submit(sample)
        try:
            for sent in range(photos):
                wait_until(
                    lambda sent=sent: sent - _answered(bot) < _UNDER_WAY,  # type: ignore[misc]
                    _ANSWERED_WITHIN_S,
                    "an answer",
                )
                send()
            with contextlib.suppress(AssertionError):  # the report says how many there were
                wait_until(lambda: _answered(bot) >= photos, _ANSWERED_WITHIN_S, "all answers")
        finally:
            over.set()
        return highest.result()


def _answered(bot: Bot) -> int:
    return bot.log("reply").count("answered (answer")


@contextlib.contextmanager
def _inside(cgroup: Path) -> Iterator[None]:
    """Enter the cgroup, so that the child processes start in it."""
    own = _own(cgroup)
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (own / "cgroup.procs").write_text(str(os.getpid()))


def _own(cgroup: Path) -> Path:
    """The cgroup of this process, in the same hierarchy."""
    is_v1 = (cgroup / "memory.limit_in_bytes").exists()
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if ("memory" in controllers.split(",")) if is_v1 else not controllers:
            return Path("/sys/fs/cgroup", *(["memory"] if is_v1 else []), path.lstrip("/"))
    msg = f"/proc/self/cgroup names no cgroup in the hierarchy of {cgroup}"
    raise LookupError(msg)


def _killed(cgroup: Path) -> int:
    """How many processes the kernel has killed in the cgroup."""
    path = next(path for name in ("memory.oom_control", "memory.events") if (path := cgroup / name).exists())
    found = re.search(r"^oom_kill (\d+)$", path.read_text(), re.M)
    return int(found[1]) if found else 0


def report(peaks: _Peaks, cgroup: Path, photos: int) -> str:
    """The report as Markdown."""
    version = 1 if (cgroup / "memory.limit_in_bytes").exists() else 2
    parts = [
        measuring.machine("openvino", "redis", "python-telegram-bot", "Pillow") + ".",
        f"Supervisor, Redis, watchdog and six workers in a cgroup (version {version}) of {LIMIT_MB} MB, without swap; "
        f"the playground is outside, as Telegram is. {photos} photos of 4000 × 3000 pixels: JPEG, as phones "
        "make them, or also progressive JPEG, WebP and PNG, which take more memory. A quarter is sent as photos "
        "(which Telegram makes smaller), half as files, a quarter as links; the same few repeatedly, each "
        f"classified every time. The sum is the PSS of all processes, sampled every {_SAMPLE_EVERY_S:g} s; the limit "
        "also counts shorter peaks. One run each. " + models.WEIGHTS,
        _sums(peaks, photos),
        "**By process**, at the highest sum, in MB",
        _by_process(peaks),
    ]
    for (variant, name), peak in peaks.items():
        parts += [f"{variant.title}, {name}: `{line}`" for line in peak.lost]
    return "\n\n".join(parts) + "\n"


def _sums(peaks: _Peaks, photos: int) -> str:
    rows = []
    for (variant, name), peak in peaks.items():
        goal = GOALS_MB[variant.precision]
        reached = "yes" if peak.mb <= goal else "no"
        answered, killed = f"{peak.answered} of {photos}", peak.killed + len(peak.lost)
        title = f"{variant.title}, {name}"
        rows.append((title, f"{peak.mb:.0f}", f"≤ {goal}: {reached}", answered, killed, f"{peak.took_s:.0f}"))
    return measuring.table(("", "highest sum, MB", "goal", "answered", "killed", "in, s"), rows)


def _by_process(peaks: _Peaks) -> str:
    names = {name for peak in peaks.values() for name in peak.by_process}
    by_size = sorted(names, key=lambda name: -sum(peak.by_process.get(name, 0) for peak in peaks.values()))
    rows = [(name, *(f"{peak.by_process.get(name, 0):.0f}" for peak in peaks.values())) for name in by_size]
    return measuring.table(("", *(f"{variant.title}, {name}" for variant, name in peaks)), rows)


if __name__ == "__main__":
    sys.exit(main())
