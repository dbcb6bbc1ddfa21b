"""The misbehaving decoder as the worker's own user, as it is wherever the worker is not root."""

from __future__ import annotations

from common.pictures.child import confinement
from tests.hostile import misbehaving_child


def _stay() -> None:
    """Do nothing."""


if __name__ == "__main__":
    confinement._stop_being_root = _stay
    misbehaving_child.main()
