"""One stage of one contender: ``python -m benchmarks.chains.stage <contender> <number> <parent's process id>``."""

from __future__ import annotations

import importlib
import os
import sys

from benchmarks.chains import line
from common import libc


def main() -> None:
    """Run the stage until it is killed, or its parent is."""
    contender, number, parent = sys.argv[1:]
    libc.end_with_parent()  # this stays in force after the exec of a library's command line
    if os.getppid() != int(parent):  # the parent ended before that call
        sys.exit(1)
    os.environ[line.STAGE] = number
    importlib.import_module(f"benchmarks.chains.{contender}").stage(int(number))


if __name__ == "__main__":
    main()
