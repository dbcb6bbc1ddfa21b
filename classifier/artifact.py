"""A prepared model's folder in ``MODELS_DIR``: written whole or not at all, and checked before use.

    <model>-v2-<id>/
        model.xml, model.bin  the network for OpenVINO: uint8 pixels in, logits and maps out
        weights.pth           the weights that it was made from, for ENGINE=torch
        labels.json           the classes' names, in the order of the logits
        model.json            the ModelRecord
        SHA256SUMS            of all these, as ``sha256sum --check`` reads them
    <model>-v2-<id>-int8-<id>/
        ...                   the same, with the network in 8 bits
        comparison.json       how its answers differ from those of the model that it was made from
    calibration-<folder>.json what labelled photos showed of the fp32 model in that folder and of its int8 version
    in_use.json               the ModelRecord of the folder that answers, with the reason why and its calibration
    .preparing-*              what prepare is writing, or left when it was killed: the next prepare removes it

The id depends on the inputs (weights, labels, transform_input; for int8 the photos, too): another content has another
folder. So one rename of ``in_use.json`` switches models, and a folder in use never changes.

In v1, networks had no maps. Such a folder can be served, and the next prepare makes one of today's of it
(``prepare/upgrade.py``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from classifier.errors import ModelError
from common.model import checksums, records
from common.model import labels as model_labels
from common.model.checksums import CHECKSUMS, sha256_of
from common.model.records import Calibration, ModelRecord

# Change them when the meaning of a folder changes: then all models are brought up to date, or prepared again.
FORMAT: Final = "v2"
OLDER: Final = "v1"
NETWORK: Final = "model.xml"
NETWORK_WEIGHTS: Final = "model.bin"
TORCH_WEIGHTS: Final = "weights.pth"
LABELS: Final = model_labels.LABELS
COMPARISON: Final = "comparison.json"
FILES: Final = (NETWORK, NETWORK_WEIGHTS, TORCH_WEIGHTS, LABELS, records.DESCRIPTION)

_STAGING: Final = ".preparing-"
_CALIBRATION: Final = "calibration-"
PREPARE_AGAIN: Final = "prepare it again: make model"


def folder_name(model: str, weights_sha256: str, labels: Sequence[str], transform_input: bool | None) -> str:
    """The name of the folder for a model that is made from these."""
    made_from = msgspec.json.encode((weights_sha256, labels, transform_input))
    return f"{model}-{FORMAT}-{hashlib.sha256(made_from).hexdigest()[:8]}"


def name_today(older: ModelRecord) -> str:
    """The name of the folder that an older model's folder becomes: its id depends on the same inputs."""
    return older.folder.replace(f"{older.model}-{OLDER}-", f"{older.model}-{FORMAT}-", 1)


def int8_folder_name(fp32: ModelRecord, made_with: str) -> str:
    """The name of the folder for a model in 8 bits.

    Args:
        fp32: The model that it is made from.
        made_with: Names everything else that it depends on.
    """
    return f"{fp32.folder}-int8-{hashlib.sha256(made_with.encode()).hexdigest()[:8]}"


def calibration_file(models_dir: Path, fp32: ModelRecord) -> Path:
    """Where a calibration is that was measured on labelled photos, for that model and its int8 version."""
    return models_dir / f"{_CALIBRATION}{fp32.folder}.json"


def check(folder: Path, names: Iterable[str] = FILES) -> None:
    """Make sure that these files of a prepared model are what ``prepare`` wrote.

    Raises:
        ModelError: One is missing or altered.
    """
    expected = _checksums(folder)
    for name in names:
        try:
            actual = sha256_of(folder / name)
        except OSError as error:
            msg = f"{folder / name} cannot be read ({error.strerror}); {PREPARE_AGAIN}"
            raise ModelError(msg) from None
        if actual != expected.get(name):
            msg = f"{folder / name} is not as it was prepared; {PREPARE_AGAIN}"
            raise ModelError(msg)


def checksum(folder: Path, name: str) -> str:
    """The SHA-256 that a file of a prepared model should have; '' if that is not known.

    Raises:
        ModelError: The folder's checksums cannot be read.
    """
    return _checksums(folder).get(name, "")


def check_in_use(models_dir: Path, record: ModelRecord) -> None:
    """Make sure that ``in_use.json``, which no checksum covers, agrees with the record in the model's folder.

    Raises:
        ModelError: It does not, or the folder's record is missing or altered.
    """
    folder = models_dir / record.folder
    check(folder, (records.DESCRIPTION,))
    if records.read(folder / records.DESCRIPTION) != as_prepared(record):
        msg = f"{models_dir / records.IN_USE} is not as it was prepared; {PREPARE_AGAIN}"
        raise ModelError(msg)


def as_prepared(record: ModelRecord) -> ModelRecord:
    """A record without all that only ``in_use.json`` has: what the model's own folder says."""
    return msgspec.structs.replace(record, why="", why_precision="", calibration=Calibration())


