"""Measures how sure a model may be: fits a calibration on half of the labelled photos, and judges it on the others."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from classifier import artifact, progress
from classifier.calibration import fit, labelled, store
from classifier.calibration.fit import Bin, Scored, Told
from classifier.calibration.labelled import Labelled
from classifier.calibration.names import ClassNames
from classifier.calibration.store import Kept, Report
from classifier.errors import ModelError
from classifier.int8 import photos
from classifier.progress import Say
from classifier.serve import rules
from classifier.serve.engines.engine import Engine
from classifier.serve.rules import Rules
from common.answers import vocabulary
from common.model import records
from common.model.records import Calibration, ModelRecord

LEAST_RIGHT: Final = 0.1
"""If the best class is right less often, the names probably do not fit the model: indices may begin at 1."""
LEAST_WRONG: Final = 10
"""From fewer photos whose best class is wrong, how sure the model may be is mostly chance."""

_REPORT_EVERY: Final = 50  # photos: the report is synced to the disk


class _Photo(NamedTuple):
    """A labelled photo that was shown to every version of the model.

    Attributes:
        digest: Hash of the pixels that the model sees.
        truth: Its class.
        scores: What each version gives it.
    """

    digest: str
    truth: int
    scores: Sequence[Sequence[float]]

    def by(self, version: int) -> Scored:
        return Scored(self.scores[version], self.truth)


def make(models_dir: Path, versions: Sequence[ModelRecord], source: Path, say: Say) -> None:
    """Measure a calibration, report how well it fits, and keep it.

    It is fitted on the first version's scores, and judged for each. The caller holds the lock on ``models_dir``.

    Args:
        models_dir: The folder with the prepared model.
        versions: The model in fp32, and its int8 version if there is one.
        source: The labelled photos: see ``labelled.find``.
        say: Takes a line about each step, for the terminal.

    Raises:
        ModelError: The photos are too few, too easy, or not labelled with the model's classes. Nothing is kept then.
    """
    say(f"Measuring how sure {versions[0].title} may be")
    shown = _show_all(models_dir, versions, source, say)
    to_fit, to_judge = shown[: len(shown) // 2], shown[len(shown) // 2 :]
    calibration = _fit(versions[0], [photo.by(0) for photo in to_fit], source)
    strange = f"strange below {calibration.strange_below} standard deviations"
    say(f"  fitted on {len(to_fit)} of them: temperature {calibration.temperature}, {strange}")
    reports = []
    for number, version in enumerate(versions):
        report = _judge(version, calibration, [photo.by(number) for photo in to_judge])
        for line in lines(report):
            say(f"  {line}")
        reports.append(report)
    store.write(models_dir, versions[0], Kept(calibration, tuple(reports)))


def lines(report: Report) -> Iterator[str]:
    """The report, for people."""
    yield (
        f"{report.precision}, on the other {report.photos}: its best class is right on {report.top_1:.1%}; "
        f"calibration error {report.error:.1%}, and {report.error_before:.1%} at temperature 1"
    )
    yield "  it says      photos   on average   right"
    for each in report.reliability:
        yield f"  {each.low:4.0%}–{each.high:<4.0%} {each.answers:9} {each.said:12.1%} {each.right:7.1%}"


def told(record: ModelRecord, temperature: float, scored: Sequence[Scored]) -> list[Told]:
    """For each photo the probability of the best class, and whether that is right."""
    merge, found = Rules(record).merge, list[Told]()
    for scores, truth in scored:
        shares = merge(rules.probabilities(scores, temperature))
        best = max(shares)
        found.append(Told(best, shares.index(best) == truth))
    return found


def _openvino() -> Callable[[Path], Engine]:
    from classifier.serve.engines.openvino import OpenVinoEngine  # noqa: PLC0415 -- loads it

    return OpenVinoEngine


def _show_all(models_dir: Path, versions: Sequence[ModelRecord], source: Path, say: Say) -> list[_Photo]:
    """Show the photos to every version. Their order is that of their content, whatever the files are called."""
    fp32 = versions[0]
    labels = msgspec.json.decode((models_dir / fp32.folder / artifact.LABELS).read_bytes(), type=list[str])
    found = labelled.find(source, ClassNames(fp32, labels))
    labelled.check_enough(source, (each.truth for each in found), fp32.classes)
    engines = [_openvino()(models_dir / version.folder) for version in versions]
    shown = sorted(_shown(found, fp32, engines, models_dir), key=lambda photo: photo.digest)
    labelled.check_enough(source, (photo.truth for photo in shown), fp32.classes)
    others = len(found) - len(shown)
    say(f"  {len(shown)} photos of {source.resolve().name}; {others} other files are not pictures, or the same again")
    return shown


def _shown(
    found: Sequence[Labelled], record: ModelRecord, engines: Sequence[Engine], models_dir: Path
) -> Iterator[_Photo]:
    """The photos that are different pictures. Files that are not pictures are passed over."""
    lookalikes = photos.Lookalikes(record.input, len(found))
    for number, (path, truth) in enumerate(found):
        if number % _REPORT_EVERY == 0:
            progress.report(models_dir, progress.MEASURING, number / len(found))
        pixels = photos.read_pixels(path, record.input)
        if pixels is not None and lookalikes.is_new(pixels):
            scores = [array("f", engine.scores([pixels])[0]) for engine in engines]
            yield _Photo(hashlib.sha256(pixels).hexdigest(), truth, scores)


def _fit(record: ModelRecord, scored: Sequence[Scored], source: Path) -> Calibration:
    _check_right(told(record, 1.0, scored), source)
    temperature = round(fit.temperature(scored, vocabulary.imagenet().merged if record.knows_imagenet else ()), 3)
    _check_temperature(temperature, source)
    limit = fit.strange_below(scored, told(record, temperature, scored)) if record.knows_imagenet else 0.0
    return Calibration(
        temperature=temperature,
        strange_below=round(limit, 2),
        measured_on=f"{len(scored)} photos of {source.resolve().name}",
        rules=records.RULES,
    )


def _check_right(answers: Sequence[Told], source: Path) -> None:
    """Make sure that the best class is neither right too rarely nor too often to measure anything."""
    right = fit.share_right(answers)
    if right < LEAST_RIGHT:
        msg = (
            f"--labelled {source}: the best class is right on {right:.1%} of the photos: their classes are not what "
            "the model calls so (indices begin at 0)"
        )
        raise ModelError(msg)
    wrong = sum(not answer.right for answer in answers)
    if wrong < LEAST_WRONG:
        msg = (
            f"--labelled {source}: of {len(answers)} photos, half of all, the model names only {wrong} wrongly; at "
            f"least {LEAST_WRONG} are needed to measure how sure it may be: add harder photos"
        )
        raise ModelError(msg)


def _check_temperature(temperature: float, source: Path) -> None:
    limit = fit.at_limit(temperature)
    if limit is not None:
        lowest, highest = fit.TEMPERATURES
        cure = "add harder photos" if limit == lowest else "look whether their classes are right"
        msg = (
            f"--labelled {source}: no temperature from {lowest} to {highest} fits these photos (it would be {limit} or "
            f"{'less' if limit == lowest else 'more'}), so how sure the model may be cannot be measured: {cure}"
        )
        raise ModelError(msg)


def _judge(record: ModelRecord, calibration: Calibration, scored: Sequence[Scored]) -> Report:
    after = told(record, calibration.temperature, scored)
    return Report(
        precision=record.precision,
        photos=len(scored),
        top_1=fit.share_right(after),
        error_before=fit.calibration_error(told(record, 1.0, scored)),
        error=fit.calibration_error(after),
        reliability=tuple[Bin, ...](fit.reliability(after)),
    )
