"""Torch, on a GPU where there is one: the reference for the other engine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import torch

from classifier import artifact, weights
from classifier.networks import NETWORKS
from classifier.serve.engines.engine import Engine, Picture
from common.model.records import ModelRecord


class TorchEngine(Engine):
    """Runs the network eagerly, from ``weights.pth``, a batch at a time.

    Raises:
        ModelError: The weights are not as they were prepared.
    """

    def __init__(self, folder: Path, record: ModelRecord) -> None:
        # NVIDIA's TensorFloat-32, which cuDNN uses by default, keeps three digits of each factor.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        path = folder / artifact.TORCH_WEIGHTS
        artifact.check(folder, (artifact.TORCH_WEIGHTS,))
        network = NETWORKS[record.model]
        module = weights.build(network, weights.load(network, path), record.transform_input)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.name = f"torch ({self._device.type.upper()})"
        # Channels last is a third faster on CPUs, and GPUs' tensor cores need it.
        self._module = module.to(self._device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(record.input.mean, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(record.input.std, device=self._device).view(3, 1, 1)
        self._crop = record.input.crop
        self._turn = threading.Lock()
        self.classes = len(self.scores([bytes(3 * self._crop**2)])[0])  # a GPU's first run takes longer

    def scores(self, pictures: Sequence[Picture], given_up: threading.Event | None = None) -> list[list[float]]:
        """Scores of all classes for each picture; nothing if given up before they began."""
        with self._turn:
            if not pictures or (given_up and given_up.is_set()):
                return []
            found: list[list[float]] = self._logits(pictures).tolist()
            return found

    def _logits(self, pictures: Sequence[Picture]) -> torch.Tensor:
        shape = (len(pictures), self._crop, self._crop, 3)
        with torch.inference_mode():
            # N x 3 x crop x crop; the bytes stay where they are, so this is channels last already.
            images = torch.frombuffer(bytearray().join(pictures), dtype=torch.uint8).view(shape)
            pixels = images.to(self._device).permute(0, 3, 1, 2)
            logits: torch.Tensor = self._module((pixels.float() / 255 - self._mean) / self._std)
        return logits

    def rest(self) -> None:
        """Nothing to do: torch computes a single image as it computes many."""
