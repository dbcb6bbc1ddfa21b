"""Converts a model from torch to OpenVINO, and proves that both give the same scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from classifier import maps, telemetry
from classifier.errors import ModelError
from classifier.networks import MAX_DIFFERENCE
from common.model.input import InputSpec
from common.model.records import MapGrid

if TYPE_CHECKING:
    from torch import nn

    from classifier.serve.engines.engine import Engine

_TEST_IMAGES: Final = 3


def convert(module: nn.Module, spec: InputSpec, path: Path) -> MapGrid | None:
    """Write the module as OpenVINO's ``path`` (``.xml``) and its weights next to it (``.bin``).

    The file takes pixels as they are (1 x crop x crop x 3, uint8, RGB): mean and scale are part of the
    graph. It gives logits (1 x classes, float32), and maps if the network has them (``classifier/maps.py``). A fixed
    batch of one: see ``OpenVinoEngine``.

    Returns:
        Where the maps' cells are; None if the network has no maps.

    Raises:
        ModelError: The files cannot be written.
    """
    telemetry.forbid()
    import openvino as ov  # noqa: PLC0415 -- 0.3 s, and telemetry must be off first
    import torch  # noqa: PLC0415 -- 5 s
    from openvino.preprocess import PrePostProcessor  # noqa: PLC0415

    example = torch.zeros(1, 3, spec.crop, spec.crop)
    model = ov.convert_model(torch.export.export(module, (example,)))
    model.reshape([1, 3, spec.crop, spec.crop])
    processor = PrePostProcessor(model)
    pixels = processor.input()
    pixels.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    pixels.model().set_layout(ov.Layout("NCHW"))
    steps = pixels.preprocess().convert_element_type(ov.Type.f32)
    steps.scale(255.0).mean(list(spec.mean)).scale(list(spec.std))
    built = processor.build()
    grid = maps.add(built)
    # Half-precision weights would halve the file, but agree less with torch.
    try:
        ov.save_model(built, path, compress_to_fp16=False)
    except RuntimeError as error:  # OpenVINO's error for a full disk; it names only the stream
        msg = f"{path}: cannot be written; is the disk full? ({error})"
        raise ModelError(msg) from None
    return grid


def compare(module: nn.Module, spec: InputSpec, engine: Engine, max_difference: float = MAX_DIFFERENCE) -> float:
    """The largest difference between the engine's logits and torch's own, relative to the logits' range.

    Raises:
        ModelError: It is above ``max_difference``, or the network gives every class the same score.
    """
    images = _test_images(spec.crop)
    expected = _reference(module, spec, images)
    spread = float(np.ptp(expected))
    if not np.isfinite(spread) or spread == 0:
        msg = "these weights give no usable scores: every class gets the same, or not a number"
        raise ModelError(msg)
    difference = float(np.abs(engine.logits(images) - expected).max()) / spread
    if not difference <= max_difference:  # so that NaN fails, too
        msg = (
            f"the converted model disagrees with torch: logits differ by {difference:.1e} of their range, "
            f"more than {max_difference:.0e}; please report it, with the CPU and the versions of torch and OpenVINO"
        )
        raise ModelError(msg)
    return difference


def _test_images(size: int) -> npt.NDArray[np.uint8]:
    """N x size x size x 3, uint8: soft coloured shapes, hard edges, and noise; always the same."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (_TEST_IMAGES, 12, 12, 3), dtype=np.uint8)
    repeat = -(-size // 12)
    images = coarse.repeat(repeat, axis=1).repeat(repeat, axis=2)[:, :size, :size]
    ramp = np.linspace(0.2, 1.0, size)[None, :, None, None]
    noise = random.integers(0, 40, images.shape)
    return np.clip(images * ramp + noise, 0, 255).astype(np.uint8)


def _reference(module: nn.Module, spec: InputSpec, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Torch's logits (N x classes) for pixels scaled as torchvision's transforms do it."""
    import torch  # noqa: PLC0415 -- 5 s

    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(spec.mean).view(3, 1, 1)
    std = torch.tensor(spec.std).view(3, 1, 1)
    with torch.inference_mode():
        logits: npt.NDArray[np.float32] = module((pixels - mean) / std).numpy()
    return logits
