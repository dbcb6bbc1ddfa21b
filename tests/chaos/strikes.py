"""Which process is killed when: random, but from a seed, so that a run can be repeated."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from typing import Final

from common.messages import CHANNELS
from tests.support.processes import DECODER, REDIS, REDIS_SERVER, SUPERVISORD, WATCHDOG

EVERYTHING: Final = "everything at once"
"""All of these at once, as in a crash of the machine, except that everything written is on the disk."""

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
"""After these, every process starts again."""

_PAUSE_S: Final = (0.1, 2.0)
# A worker is then still in its start: it imports, connects and gets ready. Supervisor then waits before a restart.
_AGAIN_S: Final = (0.1, 2.5)
_AT_WORK: Final = 0.7  # this share of strikes waits until the bot answers again; the others may hit a start


@dataclasses.dataclass(frozen=True)
class Strike:
    """Wait, then kill.

    Attributes:
        at_work: Wait for an answer after the last kill, so that this one hits a process at work.
        after_s: Then wait so long.
        victim: The process to kill.
    """

    at_work: bool
    after_s: float
    victim: str


def strikes(seed: int) -> Iterator[Strike]:
    """Endless strikes: first each process once, then random ones: alone, again in the restart, or several at once."""
    chance = random.Random(f"{seed} strikes")  # noqa: S311 -- repeatable on purpose
    for victims in _groups(chance):
        first, *others = victims
        yield Strike(chance.random() < _AT_WORK, chance.uniform(*_PAUSE_S), first)
        for other in others:
            yield Strike(False, chance.uniform(*_AGAIN_S) if other == first else 0.0, other)


def _groups(chance: random.Random) -> Iterator[list[str]]:
    for victim in chance.sample(VICTIMS, len(VICTIMS)):
        yield [victim]
    while True:
        how, number = chance.random(), chance.randint(2, 3)
        victims = chance.choices(VICTIMS, list(_WEIGHTS.values()), k=number)
        if how < 0.6:
            yield victims[:1]
        elif how < 0.8:
            yield victims[:1] * number
        else:
            yield victims
