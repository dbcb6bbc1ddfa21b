"""Queries that the bot may answer once, and only for a while: pressed buttons, and questions to a guest."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from playground.errors import ApiError

MAX_OPEN = 1000
"""Of each kind. The oldest are forgotten first."""
CALLBACK_VALID_S = 15.0
"""How long a pressed button waits for answerCallbackQuery. Telegram does not document it; bots meet about 15 s."""
GUEST_VALID_S = 60.0
"""How long a question to a guest waits for answerGuestQuery. Telegram does not document it."""

AskedT = TypeVar("AskedT")


class Queries(Generic[AskedT]):
    """Open queries of one kind, each with what was asked.

    Args:
        valid_s: How long a query can be answered, in seconds.
        clock: The time in seconds.
    """

    def __init__(self, valid_s: float, clock: Callable[[], float]) -> None:
        self._valid_s = valid_s
        self._clock = clock
        self._open: OrderedDict[str, tuple[AskedT, float]] = OrderedDict()

    def add(self, asked: AskedT) -> str:
        """Open a query. Returns its id."""
        query_id = str(secrets.randbits(62))
        self._open[query_id] = asked, self._clock() + self._valid_s
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return query_id

    def take(self, query_id: str) -> AskedT:
        """What was asked. The query is answered with that.

        Raises:
            ApiError: 400: it was answered before, is too old, or never was.
        """
        asked, valid_until = self._open.pop(query_id, (None, 0.0))
        if asked is None or self._clock() >= valid_until:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        return asked
