"""Torch, on a GPU where there is one: the reference for the other engine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from classifier import artifact, weights
from classifier.networks import NETWORKS
from classifier.serve.engines.engine import MAPS, Engine, Maps, Output, Picture
from common.model.records import ModelRecord

_POOLINGS: Final = (torch.mean, torch.Tensor.mean, functional.adaptive_avg_pool2d, functional.avg_pool2d)


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
        # The record says whether there are maps: it was found on the graph.
        self._head = module.get_parameter(network.head) if record.maps else None
        self._turn = threading.Lock()
        self.classes = len(self.scores([bytes(3 * self._crop**2)])[0])  # a GPU's first run takes longer

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> list[Output]:
        """Scores and maps for each picture; nothing if given up before they began."""
        with self._turn:
            if not pictures or (given_up and given_up.is_set()):
                return []
            with torch.inference_mode():
                return self._computed(pictures)

    def _computed(self, pictures: Sequence[Picture]) -> list[Output]:
        shape = (len(pictures), self._crop, self._crop, 3)
        # N x 3 x crop x crop; the bytes stay where they are, so this is channels last already.
        images = torch.frombuffer(bytearray().join(pictures), dtype=torch.uint8).view(shape)
        pixels = images.to(self._device).permute(0, 3, 1, 2)
        scaled = (pixels.float() / 255 - self._mean) / self._std
        if self._head is None:
            return [Output(scores, None) for scores in self._module(scaled).tolist()]
        with _Pooled() as pooled:
            logits: torch.Tensor = self._module(scaled)
        maps = _maps(logits, self._head, pooled.features)
        _, _, rows, columns = pooled.features.shape
        return [
            Output(scores, Maps(rows, columns, tuple(map(tuple, cells))))
            for scores, cells in zip(logits.tolist(), maps.tolist(), strict=True)
        ]

    def rest(self) -> None:
        """Nothing to do: torch computes a single image as it computes many."""


class _Pooled(TorchFunctionMode):
    """While it is entered, remembers what was pooled last: in a network that has maps, the last features.

    Some networks pool in a module, others in a function, so a module's hook would not see all of them.

    Attributes:
        features: N x channels x height x width.
    """

    features: torch.Tensor

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _POOLINGS:
            self.features = args[0]
        return func(*args, **(kwargs or {}))


def _maps(logits: torch.Tensor, head: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The maps (N x maps x h·w), as ``classifier/maps.py`` has them.

    Args:
        logits: N x classes.
        head: The weights of the linear layer, classes x C.
        features: What was pooled before it, N x C x h x w.
    """
    best = logits.topk(min(MAPS, logits.shape[1])).indices
    return (head[best] - head.mean(0)) @ features.flatten(2)
