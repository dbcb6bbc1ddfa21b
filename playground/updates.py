"""The queue behind getUpdates: long polling, confirmation by offset, one poller at a time."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from playground.errors import ApiError
from playground.json_types import Json

MAX_PENDING = 10_000
"""Older updates are dropped. (Telegram drops by age: after 24 hours.)"""
LONGEST_POLL_S = 50
"""The official server cuts longer timeouts to this."""
POLLER_GONE_AFTER_S = 3.0
"""A polling bot polls again well before this. After so long without a poll it counts as down."""

_OFFSET_LEEWAY = 10
_ON_REQUEST_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_CONFLICT_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_CONFLICT_SET_WEBHOOK = "Conflict: terminated by setWebhook request"
_CONFLICT_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class UpdateQueue:
    """Updates that the bot has not confirmed yet.

    Args:
        on_poller_change: Called when a bot begins to poll, and when it has stopped for a while.
    """

    def __init__(self, on_poller_change: Callable[[], None]) -> None:
        # Random, as in Telegram: a bot that remembers the highest id across restarts fails here, too.
        self._next_id = 100_000_000 + secrets.randbelow(800_000_000)
        self._pending: deque[Json] = deque(maxlen=MAX_PENDING)
        self._waiter: asyncio.Future[None] | None = None
        self._allowed: frozenset[str] = frozenset()
        self._closed = False
        self._on_poller_change = on_poller_change
        self._goes_down: asyncio.TimerHandle | None = None
        self.webhook_url = ""
        self.polled_ever = False
        self.poller_is_up = False

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, kind: str, content: Json) -> bool:
        """Queue one update, if the bot asked for its kind, and wake a waiting poll. False if it did not ask."""
        wanted = kind in self._allowed if self._allowed else kind not in _ON_REQUEST_ONLY
        if not wanted:
            return False
        self._pending.append({"update_id": self._next_id, kind: content})
        self._next_id += 1
        self._wake()
        return True

    async def poll(self, offset: int, limit: int, timeout_s: float, allowed: Sequence[str] | None) -> list[Json]:
        """The answer to getUpdates. Waits at most ``timeout_s`` seconds for the first update.

        Args:
            offset: Confirms every update with a lower id. Negative: forgets all but the last so many.
            limit: The largest number of updates to return.
            timeout_s: 0 for a short poll.
            allowed: The kinds of updates wanted from now on; None keeps the former ones.

        Raises:
            ApiError: 409: a webhook is set, or another poll took this one's place.
        """
        if self.webhook_url:
            raise ApiError(409, _CONFLICT_WEBHOOK)
        if allowed is not None:
            self._allowed = frozenset(allowed)
        self._poll_began()
        try:
            self._confirm(offset)
            if not self._pending and timeout_s > 0 and not self._closed:
                await self._wait(min(timeout_s, LONGEST_POLL_S))
            return list(self._pending)[:limit]
        finally:
            self._poll_ended()

    def drop_pending(self) -> None:
        """Forget all updates."""
        self._pending.clear()

    def set_webhook(self, url: str) -> None:
        """Remember a webhook's address; '' removes it. A waiting poll ends with 409."""
        self.webhook_url = url
        if url:
            self._terminate(_CONFLICT_SET_WEBHOOK)

    def close(self) -> None:
        """End a waiting poll at once, with no updates; later polls do not wait."""
        self._closed = True
        self._wake()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self._pending) > -offset:
                self._pending.popleft()
        # An offset far beyond the last update is from before the ids began again, as they do after a quiet week.
        # The official server confirms nothing then.
        elif offset <= self._next_id + _OFFSET_LEEWAY:
            while self._pending and self._pending[0]["update_id"] < offset:
                self._pending.popleft()

    async def _wait(self, timeout_s: float) -> None:
        self._terminate(_CONFLICT_POLL)
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waiter, timeout_s)
        finally:
            if self._waiter is waiter:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _terminate(self, description: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ApiError(409, description))

    def _poll_began(self) -> None:
        if self._goes_down is not None:
            self._goes_down.cancel()
        self.polled_ever = True
        self._set_poller(up=True)

    def _poll_ended(self) -> None:
        if self._goes_down is not None:
            self._goes_down.cancel()
        if self._waiter is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._goes_down = loop.call_later(POLLER_GONE_AFTER_S, lambda: self._set_poller(up=False))

    def _set_poller(self, *, up: bool) -> None:
        if up != self.poller_is_up:
            self.poller_is_up = up
            self._on_poller_change()
