"""The names of all classes and groups, in every language: complete, different, short, and as in a dictionary."""

from __future__ import annotations

import collections
import re

import pytest

from common.answers.vocabulary import imagenet, names
from common.languages.known import LANGUAGES

OTHERS = [code for code in LANGUAGES if code != "en"]
ENGLISH = names("en")
MERGED = {second: first for first, second in imagenet().merged}
CYRILLIC = re.compile(r"[\u0400-\u04ff]")
PHONE = 46
ODD = re.compile(r"[<>&\[\];{}*_`]|\s\s|^\s|\s$|[\xad\u200b-\u200f]")


def parts(index: int) -> int:
    return MERGED.get(index, index)


@pytest.mark.parametrize("code", OTHERS)
def test_there_is_a_name_for_every_class_and_group(code: str) -> None:
    known = names(code)
    assert known is not ENGLISH
    assert len(known.classes) == len(ENGLISH.classes)
    assert known.groups.keys() == ENGLISH.groups.keys()
    assert all(known.classes)
    assert all(known.groups.values())


@pytest.mark.parametrize("code", OTHERS)
def test_two_classes_have_the_same_name_only_if_they_are_the_same_thing(code: str) -> None:
    by_name = collections.defaultdict(set)
    for index, name in enumerate(names(code).classes):
        by_name[name.casefold()].add(parts(index))
    assert {name: [ENGLISH.classes[i] for i in same] for name, same in by_name.items() if len(same) > 1} == {}
    for first, second in imagenet().merged:
        assert names(code).classes[first] == names(code).classes[second]


@pytest.mark.parametrize("code", OTHERS)
def test_two_groups_have_different_names(code: str) -> None:
    counted = collections.Counter(name.casefold() for name in names(code).groups.values())
    assert [name for name, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("code", OTHERS)
def test_names_are_plain_and_fit_a_phone(code: str) -> None:
    every = [*names(code).classes, *names(code).groups.values()]
    assert [name for name in every if ODD.search(name) or len(name) > PHONE] == []


@pytest.mark.parametrize("code", ["ru", "uk"])
def test_names_are_in_the_script_of_the_language(code: str) -> None:
    every = [*names(code).classes, *names(code).groups.values()]
    assert [name for name in every if not CYRILLIC.search(name)] == []


@pytest.mark.parametrize("code", ["de", "es", "fr", "it", "pt", "tr"])
def test_few_names_are_english(code: str) -> None:
    """Breeds and loan-words are the same; a table that was not translated would have hundreds."""
    known = names(code)
    same = [i for i, name in enumerate(known.classes) if name.casefold() == ENGLISH.listed(i).casefold()]
    assert len(same) < 250


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_same_classes_have_a_note_in_every_language_and_it_is_short(code: str) -> None:
    notes = names(code).notes
    assert notes.keys() == ENGLISH.notes.keys() <= {*range(1000)}
    bare = [note.replace(";", ",") for note in notes.values()]
    assert [note for note in bare if len(note) > 60 or note.endswith(".") or ODD.search(note)] == []
    assert all(note[0] == note[0].upper() for note in notes.values())
    assert len({*notes.values()}) > len(notes) * 0.98


def test_a_language_without_names_has_the_english_ones() -> None:
    assert names("xx") is ENGLISH
