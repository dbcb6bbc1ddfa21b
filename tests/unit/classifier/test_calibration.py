"""A model is measured on labelled photos, from the command to the record in use. The engine stands in for a network."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import pytest
from PIL import Image

from classifier import artifact
from classifier.calibration import make, store
from classifier.calibration.fit import Scored
from classifier.calibration.measured import MEASURED
from classifier.int8 import photos
from classifier.networks import EFFICIENTNET_LITE2
from classifier.prepare import choose
from classifier.prepare.command import main
from classifier.serve import rules
from classifier.serve.engines.engine import Engine, Output, Picture
from classifier.serve.rules import Rules
from common.messages import FindingKind
from common.model import records
from common.model.input import InputSpec
from common.model.records import Calibration, ModelRecord
from tests.support import model_in_use

SPEC: Final = InputSpec(
    model="efficientnet_lite2", resize=8, crop=8, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3
)
LABELS: Final = [f"label {number}" for number in range(1000)]
CLASSES: Final = range(20)
PHOTOS: Final = 240
HEAT: Final = 0.5
"""The temperature at which the engine's scores are right as often as they say."""


class Remembering(Engine):
    """Stands in for an engine: knows the scores of each picture."""

    name = "remembering"
    classes = 1000

    def __init__(self, known: Mapping[str, Sequence[float]]) -> None:
        self._known = known

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> list[Output]:
        return [Output(self._known[hashlib.sha256(pixels).hexdigest()], None) for pixels in pictures]

    def rest(self) -> None:
        pass


def as_likely_as_said(lot: random.Random, scores: Sequence[float]) -> int:
    """A class, as likely as the scores say at ``HEAT``."""
    return lot.choices(range(1000), rules.probabilities(scores, HEAT))[0]


def always_the_best(_lot: random.Random, scores: Sequence[float]) -> int:
    return scores.index(max(scores))


def mostly_the_worst(lot: random.Random, scores: Sequence[float]) -> int:
    return scores.index(min(scores) if lot.random() < 0.85 else max(scores))


class Album:
    """Labelled photos: pictures of noise, whose classes ``truth`` draws by the engine's scores."""

    def __init__(
        self, folder: Path, truth_of: Callable[[random.Random, Sequence[float]], int] = as_likely_as_said
    ) -> None:
        self.folder = folder
        self._known: dict[str, Sequence[float]] = {}
        lot = random.Random(3)  # noqa: S311 -- nothing secret
        for number in range(PHOTOS):
            scores = [lot.gauss(0, 0.5) for _ in range(1000)]
            scores[number % len(CLASSES)] = 3 + 3 * lot.random()
            path = folder / f"{truth_of(lot, scores)}" / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.frombytes("RGB", (8, 8), lot.randbytes(192)).save(path)
            pixels = photos.read_pixels(path, SPEC)
            assert pixels
            self._known[hashlib.sha256(pixels).hexdigest()] = scores

    def open_engine(self, _folder: Path) -> Engine:
        return Remembering(self._known)

    @property
    def scores(self) -> list[Sequence[float]]:
        return [*self._known.values()]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    return Album(tmp_path_factory.mktemp("album"))


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``MODELS_DIR`` with a prepared EfficientNet-Lite2 that cannot be loaded."""
    install(tmp_path, prepared())
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("MODEL", "efficientnet_lite2")
    monkeypatch.setenv("PRECISION", "auto")
    return tmp_path


def prepared(weights_sha256: str = EFFICIENTNET_LITE2.weights_hash) -> ModelRecord:
    return msgspec.structs.replace(
        model_in_use.record(SPEC, model="efficientnet_lite2", title="EfficientNet-Lite2", classes=1000),
        folder=artifact.folder_name("efficientnet_lite2", weights_sha256, LABELS, None),
        weights_sha256=weights_sha256,
    )


def install(models_dir: Path, record: ModelRecord) -> None:
    staged = artifact.stage(models_dir)
    for name in (artifact.NETWORK, artifact.NETWORK_WEIGHTS, artifact.TORCH_WEIGHTS):
        (staged / name).write_bytes(b"a network")
    artifact.seal(staged, record, LABELS)
    artifact.install(staged, record)


def calibration_in_use(models_dir: Path) -> Calibration:
    record = records.in_use(models_dir)
    assert record
    artifact.check_in_use(models_dir, record)
    return record.calibration


@pytest.fixture
def measured(models_dir: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, measured on the album."""
    monkeypatch.setattr(make, "_openvino", lambda: album.open_engine)
    assert main(["--labelled", str(album.folder)]) == 0
    return models_dir


def test_official_weights_have_the_calibration_that_came_with_the_code(models_dir: Path) -> None:
    assert main([]) == 0

    assert calibration_in_use(models_dir) == MEASURED["efficientnet_lite2"]
    assert (MEASURED["efficientnet_lite2"].temperature, MEASURED["efficientnet_lite2"].strange_below) == (0.72, 5.8)


def test_other_weights_count_as_not_measured(tmp_path: Path) -> None:
    own = prepared("1234")

    assert choose.calibration(own, EFFICIENTNET_LITE2, tmp_path) == Calibration()
    assert choose.calibration(prepared(), EFFICIENTNET_LITE2, tmp_path).temperature == 0.72


