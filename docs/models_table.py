"""Writes what torchvision publishes of its classification models: ``python -m docs.models_table``.

It writes ``classifier/torchvision.json``, which the bot reads, and the table of all models in docs/models.md. Run it
after a change of torchvision's version. It needs no connection: torchvision knows all of it, and a network's last
layers are read from the network itself.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import torch
import torchvision
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import measuring
from classifier import networks, published
from classifier.hollow import Hollow
from classifier.published import Published
from common.model.input import InputSpec
from common.settings import ROOT

PAGE: Final = ROOT / "docs" / "models.md"
PLACE: Final = "torchvision"

_TITLES: Final = (  # a name, and how its authors write it
    (r"alexnet", "AlexNet"),
    (r"convnext_(\w+)", "ConvNeXt {}"),
    (r"densenet(\d+)", "DenseNet-{}"),
    (r"efficientnet_(b\d)", "EfficientNet-{}"),
    (r"efficientnet_v2_(\w)", "EfficientNetV2-{}"),
    (r"googlenet", "GoogLeNet"),
    (r"inception_v3", "Inception V3"),
    (r"maxvit_(\w)", "MaxViT-{}"),
    (r"mnasnet(\d_\d+)", "MNASNet {}"),
    (r"mobilenet_v2", "MobileNetV2"),
    (r"mobilenet_v3_(\w+)", "MobileNetV3 {}"),
    (r"regnet_([xy])_(\w+)([gm]f)", "RegNet {} {} {}"),
    (r"resnet(\d+)", "ResNet-{}"),
    (r"resnext(\d+)_(\w+)", "ResNeXt-{} {}"),
    (r"shufflenet_v2_x(\d_\d)", "ShuffleNetV2 x{}"),
    (r"squeezenet(\d_\d)", "SqueezeNet {}"),
    (r"swin_(\w)", "Swin-{}"),
    (r"swin_v2_(\w)", "SwinV2-{}"),
    (r"vgg(\d+)", "VGG-{}"),
    (r"vgg(\d+)_(bn)", "VGG-{} {}"),
    (r"vit_(\w)_(\d+)", "ViT-{}/{}"),
    (r"wide_resnet(\d+)_(\d)", "Wide ResNet-{}-{}"),
)
# Operations that only arrange numbers in another way: a map's cells stay what they are.
_ARRANGING: Final = {"view", "_unsafe_view", "reshape", "t", "transpose", "permute", "squeeze", "clone", "as_strided_"}


def main() -> None:
    """Write the file and the table."""
    found = [entry(name) for name in names()]
    lines = ",\n".join(msgspec.json.encode(each).decode() for each in found)
    published.TABLE.write_text(f"[\n{lines}\n]\n")
    measuring.write(PLACE, table(found), PAGE)


def names() -> list[str]:
    """All of torchvision's classification models, by name."""
    return list(torchvision.models.list_models(module=torchvision.models))


def entry(name: str) -> Published:
    """What torchvision says of a model with its default weights.

    Raises:
        ValueError: Its pictures do not fit ``InputSpec``, or its title is not known here.
    """
    weights = torchvision.models.get_model_weights(name).DEFAULT
    spec = input_spec(name, weights.transforms())
    return Published(
        name=name,
        title=title(name),
        weights=f"{type(weights).__name__}.{weights.name}",
        weights_file=weights.url.removeprefix(networks.SERVER),
        mib=weights.meta["_file_size"],
        top1=weights.meta["_metrics"]["ImageNet-1K"]["acc@1"],
        gflop=weights.meta["_ops"],
        head=head(name, spec.crop),
        has_maps=has_maps(name, spec.crop),
        input=spec,
    )


def input_spec(name: str, transform: Any) -> InputSpec:
    """How a model wants its pictures, from torchvision's ``ImageClassification``."""
    (resize,), (crop,) = transform.resize_size, transform.crop_size
    spec = {"resize": resize, "crop": crop, "interpolation": transform.interpolation.value}
    return msgspec.convert({"model": name, **spec, "mean": transform.mean, "std": transform.std}, InputSpec)


def title(name: str) -> str:
    """A model's name for people."""
    for pattern, written in _TITLES:
        found = re.fullmatch(pattern, name)
        if found:
            return written.format(*map(_for_people, found.groups()))
    msg = f"{name} has no title here: add its family to _TITLES"
    raise ValueError(msg)


def _for_people(part: str) -> str:
    """``1_6`` is 1.6, ``base`` is Base, ``gf`` is GF."""
    if part.isalpha():
        return part.capitalize() if len(part) > len("gf") else part.upper()
    return part.replace("_", ".").capitalize() if part[0].isalpha() else part.replace("_", ".")


def hollow(name: str, crop: int, classes: int) -> nn.Module:
    """The network with shapes and without memory."""
    with Hollow():
        return networks.build(name, crop, classes)


def head(name: str, crop: int) -> str:
    """The weights, in a state dict, that have a row for each class: their shape depends on how many there are."""
    two, three = (hollow(name, crop, classes).state_dict() for classes in (2, 3))
    (found,) = (key for key in two if two[key].shape != three[key].shape and key.endswith(".weight"))
    return found


def has_maps(name: str, crop: int) -> bool:
    """Whether the network's last layers are a global average pooling and one linear layer."""
    module = hollow(name, crop, classes=2).to("meta").eval()
    with torch.device("meta"), torch.no_grad(), _Operations() as seen:
        module(torch.empty(1, 3, crop, crop))
    last = [name for name in seen.names if name not in _ARRANGING][-2:]
    return last == ["mean", "addmm"]


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the names of the operations that are computed within it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def table(found: list[Published]) -> str:
    """The table of all models in docs/models.md; Markdown."""
    head = ("`MODEL=`", "title", "top-1, %", "GFLOP", "weights, MiB", "picture", "maps")
    rows = (
        (
            f"`{each.name}`",
            each.title,
            f"{each.top1:.1f}",
            f"{each.gflop:.2f}" if each.gflop < 1 else f"{each.gflop:.1f}",
            f"{each.mib:.0f}",
            each.input.crop,
            "yes" if each.has_maps else "no",
        )
        for each in found
    )
    return measuring.table(head, rows)


if __name__ == "__main__":
    main()
