"""What a consumer has in flight, and how much more it can begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from common.channels.consumer import Delivery
from common.runtime.in_flight import InFlight
from common.runtime.outcomes import Finished

Begin = Callable[..., None]


def delivery(id_: str) -> Delivery:
    return Delivery(id=id_, job="", body=b"", attempts=0, since_ms=0, deaths=None, taken_ms=0)


@pytest.fixture
async def task() -> AsyncIterator[Callable[[], asyncio.Task[bool]]]:
    tasks = []

    def made() -> asyncio.Task[bool]:
        tasks.append(asyncio.create_task(asyncio.Event().wait()))
        return tasks[-1]

    yield made
    for each in tasks:
        each.cancel()


@pytest.mark.parametrize(("batch_size", "concurrency", "room"), [(1, 8, 8), (8, 2, 16), (64, 1, 64)])
def test_there_is_room_for_a_batch_in_each_free_handler(batch_size: int, concurrency: int, room: int) -> None:
    assert InFlight(batch_size, concurrency).room() == room


async def test_a_handler_that_is_at_work_takes_no_more_however_small_its_batch(
    task: Callable[[], asyncio.Task[bool]],
) -> None:
    in_flight = InFlight(8, 2)
    in_flight.begin([delivery("1-0"), delivery("1-1")], task())
    assert in_flight.room() == 8
    in_flight.begin([delivery("1-2")], task())
    assert in_flight.room() == 0

    in_flight.finish(Finished(delivery("1-2"), None, ()))

    assert in_flight.room() == 8
    assert in_flight.ids == ["1-0", "1-1", "1-2"], "finished, and not settled yet"


async def test_a_message_of_the_quarantine_waits_until_nothing_runs_and_is_alone_then(
    task: Callable[[], asyncio.Task[bool]],
) -> None:
    in_flight = InFlight(1, 4)
    in_flight.begin([delivery("1-0")], task())
    in_flight.quarantine(delivery("1-1"))
    assert in_flight.room() == 0, "nothing new until the quarantine is empty"
    assert in_flight.next_quarantined() is None, "another one is running"

    in_flight.finish(Finished(delivery("1-0"), None, ()))
    next_one = in_flight.next_quarantined()
    assert next_one == delivery("1-1")
    in_flight.begin([delivery("1-1")], task(), alone=True)
    assert in_flight.room() == 0, "it is handled alone"

    in_flight.finish(Finished(delivery("1-1"), None, ()))
    assert in_flight.room() == 4
