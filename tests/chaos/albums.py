"""The answers to albums: one message each, whose lines come as they are known, in the order of the album."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

_LINE: Final = re.compile(r"\d+  (.*)")
_DOTS: Final = "…"


class Heard(NamedTuple):
    """What a message of the bot said at some time."""

    by: int
    text: str
    at: float


@dataclasses.dataclass(frozen=True)
class Album:
    """An album, and the gist of each line of its answer."""

    chat: int
    photos: tuple[int, ...]
    gists: tuple[str, ...]

    def __str__(self) -> str:
        return f"album {self.chat, self.photos[0]}"


class Albums:
    """Albums and their answers, which may be heard before the album is noted.

    Args:
        gist: Gives the gist of a line.
    """

    def __init__(self, gist: Callable[[str], str]) -> None:
        self._gist = gist
        self._of: dict[tuple[int, int], Album] = {}
        self._heard: dict[tuple[int, int], list[Heard]] = defaultdict(list)
        self._open: set[Album] = set()

    def say(self, album: Album) -> None:
        """Note an album that the bot should answer."""
        self._of |= {(album.chat, photo): album for photo in album.photos}
        self._open |= {album} if self.unanswered(album) else set()

    def hear(self, chat: int, photo: int, heard: Heard) -> None:
        """Note a message, new or changed, that answers any message."""
        self._heard[chat, photo].append(heard)
        album = self._of.get((chat, photo))
        if album and not self.unanswered(album):
            self._open.discard(album)

    def __contains__(self, asked: tuple[int, int]) -> bool:
        return asked in self._of

    @property
    def outstanding(self) -> int:
        """How many albums have no complete answer."""
        return len(self._open)

    def lost(self) -> list[str]:
        """Each album without a complete answer at the end."""
        return [f"{album}: {said}" for album in self._albums() if (said := self.unanswered(album))]

    def unanswered(self, album: Album) -> str:
        """What is wrong with the newest message that answers the album, as it is now; '' if it is complete."""
        messages = self._messages(album)
        if not messages:
            return "no answer"
        said = self._lines(messages[-1][-1].text)
        return "" if said == [*album.gists] else f"{said} in place of {[*album.gists]}"

    def wrong(self) -> list[str]:
        """Each text that ever had lines which are not of the album, or in another order. Dots stand for any."""
        found = []
        for album in self._albums():
            for heard in itertools.chain(*self._messages(album)):
                known = [line for line in self._lines(heard.text) if line != _DOTS]
                rest = iter(album.gists)
                if not all(line in rest for line in known):
                    found.append(f"{album}: {known} in place of {[*album.gists]}")
        return found

    def duplicates(self) -> Iterator[tuple[float, float]]:
        """For each message too many, when the one before it came, and when it came."""
        for album in self._albums():
            for one, other in itertools.pairwise(self._messages(album)):
                yield one[0].at, other[0].at

    def _albums(self) -> Sequence[Album]:
        return list(dict.fromkeys(self._of.values()))

    def _messages(self, album: Album) -> Sequence[list[Heard]]:
        """What each message that answers the album said, the oldest message first."""
        by: dict[int, list[Heard]] = defaultdict(list)
        for photo in album.photos:
            for heard in self._heard.get((album.chat, photo), ()):
                by[heard.by].append(heard)
        return [sorted(by[message], key=lambda heard: heard.at) for message in sorted(by)]

    def _lines(self, text: str) -> list[str]:
        """The gist of each line; as long as one photo has come, its answer is that to any photo."""
        if not _LINE.match(text):
            return [self._gist(text)]
        return [self._gist(found[1]) if (found := _LINE.match(line)) else line for line in text.split("\n")]
