"""Latency for a few pictures, throughput for a backlog that lasts."""

from __future__ import annotations

import pytest

from classifier.engines.openvino import SUSTAINED_S, Backlog


@pytest.mark.parametrize("waiting", [1, 2, 3])
def test_a_few_pictures_are_computed_one_at_a_time_however_long_it_goes_on(waiting: int) -> None:
    backlog = Backlog(2)

    assert {backlog.streams(waiting, now) for now in range(100)} == {1}


def test_a_backlog_that_lasts_is_computed_in_streams() -> None:
    backlog = Backlog(2)

    assert backlog.streams(8, 1000.0) == 1
    assert backlog.streams(8, 1000.0 + SUSTAINED_S - 0.1) == 1
    assert backlog.streams(8, 1000.0 + SUSTAINED_S) == 2


def test_when_it_is_over_the_next_picture_has_all_cores_again() -> None:
    backlog = Backlog(2)
    backlog.streams(8, 0.0)
    assert backlog.streams(8, 100.0) == 2

    assert backlog.streams(1, 100.1) == 1
    assert backlog.streams(8, 100.2) == 1, "a new backlog has to last first, too"


def test_on_one_core_there_is_one_stream() -> None:
    backlog = Backlog(1)
    backlog.streams(8, 0.0)

    assert backlog.streams(8, 100.0) == 1
