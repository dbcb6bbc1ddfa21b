"""The short run, with another seed each time. The long one is ``make chaos``."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.chaos.chaos import Chaos
from tests.chaos.report import Report

STORM_S = 60.0

pytestmark = [
    pytest.mark.timeout(600),  # for a run whose waits time out; a good one takes a quarter of it
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]


def say(line: str) -> None:
    """Shown if the test fails."""
    sys.stdout.write(f"{line}\n")


def test_nothing_is_lost_whichever_process_is_killed(lite2_dir: Path, tmp_path: Path, reports: list[Report]) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    again = f"CHAOS_SEED={seed} .venv/bin/python -m pytest tests/chaos"
    say(again)
    report = Chaos(lite2_dir, seed, STORM_S, tmp_path, say).run()
    reports.append(report)
    assert not report.broken, f"repeat it with `{again}`; logs and Redis's data are in {tmp_path}"
