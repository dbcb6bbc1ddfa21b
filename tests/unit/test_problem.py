"""A problem is logged once, again when it changes, and once when it is over."""

from __future__ import annotations

import logging

import pytest

from common.problem import Problem

LOG = logging.getLogger("problem")


def test_a_problem_is_said_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    problem = Problem(LOG)

    for text in ("the disk is full", "the disk is full", "the disk is gone", "the disk is gone"):
        problem.report(text)
    problem.clear()
    problem.clear()

    assert caplog.messages == ["the disk is full", "the disk is gone", "… and it works again"]


def test_a_problem_that_comes_back_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    problem = Problem(LOG)

    problem.report("the disk is full")
    problem.clear()
    problem.report("the disk is full")

    assert caplog.messages == ["the disk is full"] * 2


def test_one_kind_of_problem_is_said_once_whatever_its_details(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    problem = Problem(LOG)

    problem.report("wait 3 s", kind="rate limit")
    problem.report("wait 2 s", kind="rate limit")

    assert caplog.messages == ["wait 3 s"]
