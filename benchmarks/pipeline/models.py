"""The models that answer while the bot is measured, each in its own ``MODELS_DIR``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal, NamedTuple

from common.model.records import in_use
from common.settings import ROOT

WEIGHTS: Final = (
    "Inception V3 has seeded weights here, not the trained ones: the work is the same, and their answers mean nothing."
)

Model = Literal["efficientnet_lite2", "inception_v3"]
Precision = Literal["fp32", "int8"]


class Variant(NamedTuple):
    """A model in one precision."""

    model: Model
    precision: Precision

    @property
    def folder(self) -> str:
        """The name of its folder below the folder of all models."""
        return f"{self.model}-{self.precision}"

    @property
    def title(self) -> str:
        """Its name for people."""
        name = "EfficientNet-Lite2" if self.model == "efficientnet_lite2" else "Inception V3"
        return f"{name} {self.precision}"


VARIANTS: Final = (
    Variant("efficientnet_lite2", "fp32"),
    Variant("efficientnet_lite2", "int8"),
    Variant("inception_v3", "fp32"),
    Variant("inception_v3", "int8"),
)


def prepared(variant: Variant, root: Path) -> Path:
    """A ``MODELS_DIR`` below ``root`` with that model in use; prepared now, unless it already exists."""
    models_dir = root / variant.folder
    record = in_use(models_dir)
    if record and (record.model, record.precision) == variant:
        return models_dir
    if variant.precision == "int8":
        shutil.copytree(prepared(Variant(variant.model, "fp32"), root), models_dir, dirs_exist_ok=True)
        _prepare(models_dir, "--model", variant.model, "--int8", PRECISION="auto")
    elif variant.model == "inception_v3":
        weights = root / "seeded.pth"
        _run("-m", "tests.support.seeded_inception", str(weights))
        given = ("--weights", str(weights), "--transform-input", "yes")
        _prepare(models_dir, "--model", variant.model, *given, PRECISION="fp32")
        weights.unlink()
    else:
        _prepare(models_dir, "--model", variant.model, PRECISION="fp32")
    return models_dir


def network(models_dir: Path) -> Path:
    """The folder of the model in use."""
    record = in_use(models_dir)
    if record is None:
        msg = f"no model is in use in {models_dir}"
        raise LookupError(msg)
    return models_dir / record.folder


def _prepare(models_dir: Path, *arguments: str, **environ: str) -> None:
    _run("-m", "classifier.prepare", *arguments, MODELS_DIR=str(models_dir), **environ)


def _run(*arguments: str, **environ: str) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=ROOT, env=os.environ | environ, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
