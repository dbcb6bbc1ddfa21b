"""Reads a network's weights from a file and checks them. Refuses everything that looks wrong."""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from classifier.errors import ModelError
from classifier.networks import MIN_CLASSES, Network

if TYPE_CHECKING:
    from torch import Tensor, nn

_KEYS_SHOWN: Final = 3
_COUNTER: Final = "num_batches_tracked"  # an integer that batch norms count with while they are trained
_INDEX: Final = "relative_position_index"  # integers that Swin and MaxViT are built with; never trained
# The official files of DenseNet and the Vision Transformer have names of older versions of torchvision, which renames
# them, too: torchvision/models/densenet.py and vision_transformer.py.
_RENAMED: Final = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])(?=\.)"), r"\1\2"),
    (re.compile(r"(?<=\.mlp\.)linear_1(?=\.)"), "0"),
    (re.compile(r"(?<=\.mlp\.)linear_2(?=\.)"), "3"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loaded:
    """Weights that fit their network.

    Attributes:
        state: The state dict without what only training uses.
        classes: How many classes they know.
    """

    state: Mapping[str, Tensor]
    classes: int


def load(network: Network, path: Path, name: Path | None = None) -> Loaded:
    """The weights in a state dict file. All numbers are finite.

    Args:
        network: The network that they are for.
        path: The file. It may come from anywhere: no code in it is run.
        name: The file's name in errors; its path by default.

    Raises:
        ModelError: It is another kind of file, or its weights are for another network.
    """
    name = name or path
    read = _read(path, name)
    state = {present_name(key): tensor for key, tensor in read.items() if not key.startswith(network.unused)}
    head = state.get(network.head)
    if head is None or head.dim() < 2:  # noqa: PLR2004 -- classes x features; SqueezeNet's are x 1 x 1
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
    state = OrderedDict(weights.state)
    # MNASNet asks for the version of its layout, which the file's metadata has if torch saved it from a whole module.
    # The layout was checked. All other modules get no version: those that ask take that for the oldest.
    state._metadata = {"": {"version": module._version}}  # type: ignore[attr-defined]
    module.load_state_dict(state, strict=True)
    return module.eval().requires_grad_(False)


def present_name(key: str) -> str:
    """A name in a state dict as this version of torchvision writes it."""
    for former, present in _RENAMED:
        key = former.sub(present, key)
    return key


def _read(path: Path, name: Path) -> dict[str, Tensor]:
    import torch  # noqa: PLC0415 -- 5 s

    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds of errors for files that it did not write
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
    """Accept only values that torch copies unchanged into a float32 network: it would accept int8, too."""
    import torch  # noqa: PLC0415 -- 5 s

    is_dense = tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_meta
    is_float = tensor.dtype in {torch.float16, torch.bfloat16, torch.float32, torch.float64}
    if not is_dense or not (is_float or key.endswith((_COUNTER, _INDEX))):
        kind = f"{tensor.dtype}, {tensor.layout}, {tensor.device}".replace("torch.", "")
        msg = f"weights {name}: {key} does not hold plain floating-point numbers ({kind}); save the model unquantized"
        raise ModelError(msg)
    if not torch.isfinite(tensor.float()).all():
        msg = f"weights {name}: {key} holds values that are not numbers (NaN or infinite)"
        raise ModelError(msg)


def _check_layout(network: Network, state: Mapping[str, Tensor], classes: int, name: Path) -> None:
    """Compare names and shapes with the network's own: torch's own error fills the screen."""
    import torch  # noqa: PLC0415 -- 5 s

    from classifier.hollow import Hollow  # noqa: PLC0415 -- brings torch

    with Hollow():
        expected = network.build(classes, None).state_dict()
    # Files from before PyTorch 0.4.1 lack this counter, and inference does not use it.
    needed = {key for key in expected if not key.endswith(_COUNTER)}
    wrong = {
        "lacks": sorted(needed - state.keys()),
        "does not know": sorted(state.keys() - expected.keys()),
        "has another shape for": sorted(
            key for key in state.keys() & expected.keys() if state[key].shape != expected[key].shape
        ),
        "has another": sorted(
            key
            for key in state.keys() & expected.keys()
            # A wrong index would be found only by computing with it.
            if key.endswith(_INDEX) and not torch.equal(state[key], expected[key])
        ),
    }
    faults = [f"{what} {_some(keys)}" for what, keys in wrong.items() if keys]
    if faults:
        msg = f"weights {name}: not {network.title}'s layout: {'; '.join(faults)}"
        raise ModelError(msg)


def _some(keys: list[str]) -> str:
    more = len(keys) - _KEYS_SHOWN
    return ", ".join(keys[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
