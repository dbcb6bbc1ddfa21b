"""ONNX Runtime with its own settings. The graph takes pixels as they are, as OpenVINO's does."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.engines import Scores, compete
from classifier import artifact
from classifier.networks import NETWORKS
from common.model import records

if TYPE_CHECKING:
    from torch import nn

ONNX = "model.onnx"


def export(folder: Path, path: Path) -> None:
    """Write the network in that folder as an ONNX file."""
    import torch  # noqa: PLC0415 -- only here, not where it is measured

    record = records.read(folder / records.DESCRIPTION)
    assert record  # noqa: S101 -- the caller prepared it
    module = NETWORKS[record.model].build(record.classes, record.transform_input)
    module.load_state_dict(torch.load(folder / artifact.TORCH_WEIGHTS, weights_only=True), strict=False)
    whole: nn.Module = _from_pixels(module.eval(), record.input.mean, record.input.std)
    warnings.simplefilter("ignore")  # torch's and onnxscript's own
    logging.disable(logging.WARNING)
    example = torch.zeros(1, record.input.crop, record.input.crop, 3, dtype=torch.uint8)
    torch.onnx.export(whole, (example,), path, external_data=False, verbose=False)


def _from_pixels(module: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    import torch  # noqa: PLC0415

    class FromPixels(torch.nn.Module):
        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.module = module
            self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
            self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

        def forward(self, images: torch.Tensor) -> Any:
            return self.module((images.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)

    return FromPixels()


def load(folder: Path) -> Scores:
    """The network from ``model.onnx`` in that folder."""
    import onnxruntime  # noqa: PLC0415 -- the file may be written where it is not installed

    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def scores(images: Sequence[Any]) -> Any:
        return np.concatenate([session.run(None, {name: image})[0] for image in images])

    return scores


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        compete(load)
