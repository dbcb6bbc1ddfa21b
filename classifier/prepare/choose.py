"""Prepares the model that answers, and puts it in use.

    1. Which?      the one that MODEL asks for; ``auto`` is Inception V3 if its weights are available
    2. Weights     found or downloaded, and checked
    3. Convert     by torch and OpenVINO
    4. Compare     the converted model with torch; if they disagree, nothing is installed
    5. Install     the folder in MODELS_DIR, then ``in_use.json``, each by one rename

With PRECISION=int8, ``--int8`` or ``--photos``, before the last step: quantise the network, compare the two on photos,
and install that, too. With ``--labelled``: measure how sure the model may be. If everything is already prepared, this
takes 0.3 s and no torch. The steps themselves are in ``recipe.py``, ``int8/make.py`` and ``calibration/make.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from classifier import artifact, progress
from classifier.calibration import make as measuring
from classifier.calibration import store
from classifier.calibration.measured import MEASURED, NOT_MEASURED
from classifier.errors import ModelError, WeightsUnavailable
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3, NETWORKS, Network
from classifier.prepare import precision, recipe, upgrade
from classifier.prepare.inventory import Inventory
from classifier.prepare.precision import Prepared
from classifier.prepare.recipe import Recipe
from classifier.progress import Say
from common import file_lock, optional_packages
from common.model import records
from common.model.records import Calibration, ModelRecord
from common.settings import ModelChoice, PrecisionChoice

_LOCK: Final = ".lock"
_NOT_LITE2: Final = (
    "--weights takes weights of torchvision's networks, and EfficientNet-Lite2 is another: say --model inception_v3 "
    "with it, or which network they are for"
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to prepare.

    Attributes:
        model: Which model.
        weights: An operator's own weights file, or None for the official one.
        labels: An operator's own labels, or None for ImageNet's.
        transform_input: What the operator's weights want; None if the operator did not say.
        precision: In which precision it computes.
        photos: An operator's photos, to make and judge an int8 version with; None for the photos in packages.
        labelled: An operator's photos whose classes are known, to measure a calibration with; None to keep that of the
            last time.
    """

    model: ModelChoice
    weights: Path | None = None
    labels: Path | None = None
    transform_input: bool | None = None
    precision: PrecisionChoice = "auto"
    photos: Path | None = None
    labelled: Path | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it asks only for a model, so that an already prepared one is enough."""
        return self.weights is None and self.labels is None and self.transform_input is None


def prepare(request: Request, models_dir: Path, say: Say, networks: Mapping[str, Network] = NETWORKS) -> ModelRecord:
    """Prepare a model and put it in use; or keep the one that is already prepared.

    Args:
        request: What to prepare.
        models_dir: The folder of prepared models, and of weights that were placed there or downloaded.
        say: Takes a line about each step, for the terminal.
        networks: All networks, by name.

    Raises:
        ModelError: Weights or labels are not available, or do not fit. The model in use stays in use.
        OSError: ``models_dir`` cannot be written.
    """
    preparation = _Preparation(request, Inventory(models_dir, networks), say)
    kept = preparation.kept()
    if kept and preparation.answering(kept) == records.in_use(models_dir):
        # Without the lock: everything read here was renamed into place, and nothing is written.
        return preparation.answering(kept)
    models_dir.mkdir(parents=True, exist_ok=True)
    with _lock(models_dir, say):
        try:
            preparation.bring_up_to_date()
            found = preparation.kept() or preparation.make()
        except ImportError as error:
            msg = f"a package that preparing needs is missing or broken ({error}); {optional_packages.CURE}"
            raise ModelError(msg) from None
        finally:
            progress.clear(models_dir)
        record = preparation.answering(found)
        artifact.put_in_use(models_dir, record)
        artifact.remove_superseded(models_dir, record.model, filter(None, found))
    return record


def is_prepared(request: Request, models_dir: Path) -> bool:
    """Whether all that the request asks for is prepared, by this version or an older one, so that torch is not needed.

    Raises:
        ModelError: The weights that were placed in ``models_dir`` are damaged.
    """
    inventories = (Inventory(models_dir, NETWORKS, version) for version in (artifact.FORMAT, artifact.OLDER))
    return any(_Preparation(request, inventory, lambda _line: None).kept() for inventory in inventories)


@dataclasses.dataclass(frozen=True)
class _Preparation:
    """One request, and what is already prepared."""

    request: Request
    inventory: Inventory
    say: Say

    def kept(self) -> Prepared | None:
        """The already prepared model that satisfies the request; else None."""
        fp32 = self._kept_fp32()
        if fp32 is None or self.request.photos or self.request.labelled:
            return None
        int8 = artifact.prepared_int8(self.inventory.models_dir, fp32)
        return None if self.request.precision == "int8" and int8 is None else Prepared(fp32, int8)

    def bring_up_to_date(self) -> None:
        """If only an older version of the bot has prepared what satisfies the request, make today's of it."""
        inventory = dataclasses.replace(self.inventory, version=artifact.OLDER)
        older = dataclasses.replace(self, inventory=inventory)._kept_fp32() if self._kept_fp32() is None else None
        if older:
            upgrade.bring_up_to_date(self.inventory.models_dir, older, self.say)

    def make(self) -> Prepared:
        """Make what is not prepared yet."""
        models_dir = self.inventory.models_dir
        fp32 = self._kept_fp32() or self._make_fp32()
        int8 = artifact.prepared_int8(models_dir, fp32)
        if self.request.photos or (self.request.precision == "int8" and int8 is None):
            from classifier.int8 import make as making  # noqa: PLC0415 -- brings OpenVINO and numpy

            int8 = making.make(models_dir, fp32, self.request.photos, self.say)
        found = Prepared(fp32, int8)
        if self.request.labelled:
            measuring.make(models_dir, [*filter(None, found)], self.request.labelled, self.say)
        return found

    def _make_fp32(self) -> ModelRecord:
        optional_packages.require("torch")  # first: weights are up to 2.6 GB to download, and useless without it
        return recipe.make(self._recipe(), self.inventory.models_dir, self.say)

    def answering(self, found: Prepared) -> ModelRecord:
        """The version that answers, with the reasons why."""
        models_dir, network = self.inventory.models_dir, self.inventory.networks[found.fp32.model]
        why = precision.why(found.fp32, network, self.request.model, models_dir)
        chosen = precision.choose(found, self.request.precision, models_dir)
        return msgspec.structs.replace(chosen, why=why, calibration=calibration(found.fp32, network, models_dir))

    def _kept_fp32(self) -> ModelRecord | None:
        return self.inventory.find(self.request.model) if self.request.is_plain else None

    def _recipe(self) -> Recipe:
        request, networks = self.request, self.inventory.networks
        if request.weights:
            if request.model == EFFICIENTNET_LITE2.name:
                raise ModelError(_NOT_LITE2)
            return Recipe(
                network=networks[INCEPTION_V3.name if request.model == "auto" else request.model],
                weights=request.weights,
                labels=request.labels,
                transform_input=request.transform_input,
            )
        if request.transform_input is not None:
            raise ModelError("--transform-input goes with --weights: what the official weights want is known")
        return self._auto() if request.model == "auto" else self._official(request.model)

    def _auto(self) -> Recipe:
        """Inception V3 if its weights are available, else EfficientNet-Lite2."""
        own = self.inventory.own_in_use()
        if own:
            network = self.inventory.networks[own.model]
            recipe.protect_own(self.inventory.models_dir, network, self.request.labels)
        try:
            return self._official(INCEPTION_V3.name)
        except WeightsUnavailable as error:
            self.say(str(error))
            return self._official(EFFICIENTNET_LITE2.name)

    def _official(self, model: str) -> Recipe:
        network = self.inventory.networks[model]
        return recipe.with_official_weights(network, self.inventory.models_dir, self.request.labels, self.say)


def calibration(fp32: ModelRecord, network: Network, models_dir: Path) -> Calibration:
    """The calibration of a model: an operator's own, or that of the official weights, or that of no measurement."""
    own = store.read(models_dir, fp32)
    if own or recipe.own_parts(fp32, network):
        return own or NOT_MEASURED
    return MEASURED.get(network.name, NOT_MEASURED)


@contextlib.contextmanager
def _lock(models_dir: Path, say: Say) -> Iterator[None]:
    """Let one prepare at a time work in the folder. The system frees the lock of a process that is killed."""
    with (models_dir / _LOCK).open("w") as file:
        if not file_lock.try_lock(file):
            say(f"another prepare is at work in {models_dir}: waiting for it")
            file_lock.lock(file)
        yield
