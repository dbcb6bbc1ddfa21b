"""Who is killed, and when: by lot, from a seed, so that a run can be had again."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from typing import Final

from common.messages import CHANNELS
from tests.support.processes import DECODER, REDIS, REDIS_SERVER, SUPERVISORD, WATCHDOG

EVERYTHING: Final = "everything at once"
"""All of these in one moment, as a crash of the machine would; but what was written is on the disk."""

_WEIGHTS: Final = {
    **dict.fromkeys(CHANNELS, 10),
    DECODER: 4,
    WATCHDOG: 2,
    REDIS_SERVER: 12,
    REDIS: 8,
    SUPERVISORD: 2,
    EVERYTHING: 2,
}
VICTIMS: Final = tuple(_WEIGHTS)
ALL_DOWN: Final = frozenset({SUPERVISORD, EVERYTHING})
"""After these, every process starts anew."""

_PAUSE_S: Final = (0.1, 2.0)
# Within its start, in which a worker imports, connects and gets ready; and Supervisor then lets it wait a little.
_AGAIN_S: Final = (0.1, 2.5)
_AT_WORK: Final = 0.7  # this share of strikes waits until the bot answers again: the others may hit it in its start


@dataclasses.dataclass(frozen=True)
class Strike:
    """Wait, then kill.

    Attributes:
        at_work: Wait until an answer has come since the last kill, so that this one hits in the midst of work.
        after_s: And then so long.
        victim: Whom to kill.
    """

    at_work: bool
    after_s: float
    victim: str


def strikes(seed: int) -> Iterator[Strike]:
    """Strikes without end: everybody once, then whoever the lot falls on, alone, again in its start, or with others."""
    lots = random.Random(f"{seed} strikes")  # noqa: S311 -- repeatable on purpose
    for victims in _groups(lots):
        first, *others = victims
        yield Strike(lots.random() < _AT_WORK, lots.uniform(*_PAUSE_S), first)
        for other in others:
            yield Strike(False, lots.uniform(*_AGAIN_S) if other == first else 0.0, other)


def _groups(lots: random.Random) -> Iterator[list[str]]:
    for victim in lots.sample(VICTIMS, len(VICTIMS)):
        yield [victim]
    while True:
        how, number = lots.random(), lots.randint(2, 3)
        victims = lots.choices(VICTIMS, list(_WEIGHTS.values()), k=number)
        if how < 0.6:
            yield victims[:1]
        elif how < 0.8:
            yield victims[:1] * number
        else:
            yield victims
