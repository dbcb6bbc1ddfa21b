"""Only OpenVINO, in its fastest ways: one request on all cores, or with ``streams``, several.

It compiles the network at each start, and does nothing with the scores.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.engines import AT_ONCE, Scores, compete
from classifier import artifact, telemetry
from classifier.serve import cores

telemetry.forbid()

import openvino as ov  # noqa: E402 -- telemetry must be off first

MANY: Final = 64  # so that the gap at the end of a batch does not count


def load(folder: Path) -> Scores:
    """The network, compiled for one stream, or for as many as there are cores."""
    threads = cores.usable()
    streams = threads if "streams" in sys.argv else 1
    config = {
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    network = ov.Core().compile_model(folder / artifact.NETWORK, "CPU", config)
    # One more request waits for each stream: a stream whose answer is not fetched yet is idle.
    requests = [network.create_infer_request() for _ in range(1 if streams == 1 else 2 * streams)]

    def scores(images: Sequence[Any]) -> Any:
        found, busy, free = [], deque[Any](), [*requests]
        for image in images:
            if not free:
                found.append(_answer(busy[0]))
                free.append(busy.popleft())
            busy.append(free.pop())
            busy[-1].start_async([image], share_inputs=True)
        return np.concatenate([*found, *map(_answer, busy)])

    return scores


def _answer(request: Any) -> Any:
    request.wait()
    return request.get_output_tensor(0).data.copy()


if __name__ == "__main__":
    compete(load, at_once=AT_ONCE if "streams" not in sys.argv else MANY)
