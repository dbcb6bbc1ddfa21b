"""Torch itself, on a GPU where there is one: what the other engine is measured by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from classifier import artifact, weights
from classifier.models import NETWORKS
from common.model_record import ModelRecord


class TorchEngine:
    """Runs the network eagerly, from ``weights.pth``, a batch at a time.

    Raises:
        ModelError: The weights are not as they were prepared.
    """

    def __init__(self, folder: Path, record: ModelRecord) -> None:
        # NVIDIA's TensorFloat-32, which cuDNN takes by itself, keeps three digits of each factor.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        path = folder / artifact.TORCH_WEIGHTS
        artifact.check(folder, (artifact.TORCH_WEIGHTS,))
        network = NETWORKS[record.model]
        module = weights.build(network, weights.load(network, path), record.transform_input)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.name = f"torch ({self._device.type.upper()})"
        # Channels last is a third faster on CPUs, and what GPUs' tensor cores want.
        self._module = module.to(self._device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(record.input.mean, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(record.input.std, device=self._device).view(3, 1, 1)

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scores of all classes (N x classes), for N x crop x crop x 3 pixels, RGB."""
        with torch.inference_mode():
            # N x 3 x crop x crop; the bytes stay where they are, so this is channels last already.
            pixels = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2)
            logits = self._module((pixels.float() / 255 - self._mean) / self._std)
        scores: npt.NDArray[np.float32] = logits.cpu().numpy()
        return scores

    def rest(self) -> None:
        """Nothing to do: a single image is computed as many are."""
