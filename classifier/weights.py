"""A network's weights from a file, checked. Refuses everything that looks wrong."""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from classifier import checkpoint, weights_file
from classifier.checkpoint import Found
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
        place: Where in the file they are, for people; '' if the file holds nothing else.
    """

    state: Mapping[str, Tensor]
    classes: int
    place: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A state dict in the file, and how it fits the network.

    Attributes:
        found: Where it is.
        state: Its tensors by the names that torchvision uses now, without what only training uses.
        classes: How many classes it knows.
        known: How many of its names the network knows.
        faults: What does not fit, in words.
    """

    found: Found
    state: Mapping[str, Tensor]
    classes: int
    known: int
    faults: Sequence[str]


def load(network: Network, path: Path, name: Path | None = None) -> Loaded:
    """The weights in a file, alone or beside other things. All numbers are finite.

    Args:
        network: The network that they are for.
        path: The file. It may come from anywhere: no code in it is run.
        name: The file's name in errors; its path by default.

    Raises:
        ModelError: It is another kind of file, its weights are for another network, or several of them fit.
    """
    name = name or path
    content = weights_file.read(path, name)
    candidates = _candidates(network, content)
    if not candidates:
        raise _refusal(name, _why_without_head(network, content, name))
    fitting = [one for one in candidates if not one.faults]
    chosen = _only(fitting, network, name) if fitting else max(candidates, key=lambda one: one.known)
    for key, tensor in chosen.state.items():
        _check_values(key, tensor, name)
    if chosen.faults:
        where = f" in {chosen.found}" if str(chosen.found) else ""
        raise _refusal(name, f"not {network.title}'s layout{where}: {'; '.join(chosen.faults)}")
    return Loaded(state=chosen.state, classes=chosen.classes, place=str(chosen.found))


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


def _candidates(network: Network, content: Any) -> list[_Candidate]:
    """The state dicts in a file's content that have a last layer, compared with the network's own."""
    # An auxiliary classifier has a last layer, too: AuxLogits.fc.weight.
    found = [one for one in checkpoint.find(content, network.head) if not one.prefix.endswith(network.unused)]
    layouts = {
        classes: _layout(network, classes) for classes in {int(one.state[network.head].shape[0]) for one in found}
    }
    candidates = []
    for one in found:
        state = {present_name(key): value for key, value in one.state.items() if not key.startswith(network.unused)}
        classes = int(state[network.head].shape[0])
        layout = layouts[classes]
        faults = _faults(state, layout) if layout else [f"{classes} class; a classifier needs at least {MIN_CLASSES}"]
        known = len(state.keys() & layout.keys())
        candidates.append(_Candidate(found=one, state=state, classes=classes, known=known, faults=faults))
    return candidates


def _why_without_head(network: Network, content: Any, name: Path) -> str:
    """Why a file is refused that holds no last layer of this network."""
    objects = sorted(checkpoint.objects(content), key=lambda item: not item[1].is_network)
    tensors = checkpoint.names(content)
    if objects and (objects[0][1].is_network or not tensors):
        return weights_file.pickled_model(objects[0][1], name, objects[0][0])
    if not tensors:
        return f"not a state dict (names and tensors); save it with {weights_file.SAVE}"
    return f"no {network.title} state dict: it has no matrix {network.head!r}, but {_some(tensors)}"


def _only(fitting: list[_Candidate], network: Network, name: Path) -> _Candidate:
    """The one state dict that fits, or the first of several that are the same."""
    first, *others = fitting
    if all(checkpoint.are_same(first.state, other.state) for other in others):
        return first
    places = " and ".join(str(one.found) or "the file itself" for one in fitting)
    problem = f"several of its parts fit {network.title}: {places}. Save the one that shall answer by itself"
    raise _refusal(name, f"{problem}: {weights_file.SAVE}")


def _check_values(key: str, tensor: Tensor, name: Path) -> None:
    """Accept only values that torch copies unchanged into a float32 network: it would accept int8, too."""
    import torch  # noqa: PLC0415 -- 5 s

    is_dense = tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_meta
    is_float = tensor.dtype in {torch.float16, torch.bfloat16, torch.float32, torch.float64}
    if not is_dense or not (is_float or key.endswith((_COUNTER, _INDEX))):
        kind = f"{tensor.dtype}, {tensor.layout}, {tensor.device}".replace("torch.", "")
        problem = f"does not hold plain floating-point numbers ({kind}); save the model unquantized"
        raise _refusal(name, f"{weights_file.plain(key)} {problem}")
    if not torch.isfinite(tensor.float()).all():
        raise _refusal(name, f"{weights_file.plain(key)} holds values that are not numbers (NaN or infinite)")


def _layout(network: Network, classes: int) -> Mapping[str, Tensor]:
    """The names and shapes of the network's own state dict."""
    from classifier.hollow import Hollow  # noqa: PLC0415 -- brings torch

    if classes < MIN_CLASSES:
        return {}
    with Hollow():
        layout: Mapping[str, Tensor] = network.build(classes, None).state_dict()
    return layout


def _faults(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """What does not fit in names and shapes, in words: torch's own error fills the screen."""
    import torch  # noqa: PLC0415 -- 5 s

    # Files from before PyTorch 0.4.1 lack this counter, and inference does not use it.
    needed = {key for key in expected if not key.endswith(_COUNTER)}
    shared = state.keys() & expected.keys()
    wrong = {
        "lacks": needed - state.keys(),
        "does not know": state.keys() - expected.keys(),
        "has another shape for": {key for key in shared if state[key].shape != expected[key].shape},
        # A wrong index would be found only by computing with it.
        "has another": {key for key in shared if key.endswith(_INDEX) and not torch.equal(state[key], expected[key])},
    }
    return [f"{what} {_some(sorted(keys))}" for what, keys in wrong.items() if keys]


def _some(keys: list[str]) -> str:
    more = len(keys) - _KEYS_SHOWN
    return ", ".join(map(weights_file.plain, keys[:_KEYS_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _refusal(name: Path, problem: str) -> ModelError:
    return ModelError(f"weights {name}: {problem}")
