"""Why an answer came twice, and how long it took until a killed process was back."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from common.messages import CHANNELS
from reply import ReplyWorker
from tests.chaos.faults import LONGEST_DELAY_S
from tests.chaos.ledger import Duplicate, Ledger
from tests.chaos.report import Recovery
from tests.chaos.strikes import ALL_DOWN, EVERYTHING
from tests.chaos.watch import Watch
from tests.support.processes import DECODER, REDIS, REDIS_SERVER, SUPERVISORD, WATCHDOG

OK_LOST: Final = "their OK was lost on the way"
REPLY_KILLED: Final = "reply was killed as they went out"
OTHERS_KILLED: Final = "Redis or supervisord was killed as they went out"

# Between Telegram's OK and the hand-off are some ms; more on a machine that is ten times overloaded.
_HAND_OFF_S: Final = 2.0
# A request that was sent when reply was killed still arrives, and this process sees it with a delay.
_LATE_S: Final = LONGEST_DELAY_S + 0.5
# An outage postpones an answer for at least a second; it seems less if this process sees the first answer late.
_AGAIN_AFTER_S: Final = 0.5


@dataclasses.dataclass(frozen=True)
class Kill:
    """Which process was killed, and when."""

    victim: str
    at: float


@dataclasses.dataclass(frozen=True)
class Window:
    """A time in which an answer could be sent a second time.

    Attributes:
        cause: Why, for people.
        start: Answers that were sent from here on can come twice.
        end: Answers that were sent after it cannot.
        room: How many answers at most.
        again_from: The second one cannot come before this.
        again_after_s: The second one cannot come sooner after the first.
    """

    cause: str
    start: float
    end: float
    room: int
    again_from: float = 0.0
    again_after_s: float = 0.0

    def explains(self, duplicate: Duplicate) -> bool:
        """Whether this may be why the answer came twice."""
        first, again = duplicate
        return self.start <= first <= self.end and again >= max(self.again_from, first + self.again_after_s)


@dataclasses.dataclass(frozen=True)
class Judged:
    """By cause, how many answers came twice and how many could have; and the answers without a cause."""

    causes: Counter[str]
    chances: Counter[str]
    unexplained: Sequence[Duplicate]


def judge_duplicates(duplicates: Iterable[Duplicate], kills: Sequence[Kill], watch: Watch) -> Judged:
    """Find the cause of each. Two are expected: a lost OK, and reply's death before its hand-off."""
    lost_oks = [
        Window(OK_LOST, lost.start - _LATE_S, lost.end + _LATE_S, lost.number, again_after_s=_AGAIN_AFTER_S)
        for lost in watch.lost_oks
    ]
    deaths = [_window(REPLY_KILLED, kill, watch) for kill in _of(kills, ReplyWorker.channel, EVERYTHING)]
    others = [_window(OTHERS_KILLED, kill, watch) for kill in _of(kills, REDIS, REDIS_SERVER, SUPERVISORD)]
    causes, left = explained(duplicates, [*lost_oks, *deaths])
    more, left = explained(left, others)
    chances = Counter({OK_LOST: sum(lost.number for lost in watch.lost_oks)})
    chances |= {REPLY_KILLED: len(deaths), OTHERS_KILLED: len(others)}
    return Judged(causes + more, chances, left)


def explained(duplicates: Iterable[Duplicate], windows: Sequence[Window]) -> tuple[Counter[str], Sequence[Duplicate]]:
    """How many duplicates the windows explain, by cause, and the duplicates that no window with room explains.

    Each goes into the window that closes first, which leaves the most room in later ones.
    """
    room = {window: window.room for window in sorted(windows, key=lambda window: window.end)}
    causes: Counter[str] = Counter()
    left = []
    for duplicate in sorted(duplicates):
        window = next((window for window, free in room.items() if free and window.explains(duplicate)), None)
        if window:
            room[window] -= 1
            causes[window.cause] += 1
        else:
            left.append(duplicate)
    return causes, left


def _window(cause: str, kill: Kill, watch: Watch) -> Window:
    """The time in which an answer was sent but not handed off. It is longer if Redis was away just then.

    It has room for the answers that handlers work on, and for as many that wait to be settled.
    """
    start, end = kill.at - _HAND_OFF_S, kill.at + _LATE_S
    for away in reversed(watch.away):
        if away.start <= end and away.end >= start:
            start = min(start, away.start - _HAND_OFF_S)
            end = max(end, away.end) if cause == OTHERS_KILLED else end
    return Window(cause, start, end, 2 * ReplyWorker.concurrency, again_from=kill.at)


def recovery(
    victim: str, kills: Sequence[Kill], ledger: Ledger, ready: Mapping[str, Sequence[float]], watch: Watch
) -> Recovery:
    """How long it took after each kill of that process.

    A kill before the process was back from the last one counts; the time of the last one is not measured.
    """
    back, answered = [], []
    for kill in _of(kills, victim):
        at = _back_at(kill, ready, watch)
        if at and not any(kill.at < again.at < at for again in _of(kills, victim, *ALL_DOWN)):
            back.append(at - kill.at)
        if answer_at := ledger.first_after(kill.at):
            answered.append(answer_at - kill.at)
    return Recovery(len(_of(kills, victim)), back, answered)


def _back_at(kill: Kill, ready: Mapping[str, Sequence[float]], watch: Watch) -> float | None:
    """When the process was back: it logged that it is ready, or answered. None if it was not away, or is not back."""
    if kill.victim in {REDIS, REDIS_SERVER}:
        return next((away.end for away in watch.away if kill.at - 1 <= away.start <= kill.at + 1), None)
    if kill.victim in {DECODER, WATCHDOG}:  # they do not say when they are ready
        return None
    workers = CHANNELS if kill.victim in ALL_DOWN else (kill.victim,)
    back = [next((at for at in ready[worker] if at > kill.at), None) for worker in workers]
    return None if None in back else max(at for at in back if at)


def _of(kills: Iterable[Kill], *victims: str) -> list[Kill]:
    return [kill for kill in kills if kill.victim in victims]
