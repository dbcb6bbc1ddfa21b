"""The names of the classes, as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from classifier.errors import ModelError
from classifier.prepare import label_list

# Torchvision's names that mean something else to most people, or that differ from another only by a capital
# letter. WordNet's meaning follows in brackets, so that the official name can still be found.
CLARIFIED: Final[Mapping[str, str]] = {
    "Airedale": "dog",
    "Angora": "rabbit",
    "Cardigan": "dog",
    "Leonberg": "dog",
    "Lhasa": "dog",
    "Loafer": "shoe",
    "Newfoundland": "dog",
    "Pembroke": "dog",
    "admiral": "butterfly",
    "amphibian": "vehicle",
    "basset": "dog",
    "beacon": "lighthouse",
    "bearskin": "hat",
    "binder": "stationery",
    "bow": "weapon",
    "boxer": "dog",
    "brass": "memorial plaque",
    "cairn": "dog",
    "cardigan": "garment",
    "chest": "furniture",
    "chow": "dog",
    "clumber": "dog",
    "cock": "rooster",
    "crane": "machine",
    "cricket": "insect",
    "drake": "duck",
    "drumstick": "for drums",
    "ear": "corn",
    "file": "cabinet",
    "groom": "bridegroom",
    "hand blower": "hair dryer",
    "hip": "rose fruit",
    "iron": "for clothes",
    "jean": "denim",
    "kelpie": "dog",
    "kite": "bird",
    "liner": "ship",
    "maillot": "tights",
    "monarch": "butterfly",
    "mortar": "bowl",
    "mouse": "computer",
    "nail": "metal",
    "notebook": "computer",
    "organ": "instrument",
    "papillon": "dog",
    "pick": "plectrum",
    "pitcher": "jug",
    "plane": "carpentry",
    "pot": "flowerpot",
    "puffer": "fish",
    "racer": "racing car",
    "ringlet": "butterfly",
    "rule": "ruler",
    "slot": "machine",
    "sorrel": "horse",
    "stole": "scarf",
    "sunglass": "lens",
    "titi": "monkey",
    "trifle": "dessert",
    "upright": "piano",
    "vault": "ceiling",
    "walking stick": "insect",
    "washer": "machine",
    "wing": "aircraft",
    "wreck": "ship",
}


def imagenet() -> tuple[str, ...]:
    """The 1000 classes of ImageNet-1K in the order of the logits. Imports torchvision."""
    from torchvision.models import Inception_V3_Weights  # noqa: PLC0415 -- brings torch: 5 s

    names: list[str] = Inception_V3_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(f"{name} ({CLARIFIED[name]})" if name in CLARIFIED else name for name in names)


def read(path: Path) -> tuple[str, ...]:
    """The labels in a file, in the order of the logits: lines, or JSON in one of the shapes that people save.

    Raises:
        ModelError: It cannot be read, or a label is empty or occurs twice.
    """
    try:
        labels = label_list.parse(path.read_bytes())
        label_list.check(labels)
    except OSError as error:
        msg = f"labels {path}: cannot be read ({error.strerror})"
        raise ModelError(msg) from None
    except ValueError as error:
        msg = f"labels {path}: {error}"
        raise ModelError(msg) from None
    return labels
