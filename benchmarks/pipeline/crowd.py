"""Telegram, as the bot sees it, and people who send photos, in one process.

It is the playground's own server with its people in the same process. They upload their photos once, before the
measurement, so that sending one costs almost nothing. `Crowd` starts the process, sends it requests, and ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
import uvloop

from benchmarks.pipeline.pictures import usual_photos
from common.settings import PLAYGROUND_TOKEN, ROOT
from playground import uploads
from playground.application import Application
from playground.server import Server
from tests.support.bot_api import free_port

AnswerT = TypeVar("AnswerT")

CHATS: Final = 32
UNDER_WAY: Final = 64  # two of each chat, which may have four in the pipeline
_FIRST_CHAT: Final = 5001
_PAUSE_S: Final = 0.1  # between two photos that come alone: until the work after the first answer is done
_ANSWER_LIMIT_S: Final = 30.0


class OneByOne(msgspec.Struct, frozen=True, tag=True):
    """Send so many photos, each after the answer to the one before."""

    photos: int


class AllAtOnce(msgspec.Struct, frozen=True, tag=True):
    """Keep ``UNDER_WAY`` photos unanswered, and count answers for ``seconds`` after a warm-up."""

    warm_up_s: float
    seconds: float


class Took(msgspec.Struct, frozen=True):
    """How long each photo took, from the user's sending to the bot's answer, in milliseconds."""

    ms: list[float]


class Count(msgspec.Struct, frozen=True):
    """How many answers there are so far, and when that was, in seconds."""

    answers: int
    at: float


class Crowd:
    """The process. Its photos are uploaded when it is ready."""

    def __init__(self, photos: int) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "benchmarks.pipeline.crowd", str(self.port), str(photos)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe)  # noqa: S603
        self._next(Count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it keeps everything in memory
        self._process.communicate()

    @property
    def url(self) -> str:
        """The value of TELEGRAM_API_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def one_by_one(self, photos: int) -> list[float]:
        """How long each of so many single photos takes, in milliseconds."""
        self._ask(OneByOne(photos))
        return self._next(Took).ms

    def all_at_once(self, warm_up_s: float, seconds: float) -> Iterator[Count]:
        """The counts at the beginning and at the end; and once more when all photos are answered."""
        self._ask(AllAtOnce(warm_up_s, seconds))
        for _ in range(3):
            yield self._next(Count)

    def _ask(self, what: OneByOne | AllAtOnce) -> None:
        assert self._process.stdin  # noqa: S101 -- for mypy
        self._process.stdin.write(msgspec.json.encode(what) + b"\n")
        self._process.stdin.flush()

    def _next(self, kind: type[AnswerT]) -> AnswerT:
        assert self._process.stdout  # noqa: S101 -- for mypy
        return msgspec.json.decode(self._process.stdout.readline(), type=kind)


class People:
    """The people who send photos and read the answers."""

    def __init__(self, application: Application) -> None:
        self._playground = application.playground
        self._chats = itertools.cycle([self._playground.chats.opened(_FIRST_CHAT + number) for number in range(CHATS)])
        self._photos: Iterator[dict[str, Any]] = iter(())
        self._sent = self._answered = 0
        self._news = asyncio.Event()
        self.under_way = 0

    async def upload(self, number: int) -> None:
        """Upload the photos that will be sent again and again."""
        contents = await asyncio.to_thread(usual_photos, number)
        files = self._playground.files
        fields = [await uploads.fields(files, "photo", uploads.Upload("photo.jpg", each)) for each in contents]
        self._photos = itertools.cycle(fields)

    async def read(self) -> None:
        """Note each answer, and send the next photo if fewer than wanted are unanswered."""
        async for event in self._playground.audience.events({"event": "hello"}, quiet_s=3600):
            if event and event["event"] == "message" and event["message"]["from"]["is_bot"]:
                if "%" not in event["message"]["text"]:
                    raise SystemExit(f"no answer: {event['message']['text']!r}")
                # As the page does. Otherwise the playground counts ever more unread messages with each new one.
                self._playground.chats.opened(event["chat_id"]).read_id = event["message"]["message_id"]
                self._answered += 1
                self._news.set()
                self._send_up_to(self.under_way)

    async def one_by_one(self, photos: int) -> Took:
        """See ``OneByOne``."""
        took_ms = []
        for _ in range(photos):
            began = time.perf_counter()
            self._send_up_to(1)
            await self._all_answered()
            took_ms.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(_PAUSE_S)
        return Took(took_ms)

    async def all_at_once(self, what: AllAtOnce) -> None:
        """See ``AllAtOnce``."""
        self.under_way = UNDER_WAY
        self._send_up_to(UNDER_WAY)
        for seconds in (what.warm_up_s, what.seconds):
            await asyncio.sleep(seconds)
            _say(self.count())
        self.under_way = 0
        await self._all_answered()
        _say(self.count())

    def count(self) -> Count:
        """How many answers there are now."""
        return Count(self._answered, time.perf_counter())

    def _send_up_to(self, number: int) -> None:
        while self._sent - self._answered < number:
            self._sent += 1
            self._playground.user_says(next(self._chats), next(self._photos))

    async def _all_answered(self) -> None:
        async with asyncio.timeout(_ANSWER_LIMIT_S):
            while self._answered < self._sent:
                self._news.clear()
                await self._news.wait()


async def main(port: int, photos: int) -> None:
    """Serve, and handle the requests on standard input."""
    application = Application(PLAYGROUND_TOKEN, port)
    people = People(application)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", port))
        tasks = [
            asyncio.create_task(Server(application).serve(sockets=[listener])),
            asyncio.create_task(people.read()),
            asyncio.create_task(_obey(people, photos)),
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _obey(people: People, photos: int) -> None:
    await people.upload(photos)
    _say(people.count())
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        match msgspec.json.decode(line, type=OneByOne | AllAtOnce):
            case OneByOne() as asked:
                _say(await people.one_by_one(asked.photos))
            case AllAtOnce() as asked:
                await people.all_at_once(asked)


def _say(what: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), int(sys.argv[2])))
