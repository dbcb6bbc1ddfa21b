"""A machine with only the packages of requirements/serve.txt; and what `make` installs when."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from common.messages import CHANNELS
from common.settings import ROOT
from tests.support import small_venv
from tests.support.models_fixtures import copy_models

pytestmark = pytest.mark.timeout(120)

IN_SERVICE = (
    *CHANNELS,
    *(
        "common.programs.embedded_redis",
        "common.programs.watchdog",
        "common.programs.check.command",
        "common.programs.banner",
        "common.programs.dead_letters.command",
    ),
    *(
        "common.programs.processes",
        "common.pictures.child.main",
        "playground.__main__",
        "supervisor.supervisord",
        "supervisor.supervisorctl",
    ),
    *("classifier.prepare.command", "classifier.prepare.whole_set", "classifier.serve.engines.openvino"),
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python in a virtual environment that has only the small set."""
    return small_venv.make(tmp_path_factory.mktemp("small") / ".venv")


@pytest.fixture
def models_dir(tmp_path: Path, lite2_dir: Path) -> Path:
    """A ``MODELS_DIR`` that was prepared by ``MODEL=efficientnet_lite2 make model`` and copied here."""
    return copy_models(lite2_dir, tmp_path / "models")


def run(python: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [python, "-W", "error", *arguments], cwd=ROOT, env=kept | environ, check=False, capture_output=True, text=True
    )


def reason(models_dir: Path) -> str:
    return str(json.loads((models_dir / "in_use.json").read_bytes())["why"])


@pytest.mark.parametrize("package", ["torch", "torchvision", "nncf", "rich", "packaging", "pytest"])
def test_the_small_set_is_small(python: Path, package: str) -> None:
    assert f"No module named '{package}'" in run(python, "-c", f"import {package}").stderr


