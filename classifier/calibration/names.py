"""Which class a name means: its index, its WordNet id, the model's label for it, or a plain name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from common.answers import vocabulary
from common.model.records import ModelRecord

_NAMED: Final = 5


class ClassNames:
    """The names of a model's classes. A name that two classes have means neither.

    Args:
        record: The model.
        labels: Its labels, in the order of the scores.
    """

    def __init__(self, record: ModelRecord, labels: Sequence[str]) -> None:
        self._first: dict[int, int] = {}
        kinds: list[Iterable[tuple[int, str]]] = [enumerate(labels)]
        if record.knows_imagenet:
            known = vocabulary.imagenet()
            self._first = {other: first for first, *others in known.merged for other in others}
            kinds += [enumerate(vocabulary.wordnet_ids()), enumerate(_plain())]
        kinds.append((index, str(index)) for index in range(record.classes))
        self._classes: dict[str, int] = {}
        for kind in kinds:  # the model's own labels first: digits may be labels, and "7" is then not the eighth class
            for name, index in self._unambiguous(kind):
                self._classes.setdefault(name, index)

    def find(self, name: str) -> int | None:
        """The class that is called so, or the first of those that count as one with it; None if there is not one."""
        return self._classes.get(_normal(name))

    def _unambiguous(self, kind: Iterable[tuple[int, str]]) -> Iterator[tuple[str, int]]:
        found = defaultdict[str, set[int]](set)
        for index, name in kind:
            found[_normal(name)].add(self._first.get(index, index))
        return ((name, indices.pop()) for name, indices in found.items() if len(indices) == 1)


def listed(names: Sequence[str]) -> str:
    """The first few names, for an error message."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more


def _plain() -> Iterator[str]:
    names = vocabulary.names("en")
    return map(names.listed, range(len(names.classes)))


def _normal(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
