"""The command ``python -m classifier.prepare``: its options, its lines on the terminal, its exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from classifier.errors import ModelError
from classifier.prepare.choose import Request, prepare
from common import model_names, settings
from common.errors import SettingsError
from common.model.records import Calibration
from common.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    try:
        configured = settings.load()
        record = prepare(_parse(arguments, configured), configured.models_dir, _say)
    except (ModelError, SettingsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:  # a folder that cannot be written, or a full disk, whose error names no file
        where = error.filename2 or error.filename or configured.models_dir
        sys.stderr.write(f"error: {where}: {error.strerror or error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; a download goes on from here next time\n")
        return 130
    _say(record.why)
    _say(record.why_precision)
    _say(_how_sure(record.calibration))
    return 0


def _parse(arguments: Sequence[str] | None, configured: Settings) -> Request:
    parser = argparse.ArgumentParser(
        prog="python -m classifier.prepare", description="Prepares the model that answers."
    )
    parser.add_argument(
        "--model", type=_model, default=configured.model, metavar="NAME", help="which model (default: MODEL)"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="your own weights for that model: .pth, .safetensors"
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help="the classes' names: one a line, or JSON")
    parser.add_argument(
        "--transform-input",
        choices=("yes", "no"),
        help="with --weights, for Inception V3 or GoogLeNet: torchvision's transform_input when the model was trained",
    )
    parser.add_argument(
        "--int8", action="store_true", help="put an int8 version in use until the next start; PRECISION=int8 lasts"
    )
    parser.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="make an int8 version with your own photos, and judge it by them"
    )
    parser.add_argument(
        "--labelled",
        type=Path,
        metavar="FOLDER-OR-CSV",
        help="measure how sure the model may be, with photos whose classes you know: a folder for each class, or a "
        "CSV file with the columns file and class",
    )
    given = parser.parse_args(arguments)
    return Request(
        model=given.model,
        weights=given.weights,
        labels=given.labels,
        transform_input=None if given.transform_input is None else given.transform_input == "yes",
        precision="int8" if given.int8 else configured.precision,
        photos=given.photos,
        labelled=given.labelled,
    )


def _how_sure(calibration: Calibration) -> str:
    if calibration.measured_on:
        return f"How sure it may be was measured on {calibration.measured_on}."
    return "How sure it may be was not measured: make model LABELLED=folder-or-csv does that."


def _model(name: str) -> str:
    if name not in model_names.MODEL_NAMES:
        msg = f"{name!r} {model_names.why_wrong(name)}"
        raise argparse.ArgumentTypeError(msg)
    return name


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
