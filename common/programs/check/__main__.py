"""``python -m common.programs.check``."""

import sys

from common.programs.check.command import main

if __name__ == "__main__":
    sys.exit(main())
