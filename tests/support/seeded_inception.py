"""An Inception V3 that nobody trained, in the layout of the official weights file.

Its answers mean nothing, but they depend on every pixel: so it shows whether the network gets the same picture as
from torchvision's reference. ``python -m tests.support.seeded_inception FILE [CLASSES]``
writes one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import Inception_V3_Weights, inception_v3

from tests.support import photos

SURE = 0.5  # the best class of every photo gets at least this probability


def write_seeded_weights(path: Path, classes: int = 1000) -> Path:
    """Write a state dict (108 MB, AuxLogits included) that is the same every time, and return its path."""
    with torch.random.fork_rng():
        torch.manual_seed(2015)  # the year in which Inception V3 was published
        model = inception_v3(
            weights=None, init_weights=False, aux_logits=True, transform_input=True, num_classes=classes
        )
        transform = Inception_V3_Weights.IMAGENET1K_V1.transforms()
        pictures = torch.stack([transform(photos.photo(name)) for name in photos.NAMES])
        with torch.inference_mode():
            calibrate_batch_norms(model, pictures)
            _sharpen_last_layer(model, pictures)
    torch.save(model.state_dict(), path)
    return path


def calibrate_batch_norms(model: nn.Module, pictures: Tensor) -> None:
    """One pass in training mode: without it, all pictures give nearly the same logits."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # take this batch's statistics as they are
    model.train()(pictures)
    model.eval()


def _sharpen_last_layer(model: nn.Module, pictures: Tensor) -> None:
    """Centre the logits on the photos, then scale them until the network is sure of each."""
    weight, bias = model.get_parameter("fc.weight"), model.get_parameter("fc.bias")
    bias.sub_(model(pictures).mean(dim=0))
    logits, scale = model(pictures), 1.0
    while (logits * scale).softmax(dim=1).amax(dim=1).min() < SURE:
        scale *= 1.25
    weight.mul_(scale)
    bias.mul_(scale)


if __name__ == "__main__":
    write_seeded_weights(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
