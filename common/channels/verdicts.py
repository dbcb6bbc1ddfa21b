"""Counts whether answers were right: numbers by what was said and what would have been right. No picture, no person.

What was said and what would have been right is a class by its index, or a group by its id behind a "g":

    gdog|gdog    the bot said a dog, and that was right
    281|285      it said class 281, and people say that it was 285
    281|         … and people say that it was something else
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from common.channels.keys import Keys
from common.channels.outages import as_outage
from common.channels.scripts import Call, Scripts, text


@dataclasses.dataclass(frozen=True)
class VerdictLimits:
    """How long a message is remembered of which somebody has said whether it was right. Tests pass smaller limits."""

    message_ms: int = 48 * 3600 * 1000


VERDICTS: Final = VerdictLimits()
"""The bot's limits."""


class Verdicts:
    """The verdicts of one namespace. Each method raises ``Outage`` when Redis is away, or refuses.

    Args:
        scripts: Runs the script.
        keys: The keys of the namespace.
        limits: How long messages are remembered.
    """

    def __init__(self, scripts: Scripts, keys: Keys, limits: VerdictLimits = VERDICTS) -> None:
        self._scripts = scripts
        self._keys = keys
        self._limits = limits

    async def count(self, chat_id: int, message_id: int, said: str, right: str) -> bool:
        """Count a verdict, once for a message. Whether it counts.

        Args:
            chat_id: The chat of the message.
            message_id: The bot's message with the answer.
            said: What that says: a class by its index, or a group by its id behind a "g".
            right: What would have been right, likewise; '' if it was something else.
        """
        keys = (self._keys.judged(chat_id, message_id), self._keys.verdicts)
        with as_outage("whether an answer was right"):
            call = Call("judge", keys, (self._limits.message_ms, f"{said}|{right}"))
            return bool(await self._scripts.run(call))

    async def counted(self) -> Mapping[tuple[str, str], int]:
        """How often each verdict was counted: (said, right) → number."""
        with as_outage("how often answers were right"):
            async with self._scripts.time_limit():
                found: Any = await self._scripts.redis.hgetall(self._keys.verdicts)
        return {_verdict(text(field)): int(number) for field, number in found.items()}


def _verdict(field: str) -> tuple[str, str]:
    said, _, right = field.partition("|")
    return said, right