def prepared(models_dir: Path, model: str, version: str = FORMAT) -> ModelRecord | None:
    """The record of a prepared model, in fp32, whose folder is whole; None if there is no such folder.

    Args:
        models_dir: Where to look.
        model: The model's name.
        version: The folder's: ``FORMAT`` or ``OLDER``.
    """
    begin = f"{model}-{version}-"
    return _first_whole(
        models_dir, model, lambda record: record.precision == "fp32" and record.folder.startswith(begin)
    )


def prepared_int8(models_dir: Path, fp32: ModelRecord) -> ModelRecord | None:
    """The record of the whole int8 model that was made from that model; None if there is no such folder."""
    return _first_whole(models_dir, fp32.model, lambda record: record.made_from == fp32.folder)


def _first_whole(models_dir: Path, model: str, fits: Callable[[ModelRecord], bool]) -> ModelRecord | None:
    for folder in _folders(models_dir, model):
        record = _description(folder)
        if record and fits(record) and whole(folder):
            return record
    return None


def whole(folder: Path) -> ModelRecord | None:
    """The record in a prepared model's folder if all its files are as ``prepare`` wrote them; else None."""
    try:
        check(folder)
        record = _description(folder)
        if record and record.precision == "int8":
            check(folder, (COMPARISON,))
    except ModelError:
        return None
    return record


def descriptions(models_dir: Path, model: str) -> list[ModelRecord]:
    """The records in the model's folders, whole or not; the one in use comes first."""
    in_use = records.in_use(models_dir)
    found = []
    for folder in _folders(models_dir, model):
        spare = in_use if in_use and in_use.folder == folder.name else None
        record = _description(folder) or spare
        if record:
            found.append(record)
    return found


def stage(models_dir: Path) -> Path:
    """A new, empty folder to prepare a model in. Removes what an interrupted prepare left.

    The caller holds the lock on ``models_dir``.
    """
    for leftover in models_dir.glob(f"{_STAGING}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    folder = models_dir / f"{_STAGING}{os.getpid()}"
    folder.mkdir()
    return folder


def seal(staged: Path, record: ModelRecord, labels: Sequence[str]) -> None:
    """Complete a staged folder that holds the network and the weights: labels, record, checksums.

    Then sync all of it to the disk: after a power cut no folder may have empty files.
    """
    (staged / LABELS).write_bytes(msgspec.json.format(msgspec.json.encode(labels)))
    (staged / records.DESCRIPTION).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    names = [*FILES, COMPARISON] if (staged / COMPARISON).exists() else [*FILES]
    (staged / CHECKSUMS).write_text(checksums.text(staged, names))
    for name in (*names, CHECKSUMS):
        _sync(staged / name)
    _sync(staged)


def install(staged: Path, record: ModelRecord) -> None:
    """Give a sealed folder its name. A damaged folder of that name is removed."""
    final = staged.parent / record.folder
    if final.exists():
        shutil.rmtree(final)
    staged.rename(final)
    _sync(staged.parent)


def link(source: Path, target: Path) -> None:
    """Give a file a second name, so that 100 MB are not stored twice. Nothing writes into it."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def put_in_use(models_dir: Path, record: ModelRecord) -> None:
    """Make this model answer. Workers notice it at their next picture.

    The caller holds the lock on ``models_dir``.
    """
    if records.in_use(models_dir) != record:
        write(models_dir / records.IN_USE, msgspec.json.format(msgspec.json.encode(record)))
        _sync(models_dir)


def write(path: Path, content: bytes) -> None:
    """Write a file in ``MODELS_DIR`` so that a reader finds the old or the new one, whole.

    The caller holds the lock.
    """
    temporary = path.with_name(f"{_STAGING}{path.name}")
    temporary.write_bytes(content)
    _sync(temporary)
    temporary.replace(path)


def remove_superseded(models_dir: Path, model: str, keep: Iterable[ModelRecord]) -> None:
    """Remove the same model's other folders, and their calibrations.

    A worker that still runs one of them goes on, or changes to the model in use.
    """
    kept = {record.folder for record in keep}
    for folder in _folders(models_dir, model):
        if folder.name not in kept:
            shutil.rmtree(folder)
    for path in models_dir.glob(f"{_CALIBRATION}{model}-v*-*.json"):
        if path.stem.removeprefix(_CALIBRATION) not in kept:
            path.unlink()


def _folders(models_dir: Path, model: str) -> list[Path]:
    """The model's folders, of any format; the one in use comes first."""
    in_use = records.in_use(models_dir)
    found = [path for path in models_dir.glob(f"{model}-v*-*") if path.is_dir()]
    return sorted(found, key=lambda path: (in_use is None or path.name != in_use.folder, path.name))


def _description(folder: Path) -> ModelRecord | None:
    record = records.read(folder / records.DESCRIPTION)
    return record if record and record.folder == folder.name else None


def _sync(path: Path) -> None:
    """Sync a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksums(folder: Path) -> Mapping[str, str]:
    found = checksums.read(folder)
    if found is None:
        msg = f"{folder / CHECKSUMS} cannot be read; {PREPARE_AGAIN}"
        raise ModelError(msg)
    return found
