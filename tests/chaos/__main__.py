"""The long run: ``make chaos SECONDS=1800 SEED=7``. Prints its tables as Markdown; exits 1 if a promise is broken."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from classifier.prepare.choose import Request, prepare
from common.supervision.parent import ENDED_BY_SIGTERM
from tests.chaos.chaos import Chaos


def main() -> int:
    """Run once. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="how long processes are killed (default: 300)")
    parser.add_argument("--seed", type=int, help="repeats a run (default: another seed each time)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED_BY_SIGTERM))  # so that the bot stops, too
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    _say(f"seed {seed}: repeat it with `make chaos SECONDS={given.seconds:g} SEED={seed}`")
    evidence = Path(tempfile.gettempdir()) / f"whatsit-chaos-{os.getpid()}"  # made only if a promise is broken
    with tempfile.TemporaryDirectory(prefix="whatsit-model-") as models_dir:
        prepare(Request(model="efficientnet_lite2"), Path(models_dir), lambda _line: None)
        report = Chaos(Path(models_dir), seed, given.seconds, evidence, _say).run()
    _say(f"\n{report.markdown()}")
    if report.broken:
        _say(f"\nLogs and Redis's data are in {evidence}")
    return 1 if report.broken else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
