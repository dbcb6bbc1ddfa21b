"""Reads an operator's labelled photos: a folder with a folder for each class, or a CSV file.

All of them must have a class that the model knows. If some do not, the others are probably not what they seem either:
folders of holidays, or the classes of another data set.
"""

from __future__ import annotations

import csv
import dataclasses
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from classifier.calibration.names import ClassNames, listed
from classifier.errors import ModelError

COLUMNS: Final = ("file", "class")

_NAMES: Final = "a class is named by its index, its WordNet id, its label or its plain name"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledLimits:
    """How many labelled photos are enough, and how many are read.

    Attributes:
        photos: The fewest photos.
        classes: The fewest classes; all, for a model that knows fewer.
        files: The largest number of files that are read.
    """

    photos: int = 200
    classes: int = 20
    files: int = 5000


LIMITS: Final = LabelledLimits()


class Labelled(NamedTuple):
    """A file, and the class of what it shows."""

    path: Path
    truth: int


def find(source: Path, names: ClassNames, limits: LabelledLimits = LIMITS) -> list[Labelled]:
    """The files with their classes. Of more than the limit, always the same ones, from all classes.

    Args:
        source: A folder whose folders are named by classes; or a CSV file with the columns ``file``, beginning at its
            own folder, and ``class``.
        names: The classes that the model knows.
        limits: How many files are read.

    Raises:
        ModelError: It is neither, or some classes are unknown.
    """
    if source.is_dir():
        found = _in_folders(source, names)
    elif source.is_file():
        found = _in_csv(source, names)
    else:
        msg = f"--labelled {source}: no such folder or CSV file"
        raise ModelError(msg)
    random.Random(0).shuffle(found)  # noqa: S311 -- nothing secret
    return found[: limits.files]


def check_enough(source: Path, truths: Iterable[int], of_classes: int, limits: LabelledLimits = LIMITS) -> None:
    """Make sure that there are enough photos, and that they show enough classes.

    Args:
        source: Where they came from.
        truths: The class of each photo.
        of_classes: How many classes the model knows.
        limits: How many are enough.

    Raises:
        ModelError: There are too few.
    """
    given = [*truths]
    photos, classes, needed = len(given), len({*given}), min(limits.classes, of_classes)
    if photos < limits.photos or classes < needed:
        msg = (
            f"--labelled {source}: {photos} different photos of {classes} classes; "
            f"{limits.photos} photos and {needed} classes are needed"
        )
        raise ModelError(msg)


def _in_folders(source: Path, names: ClassNames) -> list[Labelled]:
    found, unknown = list[Labelled](), list[str]()
    for folder in sorted(source.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        truth = names.find(folder.name)
        if truth is None and files:
            unknown.append(folder.name)
        elif truth is not None:
            found += [Labelled(path, truth) for path in files]
    _refuse(source, unknown, "folders")
    if not found:
        msg = f"--labelled {source}: it has no folders with photos of a class; {_NAMES}"
        raise ModelError(msg)
    return found


def _in_csv(source: Path, names: ClassNames) -> list[Labelled]:
    found, unknown = list[Labelled](), list[str]()
    for number, row in enumerate(_rows(source), start=1):
        truth, path = names.find(row["class"] or ""), source.parent / (row["file"] or "")
        if truth is None:
            unknown.append(row["class"] or "")
        elif path.is_file():
            found.append(Labelled(path, truth))
        else:
            msg = f"--labelled {source}: photo {number}: {path}: no such file"
            raise ModelError(msg)
    _refuse(source, [*dict.fromkeys(unknown)], "names")
    return found


def _rows(source: Path) -> Sequence[dict[str, str]]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, head = [*reader], reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"--labelled {source}: not a CSV file in UTF-8 ({error})"
        raise ModelError(msg) from None
    missing = [column for column in COLUMNS if column not in head]
    if missing:
        msg = f"--labelled {source}: its first line does not name the columns {listed(missing)}"
        raise ModelError(msg)
    return rows


def _refuse(source: Path, unknown: Sequence[str], what: str) -> None:
    if unknown:
        msg = f"--labelled {source}: these {what} are not classes of the model: {listed(unknown)}; {_NAMES}"
        raise ModelError(msg)
