"""Finds a network's state dict in what people save: under a key, beside other things, with prefixes of wrappers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from classifier.weights_file import Foreign, plain

if TYPE_CHECKING:
    from torch import Tensor

_DEPTH: Final = 3  # {"checkpoint": {"state": {"model": …}}}
_MOST_ITEMS: Final = 100  # of a list; longer ones hold numbers
# What wrappers put into the names: DataParallel and DistributedDataParallel, torch.compile, FullyShardedDataParallel,
# activation checkpointing. The name of no layer in our networks is one of them.
_WRAPPERS: Final = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_COUNTERS: Final = {"n_averaged"}  # torch.optim.swa_utils.AveragedModel counts the models that it averaged


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """A state dict in a file.

    Attributes:
        entry: Python's way to it from the content of the file, such as ``['model']``; '' for the content itself.
        prefix: What all its names begin with in the file, such as ``model.``, besides the wrappers' parts.
        state: Its names, without prefix, and its tensors.
    """

    entry: str
    prefix: str
    state: Mapping[str, Tensor]

    def __str__(self) -> str:
        entry = f"entry {self.entry}" if self.entry else ""
        prefix = f"the names after {plain(repr(self.prefix))}" if self.prefix else ""
        return ", ".join(filter(None, (entry, prefix)))


def find(content: Any, head: str) -> list[Found]:
    """All state dicts in a file's content that have the weights of the last layer.

    Args:
        content: What the file holds.
        head: The name of those weights.
    """
    found = []
    for entry, holder in _holders(content):
        tensors = _unwrapped(holder)
        for prefix in sorted(key.removesuffix(head) for key in tensors if f".{key}".endswith(f".{head}")):
            state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
            if state[head].dim() >= 2:  # noqa: PLR2004 -- classes x features; SqueezeNet's are x 1 x 1
                found.append(Found(entry=entry, prefix=prefix, state=state))
    return found


def names(content: Any) -> list[str]:
    """The names of all tensors in a file's content."""
    return [key for _, holder in _holders(content) for key in _unwrapped(holder)]


def objects(content: Any) -> Iterator[tuple[str, Foreign]]:
    """What is in a file's content, and the way to it, that is of a class unknown here."""
    if isinstance(content, Foreign):
        yield "", content
    for way, holder in _holders(content):
        for key, value in holder.items():
            if isinstance(value, Foreign):
                yield f"{way}[{_shown(key)}]", value


def are_same(state: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two state dicts have the same names and values."""
    import torch  # noqa: PLC0415 -- 5 s

    return state.keys() == other.keys() and all(
        tensor.dtype == other[key].dtype and torch.equal(tensor, other[key]) for key, tensor in state.items()
    )


def _holders(content: Any, way: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Each dict in the content, with Python's way to it."""
    if isinstance(content, Sequence) and not isinstance(content, str | bytes) and len(content) <= _MOST_ITEMS:
        items: Mapping[Any, Any] = dict(enumerate(content))
    elif isinstance(content, Mapping):
        items = content
    else:
        return
    yield way, items
    if depth < _DEPTH:
        for key, value in items.items():
            yield from _holders(value, f"{way}[{_shown(key)}]", depth + 1)


def _unwrapped(holder: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The tensors in a dict, by their names without what wrappers put into them."""
    import torch  # noqa: PLC0415 -- 5 s

    tensors = {
        key: value
        for key, value in holder.items()
        if isinstance(key, str) and isinstance(value, torch.Tensor) and key not in _COUNTERS
    }
    unwrapped = {_WRAPPERS.sub("", key): value for key, value in tensors.items()}
    return unwrapped if len(unwrapped) == len(tensors) else tensors


def _shown(key: object) -> str:
    return plain(repr(key))
