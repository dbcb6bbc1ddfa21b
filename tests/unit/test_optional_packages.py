"""Packages that not every machine has are found without an import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from common import optional_packages
from common.settings import ROOT


def test_a_package_is_found_without_importing_it() -> None:
    program = (
        "import sys; from common.optional_packages import is_installed;"
        "print(is_installed('torch'), is_installed('torch_that_nobody_wrote'), 'torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)

    assert done.stdout.split() == ["True", "False", "False"]


def test_one_that_is_required_is_missed_in_the_words_of_an_import() -> None:
    optional_packages.require("msgspec")

    with pytest.raises(ImportError) as imported:
        __import__("torch_that_nobody_wrote")
    with pytest.raises(ModuleNotFoundError) as required:
        optional_packages.require("torch_that_nobody_wrote")

    assert (str(required.value), required.value.name) == (str(imported.value), imported.value.name)


def test_its_folders_are_those_that_it_has_when_it_is_imported() -> None:
    import msgspec  # noqa: PLC0415 -- any package will do

    assert optional_packages.folders("msgspec") == [Path(folder) for folder in msgspec.__path__]
    assert optional_packages.folders("torch_that_nobody_wrote") == []
