"""Labelled photos: what counts as labelled, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from classifier.calibration import labelled
from classifier.calibration.labelled import Labelled, LabelledLimits
from classifier.calibration.names import ClassNames
from classifier.errors import ModelError
from tests.support import model_in_use

# Torchvision's labels of the first classes; the others do not matter here.
IMAGENET = ClassNames(
    model_in_use.record(classes=1000),
    ["tench", "goldfish", "great white shark", *(f"label {n}" for n in range(3, 1000))],
)


def own(*labels: str) -> ClassNames:
    return ClassNames(model_in_use.record(classes=len(labels), labels_source="own.txt"), labels)


def folders(root: Path, *names: str, files: int = 1) -> Path:
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(files):
            (root / name / f"{number}.jpg").write_bytes(b"")
    return root


def table(root: Path, *lines: str) -> Path:
    for name in ("a.jpg", "b.jpg"):
        (root / name).write_bytes(b"")
    path = root / "photos.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def truths(found: Sequence[Labelled]) -> dict[str, int]:
    return {f"{path.parent.name}/{path.name}": truth for path, truth in found}


@pytest.mark.parametrize("name", ["1", "n01443537", "goldfish", "Goldfish", " GOLDFISH "])
def test_a_class_is_named_by_its_index_its_wordnet_id_its_label_or_its_plain_name(name: str) -> None:
    assert IMAGENET.find(name) == 1


@pytest.mark.parametrize("name", ["great_white_shark", "great white  shark", "n01484850", "2"])
def test_a_folder_s_name_may_have_underscores(name: str) -> None:
    assert IMAGENET.find(name) == 2


@pytest.mark.parametrize("name", ["", "holiday", "1000", "-1", "n00000000", "gold"])
def test_other_names_are_not_classes(name: str) -> None:
    assert IMAGENET.find(name) is None


def test_classes_that_count_as_one_are_the_first_of_them() -> None:
    assert IMAGENET.find("837") == IMAGENET.find("836") == IMAGENET.find("sunglasses") == 836


def test_own_labels_win_over_indices() -> None:
    digits = own("1", "0", "two")

    assert [digits.find(name) for name in ("0", "1", "2", "two", "n01443537")] == [1, 0, 2, 2, None]


def test_a_name_of_two_classes_means_neither() -> None:
    assert own("Crane", "crane", "rose").find("crane") is None


def test_each_file_in_a_class_s_folder_has_its_class(tmp_path: Path) -> None:
    root = folders(tmp_path, "goldfish", "n01440764", "2/of July", ".thumbnails", files=2)
    (root / "read me.txt").write_text("not in a folder")
    (root / "empty").mkdir()

    found = labelled.find(root, IMAGENET)

    expected = {"goldfish": 1, "n01440764": 0, "of July": 2}
    assert truths(found) == {f"{name}/{number}.jpg": truth for name, truth in expected.items() for number in range(2)}


def test_a_folder_with_other_folders_is_refused_and_they_are_named(tmp_path: Path) -> None:
    root = folders(tmp_path, "goldfish", "holiday", "work", *(f"x{number}" for number in range(5)))

    expected = (
        f"--labelled {root}: these folders are not classes of the model: 'holiday', 'work', 'x0', 'x1', 'x2' "
        "and 2 more; a class is named by its index, its WordNet id, its label or its plain name"
    )
    with pytest.raises(ModelError) as refused:
        labelled.find(root, IMAGENET)
    assert str(refused.value) == expected


def test_a_folder_without_folders_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")

    with pytest.raises(ModelError, match="it has no folders with photos of a class; a class is named by"):
        labelled.find(tmp_path, IMAGENET)


def test_a_table_names_files_beside_it_and_their_classes(tmp_path: Path) -> None:
    source = table(tmp_path, "\ufefffile,class,licence", "a.jpg,goldfish,CC0", "b.jpg,n01440764,")

    assert truths(labelled.find(source, IMAGENET)) == {f"{tmp_path.name}/a.jpg": 1, f"{tmp_path.name}/b.jpg": 0}


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (
            ("file,class", "a.jpg,goldfish", "b.jpg,unicorn", "b.jpg,"),
            "these names are not classes of the model: 'unicorn', ''",
        ),
        (("file,class", "a.jpg,1", "c.jpg,1"), r"photo 2: .*c\.jpg: no such file"),
        (("file,class", "a.jpg"), "these names are not classes of the model: ''"),
        (("picture,class", "a.jpg,1"), "its first line does not name the columns 'file'"),
        ((), "its first line does not name the columns 'file', 'class'"),
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_refused(tmp_path: Path, lines: Sequence[str], error: str) -> None:
    with pytest.raises(ModelError, match=error):
        labelled.find(table(tmp_path, *lines), IMAGENET)


def test_a_picture_instead_of_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 not text")

    with pytest.raises(ModelError, match="not a CSV file in UTF-8"):
        labelled.find(path, IMAGENET)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder or CSV file"):
        labelled.find(tmp_path / "album", IMAGENET)


def test_of_too_many_files_always_the_same_ones_are_read(tmp_path: Path) -> None:
    root = folders(tmp_path, "goldfish", "tench", files=30)
    limits = LabelledLimits(files=20)

    found = labelled.find(root, IMAGENET, limits)

    assert len(found) == 20
    assert {truth for _, truth in found} == {0, 1}
    assert labelled.find(root, IMAGENET, limits) == found


@pytest.mark.parametrize(
    ("photos", "classes", "of_classes", "enough"),
    [(200, 20, 1000, True), (199, 20, 1000, False), (300, 19, 1000, False), (200, 5, 5, True), (200, 4, 5, False)],
)
def test_200_photos_of_20_classes_are_enough_or_of_all_where_a_model_knows_fewer(
    tmp_path: Path, photos: int, classes: int, of_classes: int, enough: bool
) -> None:
    given = [number % classes for number in range(photos)]
    if enough:
        labelled.check_enough(tmp_path, given, of_classes)
        return
    needed = f"{photos} different photos of {classes} classes; 200 photos and {min(20, of_classes)} classes are needed"
    with pytest.raises(ModelError, match=needed):
        labelled.check_enough(tmp_path, given, of_classes)
