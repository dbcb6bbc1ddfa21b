"""From fp32 to int8, with NNCF: most layers compute with 8-bit integers, in ranges from real photos."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifier import maps, telemetry
from classifier.errors import ModelError
from common import optional_packages
from common.model.records import MapGrid

# An int8 model depends on its fp32 model, its photos, NNCF and this: change it when the method here changes.
METHOD: Final = "mixed, first and depthwise convolutions in fp32"


def version() -> str:
    """NNCF's version. Does not import it: that takes 5 s."""
    from importlib import metadata  # noqa: PLC0415 -- 0.02 s that serving need not spend

    try:
        return metadata.version("nncf")
    except metadata.PackageNotFoundError:
        msg = f"int8 needs the package nncf; {optional_packages.CURE}"
        raise ModelError(msg) from None


def quantise(network: Path, target: Path, calibration: Iterable[bytes]) -> MapGrid | None:
    """Write the int8 version of a network in fp32 (``.xml``) to ``target``.

    The first convolution and the depthwise ones stay in fp32: they are a small part of the work, and cost most of the
    accuracy, because each channel has its own range there. Of 253 photos that were hard for EfficientNet-Lite2,
    97 % kept their best class this way, and 86 % with all layers in int8 (``docs/decisions/0011``).

    Args:
        network: What ``conversion.convert`` wrote.
        target: Where the new ``.xml`` goes; its weights are next to it.
        calibration: The pixels of each photo, to take the ranges from.

    Returns:
        Where the cells of its maps are; None if it has none.

    Raises:
        ModelError: The files cannot be written.
        ImportError: NNCF is not installed.
    """
    telemetry.forbid()
    import openvino as ov  # noqa: PLC0415 -- telemetry must be off first

    model = ov.Core().read_model(network)
    maps.remove(model)  # they read the features and the weights, which NNCF would treat otherwise then
    quantised = _in_int8(model, calibration)
    grid = maps.add(quantised)
    try:
        ov.save_model(quantised, target, compress_to_fp16=False)
    except RuntimeError as error:  # as in conversion.convert
        msg = f"{target}: cannot be written; is the disk full? ({error})"
        raise ModelError(msg) from None
    return grid


def _in_int8(model: Any, calibration: Iterable[bytes]) -> Any:
    """The int8 version of a network without maps."""
    with _quiet():
        import nncf  # noqa: PLC0415 -- 5 s

        shape = tuple(model.input().shape)
        images = [np.frombuffer(seen, np.uint8).reshape(shape) for seen in calibration]
        return nncf.quantize(
            model,
            nncf.Dataset(images),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(images),
            ignored_scope=nncf.IgnoredScope(names=left_in_fp32(model)),
        )


def left_in_fp32(model: Any) -> list[str]:
    """Names of the first convolution and the depthwise ones."""
    operations = [(operation.get_type_name(), operation.get_friendly_name()) for operation in model.get_ordered_ops()]
    first = next(name for kind, name in operations if kind in {"Convolution", "GroupConvolution"})
    return [first, *(name for kind, name in operations if kind == "GroupConvolution" and name != first)]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Turn off NNCF's progress bars on standard output, and the remarks on GPUs of torch, which it imports."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(previous)
