"""Queries that can be answered once, and for a while."""

from __future__ import annotations

import pytest

from playground.errors import ApiError
from playground.queries import MAX_OPEN, Queries

TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_query_is_answered_once() -> None:
    queries: Queries[str] = Queries(15, Clock())
    query_id = queries.add("asked")
    assert queries.take(query_id) == "asked"
    with pytest.raises(ApiError, match=TOO_OLD):
        queries.take(query_id)


def test_a_query_that_never_was_cannot_be_answered() -> None:
    with pytest.raises(ApiError, match=TOO_OLD) as error:
        Queries(15, Clock()).take("7")
    assert error.value.code == 400


def test_a_query_is_open_until_its_time_is_over() -> None:
    clock = Clock()
    queries: Queries[str] = Queries(15, clock)
    early, late = queries.add("early"), queries.add("late")
    clock.now += 14.9
    assert queries.take(early) == "early"
    clock.now += 0.1
    with pytest.raises(ApiError, match=TOO_OLD):
        queries.take(late)


def test_only_so_many_queries_are_kept() -> None:
    queries: Queries[int] = Queries(15, Clock())
    first, *_, last = [queries.add(number) for number in range(MAX_OPEN + 1)]
    assert queries.take(last) == MAX_OPEN
    with pytest.raises(ApiError):
        queries.take(first)
