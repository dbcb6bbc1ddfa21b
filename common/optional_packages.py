"""Packages that not every machine has, such as PyTorch: whether one is installed, and which command installs them.

Nothing here imports such a package: PyTorch takes 5 s.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

INSTALL: Final = "make model"
"""Installs all that preparing a model and ``ENGINE=torch`` need, and prepares the model."""

CURE: Final = f"run: {INSTALL}"


def is_installed(package: str) -> bool:
    """Whether a package is installed. It may still be broken."""
    return importlib.util.find_spec(package) is not None


def require(package: str) -> None:
    """Fail as an import of the package would, before the work that leads to that import.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    if not is_installed(package):
        msg = f"No module named {package!r}"
        raise ModuleNotFoundError(msg, name=package)


def folders(package: str) -> list[Path]:
    """The folders of an installed package's files; empty if it is not installed."""
    found = importlib.util.find_spec(package)
    return [Path(folder) for folder in (found and found.submodule_search_locations) or ()]
