"""Pins the dependencies of the packages in the requirements: ``make pins`` updates their versions.

pip says what an empty environment gets today (Linux on x86-64, PyTorch's default build), and installs nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

FOLDER: Final = Path(__file__).parent
# For each file of pins, the requirements that it belongs to.
INSTALLED_WITH: Final = {
    "constraints.txt": ("dev.txt", "bench.txt"),
    "bench-peers-constraints.txt": ("bench-peers.txt",),
}
# redis needs it before Python 3.11.3, so on Debian 12. pip names only packages that its own Python needs.
OLDER_PYTHON: Final = "async-timeout"
HEAD: Final = """\
# The dependencies of the packages in {names}. `make pins` writes this file: do not edit it.
# A line here installs nothing. It gives the version of the package if something needs it.
"""


def main() -> None:
    """Write each file of pins again."""
    for name, files in INSTALLED_WITH.items():
        pins = sorted(f"{canonicalize_name(package)}=={version}" for package, version in indirect(files))
        head = HEAD.format(names=" and ".join(files))
        (FOLDER / name).write_text(head + "".join(f"{pin}\n" for pin in pins))


def indirect(files: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name and version of each package that those files install and do not name."""
    found = (item for item in resolved(files) if not item["requested"] or item["metadata"]["name"] == OLDER_PYTHON)
    return [(item["metadata"]["name"], item["metadata"]["version"]) for item in found]


def resolved(files: tuple[str, ...]) -> list[dict[str, Any]]:
    """What pip would install today, without the pins: https://pip.pypa.io/en/stable/reference/installation-report/."""
    with tempfile.TemporaryDirectory() as root:
        copy = shutil.copytree(FOLDER, Path(root, FOLDER.name))
        shutil.copy(FOLDER.parent / "requirements.txt", root)
        for name in INSTALLED_WITH:
            (copy / name).write_text("")
        report = Path(root, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--report", str(report)]
        wanted = [word for file in files for word in ("-r", str(copy / file))]
        subprocess.run([*command, OLDER_PYTHON, *wanted], check=True)  # noqa: S603 -- no shell, our own arguments
        return list(json.loads(report.read_text())["install"])


if __name__ == "__main__":
    main()
