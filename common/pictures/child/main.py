"""The decoder: a process that reads foreign pictures for its worker, one after the other.

``common/pictures/child_process.py`` starts it (`python -m common.pictures.child.main`), with a socket as its standard
input. Before it reads the first byte it gives up its rights (``common/pictures/child/confinement.py``). By then it has
imported all that it needs.
"""

from __future__ import annotations

import copy  # noqa: F401 -- Pillow's GIF plug-in imports it, when imports no longer work
import io
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from common.libc import give_memory_back, keep_memory
from common.pictures.child import heif, images
from common.pictures.child.confinement import allow_processor_time, give_up_what_we_can
from common.pictures.protocol import (
    DECODE_LIMIT_S,
    GO_ON,
    REQUEST_BYTES,
    Refusal,
    ReplyKind,
    Request,
    Whole,
    read_request,
    reply,
)

# Small pictures reuse memory: to get it from the kernel again takes 1 to 4 ms, as long as such a picture itself. A
# picture that took more processor time than this was large, and all its memory goes back to the kernel: glibc would
# keep 100 MB.
_LARGE_S: Final = 0.02
_KEPT_BYTES: Final = 32 * 2**20
_LARGEST_KEPT_BYTES: Final = 8 * 2**20  # of one block

Socket: TypeAlias = "io.BufferedRWPair[io.FileIO, io.FileIO]"  # the socket, both ways
Respond: TypeAlias = Callable[[Request, bytes, Socket], None]


def answer(request: Request, content: bytes, worker: Socket) -> None:
    """Reply with what is wanted of one file, or with why it is refused."""

    def ask_for_much_memory() -> None:
        _send(worker, reply(request.number, ReplyKind.LARGE, 0))
        worker.read(len(GO_ON))

    if request.whole:
        kind, made = (
            ReplyKind.WHOLE,
            images.decode_to_whole(content, Whole(request.resize, request.interpolation), ask_for_much_memory),
        )
    else:
        kind, made = ReplyKind.PIXELS, images.decode_to_pixels(content, request, ask_for_much_memory)
    kind, payload = (ReplyKind.REFUSAL, made.encode()) if isinstance(made, Refusal) else (kind, made)
    _send(worker, reply(request.number, kind, len(payload)), payload)


def main(
    respond: Respond = answer,
    *,
    confine: Callable[[], None] = give_up_what_we_can,
    decode_limit_s: int = DECODE_LIMIT_S,
) -> None:
    """Answer requests until the worker hangs up.

    Args:
        respond: Answers one request.
        confine: Gives up what it can before the first request.
        decode_limit_s: The processor time of one file.
    """
    keep_memory(_KEPT_BYTES, _LARGEST_KEPT_BYTES)
    heif.prepare()
    confine()
    worker = io.BufferedRWPair(io.FileIO(0, "rb", closefd=False), io.FileIO(0, "wb", closefd=False))
    _send(worker, reply(0, ReplyKind.READY, 0))
    while True:
        began_s = time.process_time()
        if not _serve_one(worker, respond, decode_limit_s):
            return
        if time.process_time() - began_s > _LARGE_S:
            give_memory_back()


def _serve_one(worker: Socket, respond: Respond, decode_limit_s: int) -> bool:
    """Answer the next request, and keep nothing of it. Returns whether a whole request came."""
    header = worker.read(REQUEST_BYTES)
    if len(header) < REQUEST_BYTES:
        return False
    request = read_request(header)
    content = worker.read(request.length)
    if len(content) < request.length:
        return False
    allow_processor_time(decode_limit_s)
    respond(request, content, worker)
    return True


def _send(worker: Socket, *parts: bytes) -> None:
    worker.writelines(parts)
    worker.flush()


if __name__ == "__main__":
    main()
