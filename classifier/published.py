"""Torchvision's classification models as torchvision publishes them: a table, so that reading it does not import torch.

``torchvision.json`` has a line for each. ``python -m docs.models_table`` writes it, and a test compares it with
torchvision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from common.model.input import InputSpec

TABLE: Final = Path(__file__).with_name("torchvision.json")


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A model with its default weights for ImageNet-1K.

    Attributes:
        name: Torchvision's name of it.
        title: Its name for people.
        weights: Torchvision's name of the weights.
        weights_file: Their file on the server. The last part of its name is the beginning of the file's SHA-256.
        mib: The file's size in MiB (2^20 bytes; torchvision writes MB).
        top1: How many percent of ImageNet's validation pictures get the right class.
        gflop: The work for one picture, in 10^9 multiplications with an addition (torchvision writes GFLOPS).
        head: Name, in a state dict, of the last layer's weights; its rows are the classes.
        has_maps: Whether its last layers are a global average pooling and one linear layer: then there are class
            activation maps.
        input: How it wants its pictures.
    """

    name: str
    title: str
    weights: str
    weights_file: str
    mib: float
    top1: float
    gflop: float
    head: str
    has_maps: bool
    input: InputSpec


def read() -> list[Published]:
    """All of them, by name."""
    return msgspec.json.decode(TABLE.read_bytes(), type=list[Published])
