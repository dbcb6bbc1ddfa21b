"""``python -m classifier.prepare``."""

import sys

from classifier.prepare.command import main

if __name__ == "__main__":
    sys.exit(main())
