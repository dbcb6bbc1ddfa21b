"""How good the answers are: on labelled photos where those are on this machine, and on drawn pictures everywhere."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from benchmarks.answers import pictures
from benchmarks.answers.looks import Look
from benchmarks.answers.tallies import Answer, Tally
from benchmarks.bench_answers import BESIDE, looks_of, main
from common.answers import vocabulary
from common.answers.wording import worded
from common.messages import Finding, FindingKind, Predictions
from tests.support.models_fixtures import Int8

PHOTOS: Final = 60
DRAWN: Final = 10
SURE: Final = 0.9
"""From here on, an answer may name delicate things: docs/decisions/0019-answers-are-sentences.md."""

pytestmark = pytest.mark.timeout(180)
needs_photos = pytest.mark.skipif(not (BESIDE / "photos.csv").is_file(), reason=f"{BESIDE} is not here")


@pytest.fixture(scope="module", params=["fp32", "int8"])
def look(request: pytest.FixtureRequest, int8: Int8) -> Look:
    """EfficientNet-Lite2 in each precision, with the calibration that came with the code."""
    (found,) = (look for look in looks_of(int8.models_dir) if look.record.precision == request.param)
    return found


@pytest.fixture(scope="module")
def drawn(look: Look) -> Mapping[str, Sequence[Finding]]:
    """What the bot finds in drawn pictures, by kind."""
    return {kind: found(look, itertools.islice(files, DRAWN)) for kind, files in pictures.drawn()}


def found(look: Look, files: Iterator[bytes]) -> list[Finding]:
    return [finding for content in files if (finding := look.at(content))]


def rows(name: str) -> list[dict[str, str]]:
    with (BESIDE / name).open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def phone(kind: str) -> Iterator[bytes]:
    """The photos of that kind that people took with a phone."""
    return ((BESIDE / row["file"]).read_bytes() for row in rows("phone.csv") if row["what"].partition("/")[0] == kind)


def underwear_and_swimwear() -> set[str]:
    """The names of what is worn and delicate, as an answer says them."""
    known, names = vocabulary.imagenet(), vocabulary.names("en")
    delicate = {*known.delicate} & {*known.worn}
    groups = {names.group(group.id) for group in known.groups if delicate.issuperset(group.classes)}
    return groups | {names.listed(index) for index in delicate}


@needs_photos
def test_most_photos_get_an_answer_and_it_is_right_as_often_as_it_is_sure(look: Look) -> None:
    every = rows("photos.csv")
    picked = every[:: len(every) // PHOTOS][:PHOTOS]
    first = {other: one for one, other in vocabulary.imagenet().merged}

    answers = []
    for row in picked:
        finding = look.at((BESIDE / row["file"]).read_bytes())
        assert finding
        truth = int(row["class"])
        answers.append(Answer(finding, first.get(truth, truth)))

    tally = Tally(answers)
    assert len(tally.answers) == PHOTOS
    assert tally.top_1 >= 0.85
    assert tally.top_5 >= 0.95
    assert len(tally.said.answers) >= 0.88 * PHOTOS
    assert tally.said.right >= 0.95
    assert len(tally.confident.answers) >= 0.7 * PHOTOS
    assert tally.confident.right >= 0.97


@needs_photos
def test_underwear_and_swimwear_are_not_read_first_in_photos_of_clothes(look: Look) -> None:
    clothes = found(look, phone("clothes"))

    unsure = [finding for finding in clothes if finding.best.probability < SURE]
    first_lines = [worded(Predictions.of(each, look.labels, "")).partition("\n")[0] for each in unsure]
    assert len(first_lines) >= 10
    assert not [line for line in first_lines if re.search(rf"\b({'|'.join(underwear_and_swimwear())})\b", line)]


@needs_photos
def test_fruit_is_food(look: Look) -> None:
    fruit = found(look, itertools.islice(phone("Fruit"), 20))

    assert sum(finding.kind in (FindingKind.CLASS, FindingKind.GROUP) for finding in fruit) >= 0.7 * len(fruit)


def test_pages_and_screenshots_are_printed(drawn: Mapping[str, Sequence[Finding]]) -> None:
    for kind in ("pages of text, drawn", "screenshots of chats, drawn", "screenshots of web pages, drawn"):
        printed = sum(finding.kind is FindingKind.PRINTED for finding in drawn[kind])
        assert printed >= 0.9 * DRAWN, kind


def test_blanks_are_unknown(drawn: Mapping[str, Sequence[Finding]]) -> None:
    assert {finding.kind for finding in drawn["blanks, drawn"]} == {FindingKind.UNKNOWN}


def test_small_faces_are_not_called_delicate(look: Look) -> None:
    faces = found(look, itertools.islice(pictures.faces(), 40))

    kinds = Counter(finding.kind for finding in faces)
    assert len(faces) == 40
    assert kinds[FindingKind.WORN] + kinds[FindingKind.UNKNOWN] >= 30
    assert not {finding.best.index for finding in faces} & {*vocabulary.imagenet().delicate}


def test_the_report_has_each_kind_in_each_precision(
    int8: Int8, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "OF_EACH", 2)
    monkeypatch.setattr(pictures, "faces", lambda: iter(()))
    others = tmp_path / "others" / "cups"
    others.mkdir(parents=True)
    (others / "a.png").write_bytes(next(files for _, files in pictures.drawn()).__next__())
    (others / "b.txt").write_text("not a picture")
    labelled = tmp_path / "labelled" / "menu"
    labelled.mkdir(parents=True)
    (labelled / "a.png").write_bytes((others / "a.png").read_bytes())

    sources = ["--labelled", str(labelled.parent), "--about", "of menus", "--others", str(others.parent)]
    main(["--models-dir", str(int8.models_dir), *sources])

    said = capsys.readouterr().out
    assert "temperature 0.72, strange below 5.8" in said
    assert "1 photos of menus." in said
    assert "| printed | 1 | 100.0% | 1 | 100.0% |" in said
    assert "| cups | fp32 | 1 |  |  | 100% |  |  |  |" in said
    assert "| blanks, drawn | fp32 | 2 |  |  |  |  | 100% |  |  |  |" in said
