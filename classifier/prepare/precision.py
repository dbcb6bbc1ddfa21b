"""Which version of a prepared model answers, fp32 or int8; and why, in sentences for people."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from classifier.int8 import comparison
from classifier.int8.comparison import GOOD_ENOUGH, Comparison
from classifier.int8.photos import ENOUGH_TO_JUDGE
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3, Network
from classifier.prepare import recipe
from common import optional_packages
from common.model import records
from common.model.records import ModelRecord
from common.settings import ModelChoice, PrecisionChoice

# In in_use.json this text also marks that the download was tried. If it changes, each bot tries once more.
NOT_AVAILABLE: Final = "Inception V3's weights are not here and could not be downloaded, so EfficientNet-Lite2 answers."


class Prepared(NamedTuple):
    """A prepared model, and its int8 version if there is one."""

    fp32: ModelRecord
    int8: ModelRecord | None


def choose(found: Prepared, choice: PrecisionChoice, models_dir: Path) -> ModelRecord:
    """The version that answers, with the reason for its precision."""
    compared = comparison.read(models_dir / found.int8.folder) if found.int8 else None
    if found.int8 and compared and (choice == "int8" or (choice == "auto" and compared.is_proof)):
        as_asked = ", as asked for" if choice == "int8" else ""
        why = (
            f"It computes in 8 bits (int8){as_asked}: on {compared.agreeing} of {compared.photos} photos its best "
            "guess was that of full precision."
        )
        return msgspec.structs.replace(found.int8, why_precision=why)
    return msgspec.structs.replace(found.fp32, why_precision=_why_fp32(compared, choice))


def _why_fp32(compared: Comparison | None, choice: PrecisionChoice) -> str:
    fp32 = "It computes in full precision (fp32)"
    if choice == "fp32":
        return f"{fp32}, as asked for."
    if compared is None:
        return f"{fp32}."
    if compared.photos < ENOUGH_TO_JUDGE:
        return (
            f"{fp32}: its version in 8 bits (int8) was compared on {compared.photos} photos only, and "
            f"{ENOUGH_TO_JUDGE} are needed."
        )
    return (
        f"{fp32}: its version in 8 bits (int8) surely agrees on {compared.bound} of photos, and "
        f"{GOOD_ENOUGH:.0%} are needed."
    )


def why(record: ModelRecord, network: Network, choice: ModelChoice, models_dir: Path) -> str:
    """Why this model answers and not another."""
    own_parts = recipe.own_parts(record, network)
    if own_parts:
        return f"{record.title} answers, with an operator's own {own_parts}."
    if choice != "auto":
        return f"{record.title} answers: it was asked for by name."
    if record.model == INCEPTION_V3.name:
        return f"{record.title} answers: its official weights are here."
    in_use = records.in_use(models_dir)
    is_brought = record.model != EFFICIENTNET_LITE2.name or (in_use and in_use.why != NOT_AVAILABLE)
    if is_brought and not optional_packages.is_installed("torch"):
        return f"{record.title} answers: it was copied to this machine, which cannot prepare another."
    return NOT_AVAILABLE
