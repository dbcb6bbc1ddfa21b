"""Whether this machine needs ``requirements.txt``, with PyTorch: ``python -m classifier.prepare.whole_set``.

`make install` runs this when ``requirements/serve.txt`` is installed, which every machine needs. Exits 0 and prints why
if PyTorch is needed; exits 1 if the installed packages are enough.
"""

from __future__ import annotations

import sys

from classifier.prepare.choose import Request, is_prepared
from common import settings
from common.errors import WhatsitError
from common.settings import Settings


def reason(configured: Settings) -> str | None:
    """Why PyTorch is needed, for people; None if it is not."""
    if configured.engine == "torch":
        return "ENGINE=torch needs PyTorch."
    request = Request(model=configured.model, precision=configured.precision)
    if is_prepared(request, configured.models_dir):
        return None
    asked = f"MODEL={configured.model} and PRECISION={configured.precision}"
    return (
        f"{configured.models_dir} has no prepared model for {asked}, and to prepare one takes PyTorch. "
        "A small machine can do without: docs/small-machine.md"
    )


def main() -> int:
    """The command. Returns its exit code."""
    try:
        why = reason(settings.load())
    except (WhatsitError, OSError):
        return 1  # the next command of `make` says what is wrong; until that is repaired, nothing is installed
    if why is None:
        return 1
    sys.stdout.write(f"{why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
