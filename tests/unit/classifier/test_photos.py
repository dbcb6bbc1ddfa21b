"""Photos for int8: two parts without a common picture, always the same for the same photos."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image

from classifier.errors import ModelError
from classifier.int8 import photos
from classifier.int8.photos import PhotoLimits, Photos
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3
from tests.support import photos as shared

SPEC = EFFICIENTNET_LITE2.input


def picture(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (8, 8), random.Random(number).randbytes(192)).save(path)  # noqa: S311 -- no secret
    return path


def album(folder: Path, number: int) -> Path:
    for index in range(number):
        picture(folder / f"{index:04}.png", index)
    return folder


def digests(found: Photos) -> tuple[list[str], list[str]]:
    return [photo.digest for photo in found.calibration], [photo.digest for photo in found.judging]


def test_no_photo_judges_that_was_calibrated_on(tmp_path: Path) -> None:
    calibration, judging = digests(photos.find(album(tmp_path, 50), SPEC))

    assert not set(calibration) & set(judging)
    assert len(set(calibration) | set(judging)) == 50


def test_a_photo_keeps_its_part_whatever_its_file_is_called(tmp_path: Path) -> None:
    before = photos.find(album(tmp_path / "before", 20), SPEC)
    for index in range(20):
        picture(tmp_path / "after" / f"{index % 3}" / f"{100 - index}.bmp", index)

    after = photos.find(tmp_path / "after", SPEC)

    assert digests(after) == digests(before)
    assert after.digest == before.digest


def test_the_same_picture_twice_counts_once(tmp_path: Path) -> None:
    album(tmp_path, 6)
    picture(tmp_path / "again.png", 3)
    picture(tmp_path / "otherwise stored.bmp", 3)

    found = photos.find(tmp_path, SPEC)

    assert len(found.calibration) + len(found.judging) == 6
    assert found.passed_over == 2


def test_a_smaller_copy_of_a_photo_counts_as_the_same(tmp_path: Path) -> None:
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        shared.photo(name).save(tmp_path / f"{name}.png")
    for name in ("chelsea", "rocket"):
        whole = shared.photo(name).convert("RGB")
        whole.resize((whole.width // 3, whole.height // 3)).save(tmp_path / f"{name}, small.jpg", quality=60)

    found = photos.find(tmp_path, SPEC)

    names = [photo.path.stem.partition(",")[0] for photo in (*found.calibration, *found.judging)]
    assert sorted(names) == ["astronaut", "chelsea", "coffee", "rocket"]
    assert found.passed_over == 2


def test_what_is_not_a_picture_is_passed_over(tmp_path: Path) -> None:
    album(tmp_path, 3)
    (tmp_path / "notes.txt").write_text("of a journey")
    (tmp_path / "video.mp4").write_bytes(bytes(10_001))

    assert photos.find(tmp_path, SPEC, PhotoLimits(file_bytes=10_000)).passed_over == 2


@pytest.mark.parametrize(
    ("number", "judging"),
    [(2, 1), (3, 1), (12, 4), (239, 80), (240, 200), (300, 200), (500, 200), (501, 201), (1000, 700)],
)
def test_200_judge_if_there_are_as_many_and_300_calibrate_at_most(number: int, judging: int) -> None:
    assert photos.number_to_judge(number) == judging


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_photos_are_refused(tmp_path: Path, number: int) -> None:
    with pytest.raises(ModelError, match=rf"--photos {tmp_path}: {number} pictures .*; int8 needs two"):
        photos.find(album(tmp_path, number), SPEC)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"--photos .*/absent: no such folder"):
        photos.find(tmp_path / "absent", SPEC)


def test_of_a_large_folder_always_the_same_files_are_taken(tmp_path: Path) -> None:
    album(tmp_path, 40)
    limits = PhotoLimits(files=10)

    taken = photos.find(tmp_path, SPEC, limits)

    assert taken == photos.find(tmp_path, SPEC, limits)
    assert len(taken.calibration) + len(taken.judging) == 10
    assert max(photo.path.stem for photo in taken.calibration + taken.judging) > "0010", "from all over the folder"


def test_packages_bring_twelve_photos() -> None:
    found = photos.find(None, INCEPTION_V3.input)

    assert (len(found.calibration), len(found.judging), found.passed_over) == (8, 4, 0)


def test_a_photo_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    found = photos.find(album(tmp_path, 3), SPEC)
    picture(found.judging[0].path, 99)

    with pytest.raises(ModelError, match="changed meanwhile"):
        list(photos.pixels(found.judging, SPEC))