def test_labelled_photos_give_the_temperature_that_their_scores_were_made_with(measured: Path) -> None:
    found = calibration_in_use(measured)

    assert found.temperature == pytest.approx(HEAT, rel=0.2)  # 120 photos to fit on
    assert found.strange_below > 0
    assert found.measured_on.startswith("120 photos of album")
    assert found.rules == records.RULES
    assert not found.came_with_code


def test_the_operator_reads_what_was_found(
    models_dir: Path, album: Album, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "_openvino", lambda: album.open_engine)
    (album.folder / "7" / "readme.txt").write_text("not a picture")
    (album.folder / "7" / "again.png").write_bytes(next(album.folder.glob("7/*.png")).read_bytes())

    assert main(["--labelled", str(album.folder)]) == 0

    said = capsys.readouterr().out
    assert f"240 photos of {album.folder.name}; 2 other files are not pictures, or the same again" in said
    assert "fitted on 120 of them: temperature 0." in said
    assert "fp32, on the other 120: its best class is right on " in said
    assert "it says      photos   on average   right" in said
    assert f"How sure it may be was measured on 120 photos of {album.folder.name}." in said


def test_the_report_is_about_photos_that_it_was_not_fitted_on(measured: Path) -> None:
    kept = msgspec.json.decode(artifact.calibration_file(measured, prepared()).read_bytes(), type=store.Kept)

    (report,) = kept.reports
    assert (report.precision, report.photos) == ("fp32", 120)
    assert sum(each.answers for each in report.reliability) == 120
    assert report.error < report.error_before


def test_a_later_start_keeps_the_calibration(measured: Path) -> None:
    before = calibration_in_use(measured)
    (measured / records.IN_USE).unlink()

    assert main([]) == 0

    assert calibration_in_use(measured) == before


def test_what_was_measured_for_other_rules_is_not_used(measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RULES", records.RULES + 1)

    assert main([]) == 0

    assert calibration_in_use(measured) == MEASURED["efficientnet_lite2"]


def test_a_calibration_goes_with_its_folder(measured: Path) -> None:
    kept = artifact.calibration_file(measured, prepared())
    assert kept.exists()

    artifact.remove_superseded(measured, "efficientnet_lite2", [prepared()])
    assert kept.exists()

    artifact.remove_superseded(measured, "efficientnet_lite2", [])
    assert not kept.exists()


def test_classes_that_are_counted_from_1_are_refused(
    models_dir: Path, album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = tmp_path / "shifted.csv"
    files = [path for path in album.folder.glob("*/*.png") if int(path.parent.name) < 999]
    rows = "".join(f"{path},{int(path.parent.name) + 1}\n" for path in files)
    shifted.write_text(f"file,class\n{rows}")
    monkeypatch.setattr(make, "_openvino", lambda: album.open_engine)

    assert main(["--labelled", str(shifted)]) == 1

    error = capsys.readouterr().err
    assert "the best class is right on" in error
    assert "(indices begin at 0)" in error
    assert not artifact.calibration_file(models_dir, prepared()).exists()


@pytest.mark.parametrize(
    ("truth_of", "reason"),
    [
        (
            always_the_best,
            "of 120 photos, half of all, the model names only 0 wrongly; at least 10 are needed to measure how sure it "
            "may be: add harder photos",
        ),
        (
            mostly_the_worst,
            "no temperature from 0.1 to 10.0 fits these photos (it would be 10.0 or more), so how sure the model may "
            "be cannot be measured: look whether their classes are right",
        ),
    ],
)
def test_photos_that_cannot_say_how_sure_it_may_be_are_refused(
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    truth_of: Callable[[random.Random, Sequence[float]], int],
    reason: str,
) -> None:
    (tmp_path / "other").mkdir()
    other = Album(tmp_path / "other", truth_of)
    monkeypatch.setattr(make, "_openvino", lambda: other.open_engine)

    assert main(["--labelled", str(other.folder)]) == 1

    assert capsys.readouterr().err == f"error: --labelled {other.folder}: {reason}\n"
    assert not artifact.calibration_file(models_dir, prepared()).exists()


def test_the_temperature_of_photos_that_are_all_easy_is_not_taken(
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "easy").mkdir()
    easy = Album(tmp_path / "easy", always_the_best)
    monkeypatch.setattr(make, "_openvino", lambda: easy.open_engine)
    monkeypatch.setattr(make, "LEAST_WRONG", 0)

    assert main(["--labelled", str(easy.folder)]) == 1

    assert "(it would be 0.1 or less), so how sure the model may be cannot be measured: add harder" in (
        capsys.readouterr().err
    )


def test_a_refused_album_changes_nothing(models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    before = (models_dir / records.IN_USE).read_bytes()
    (tmp_path / "few" / "7").mkdir(parents=True)
    (tmp_path / "few" / "7" / "a.png").write_bytes(b"")

    assert main(["--labelled", str(tmp_path / "few")]) == 1

    assert "1 different photos of 1 classes; 200 photos and 20 classes are needed" in capsys.readouterr().err
    assert (models_dir / records.IN_USE).read_bytes() == before


def test_told_probabilities_are_those_that_the_rules_say(album: Album) -> None:
    record = msgspec.structs.replace(
        prepared(), calibration=Calibration(temperature=HEAT, measured_on="x", rules=records.RULES)
    )
    for scores in album.scores[:20]:
        found = Rules(record).finding(scores)
        (told,) = make.told(record, HEAT, [Scored(scores, found.guesses[0].index)])
        assert told.right
        assert told.probability == pytest.approx(found.guesses[0].probability)
        assert found.kind in FindingKind
