"""Prepared models, made once a session: each takes some seconds. A test that changes files copies them."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier.prepare import Request, prepare
from common.settings import EngineChoice, Settings


def quiet(_line: str) -> None:
    """Takes prepare's step lines where nobody reads them."""


@pytest.fixture(scope="session")
def seeded_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inception V3 weights in the official file's layout: see ``tests/seeded_inception.py``."""
    from tests.seeded_inception import write_seeded_weights  # noqa: PLC0415 -- brings torch: 5 s

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


@pytest.fixture(params=["openvino", "torch"])
def engine(request: pytest.FixtureRequest) -> EngineChoice:
    choice: EngineChoice = request.param
    return choice


def serving(models_dir: Path, engine: EngineChoice = "openvino") -> Settings:
    return Settings(models_dir=models_dir, engine=engine)
