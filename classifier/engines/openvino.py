"""OpenVINO on the CPU: ready in under a second, and fast. Never imports torch."""

from __future__ import annotations

import contextlib
import ctypes
import math
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier import artifact, compiled, cores, telemetry
from classifier.errors import ModelError

telemetry.forbid()

import openvino as ov  # noqa: E402 -- telemetry must be off first

MOST_STREAMS: Final = 4  # each takes memory, and the worker has eight pictures at once: two rounds
GAP_S: Final = 0.5  # a backlog has the next images ready sooner than that
SUSTAINED_S: Final = 3.0  # switching there and back takes 0.2 to 0.6 s: a backlog that lasts is worth that

_FILES: Final = (artifact.NETWORK, artifact.NETWORK_WEIGHTS)
_MADV_DONTNEED: Final = 4  # asm-generic/mman-common.h

Images = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]


class OpenVinoEngine:
    """Runs ``model.xml``: one image after the other, each on all cores, or in a backlog several, each on one.

    The second way makes more images a second, the first gives each the sooner. ``docs/decisions/0006`` has the
    measurements; only one of the two is ever in memory.

    Args:
        folder: The prepared model's.
        threads: How many may compute; the cores that are there for us by default.
        cache: Where compiled networks are kept for the next start, if at all.

    Raises:
        ModelError: The model's files are not as they were prepared, or OpenVINO cannot run them here.
    """

    def __init__(self, folder: Path, *, threads: int | None = None, cache: Path | None = None) -> None:
        self._folder = folder
        self._cache = cache
        self._threads = threads or cores.usable()
        self._backlog = Backlog(min(self._threads, MOST_STREAMS))
        self._streams = 1
        self._requests = self._compile(1)
        self.name = f"OpenVINO (CPU, {self._threads} thread{'s' if self._threads > 1 else ''})"

    def logits(self, images: Images) -> Logits:
        """Scores of all classes (N x classes), for N x crop x crop x 3 pixels, RGB."""
        streams = self._backlog.streams(len(images), time.monotonic())
        if streams != self._streams:
            self._streams, self._requests = 0, []  # first: two networks at once would take twice the memory
            self._requests = self._compile(streams)
            self._streams = streams
        try:
            return np.concatenate(_answers(self._requests, images))
        except BaseException:
            self._streams, self._requests = 0, []  # some may still be at work: the next images get new ones
            raise
        finally:
            self._backlog.ended(time.monotonic())

    def rest(self) -> None:
        """Be ready for a single image: to be called when none has come for a while."""
        if self._streams > 1:
            self._streams, self._requests = 0, []
            self._requests, self._streams = self._compile(1), 1

    def _compile(self, streams: int) -> list[Any]:
        """Requests that can run at the same time, each on its share of the threads."""
        artifact.check(self._folder, _FILES)  # each time: they are read again
        config = {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": self._threads,
            "ENABLE_CPU_PINNING": False,  # every process on this machine would be pinned to the same first cores
            # Where the CPU has bfloat16, OpenVINO would take it by itself, and agree less with torch.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        try:
            requests = self._open(config, streams)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            msg = f"{self._folder / artifact.NETWORK}: OpenVINO cannot run it ({reason}); {artifact.PREPARE_AGAIN}"
            raise ModelError(msg) from None
        give_back_memory(self._folder / artifact.NETWORK_WEIGHTS)
        return requests

    def _open(self, config: dict[str, Any], streams: int) -> list[Any]:
        key = " ".join([ov.__version__, *(artifact.checksum(self._folder, name) for name in _FILES)])
        with compiled.kept(self._cache, key) as cache:
            network = ov.Core().compile_model(self._folder / artifact.NETWORK, "CPU", config | cache)
        requests = [network.create_infer_request() for _ in range(1 if streams == 1 else 2 * streams)]
        for request in requests:  # on zeros: the first run takes longer, and no user should wait for it
            request.infer()
        return requests


def _answers(requests: Sequence[Any], images: Images) -> list[Logits]:
    """Scores (1 x classes) of each image. As soon as a request is free, it gets the next one."""
    found: list[Logits] = []
    free, busy = list(requests), deque[Any]()
    for image in images:
        if not free:
            found.append(_answer(busy[0]))
            free.append(busy.popleft())
        request = free.pop()
        request.start_async([image[np.newaxis]], share_inputs=True)
        busy.append(request)
    return [*found, *map(_answer, busy)]


def _answer(request: Any) -> Logits:
    request.wait()
    logits: Logits = request.get_output_tensor().data.copy()
    return logits


class Backlog:
    """Decides how many images are computed at the same time: one, until a backlog lasts.

    Args:
        most: How many can be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._since: float | None = None
        self._ended = -math.inf

    def ended(self, now: float) -> None:
        """Note that what was asked for last is done."""
        self._ended = now

    def streams(self, waiting: int, now: float) -> int:
        """How many to compute at once when so many images wait.

        Args:
            waiting: How many images there are.
            now: The time, in seconds.
        """
        if now - self._ended > GAP_S:  # nothing waited in between
            self._since = None
        # It takes two full rounds, for an odd image at the end, on one core, costs more than is won; and to go on, one:
        # a batch is not always full.
        if waiting < self._most * (2 if self._since is None else 1):
            self._since = None
        elif self._since is None:
            self._since = now
        lasts = self._since is not None and now - self._since >= SUSTAINED_S
        return self._most if lasts else 1


def give_back_memory(weights: Path) -> None:
    """Return to the kernel what only compiling needed: pages of the weights file, and glibc's free blocks.

    The compiled network has copies of the weights, laid out for this CPU. The file stays mapped, and a page that
    is read after all comes back from it.
    """
    libc = ctypes.CDLL(None)
    with contextlib.suppress(OSError, AttributeError):  # not Linux, or no glibc: it works without
        for line in Path("/proc/self/maps").read_text().splitlines():
            area, _, _, _, _, *path = line.split(maxsplit=5)
            if path == [str(weights.resolve())]:
                start, end = (int(address, 16) for address in area.split("-"))
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
        libc.malloc_trim(0)
