"""Torch the plain way, one picture at a time: with a fourth argument ``channels_last``, in that layout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.engines import Scores, compete
from classifier import artifact
from classifier.networks import NETWORKS
from common.model import records


def load(folder: Path) -> Scores:
    """The network from ``weights.pth``, with torch's own settings, threads included."""
    record = records.read(folder / records.DESCRIPTION)
    assert record  # noqa: S101 -- the caller prepared it
    module = NETWORKS[record.model].build(record.classes, record.transform_input)
    state = torch.load(folder / artifact.TORCH_WEIGHTS, weights_only=True)
    module.load_state_dict(state, strict=False)  # the file also has weights that only training uses
    module.eval()
    layout = torch.channels_last if "channels_last" in sys.argv else torch.contiguous_format
    module.to(memory_format=layout)
    mean, std = (torch.tensor(of).view(3, 1, 1) for of in (record.input.mean, record.input.std))

    def alone(image: Any) -> torch.Tensor:
        pixels = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255  # 1 x 3 x crop x crop
        logits: torch.Tensor = module(((pixels - mean) / std).contiguous(memory_format=layout))
        return logits

    def scores(images: Sequence[Any]) -> Any:
        with torch.inference_mode():
            return torch.cat([alone(image) for image in images]).numpy()

    return scores


if __name__ == "__main__":
    compete(load)