@pytest.mark.parametrize("module", IN_SERVICE)
def test_what_runs_in_service_needs_the_small_set_alone(python: Path, module: str) -> None:
    done = run(python, "-c", f"import {module}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_model_that_was_brought_is_kept_and_classifies(python: Path, models_dir: Path, tmp_path: Path) -> None:
    environ = {"MODELS_DIR": str(models_dir), "DATA_DIR": str(tmp_path / "run")}
    program = (
        "from classifier.serve.classifier import Classifier; from common import settings;"
        "print(Classifier.open(settings.load()).engine.name)"
    )

    for _ in range(2):  # what the first one writes, the second one reads
        prepared = run(python, "-m", "classifier.prepare", **environ)
        assert (prepared.returncode, prepared.stderr) == (0, "")
        assert reason(models_dir) == (
            "EfficientNet-Lite2 answers: it was copied to this machine, which cannot prepare another."
        )
    assert run(python, "-c", program, **environ).stdout.startswith("OpenVINO (CPU")


def test_what_needs_torch_says_what_to_install(python: Path, models_dir: Path) -> None:
    before = reason(models_dir)

    other = run(python, "-m", "classifier.prepare", "--model", "inception_v3", MODELS_DIR=str(models_dir))
    imports = "from classifier.serve.classifier import Classifier; from common import settings"
    program = f"{imports}; Classifier.open(settings.load())"
    engine = run(python, "-c", program, MODELS_DIR=str(models_dir), ENGINE="torch")

    assert other.returncode == 1
    assert re.fullmatch(r"error: .*\(No module named 'torch'\); run: make model\n", other.stderr)
    assert other.stdout == "", "nothing is downloaded first"
    assert reason(models_dir) == before
    assert "(No module named 'torch'); run: make model, or set ENGINE=openvino" in engine.stderr


@pytest.mark.parametrize(
    ("environ", "needed"),
    [
        ({}, None),
        ({"MODEL": "efficientnet_lite2", "PRECISION": "fp32", "ENGINE": "openvino"}, None),
        ({"MODEL": "inception_v3"}, "has no prepared model for MODEL=inception_v3 and PRECISION=auto"),
        ({"PRECISION": "int8"}, "has no prepared model for MODEL=auto and PRECISION=int8"),
        ({"ENGINE": "torch"}, "ENGINE=torch needs PyTorch."),
        ({"MODEL": "resnet"}, None),  # to be corrected first: prepare says so
    ],
    ids=str,
)
def test_the_whole_set_is_needed_only_where_what_is_asked_for_is_not_there(
    python: Path, models_dir: Path, environ: dict[str, str], needed: str | None
) -> None:
    asked = run(python, "-m", "classifier.prepare.whole_set", MODELS_DIR=str(models_dir), **environ)
    assert asked.stderr == ""
    assert (asked.returncode == 0) == bool(needed)
    assert (needed or "") in asked.stdout
    assert bool(asked.stdout) == bool(needed)


def test_without_a_model_or_with_a_damaged_one_the_whole_set_is_needed(
    python: Path, models_dir: Path, tmp_path: Path
) -> None:
    def is_needed(folder: Path) -> bool:
        return run(python, "-m", "classifier.prepare.whole_set", MODELS_DIR=str(folder)).returncode == 0

    assert is_needed(tmp_path / "nothing")
    assert not is_needed(models_dir)
    next(models_dir.glob("*/model.bin")).unlink()
    assert is_needed(models_dir)


@pytest.mark.parametrize("model", ["auto", "inception_v3", "resnet18"])
def test_without_torch_no_weights_are_downloaded(python: Path, tmp_path: Path, model: str) -> None:
    done = run(python, "-m", "classifier.prepare", "--model", model, MODELS_DIR=str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert "(No module named 'torch'); run: make model" in done.stderr


# `make`, with a pip and a Python that only write down their arguments.


class Checkout:
    """A folder in which `make` can be called.

    ``whole_set_is_needed`` is what `python -m classifier.prepare.whole_set` finds there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.whole_set_is_needed = False
        shutil.copy(ROOT / "Makefile", root)
        shutil.copy(ROOT / "requirements.txt", root)
        shutil.copytree(ROOT / "requirements", root / "requirements")
        for path in root.rglob("*.txt"):
            self.touch(str(path.relative_to(root)), age_s=200)
        binaries = root / ".venv" / "bin"
        binaries.mkdir(parents=True)
        self._write(binaries / "pip", 'echo "pip ${*##* }" >> asked; [ ! -e no-network ]')
        self._write(
            binaries / "python", 'echo "$2" >> asked; [ "$2" != classifier.prepare.whole_set ] || [ -e needed ]'
        )
        self._write(binaries / "supervisord", "echo supervisord >> asked")
        os.utime(binaries / "python", (time.time() - 200,) * 2)

    @staticmethod
    def _write(path: Path, line: str) -> None:
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def touch(self, name: str, age_s: float = 0) -> None:
        """Let a file be changed so many seconds ago; a stamp that `make` writes now is newer, whatever the clock."""
        os.utime(self.root / name, (time.time() - age_s,) * 2)

    def make(self, target: str, *, fails: bool = False) -> list[str]:
        """What that target asked pip (for which file) and the classifier, and whether the bot was started."""
        asked, needed = self.root / "asked", self.root / "needed"
        asked.write_text("")
        needed.unlink(missing_ok=True)
        if self.whole_set_is_needed:
            needed.touch()
        done = subprocess.run(["make", target], cwd=self.root, check=False, capture_output=True, text=True)
        assert bool(done.returncode) == fails, done.stderr
        for stamp in (self.root / ".venv").glob(".[a-z]*"):
            self.touch(f".venv/{stamp.name}", age_s=100)
        return [line for line in asked.read_text().splitlines() if not line.startswith("common.")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


START = ["classifier.prepare", "supervisord"]
SMALL = "pip requirements/serve.txt"
WHOLE = "pip requirements.txt"


def test_with_a_prepared_model_make_run_installs_the_small_set_once(checkout: Checkout) -> None:
    assert checkout.make("run") == [SMALL, "classifier.prepare.whole_set", *START]
    assert checkout.make("run") == ["classifier.prepare.whole_set", *START]
    assert checkout.make("check") == []


def test_without_a_model_make_run_installs_the_rest_and_keeps_it(checkout: Checkout) -> None:
    checkout.whole_set_is_needed = True
    assert checkout.make("run") == [SMALL, "classifier.prepare.whole_set", WHOLE, *START]
    assert checkout.make("run") == START, "the rest is there already"


def test_where_the_small_set_is_no_longer_enough_the_rest_is_added(checkout: Checkout) -> None:
    checkout.make("run")
    checkout.whole_set_is_needed = True
    assert checkout.make("install") == ["classifier.prepare.whole_set", WHOLE]


def test_make_model_installs_the_whole_set(checkout: Checkout) -> None:
    assert checkout.make("model") == [WHOLE, "classifier.prepare"]
    assert checkout.make("model") == ["classifier.prepare"]
    assert checkout.make("run") == START


@pytest.mark.parametrize("file", ["requirements/serve.txt", "requirements/constraints.txt"])
def test_where_the_small_set_is_installed_only_its_own_files_count(checkout: Checkout, file: str) -> None:
    checkout.make("run")
    checkout.touch("requirements.txt")
    assert checkout.make("check") == []
    checkout.touch(file)
    assert checkout.make("check") == [SMALL]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements/serve.txt", "requirements/constraints.txt"])
def test_where_the_whole_set_is_installed_a_change_of_any_of_its_files_counts(checkout: Checkout, file: str) -> None:
    checkout.make("model")
    assert checkout.make("check") == []
    checkout.touch(file)
    assert checkout.make("check") == [WHOLE]


def test_an_installation_that_failed_is_begun_again(checkout: Checkout) -> None:
    (checkout.root / "no-network").touch()
    assert checkout.make("run", fails=True) == [SMALL]
    (checkout.root / "no-network").unlink()
    checkout.whole_set_is_needed = True
    assert checkout.make("check") == [SMALL]
    (checkout.root / "no-network").touch()
    assert checkout.make("run", fails=True) == ["classifier.prepare.whole_set", WHOLE]
