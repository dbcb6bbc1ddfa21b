"""Prepares the model that answers: ``python -m classifier.prepare``.

    1. Which?      the one that MODEL asks for; ``auto`` is Inception V3 if its weights can be had
    2. Weights     found or downloaded, and checked
    3. Convert     by torch and OpenVINO
    4. Compare     the converted model with torch; if they disagree, nothing is installed
    5. Install     the folder in MODELS_DIR, then ``in_use.json``, each by one rename

With PRECISION=int8, ``--int8`` or ``--photos``, in between: quantise the network, compare the two on photos, and
install that, too. Where all was done before, it takes 0.3 s and no torch. The steps themselves are in ``recipe.py``
and ``int8.py``.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from classifier import artifact, progress
from classifier.errors import ModelError, WeightsUnavailable
from classifier.int8 import comparison
from classifier.int8.comparison import GOOD_ENOUGH
from classifier.int8.photos import ENOUGH_TO_JUDGE
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3, NETWORKS
from classifier.prepare import official, recipe
from classifier.prepare.recipe import Recipe
from classifier.progress import Say
from common.model import records
from common.model.records import ModelRecord
from common.settings import ModelChoice, PrecisionChoice

_LOCK: Final = ".lock"
_INSTALL: Final = "pip install -r requirements.txt"
_NOT_TO_BE_HAD: Final = (
    "Inception V3's weights are not here and could not be downloaded, so EfficientNet-Lite2 answers."
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to prepare.

    Attributes:
        model: Which model.
        weights: An operator's own weights file, or None for the official one.
        labels: An operator's own labels, or None for ImageNet's.
        transform_input: What the operator's weights want; None if not said.
        precision: How it is to compute.
        photos: An operator's photos, to make and judge an int8 version with; None for those that packages bring.
    """

    model: ModelChoice
    weights: Path | None = None
    labels: Path | None = None
    transform_input: bool | None = None
    precision: PrecisionChoice = "auto"
    photos: Path | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it asks for a model only, so that one prepared before will do."""
        return self.weights is None and self.labels is None and self.transform_input is None


class Prepared(NamedTuple):
    """A prepared model, and its int8 version if there is one."""

    fp32: ModelRecord
    int8: ModelRecord | None


def prepare(request: Request, models_dir: Path, say: Say) -> ModelRecord:
    """Prepare a model and put it in use; or keep what is prepared already.

    Args:
        request: What to prepare.
        models_dir: Where prepared models lie, and weights that were placed or downloaded.
        say: Told about each step, for the terminal.

    Raises:
        ModelError: Weights or labels cannot be had, or are unfit. What was in use stays so.
        OSError: ``models_dir`` cannot be written.
    """
    kept = _keep(request, models_dir)
    if kept and _chosen(kept, request, models_dir) == records.in_use(models_dir):
        # No lock needed: all that was read was renamed into place, and nothing is to be written.
        return _chosen(kept, request, models_dir)
    models_dir.mkdir(parents=True, exist_ok=True)
    with _lock(models_dir, say):
        try:
            found = _keep(request, models_dir) or _prepare(request, models_dir, say)
        except ImportError as error:
            msg = f"a package that preparing needs is missing or broken ({error}); run: {_INSTALL}"
            raise ModelError(msg) from None
        finally:
            progress.clear(models_dir)
        record = _chosen(found, request, models_dir)
        artifact.put_in_use(models_dir, record)
        artifact.remove_superseded(models_dir, record.model, filter(None, found))
    return record


def is_prepared(request: Request, models_dir: Path) -> bool:
    """Whether all is there already that the request asks for, so that preparing takes no torch.

    Raises:
        ModelError: The weights that were placed in ``models_dir`` are damaged.
    """
    return _keep(request, models_dir) is not None


def _keep(request: Request, models_dir: Path) -> Prepared | None:
    """What is prepared already and satisfies the request; else None."""
    fp32 = _keep_fp32(request, models_dir)
    if fp32 is None or request.photos:
        return None
    int8 = artifact.prepared_int8(models_dir, fp32)
    return None if request.precision == "int8" and int8 is None else Prepared(fp32, int8)


def _keep_fp32(request: Request, models_dir: Path) -> ModelRecord | None:
    """The model that is prepared already and satisfies the request; else None."""
    if not request.is_plain:
        return None
    return _auto(models_dir) if request.model == "auto" else artifact.prepared(models_dir, request.model)


def _auto(models_dir: Path) -> ModelRecord | None:
    """The prepared model that ``auto`` takes without trying the download; None if it should be tried."""
    own = _own_in_use(models_dir)
    if own:
        return artifact.prepared(models_dir, own.model)
    return _brought(models_dir) or artifact.prepared(models_dir, INCEPTION_V3.name) or _fallback(models_dir)


def _own_in_use(models_dir: Path) -> ModelRecord | None:
    """The model in use if an operator's weights or labels are in it: ``auto`` does not choose another."""
    record = records.in_use(models_dir)
    if not record or record.model not in NETWORKS or not (models_dir / record.folder).is_dir():
        return None
    return record if recipe.own_parts(record) else None


