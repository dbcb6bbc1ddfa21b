"""Messages and their answers: once, twice or not at all."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import re
import threading
from collections import Counter, defaultdict
from typing import Final, NamedTuple, TypeAlias

from tests.chaos.albums import Album, Albums, Heard

Asked: TypeAlias = tuple[int, int]  # chat, message

# What an answer found: in its sentence, or in the list below one that ends with a colon.
_IN_SENTENCE: Final = re.compile(
    r"(?:I’m sure: |Most likely |Perhaps |At the [a-z ]+: (?:perhaps )?|I’m not sure. My best guess: )?(.+?) \(\d+%\)"
)
_IN_LIST: Final = re.compile(r"(?s:.*):\n\d+% (.+)")
_ARTICLE: Final = re.compile(r"^an? ", re.IGNORECASE)


def gist(text: str) -> str:
    """The essence of an answer: the likeliest thing, after the link if it names one; otherwise all of its text.

    It leaves out percentages, and how sure the answer is: a digit of them can depend on how many pictures the model
    classified together.
    """
    link, _, rest = text.partition("\n") if text.startswith("http") else ("", "", text)
    found = _IN_SENTENCE.match(rest) or _IN_LIST.match(rest)
    return f"{link} {_ARTICLE.sub('', found[1])}".strip() if found else text


@dataclasses.dataclass(frozen=True)
class Said:
    """A message of a user, and the gist of each expected answer; or an album, which gets one.

    ``photos``: all messages of the album. Its answer has a line for each gist.
    """

    kind: str
    chat: int
    message: int
    gists: tuple[str, ...]
    photos: tuple[int, ...] = ()


class Duplicate(NamedTuple):
    """An answer that came again: when it came before, and when it came again."""

    first: float
    again: float


class Ledger:
    """Messages and their answers. Thread-safe. All times are Unix seconds."""

    def __init__(self) -> None:
        self._said: dict[Asked, Said] = {}
        self._answers: dict[Asked, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._times: list[float] = []
        self._stray: list[str] = []
        self._albums = Albums(gist)
        self._outstanding = 0
        self._changed = threading.Condition()

    def say(self, said: Said) -> None:
        """Note a message that the bot should answer. Some of its answers may have come already."""
        with self._changed:
            self._said[said.chat, said.message] = said
            if said.photos:
                self._albums.say(Album(said.chat, said.photos, said.gists))
                return
            self._outstanding += self._missing(said).total()

    def answer(self, chat: int, message: int | None, text: str, at: float, by: int = 0) -> None:
        """Note an answer to that message, or that it changed. ``by`` is the message of the bot that says it."""
        with self._changed:
            self._times.append(at)
            if message is None:
                self._stray.append(f"in chat {chat}: {text!r}")
                return
            self._albums.hear(chat, message, Heard(by, text, at))
            times = self._answers[chat, message][gist(text)]
            times.append(at)
            said = self._said.get((chat, message))
            if said and not said.photos and len(times) <= said.gists.count(gist(text)):
                self._outstanding -= 1
            self._changed.notify_all()

    @property
    def outstanding(self) -> int:
        """How many answers are awaited."""
        return self._outstanding + self._albums.outstanding

    def wait_for_fewer(self, than: int, timeout_s: float) -> bool:
        """Wait until fewer answers are awaited. Returns False after ``timeout_s``."""
        with self._changed:
            return self._changed.wait_for(lambda: self.outstanding < than, timeout_s)

    def kinds(self) -> Counter[str]:
        """How many messages of each kind were sent."""
        return Counter(said.kind for said in self._said.values())

    def answers(self) -> int:
        """How many answers are expected in all."""
        return sum(1 if said.photos else len(said.gists) for said in self._said.values())

    def lost(self) -> list[str]:
        """Each answer that never came, or did not become complete."""
        return self._albums.lost() + [
            f"{said.kind} {asked}: {gist!r}"
            for asked, said in self._said.items()
            if not said.photos
            for gist in self._missing(said).elements()
        ]

    def wrong(self) -> list[str]:
        """Each answer with a wrong gist, or to a message that was not sent."""
        found = [*self._stray, *self._albums.wrong()]
        for asked, here in self._answers.items():
            if asked in self._albums:
                continue
            said = self._said.get(asked)
            kind, right = (said.kind, said.gists) if said else ("nobody's", ())
            found += [f"{kind} {asked}: {gist!r}" for gist in here if gist not in right]
        return found

    def duplicates(self) -> list[Duplicate]:
        """Each answer that came once too often."""
        found = [Duplicate(*pair) for pair in self._albums.duplicates()]
        for asked, said in self._said.items():
            if said.photos:
                continue
            for gist, times in self._answers.get(asked, {}).items():
                once = said.gists.count(gist)
                found += [Duplicate(*pair) for pair in itertools.pairwise(times[once - 1 :])] if once else []
        return sorted(found)

    def _missing(self, said: Said) -> Counter[str]:
        here = self._answers.get((said.chat, said.message), {})
        return Counter(said.gists) - Counter({gist: len(times) for gist, times in here.items()})

    def first_after(self, time: float) -> float | None:
        """When the first answer after that time came."""
        index = bisect.bisect_right(self._times, time)
        return self._times[index] if index < len(self._times) else None

    def longest_silence(self, start: float, end: float) -> float:
        """The longest time without any answer."""
        times = [start, *(time for time in self._times if start < time < end), end]
        return max(after - before for before, after in itertools.pairwise(times))
