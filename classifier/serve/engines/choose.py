"""Chooses the engine that runs a prepared model, OpenVINO or torch, and loads it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from classifier.errors import ModelError
from classifier.serve import cores
from classifier.serve.compiled import CACHE
from classifier.serve.engines.engine import Engine
from common import optional_packages
from common.model.records import ModelRecord
from common.settings import EngineChoice, Settings

# NVIDIA's driver, the same under WSL, and AMD's. Importing torch to ask for a GPU takes 5 s.
GPU_DEVICES: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))
# A package without one of its shared libraries, such as CUDA's, raises OSError.
_NOT_INSTALLED: Final = (ImportError, OSError)

_log = logging.getLogger(__name__)


def choose(choice: EngineChoice, gpu_devices: Iterable[Path] = GPU_DEVICES) -> Literal["openvino", "torch"]:
    """The engine that a setting means: ``auto`` is torch where that finds a GPU, else OpenVINO.

    Args:
        choice: The setting.
        gpu_devices: The files that exist on a machine with a GPU.
    """
    if choice != "auto":
        return choice
    return "torch" if any(device.exists() for device in gpu_devices) and _torch_has_gpu() else "openvino"


def open_engine(settings: Settings, folder: Path, record: ModelRecord) -> Engine:
    """The engine that is set, with the model in ``folder`` loaded.

    Raises:
        ModelError: A file of the model is missing or altered, it is prepared in another precision than is set, or
            what the engine needs is not installed.
    """
    engine = choose(settings.engine)
    try:
        if engine == "torch":
            if settings.precision == "int8":
                _log.warning("PRECISION=int8 changes nothing: torch (ENGINE=%s) computes in fp32", settings.engine)
            from classifier.serve.engines.torch import TorchEngine  # noqa: PLC0415 -- 5 s

            return TorchEngine(folder, record)
        if settings.precision not in ("auto", record.precision):
            msg = f"PRECISION={settings.precision}, and {record.title} is in use in {record.precision}; run: make model"
            raise ModelError(msg)
        from classifier.serve.engines.openvino import OpenVinoEngine  # noqa: PLC0415 -- loads it

        return OpenVinoEngine(folder, threads=_threads(settings), cache=settings.data_dir / CACHE)
    except _NOT_INSTALLED as error:
        other = "openvino" if engine == "torch" else "torch"
        msg = (
            f"ENGINE={engine}: a package that it needs is missing or broken ({error}); "
            f"{optional_packages.CURE}, or set ENGINE={other}"
        )
        raise ModelError(msg) from None


def _threads(settings: Settings) -> int:
    return settings.classify_threads or max(1, cores.usable() // settings.classify_processes)


def _torch_has_gpu() -> bool:
    if not optional_packages.is_installed("torch"):
        return False
    try:
        import torch  # noqa: PLC0415 -- 5 s, which only a machine with a GPU spends
    except _NOT_INSTALLED as error:
        _log.warning("there is a GPU, and torch cannot be imported to use it: %s", error)
        return False
    return torch.cuda.is_available()
