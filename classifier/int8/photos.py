"""Real photos to make and judge an int8 model with: an operator's own, or the few in packages.

A photo that calibrates is never used to judge: its content decides which part it belongs to.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from classifier.errors import ModelError
from common import optional_packages
from common.limits import MAX_FILE_BYTES
from common.model.input import InputSpec

ENOUGH_TO_JUDGE: Final = 200
MOST_TO_CALIBRATE: Final = 300  # NNCF's own default

_FEWEST_TO_CALIBRATE: Final = 40
# Photos whose thumbnails differ by less than this on average, of 255, count as one. A copy at a third of the size
# differs by 2 at most; any two of scikit-image's and scikit-learn's photos differ by 10 or more.
_THUMB: Final = 16
_ALIKE: Final = 5.0
# From scikit-image's and scikit-learn's wheels: things that people photograph, without microscopy and test charts.
_SHIPPED: Final = {
    "skimage": (
        *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png"),
        *("grass.png", "gravel.png", "motorcycle_left.png", "rocket.jpg"),
    ),
    "sklearn": ("china.jpg", "flower.jpg"),
}
_FOLDERS: Final = {"skimage": "data", "sklearn": "datasets/images"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhotoLimits:
    """How much of a folder is read.

    Attributes:
        files: The largest number of files.
        file_bytes: The largest file; the bot takes no larger ones from its users.
    """

    files: int = 2300
    file_bytes: int = MAX_FILE_BYTES


LIMITS: Final = PhotoLimits()


class Photo(NamedTuple):
    """A photo by the hash of the pixels that the model sees: two files of the same picture are one photo."""

    digest: str
    path: Path


@dataclasses.dataclass(frozen=True)
class Photos:
    """Photos in two parts that have no photo in common.

    Attributes:
        source: Where they came from, for people.
        calibration: The ranges of numbers are taken from these.
        judging: The answers are compared on these.
        passed_over: How many files were not pictures, or the same picture as another.
    """

    source: str
    calibration: tuple[Photo, ...]
    judging: tuple[Photo, ...]
    passed_over: int

    @property
    def digest(self) -> str:
        """Names these photos, in these parts."""
        names = [photo.digest for photo in (*self.calibration, *self.judging)]
        return hashlib.sha256(f"{len(self.calibration)} {names}".encode()).hexdigest()


def find(folder: Path | None, spec: InputSpec, limits: PhotoLimits = LIMITS) -> Photos:
    """The photos in a folder and the folders in it; without a folder, those in packages.

    Of photos that look alike (a smaller copy, a preview, a burst), one counts. With one in each part, int8 would be
    judged by what it was calibrated on.

    Raises:
        ModelError: There are fewer than two.
    """
    files = _shipped() if folder is None else _files(folder, limits.files)
    found: dict[str, Photo] = {}
    for path in files:
        pixels = read_pixels(path, spec, limits.file_bytes)
        if pixels is not None:
            photo = Photo(hashlib.sha256(pixels).hexdigest(), path)
            found.setdefault(photo.digest, photo)
    photos = _different(sorted(found.values()), spec)
    judged = number_to_judge(len(photos))
    if not judged:
        where = f"--photos {folder}" if folder else "the packages scikit-image and scikit-learn"
        msg = f"{where}: {len(photos)} pictures that the bot could read; int8 needs two, and better hundreds"
        raise ModelError(msg)
    return Photos(
        source="scikit-image and scikit-learn" if folder is None else folder.name,
        calibration=tuple(photos[judged:]),
        judging=tuple(photos[:judged]),
        passed_over=len(files) - len(photos),
    )


class Lookalikes:
    """Knows pictures again that look alike.

    Args:
        spec: The size of the pictures.
        most: How many pictures it will be shown.
    """

    def __init__(self, spec: InputSpec, most: int) -> None:
        import numpy as np  # noqa: PLC0415 -- serving does not need it, and prepare imports this module

        self._size = (spec.crop, spec.crop)
        self._seen = np.empty((most, _THUMB**2 * 3), np.int16)
        self._known = 0

    def is_new(self, image: bytes) -> bool:
        """Whether a picture (crop x crop x 3, uint8, RGB) looks unlike all that were new before."""
        import numpy as np  # noqa: PLC0415
        from PIL import Image  # noqa: PLC0415

        thumb = Image.frombytes("RGB", self._size, image).resize((_THUMB, _THUMB), Image.Resampling.BOX)
        this = np.frombuffer(thumb.tobytes(), np.uint8)
        if (np.abs(self._seen[: self._known] - this).mean(axis=1) < _ALIKE).any():
            return False
        self._seen[self._known] = this
        self._known += 1
        return True


def _different(photos: Sequence[Photo], spec: InputSpec) -> list[Photo]:
    """The photos without those that look like one before."""
    lookalikes = Lookalikes(spec, len(photos))
    return [photo for photo, image in zip(photos, pixels(photos, spec), strict=True) if lookalikes.is_new(image)]


def number_to_judge(photos: int) -> int:
    """How many of the photos are for judging: enough for a proof if there are so many, else a third."""
    if photos < ENOUGH_TO_JUDGE + _FEWEST_TO_CALIBRATE:
        return (photos + 1) // 3
    return max(ENOUGH_TO_JUDGE, photos - MOST_TO_CALIBRATE)


def _shipped() -> list[Path]:
    return [
        folder / _FOLDERS[package] / name
        for package, names in _SHIPPED.items()
        for folder in optional_packages.folders(package)
        for name in names
    ]


def _files(folder: Path, most: int) -> list[Path]:
    """At most so many files. Of more, always the same ones, from all parts of the folder."""
    if not folder.is_dir():
        msg = f"--photos {folder}: no such folder"
        raise ModelError(msg)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    random.Random(0).shuffle(files)  # noqa: S311 -- nothing secret
    return files[:most]


def pixels(photos: Iterable[Photo], spec: InputSpec) -> Iterator[bytes]:
    """The pixels of each photo, as the model sees them (crop x crop x 3, uint8, RGB).

    Raises:
        ModelError: A file has changed.
    """
    for photo in photos:
        seen = read_pixels(photo.path, spec)
        if seen is None or hashlib.sha256(seen).hexdigest() != photo.digest:
            msg = f"{photo.path} changed meanwhile: start again"
            raise ModelError(msg)
        yield seen


def read_pixels(path: Path, spec: InputSpec, max_bytes: int = LIMITS.file_bytes) -> bytes | None:
    """The pixels of a file, as the model sees them (crop x crop x 3, uint8, RGB); None if the bot would refuse it."""
    from common.pictures.child.images import decode_to_pixels  # noqa: PLC0415 -- Pillow: serving does not need it

    try:
        is_possible = path.stat().st_size <= max_bytes  # a video need not be read
        seen = decode_to_pixels(path.read_bytes(), spec) if is_possible else None
    except OSError:
        return None
    return seen if isinstance(seen, bytes) else None
