"""The 1,000 classes of ImageNet (ILSVRC 2012): how they belong together, and what people call them.

An index is a class's place in the model's scores, 0 to 999. The structure and the words are in two files, since
``classify`` needs only the one and ``reply`` only the other. Each is read when it is first asked for, and kept.

The groups follow the noun hypernyms of WordNet 3.0 where these are what people would say, and are chosen by hand
elsewhere. The words were chosen by hand from the labels, WordNet's glosses and what the photos of a class show.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import msgspec

DELICATE_FROM: Final = 0.9
"""Under this, a delicate class (underwear, swimwear, apes) is never said: in portraits the model sees some of it."""

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
        classes: A phrase for each class, at its index, with the article that it has in a sentence, if any.
        groups: A phrase for each group, by its id.
    """

    classes: tuple[str, ...]
    groups: dict[str, str]

    def phrase(self, index: int) -> str:
        """A class within a sentence: ``an espresso``, ``strawberries``."""
        return self.classes[index]

    def listed(self, index: int) -> str:
        """A class in a list: ``espresso``, ``strawberries``."""
        return self.classes[index].removeprefix("a ").removeprefix("an ")

    def group(self, group_id: str) -> str:
        """A group within a sentence: ``a dog``, ``food or drink``."""
        return self.groups[group_id]


class _WordNet(msgspec.Struct, frozen=True):
    wnids: tuple[str, ...]


# Both files are read as bytes: JSON is UTF-8, whatever the locale says.
@functools.cache
def imagenet() -> Hierarchy:
    """The structure, without words."""
    return msgspec.json.decode((_FOLDER / "imagenet.json").read_bytes(), type=Hierarchy)


@functools.cache
def english() -> Names:
    """The words, in international English: American spelling where there is a choice."""
    return msgspec.json.decode((_FOLDER / "english.json").read_bytes(), type=Names)


def wordnet_ids() -> tuple[str, ...]:
    """WordNet 3.0's id of each class, at its index: ``n01440764`` for 0. It is not kept: only tools need it."""
    return msgspec.json.decode((_FOLDER / "imagenet.json").read_bytes(), type=_WordNet).wnids
