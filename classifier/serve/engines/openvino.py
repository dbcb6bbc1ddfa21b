"""OpenVINO on the CPU: ready in a few tenths of a second, and fast. Imports neither torch nor NumPy."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from classifier import artifact, telemetry
from classifier.errors import ModelError
from classifier.serve import compiled, cores
from classifier.serve.engines.engine import Engine, Output, Picture
from classifier.serve.engines.openvino_c import Network, Request, version
from common import libc

MOST_STREAMS: Final = 4  # each takes memory, and the worker has eight pictures at once: two rounds
MOST_IN_QUEUE: Final = 8  # pictures of one call: each takes a request of about 300 kB

# This module does not use OpenVINO's Python package, which has the telemetry; another module may import it.
telemetry.forbid()

_FILES: Final = (artifact.NETWORK, artifact.NETWORK_WEIGHTS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BacklogPolicy:
    """When a backlog is computed several pictures at a time.

    Attributes:
        gap_s: A backlog has the next pictures ready sooner than this.
        sustained_s: How long it has to last, since switching there and back takes 0.2 to 0.6 s.
    """

    gap_s: float = 0.5
    sustained_s: float = 3.0


BACKLOG_POLICY: Final = BacklogPolicy()


class OpenVinoEngine(Engine):
    """Runs ``model.xml``: one image after the other, each on all cores; in a backlog several at once, each on one core.

    The second way gives more images a second, the first gives a single image sooner. ``docs/decisions/0006`` has the
    measurements. Only one of the two networks is in memory at a time.

    Args:
        folder: The prepared model's folder.
        threads: How many may compute; by default as many as there are cores for this process.
        cache: Where compiled networks are kept for the next start, if at all.
        policy: When several pictures are computed at the same time.
        lock_limit_s: How long to wait for another process that has the cache.

    Raises:
        ModelError: The model's files are not as they were prepared, or OpenVINO cannot run them here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        cache: Path | None = None,
        policy: BacklogPolicy = BACKLOG_POLICY,
        lock_limit_s: float = compiled.LOCK_LIMIT_S,
    ) -> None:
        self._folder = folder
        self._cache = cache
        self._lock_limit_s = lock_limit_s
        self._threads = threads or cores.usable()
        self._backlog = Backlog(min(self._threads, MOST_STREAMS), policy)
        # The thread that holds the first lock begins pictures; the one that holds the second waits for the last of its
        # pictures. So the next call's pictures are in OpenVINO's queue before the last call's are done, and no core
        # waits in between.
        self._begins, self._ends = threading.Lock(), threading.Lock()
        self._pool: RequestPool | None = None
        self.classes = self._open(1).classes
        self.name = f"OpenVINO (CPU, {self._threads} thread{'s' if self._threads > 1 else ''})"

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> list[Output]:
        """Scores and maps for each picture; nothing if given up before they began."""
        with self._begins:
            if given_up and given_up.is_set():
                return []
            pool = self._pool if again and self._pool else self._pool_for(len(pictures))
            found, busy = list[Output](), deque[Request]()
            for picture in pictures:
                if len(busy) == MOST_IN_QUEUE:
                    found.append(pool.end(busy.popleft()))
                busy.append(pool.begin(picture))
            while len(busy) > 2 * pool.streams:
                found.append(pool.end(busy.popleft()))
            self._ends.acquire()  # the call before has ended by now
        try:
            return [*found, *map(pool.end, busy)]
        finally:
            self._backlog.ended(time.monotonic())
            del pool, busy  # the next call may compile another network, and this one must be freed by then
            self._ends.release()

    def rest(self) -> None:
        """Get ready for a single image. Call it when no image has come for a while."""
        if self._begins.acquire(blocking=False):
            try:
                if self._pool and self._pool.streams > 1:
                    self._open(1)
            finally:
                self._begins.release()

    def property(self, name: str) -> str:
        """A property of the network that is loaded now, as OpenVINO spells it."""
        return self._pool.network.property(name) if self._pool else ""

    def _pool_for(self, pictures: int) -> RequestPool:
        streams = self._backlog.streams(pictures, time.monotonic(), at_work=self._ends.locked())
        return self._pool if self._pool and self._pool.streams == streams else self._open(streams)

    def _open(self, streams: int) -> RequestPool:
        with self._ends:  # the network is idle now
            self._pool = None  # first, and it is the only name: two networks at once would take twice the memory
            self._pool = self._compiled(streams)
            return self._pool

    def _compiled(self, streams: int) -> RequestPool:
        artifact.check(self._folder, (artifact.NETWORK,))  # each time: they are read again
        with ThreadPoolExecutor(1) as executor:
            # Meanwhile OpenVINO lays the weights out, which are only numbers. It never computes with damaged ones.
            weights = executor.submit(artifact.check, self._folder, (artifact.NETWORK_WEIGHTS,))
            try:
                pool = RequestPool(self._network(streams, weights), streams)
            except RuntimeError as error:
                weights.result()  # damaged weights are the better reason
                reason = " ".join(str(error).split())
                msg = f"{self._folder / artifact.NETWORK}: OpenVINO cannot run it ({reason}); {artifact.PREPARE_AGAIN}"
                raise ModelError(msg) from None
        # Not in another thread: if the network were freed meanwhile, its pages could have another owner.
        give_back_memory(self._folder / artifact.NETWORK_WEIGHTS)
        return pool

    def _network(self, streams: int, weights: Future[None]) -> Network:
        config = {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(self._threads),
            "ENABLE_CPU_PINNING": "NO",  # every process on this machine would be pinned to the same first cores
            # On a CPU with bfloat16, OpenVINO would use it by default, and agree less with torch.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        key = " ".join([version(), *(artifact.checksum(self._folder, name) for name in _FILES)])
        with compiled.kept(self._cache, key, self._lock_limit_s) as cache:
            network = Network(self._folder / artifact.NETWORK, config | cache)
            weights.result()  # before the compiled network is kept for the next start
            return network


class RequestPool:
    """A compiled network, and its requests: as many as have been in flight at the same time.

    Args:
        network: The network.
        streams: How many pictures it computes at the same time.

    Attributes:
        streams: The same.
        classes: How many scores it gives.
    """

    def __init__(self, network: Network, streams: int) -> None:
        self.network = network
        self.streams = streams
        self._free: list[Request] = []
        # The first run takes longer; no user should wait for it.
        requests = [network.request() for _ in range(1 if streams == 1 else 2 * streams)]
        for request in requests:
            request.start(bytes(request.size))
        (self.classes,) = {len(self.end(request).scores) for request in requests}

    def begin(self, picture: Picture) -> Request:
        """Put a picture into the queue."""
        request = self._free.pop() if self._free else self.network.request()
        request.start(picture)
        return request

    def end(self, request: Request) -> Output:
        """Wait for its scores and maps."""
        output = request.output()
        self._free.append(request)
        return output


class Backlog:
    """Decides how many images are computed at the same time: one, until a backlog lasts.

    Args:
        most: The largest number.
        policy: When a backlog is one, and lasts.
    """

    def __init__(self, most: int, policy: BacklogPolicy = BACKLOG_POLICY) -> None:
        self._most = most
        self._policy = policy
        self._since: float | None = None
        self._ended = -math.inf

    def ended(self, now: float) -> None:
        """Note that the last call is done."""
        self._ended = now

    def streams(self, waiting: int, now: float, *, at_work: bool) -> int:
        """How many images to compute at once.

        Args:
            waiting: How many images wait.
            now: The time, in seconds.
            at_work: Whether earlier images are still being computed.
        """
        if not at_work and now - self._ended > self._policy.gap_s:  # nothing waited in between
            self._since = None
        # To begin, two full rounds have to wait: an odd image at the end, on one core, costs more than one round gains.
        # To go on, one round is enough: a batch is not always full.
        if waiting < self._most * (2 if self._since is None else 1):
            self._since = None
        elif self._since is None:
            self._since = now
        lasts = self._since is not None and now - self._since >= self._policy.sustained_s
        return self._most if lasts else 1


def give_back_memory(weights: Path) -> None:
    """Return memory to the kernel that only compiling needed: pages of the weights file, and glibc's free blocks.

    The compiled network has copies of the weights, laid out for this CPU. The file stays mapped: a page that is needed
    later is read again.
    """
    with contextlib.suppress(OSError):  # not Linux: it works without
        name = os.fsencode(weights.resolve())
        for line in Path("/proc/self/maps").read_bytes().splitlines():
            area, _, _, _, _, *path = line.split(maxsplit=5)
            if path == [name]:
                start, end = (int(address, 16) for address in area.split(b"-"))
                libc.forget_pages(start, end)
    libc.give_memory_back()
