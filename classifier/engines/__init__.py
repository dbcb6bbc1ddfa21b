"""What runs a prepared model: OpenVINO, or torch, the reference. Both pass the same tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from common.model_record import ModelRecord
from common.settings import EngineChoice

# NVIDIA's driver, the same under WSL, and AMD's. Importing torch only to hear "no GPU" would take 5 s.
_GPU_DEVICES: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))


class Engine(Protocol):
    """Runs one model.

    Attributes:
        name: Its name for people, with the device that it uses.
    """

    name: str

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scores of all classes (N x classes), for N x crop x crop x 3 pixels, RGB."""
        ...


def choose(choice: EngineChoice) -> Literal["openvino", "torch"]:
    """The engine that a setting means: ``auto`` is torch where that finds a GPU, else OpenVINO."""
    if choice != "auto":
        return choice
    if importlib.util.find_spec("torch") and any(device.exists() for device in _GPU_DEVICES):
        import torch  # noqa: PLC0415 -- 5 s, which only a machine with a GPU spends

        if torch.cuda.is_available():
            return "torch"
    return "openvino"


def open_engine(choice: EngineChoice, folder: Path, record: ModelRecord) -> Engine:
    """The engine, with the model in ``folder`` loaded.

    Raises:
        ModelError: A file of the model is missing or altered, or the engine is not installed.
    """
    if choose(choice) == "torch":
        from classifier.engines.torch import TorchEngine  # noqa: PLC0415 -- 5 s

        return TorchEngine(folder, record)
    from classifier.engines.openvino import OpenVinoEngine  # noqa: PLC0415 -- 0.3 s

    return OpenVinoEngine(folder)
