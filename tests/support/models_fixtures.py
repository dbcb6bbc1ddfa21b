"""Prepared models, made once a session: each takes some seconds. A test that changes files copies them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from classifier.prepare.choose import Request, prepare
from common.settings import ROOT, EngineChoice, PrecisionChoice, Settings

# Prepares, and fails if that opens any connection: NNCF would report to its makers.
_PREPARE_UNOBSERVED = """
import sys
connections = []
sys.addaudithook(lambda event, args: connections.append(args) if event == "socket.connect" else None)
from classifier.prepare.command import main
code = main(sys.argv[1:])
sys.exit(str(connections) if connections else code)
"""


def quiet(_line: str) -> None:
    """Takes the lines of prepare's steps, and drops them."""


@pytest.fixture(scope="session")
def seeded_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inception V3 weights in the official file's layout: see ``tests/support/seeded_inception.py``."""
    from tests.support.seeded_inception import write_seeded_weights  # noqa: PLC0415 -- brings torch: 5 s

    return write_seeded_weights(tmp_path_factory.mktemp("weights") / "seeded.pth")


@pytest.fixture(scope="session")
def inception_dir(seeded_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``MODELS_DIR`` where Inception V3 with seeded weights is in use."""
    models_dir = tmp_path_factory.mktemp("inception")
    prepare(Request(model="inception_v3", weights=seeded_weights, transform_input=True), models_dir, quiet)
    return models_dir


@pytest.fixture(scope="session")
def lite2_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``MODELS_DIR`` where EfficientNet-Lite2 is in use."""
    models_dir = tmp_path_factory.mktemp("lite2")
    prepare(Request(model="efficientnet_lite2"), models_dir, quiet)
    return models_dir


class Int8(NamedTuple):
    """What ``prepare --int8`` made.

    Attributes:
        models_dir: A ``MODELS_DIR`` where EfficientNet-Lite2 in int8 is in use.
        said: What it wrote to standard output.
        home: The home that it had.
    """

    models_dir: Path
    said: list[str]
    home: Path


@pytest.fixture(scope="session")
def int8(lite2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Int8:
    """EfficientNet-Lite2 in int8, made as an operator makes it, in its own process."""
    folder = tmp_path_factory.mktemp("int8")
    (folder / "home").mkdir()
    models_dir = copy_models(lite2_dir, folder / "models")
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE_UNOBSERVED, "--model", "efficientnet_lite2", "--int8"],
        env={**os.environ, "MODELS_DIR": str(models_dir), "PRECISION": "auto", "HOME": str(folder / "home")},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return Int8(models_dir, done.stdout.splitlines(), folder / "home")


def copy_models(models_dir: Path, target: Path) -> Path:
    """A ``MODELS_DIR`` of the test's own. Large files are hard links: a test must not write into them."""
    return Path(shutil.copytree(models_dir, target, copy_function=_link_large))


def _link_large(source: str, target: str) -> None:
    (os.link if source.endswith((".bin", ".pth")) else shutil.copy)(source, target)


@pytest.fixture(params=["openvino", "torch"])
def engine(request: pytest.FixtureRequest) -> EngineChoice:
    choice: EngineChoice = request.param
    return choice


def serving(models_dir: Path, engine: EngineChoice = "openvino", precision: PrecisionChoice = "auto") -> Settings:
    data_dir = models_dir.with_name(f"{models_dir.name}-data")
    return Settings(models_dir=models_dir, data_dir=data_dir, engine=engine, precision=precision)
