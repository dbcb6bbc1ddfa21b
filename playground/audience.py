"""The listeners to events: one queue for each open page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from playground.json_types import Json

MAX_UNREAD_EVENTS = 1000
"""A listener that is further behind is disconnected. Its page connects again and loads the history."""


class Audience:
    """Listeners, until it is closed."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Json | None]] = set()
        self._closed = False

    def tell(self, event: Json) -> None:
        """Send an event to all listeners."""
        for queue in list(self._queues):
            if queue.qsize() < MAX_UNREAD_EVENTS:
                queue.put_nowait(event)
            else:
                self._queues.discard(queue)
                queue.put_nowait(None)

    def close(self) -> None:
        """End all listeners."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    async def events(self, first: Json, quiet_s: float) -> AsyncIterator[Json | None]:
        """``first``, then events as they come; None after each ``quiet_s`` seconds without an event.

        No event is lost in between: the listener is in the list before it gets the first one.
        """
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        queue.put_nowait(first)
        self._queues.add(queue)
        try:
            while not self._closed:
                try:
                    event = await asyncio.wait_for(queue.get(), quiet_s)
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._queues.discard(queue)
