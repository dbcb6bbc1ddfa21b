"""The labels of a model's classes, as ``classifier/prepare`` wrote them next to its network."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import msgspec

LABELS: Final = "labels.json"


@functools.lru_cache(maxsize=2)  # 60 kB for ImageNet's; two while the model changes
def of_model(folder: Path) -> tuple[str, ...]:
    """The labels in a model's folder, in the order of its scores.

    Raises:
        OSError: There is no such file, or it cannot be read.
        msgspec.DecodeError: It does not hold labels.
    """
    return msgspec.json.decode((folder / LABELS).read_bytes(), type=tuple[str, ...])
