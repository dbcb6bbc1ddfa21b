"""How good the answers are: on labelled photos, and on pictures of which the bot should say little.

    python -m benchmarks.bench_answers --labelled photos.csv [--others FOLDER] [--write]

The labelled photos are a folder with a folder for each class, or a CSV file (``classifier/calibration/labelled.py``).
The others are a folder with a folder for each kind, or a CSV file with the columns file and what. Without either, only
the pictures that are drawn here are looked at. ``make answers`` writes ``docs/answers.md``.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import measuring
from benchmarks.answers import pictures, tallies
from benchmarks.answers.looks import Look
from benchmarks.answers.tallies import Answer, Tallies, Tally
from classifier import artifact
from classifier.calibration import labelled
from classifier.calibration.names import ClassNames
from classifier.errors import ModelError
from classifier.networks import NETWORKS
from classifier.prepare import choose
from common import settings
from common.messages import Finding
from common.model import records
from common.settings import ROOT

NAME: Final = "bench_answers"
PAGE: Final = ROOT / "docs" / "answers.md"
BESIDE: Final = ROOT.parent / "shared" / "quality"
"""Where the photos are on the machine of the published figures."""
ABOUT: Final = "of the NIPS 2017 adversarial competition's development set (CC BY 2.0), chosen so that models know them"
ABOUT_OTHERS: Final = (
    "Fruit, vegetables and packages are photos that a phone took in a shop (GroceryStoreDataset, MIT); clothes are "
    "photos of clothing-dataset-small (CC0)."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parse(arguments)
    try:
        looks = [*looks_of(given.models_dir)]
        answers = _of_labelled(looks, given.labelled, given.models_dir) if given.labelled else {}
    except ModelError as error:
        raise SystemExit(f"error: {error}") from None
    parts = [measuring.machine("openvino"), _about(looks)]
    if answers:
        number = len(next(iter(answers.values())).answers)
        parts += ["### Labelled photos", _wrapped(f"{number} photos {given.about}") + ".", *_report(answers)]
    versions = [look.record.precision for look in looks]
    others = {kind: dict(zip(versions, found, strict=True)) for kind, found in _of_others(looks, given.others)}
    parts += ["### Other pictures", _wrapped(f"{_OTHERS} {given.about_others}"), tallies.others(others)]
    text = "\n\n".join(parts) + "\n"
    sys.stdout.write(text)
    if given.write:
        measuring.write(NAME, text, PAGE)


_OTHERS: Final = """\
Which share got which kind of answer. *At 80 % or more*: the bot says something, and says that it is so sure.
*Delicate first*: its best guess is underwear, swimwear, an ape, a monkey or the like. *Drawn* pictures are made by
`benchmarks/answers/pictures.py`. The faces are 25 × 25 pixels, from scikit-image."""


def _about(looks: Sequence[Look]) -> str:
    record, precisions = looks[0].record, " and ".join(look.record.precision for look in looks)
    calibration = record.calibration
    measured = f"measured on {calibration.measured_on}" if calibration.measured_on else "not measured"
    return _wrapped(
        f"{record.title} ({record.weights_source}) in {precisions}; temperature {calibration.temperature:g}, strange "
        f"below {calibration.strange_below:g} ({measured})."
    )


def _wrapped(prose: str) -> str:
    return textwrap.fill(prose, 120)


def _report(answers: Tallies) -> list[str]:
    return [
        tallies.summary(answers),
        "By kind of answer. For `unknown` and `unsure`, *right* means that the best guess is:",
        tallies.by_kind(answers),
        "How sure the bot is of the best class, and how often that is right:",
        tallies.reliability(answers, lambda tally: tally.best),
        "How sure it is of what it says, and how often that is right:",
        tallies.reliability(answers, lambda tally: tally.sayings),
    ]


def looks_of(models_dir: Path) -> Iterator[Look]:
    """The model in use, in each precision in which it is prepared."""
    in_use = records.in_use(models_dir)
    if in_use is None:
        msg = f"no model is prepared in {models_dir}; run: make model"
        raise ModelError(msg)
    fp32 = artifact.prepared(models_dir, in_use.model)
    if fp32 is None:
        msg = f"{models_dir / in_use.folder} is not whole; {artifact.PREPARE_AGAIN}"
        raise ModelError(msg)
    calibration = choose.calibration(fp32, NETWORKS[fp32.model], models_dir)
    for version in filter(None, (fp32, artifact.prepared_int8(models_dir, fp32))):
        yield Look(models_dir, msgspec.structs.replace(version, calibration=calibration))


def _of_labelled(looks: Sequence[Look], source: Path, models_dir: Path) -> Tallies:
    record = looks[0].record
    labels = msgspec.json.decode((models_dir / record.folder / artifact.LABELS).read_bytes(), type=list[str])
    found = labelled.find(source, ClassNames(record, labels))
    answers: dict[str, list[Answer]] = {look.record.precision: [] for look in looks}
    for number, (path, truth) in enumerate(found, start=1):
        content = path.read_bytes()
        for look in looks:
            finding = look.at(content)
            if finding:
                answers[look.record.precision].append(Answer(finding, truth))
        _progress(f"{number}/{len(found)} labelled photos")
    return {look.record.precision: Tally(answers[look.record.precision]) for look in looks}


def _of_others(looks: Sequence[Look], source: Path | None) -> Iterator[tuple[str, list[list[Finding]]]]:
    kinds = [*pictures.drawn(), ("faces, small and grey", pictures.faces())]
    for kind, files in [*kinds, *(pictures.given(source) if source else ())]:
        found = _found(looks, files)
        if found:
            yield kind, found
            _progress(f"{kind}: {len(found[0])}")


def _found(looks: Sequence[Look], files: Iterable[bytes]) -> list[list[Finding]]:
    """For each version of the model what it finds in those files that the bot does not refuse."""
    seen = [[look.at(content) for look in looks] for content in files]
    return [[finding for finding in by_look if finding] for by_look in zip(*seen, strict=True)]


def _progress(line: str) -> None:
    sys.stderr.write(f"\r{line}\033[K")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_answers", description=__doc__)
    source, metavar = measuring.folder, "FOLDER-OR-CSV"
    parser.add_argument("--labelled", type=source, metavar=metavar, help="photos whose classes are known")
    parser.add_argument("--about", default="", help="what these are, for the page: “of …”")
    parser.add_argument("--others", type=source, metavar=metavar, help="other pictures, by kind")
    parser.add_argument("--about-others", default="", help="what these are, for the page: a sentence")
    parser.add_argument("--models-dir", type=measuring.folder, default=settings.load().models_dir)
    parser.add_argument("--write", action="store_true", help="put the result into docs/answers.md, too")
    given = parser.parse_args(arguments)
    if given.labelled is None and (BESIDE / "photos.csv").is_file():
        given.labelled, given.about = BESIDE / "photos.csv", given.about or ABOUT
    if given.others is None and (BESIDE / "phone.csv").is_file():
        given.others, given.about_others = BESIDE / "phone.csv", given.about_others or ABOUT_OTHERS
    return given


if __name__ == "__main__":
    main()
