"""The real decoder, except for files that begin with an order: with those it misbehaves as ordered.

    content = order("slowly", picture)  # or two orders: order("large", order("slowly", picture))
    decoder = Decoder(module="tests.hostile.misbehaving_child")

Its orders stand for what a broken picture can make a decoder do, and for what one can that a picture has taken over.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final, NoReturn
from unittest import mock

from PIL import Image

from common.pictures.child import confinement
from common.pictures.child import main as decoder_child
from common.pictures.child.main import Socket, answer
from common.pictures.protocol import Refusal, ReplyKind, Request, reply

SLOWLY_S: Final = 0.5
_ORDER: Final = b"misbehave: %b\n"


def order(what: str, picture: bytes = b"") -> bytes:
    """A file that is an order; some need a picture."""
    return _ORDER % what.encode() + picture


def main(confine: Callable[[], None] = confinement.give_up_what_we_can) -> None:
    decoder_child.main(respond, confine=confine, decode_limit_s=0)  # so that processor time ends after a second


def respond(request: Request, content: bytes, worker: Socket) -> None:
    for name, obey in _ORDERS.items():
        if content.startswith(order(name)):
            return obey(request, content.removeprefix(order(name)), worker)
    return answer(request, content, worker)


def _say(replies: Socket, *parts: bytes) -> None:
    replies.writelines(parts)
    replies.flush()


def _pixels(request: Request, value: bytes = b"\0") -> bytes:
    return value * (3 * request.crop**2)


# Crashes, hangs and hunger


def _crash(*_: object) -> None:
    ctypes.string_at(0)


def _leave(*_: object) -> NoReturn:
    os._exit(7)


def _hang(*_: object) -> None:
    """Work a little, which is visible from outside, and then never return."""
    began = time.process_time()
    while time.process_time() < began + 0.1:
        pass
    time.sleep(3600)


def _spin(*_: object) -> None:
    while True:
        pass


def _eat(request: Request, _content: bytes, replies: Socket) -> None:
    """Take memory in the middle of decoding, until it runs out."""

    def eat(*_: object) -> NoReturn:
        hoard = []
        while True:
            hoard.append(bytearray(2**20))

    with mock.patch.object(Image, "open", eat):
        answer(request, b"hello", replies)


def _slowly(request: Request, content: bytes, replies: Socket) -> None:
    time.sleep(SLOWLY_S)
    answer(request, content, replies)


def _large(request: Request, content: bytes, replies: Socket) -> None:
    """Ask first, as for a picture that takes much memory."""
    _say(replies, reply(request.number, ReplyKind.LARGE, 0))
    replies.read(1)
    respond(request, content, replies)


# Lies


def _asks_twice(request: Request, content: bytes, replies: Socket) -> None:
    _large(request, order("large", content), replies)


def _twice(request: Request, content: bytes, replies: Socket) -> None:
    answer(request, content, replies)
    answer(request, content, replies)


def _ahead(request: Request, _content: bytes, replies: Socket) -> None:
    """Answer the request before this one."""
    pixels = _pixels(request)
    _say(replies, reply(request.number - 1, ReplyKind.PIXELS, len(pixels)), pixels)


def _too_much(request: Request, _content: bytes, replies: Socket) -> None:
    _say(replies, reply(request.number, ReplyKind.PIXELS, 2**32 - 1), bytes(1000))


def _too_little(request: Request, _content: bytes, replies: Socket) -> None:
    pixels = _pixels(request)[3:]
    _say(replies, reply(request.number, ReplyKind.PIXELS, len(pixels)), pixels)


def _half(request: Request, _content: bytes, replies: Socket) -> None:
    pixels = _pixels(request)
    _say(replies, reply(request.number, ReplyKind.PIXELS, len(pixels)), pixels[3:])
    os._exit(0)


def _no_such_kind(request: Request, _content: bytes, replies: Socket) -> None:
    _say(replies, reply(request.number, 99, 4), b"what")  # type: ignore[arg-type]


def _no_such_refusal(request: Request, _content: bytes, replies: Socket) -> None:
    _say(replies, reply(request.number, ReplyKind.REFUSAL, 7), b"<b>x</b")


def _no_text(request: Request, _content: bytes, replies: Socket) -> None:
    _say(replies, reply(request.number, ReplyKind.REFUSAL, 3), b"\xff\xfe\xfd")


def _long_refusal(request: Request, _content: bytes, replies: Socket) -> None:
    _say(replies, reply(request.number, ReplyKind.REFUSAL, 10_000), Refusal.DAMAGED.encode().ljust(10_000))


def _babble(_request: Request, _content: bytes, replies: Socket) -> None:
    _say(replies, b"HTTP/1.1 200 OK\r\n\r\n" * 1000)


# Burglary


def _tell(request: Request, _content: bytes, replies: Socket) -> None:
    """Reply with all that can be found out and done from inside, in place of pixels."""
    report = json.dumps(
        {
            "environment": dict(os.environ),
            "user": os.getresuid() + os.getresgid(),
            "groups": os.getgroups(),
            "folder": os.stat("/") == os.stat("."),  # noqa: PTH116 -- with a Path, it would be no news that it works
            "memory": resource.getrlimit(resource.RLIMIT_AS),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "attempts": {name: _attempt(do) for name, do in _ATTEMPTS.items()},
            "attempts on the worker": {name: _attempt(do) for name, do in _ATTEMPTS_ON_THE_WORKER.items()},
        }
    )
    _say(
        replies,
        reply(request.number, ReplyKind.PIXELS, 3 * request.crop**2),
        report.encode().ljust(3 * request.crop**2),
    )


def _attempt(do: Callable[[], Any]) -> str:
    try:
        return f"done: {do()!r}"
    except Exception as error:
        return type(error).__name__


def _more(what: int) -> None:
    resource.setrlimit(what, (1000, 1000))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _read_worker_s_memory() -> None:
    """process_vm_readv(2), which needs the same permission as ptrace(2) of a debugger."""

    class Part(ctypes.Structure):
        _fields_: ClassVar = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    read = ctypes.create_string_buffer(8)
    ours, theirs = Part(ctypes.addressof(read), 8), Part(0, 8)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.process_vm_readv(os.getppid(), ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0) < 0:
        error = ctypes.get_errno()
        if error != errno.EFAULT:  # allowed, and nothing is mapped there
            raise OSError(error, os.strerror(error))


# Possible on processes of the same user, unless the kernel prevents it
_ATTEMPTS_ON_THE_WORKER: Final[dict[str, Callable[[], Any]]] = {
    "signal it": lambda: os.kill(os.getppid(), 0),
    "read its memory": _read_worker_s_memory,
}

_ATTEMPTS: Final[dict[str, Callable[[], Any]]] = {
    "read a file": lambda: Path("/etc/passwd").read_text(),
    "write a file": lambda: Path("/tmp/whatsit-was-here").write_text("hello"),  # noqa: S108
    "connect": lambda: socket.create_connection(("127.0.0.1", 1)),
    "a pipe": os.pipe,
    "more files": lambda: _more(resource.RLIMIT_NOFILE),
    "more processes": lambda: _more(resource.RLIMIT_NPROC),
    "become root": lambda: os.setuid(0),
    "fork": _fork,
    "a thread": lambda: threading.Thread(target=print).start(),
}

_ORDERS: Final[dict[str, Callable[[Request, bytes, Socket], None]]] = {
    "crash": _crash,
    "leave": _leave,
    "hang": _hang,
    "spin": _spin,
    "eat": _eat,
    "slowly": _slowly,
    "large": _large,
    "asks twice": _asks_twice,
    "twice": _twice,
    "ahead": _ahead,
    "too much": _too_much,
    "too little": _too_little,
    "half": _half,
    "no such kind": _no_such_kind,
    "no such refusal": _no_such_refusal,
    "no text": _no_text,
    "long refusal": _long_refusal,
    "babble": _babble,
    "tell": _tell,
}


if __name__ == "__main__":
    main()
