"""Measures a prepared model in its own process: ``python -m classifier.int8.measure FOLDER``.

Writes ``{"ms": 3.4, "mb": 118}``: the median time of a picture, and the resident memory.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from classifier.errors import ModelError
from classifier.int8.comparison import Cost
from common.model import records
from common.settings import ROOT

_PICTURES: Final = 40
_LIMIT_S: Final = 600


def cost(folder: Path) -> Cost:
    """Measure the model in that folder.

    Raises:
        ModelError: It does not run.
    """
    command = [sys.executable, "-m", "classifier.int8.measure", str(folder)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=_LIMIT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        msg = f"{folder} could not be measured: {_PICTURES} pictures took more than {_LIMIT_S} s"
        raise ModelError(msg) from None
    if done.returncode:
        msg = f"{folder} could not be measured: {done.stderr.decode(errors='replace').strip().rpartition(chr(10))[2]}"
        raise ModelError(msg)
    return msgspec.json.decode(done.stdout, type=Cost)


def main(folder: Path) -> None:
    """The command."""
    from classifier.serve.engines.openvino import OpenVinoEngine  # noqa: PLC0415 -- prepare imports this module, too

    record = records.read(folder / records.DESCRIPTION)
    if record is None:
        raise SystemExit(f"{folder} holds no prepared model")
    engine = OpenVinoEngine(folder)
    image = np.full((1, record.input.crop, record.input.crop, 3), 128, np.uint8)
    took_s = []
    for _ in range(_PICTURES):
        began = time.perf_counter()
        engine.logits(image)
        took_s.append(time.perf_counter() - began)
    found = Cost(ms=round(statistics.median(took_s) * 1000, 1), mb=_memory_mb())
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _memory_mb() -> int:
    try:
        status = Path("/proc/self/status").read_text()  # not getrusage: its peak may be that of our parent
    except OSError:
        return 0
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)
    return round(int(found[1]) / 1024) if found else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
