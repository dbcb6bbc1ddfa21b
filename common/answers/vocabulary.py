"""The 1,000 classes of ImageNet (ILSVRC 2012): how they belong together, and what people call them.

An index is a class's place in the model's scores, 0 to 999. The structure and the words are in different files, since
``classify`` needs only the one and ``reply`` only the other. Each is read when it is first asked for, and kept.

The groups follow the noun hypernyms of WordNet 3.0 where these are what people would say, and are chosen by hand
elsewhere. The words were chosen by hand from the labels, WordNet's glosses and what the photos of a class show.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import msgspec

from common.languages.known import ENGLISH, LANGUAGES

DELICATE_FROM: Final = 0.9
"""Under this, a delicate class (underwear, swimwear, apes) is never said: in portraits the model sees some of it."""

CLASSES: Final = 1000

_FOLDER: Final = Path(__file__).parent


class Group(msgspec.Struct, frozen=True):
    """Classes that have one name in common, such as all dogs.

    Attributes:
        id: What ``Names`` knows it by: lower-case ASCII with hyphens. It does not change when the name does.
        classes: The indices of its classes, ascending; two or more.
    """

    id: str
    classes: tuple[int, ...]


class Hierarchy(msgspec.Struct, frozen=True):
    """How the classes belong together.

    Attributes:
        merged: Pairs of classes that mean the same thing, and have the same name. A group has both or neither.
        printed: Classes of what is printed or written, which the model says of any picture of text.
        lettered: Classes of things with small print or a screen, ascending: the model says these of a dim page, too.
        worn: Classes of what people wear, ascending.
        delicate: Classes that could embarrass or insult if they are said of the wrong picture, ascending: underwear and
            swimwear, apes and monkeys.
        groups: From the largest to the smallest, roughly. They overlap: a terrier is a hunting dog, a dog, a mammal
            and an animal, and a ladle is a container and a kitchen tool.
    """

    merged: tuple[tuple[int, int], ...]
    printed: tuple[int, ...]
    lettered: tuple[int, ...]
    worn: tuple[int, ...]
    delicate: tuple[int, ...]
    groups: tuple[Group, ...]


class Names(msgspec.Struct, frozen=True):
    """What people call the classes and the groups, in one language.

    Attributes:
        classes: A phrase for each class, at its index. In English it has the article that it has in a sentence, if
            any; elsewhere it is as in a dictionary, and sentences are made so that it needs no case.
        groups: A phrase for each group, by its id.
        articles: What a phrase may begin with, and loses in a list.
        notes: A line on what the thing is, for classes that many people do not know, by index: at most 60 characters.
    """

    classes: tuple[str, ...]
    groups: dict[str, str]
    articles: tuple[str, ...] = ()
    notes: dict[int, str] = {}

    def phrase(self, index: int) -> str:
        """A class within a sentence: ``an espresso``, ``strawberries``."""
        return self.classes[index]

    def listed(self, index: int) -> str:
        """A class in a list: ``espresso``, ``strawberries``."""
        return self._bare(self.classes[index])

    def group(self, group_id: str) -> str:
        """A group within a sentence: ``a dog``, ``food or drink``."""
        return self.groups[group_id]

    def group_listed(self, group_id: str) -> str:
        """A group in a list: ``dog``, ``food or drink``."""
        return self._bare(self.groups[group_id])

    def _bare(self, phrase: str) -> str:
        return next((phrase.removeprefix(each) for each in self.articles if phrase.startswith(each)), phrase)


class _WordNet(msgspec.Struct, frozen=True):
    wnids: tuple[str, ...]


# Both files are read as bytes: JSON is UTF-8, whatever the locale says.
@functools.cache
def latin() -> dict[int, str]:
    """The scientific names of animals and plants, by the index of their class."""
    return msgspec.json.decode((_FOLDER / "latin.json").read_bytes(), type=dict[int, str])


@functools.cache
def imagenet() -> Hierarchy:
    """The structure, without words."""
    return msgspec.json.decode((_FOLDER / "imagenet.json").read_bytes(), type=Hierarchy)


@functools.cache
def names(language: str) -> Names:
    """The words in a language; in English where it has none. English is as most of the world reads it.

    Args:
        language: A code of ``common.languages``.
    """
    file = _FOLDER / "names" / f"{language}.json"
    if language not in LANGUAGES or not file.exists():
        return names(ENGLISH)
    return msgspec.json.decode(file.read_bytes(), type=Names)


def wordnet_ids() -> tuple[str, ...]:
    """WordNet 3.0's id of each class, at its index: ``n01440764`` for 0. It is not kept: only tools need it."""
    return msgspec.json.decode((_FOLDER / "imagenet.json").read_bytes(), type=_WordNet).wnids
