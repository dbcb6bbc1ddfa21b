"""Prints the short run's report at the end of pytest's output: each run has another seed, so each has other results."""

from __future__ import annotations

from typing import Final

import pytest

from tests.chaos.report import Report

_REPORTS: Final = pytest.StashKey[list[Report]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORTS] = []


@pytest.fixture
def reports(request: pytest.FixtureRequest) -> list[Report]:
    """Where a test puts its report."""
    return request.config.stash[_REPORTS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for report in config.stash[_REPORTS]:
        terminalreporter.section(f"chaos, seed {report.seed}")
        terminalreporter.write_line(report.markdown())
