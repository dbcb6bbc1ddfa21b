"""Latency for a few pictures, throughput for a backlog that lasts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from classifier.serve.engines.openvino import BACKLOG_POLICY, Backlog

CALL_S = 0.5


def computed(waiting: Sequence[int], backlog: Backlog, since: float = 1000.0) -> list[int]:
    """How many at once, for calls with so many pictures each: each takes half a second, and the next one follows."""
    streams = []
    for number, pictures in enumerate(waiting):
        streams.append(backlog.streams(pictures, since + number * CALL_S, at_work=False))
        backlog.ended(since + (number + 1) * CALL_S)
    return streams


@pytest.mark.parametrize("waiting", [1, 2, 3])
def test_a_few_pictures_are_computed_one_at_a_time_however_long_it_goes_on(waiting: int) -> None:
    assert set(computed([waiting] * 100, Backlog(2))) == {1}


def test_a_backlog_that_lasts_is_computed_in_streams() -> None:
    calls = round(BACKLOG_POLICY.sustained_s / CALL_S)

    assert computed([8] * (calls + 2), Backlog(2)) == [1] * calls + [2, 2]


def test_a_batch_that_is_not_full_does_not_end_a_backlog() -> None:
    calls = round(BACKLOG_POLICY.sustained_s / CALL_S)

    assert computed([8, 7, 8, 4, 5, 8, 8, 8], Backlog(4))[calls:] == [4, 4]
    assert computed([8] * calls + [8, 2, 8], Backlog(2))[calls:] == [2, 2, 2]


def test_two_bursts_with_a_pause_between_them_are_not_a_backlog() -> None:
    backlog = Backlog(2)

    assert computed([8, 8], backlog) == [1, 1]
    assert computed([8, 8], backlog, since=1100.0) == [1, 1]


def test_slow_pictures_of_which_the_last_ones_are_still_at_work_are_a_backlog() -> None:
    backlog = Backlog(2)

    found = [backlog.streams(8, 1000.0 + seconds, at_work=seconds > 0) for seconds in range(5)]

    assert found == [1, 1, 1, 2, 2], "though not one of them has ended meanwhile"


def test_when_it_is_over_the_next_picture_has_all_cores_again() -> None:
    calls = round(BACKLOG_POLICY.sustained_s / CALL_S)

    found = computed([8] * (calls + 1) + [1, 8], Backlog(2))

    assert found[calls:] == [2, 1, 1], "a new backlog has to last first, too"


def test_on_one_core_there_is_one_stream() -> None:
    assert set(computed([8] * 20, Backlog(1))) == {1}
