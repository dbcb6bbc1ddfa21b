"""OpenVINO on the CPU: ready in under a second, and fast. Never imports torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from classifier import artifact, telemetry
from classifier.errors import ModelError

telemetry.forbid()

import openvino as ov  # noqa: E402 -- telemetry must be off first


class OpenVinoEngine:
    """Runs ``model.xml``, one image after the other, each on all cores.

    Why not several at once, each on one core: ``docs/decisions/0006``.

    Raises:
        ModelError: The model's files are not as they were prepared, or OpenVINO cannot run them here.
    """

    name = "OpenVINO (CPU)"

    def __init__(self, folder: Path) -> None:
        artifact.check(folder, (artifact.NETWORK, artifact.NETWORK_WEIGHTS))
        # Where the CPU has bfloat16, OpenVINO would take it by itself, and agree less with torch.
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        try:
            compiled = ov.Core().compile_model(folder / artifact.NETWORK, "CPU", config)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            msg = f"{folder / artifact.NETWORK}: OpenVINO cannot run it ({reason}); {artifact.PREPARE_AGAIN}"
            raise ModelError(msg) from None
        self._request = compiled.create_infer_request()

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scores of all classes (N x classes), for N x crop x crop x 3 pixels, RGB."""
        rows = [self._request.infer([image[np.newaxis]])[0].copy() for image in images]
        return np.concatenate(rows)
