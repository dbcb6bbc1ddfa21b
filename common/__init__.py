"""What the six workers share. Imports no worker, and not the classifier."""

import sys

VERSION = "0.2.0"

# httpx, below python-telegram-bot, imports its command line, too, and with that rich, pygments and click where they are
# installed: 4 MB and 0.1 s for nothing. It does without where that cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
