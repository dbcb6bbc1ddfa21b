"""Our engine alone: no Redis, no files. It keeps its compiled networks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import Scores, compete
from classifier.serve.engines.openvino import OpenVinoEngine


def load(folder: Path) -> Scores:
    """The model in that folder."""
    engine = OpenVinoEngine(folder, cache=Path(sys.argv[4]))

    def scores(images: Sequence[Any]) -> Any:
        return engine.logits(np.concatenate(images))

    return scores


if __name__ == "__main__":
    compete(load)
