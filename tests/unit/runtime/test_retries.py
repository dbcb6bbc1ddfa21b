"""The policy for messages that fail: when they come again, and when they are buried."""

from __future__ import annotations

import pytest

from common.runtime.retries import Retries

STEADY = Retries(jitter=0.0)


def test_the_delay_doubles_with_each_failure_until_the_last_attempt() -> None:
    assert [STEADY.after_failure_s(failures) for failures in range(1, 6)] == [1.0, 2.0, 4.0, 8.0, None]


def test_delays_vary_by_a_quarter_so_that_what_failed_together_comes_back_apart() -> None:
    delays = {Retries().after_failure_s(3) for _ in range(50)}
    assert len(delays) > 1
    assert all(delay and 3.0 <= delay <= 5.0 for delay in delays)


@pytest.mark.parametrize(
    ("lasted_s", "delay_s"), [(0.0, 1.0), (0.4, 1.0), (7.0, 7.0), (59.0, 59.0), (3600.0, 60.0), (86_400.0, 60.0)]
)
def test_in_an_outage_the_delay_is_as_long_as_the_outage_so_far_up_to_a_minute(lasted_s: float, delay_s: float) -> None:
    assert STEADY.in_outage_s(lasted_s) == delay_s


def test_an_outage_of_more_than_a_day_is_given_up() -> None:
    assert STEADY.in_outage_s(86_401.0) is None
