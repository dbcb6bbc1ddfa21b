"""``python -m common.programs.dead_letters``, which ``make dead`` calls."""

import sys

from common.programs.dead_letters.command import main

if __name__ == "__main__":
    sys.exit(main())