def _fallback(models_dir: Path) -> ModelRecord | None:
    """EfficientNet-Lite2, where Inception V3's weights were found neither on this machine nor on their server.

    The server is asked once: not at each start, but when ``--model inception_v3`` says so. This machine
    is searched at each start.
    """
    in_use = records.in_use(models_dir)
    if in_use is None or in_use.why != _NOT_TO_BE_HAD or official.local_file(INCEPTION_V3, models_dir):
        return None
    return artifact.prepared(models_dir, EFFICIENTNET_LITE2.name)


def _brought(models_dir: Path) -> ModelRecord | None:
    """On a machine that can prepare none: the model in use, for whoever brought it has chosen it; or the only one."""
    if _has_torch():
        return None
    record = records.in_use(models_dir)
    if record and record.model in NETWORKS:
        return artifact.prepared(models_dir, record.model)
    found = [there for network in NETWORKS if (there := artifact.prepared(models_dir, network))]
    return found[0] if len(found) == 1 else None


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None  # not imported: that takes 5 s


def _prepare(request: Request, models_dir: Path, say: Say) -> Prepared:
    fp32 = _keep_fp32(request, models_dir) or recipe.make(_recipe(request, models_dir, say), models_dir, say)
    int8 = artifact.prepared_int8(models_dir, fp32)
    if request.photos or (request.precision == "int8" and int8 is None):
        from classifier.int8 import make as making  # noqa: PLC0415 -- brings OpenVINO and numpy

        int8 = making.make(models_dir, fp32, request.photos, say)
    return Prepared(fp32, int8)


def _recipe(request: Request, models_dir: Path, say: Say) -> Recipe:
    if request.weights:
        return recipe.with_own_weights(request.model, request.weights, request.labels, request.transform_input)
    if request.transform_input is not None:
        raise ModelError("--transform-input goes with --weights: what the official weights want is known")
    if request.model != "auto":
        return recipe.with_official_weights(NETWORKS[request.model], models_dir, request.labels, say)
    return _resolve_auto(models_dir, request.labels, say)


def _resolve_auto(models_dir: Path, labels: Path | None, say: Say) -> Recipe:
    """Inception V3 if its weights can be had, else EfficientNet-Lite2."""
    own = _own_in_use(models_dir)
    if own:
        recipe.protect_own(models_dir, own.model, labels)
    try:
        return recipe.with_official_weights(INCEPTION_V3, models_dir, labels, say)
    except WeightsUnavailable as error:
        say(str(error))
        return recipe.with_official_weights(EFFICIENTNET_LITE2, models_dir, labels, say)


def _chosen(found: Prepared, request: Request, models_dir: Path) -> ModelRecord:
    """The version that is to answer, with the reasons why."""
    compared = comparison.read(models_dir / found.int8.folder) if found.int8 else None
    if found.int8 and compared and (request.precision == "int8" or (request.precision == "auto" and compared.is_proof)):
        why = f"It computes in 8 bits (int8){', as asked for' if request.precision == 'int8' else ''}: "
        why += f"on {compared.agreeing} of {compared.photos} photos its best guess was that of full precision."
        return msgspec.structs.replace(found.int8, why=_why(found.fp32, request.model, models_dir), why_precision=why)
    why = "It computes in full precision (fp32)."
    if request.precision == "fp32":
        why = "It computes in full precision (fp32), as asked for."
    elif compared and compared.photos < ENOUGH_TO_JUDGE:
        why = (
            "It computes in full precision (fp32): its version in 8 bits (int8) was compared on "
            f"{compared.photos} photos only, and {ENOUGH_TO_JUDGE} are asked for."
        )
    elif compared:
        why = (
            "It computes in full precision (fp32): its version in 8 bits (int8) agrees on "
            f"{compared.bound} of photos for sure, and {GOOD_ENOUGH:.0%} are asked for."
        )
    return msgspec.structs.replace(found.fp32, why=_why(found.fp32, request.model, models_dir), why_precision=why)


def _why(record: ModelRecord, choice: ModelChoice, models_dir: Path) -> str:
    own_parts = recipe.own_parts(record)
    if own_parts:
        return f"{record.title} answers, with an operator's own {own_parts}."
    if choice != "auto":
        return f"{record.title} answers: it was asked for by name."
    if record.model == INCEPTION_V3.name:
        return f"{record.title} answers: its official weights are here."
    in_use = records.in_use(models_dir)
    if in_use and in_use.why != _NOT_TO_BE_HAD and not _has_torch():
        return f"{record.title} answers: it was brought to this machine, which can prepare no other."
    return _NOT_TO_BE_HAD


@contextlib.contextmanager
def _lock(models_dir: Path, say: Say) -> Iterator[None]:
    """Let one prepare at a time work in the folder. The system frees the lock of one that is killed."""
    with (models_dir / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another prepare is at work in {models_dir}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
