"""A virtual environment with only the packages of ``requirements/serve.txt`` and their dependencies.

Made from links into the environment that the tests run in: no download, and the very same versions.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement

from common.settings import ROOT

SERVE = ROOT / "requirements" / "serve.txt"


def make(folder: Path) -> Path:
    """Make it in that folder, which is new; the path of its Python."""
    venv.create(folder, symlinks=True, with_pip=False)
    site_packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for distribution in _distributions():
        for name in _top_names(distribution):
            (site_packages / name).symlink_to(str(distribution.locate_file(name)))
        for script in distribution.entry_points.select(group="console_scripts"):
            _write_script(folder / "bin" / script.name, script)
    return folder / "bin" / "python"


def modules() -> set[str]:
    """What can be imported in it, by top-level names, without Python's own."""
    return {name.partition(".")[0] for distribution in _distributions() for name in _top_names(distribution)}


def _distributions() -> list[Distribution]:
    found: dict[str, Distribution] = {}
    for line in SERVE.read_text().splitlines():
        if (requirement := line.partition("#")[0].strip()) and not requirement.startswith("-"):
            _add(Requirement(requirement), found)
    return list(found.values())


def _add(requirement: Requirement, found: dict[str, Distribution]) -> None:
    name = re.sub(r"[-_.]+", "-", requirement.name).lower()  # one spelling for each: PEP 503
    found.setdefault(name, importlib.metadata.distribution(requirement.name))
    for line in found[name].requires or ():
        needed = Requirement(line)
        extras = {"", *requirement.extras}
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            _add(needed, found)


def _top_names(distribution: Distribution) -> Iterator[str]:
    """Files and folders in ``site-packages`` that it installed."""
    names = {path.parts[0] for path in distribution.files or ()}
    yield from names - {"..", "__pycache__"}


def _write_script(path: Path, script: importlib.metadata.EntryPoint) -> None:
    module, _, function = script.value.partition(":")
    path.write_text(
        f"#!{path.parent / 'python'}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
    )
    path.chmod(0o755)
