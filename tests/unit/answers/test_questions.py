"""“Is this a lynx?”: who asks about which class, and what they read."""

from __future__ import annotations

import re

import pytest

from common.answers.questions import _ASKS, LONGEST, asked_class
from common.answers.vocabulary import names
from common.answers.wording import worded
from common.languages.known import LANGUAGES
from common.messages import Finding, FindingKind, Guess, Predictions

LYNX, TABBY, PUG, BEAGLE, SUNGLASSES, BIKINI = 287, 281, 254, 162, 836, 445


@pytest.mark.parametrize(
    "text",
    [
        *("is this a lynx?", "Is that a LYNX ?", "@whatsit_bot is it a lynx? I think so", "/what is this a lynx?"),
        *("  Is  this a\nlynx?!", "Wait, is this lynx?"),
    ],
)
def test_a_class_is_asked_about_by_its_exact_name(text: str) -> None:
    assert asked_class(text, "") == LYNX


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a lynx",
            "this is a lynx",
            "is this a lynx",
            "is this a big lynx?",
            "is this a lynxes?",
            "what is this?",
            "?",
        ),
        *("this a lynx?", "", "is this ?", f"is this a {'x' * LONGEST} lynx?"),
    ],
)
def test_anything_else_asks_about_no_class(text: str) -> None:
    assert asked_class(text, "") is None


ASKED = {
    "en": "is this a {}?",
    "de": "Ist das ein {}?",
    "es": "¿Es esto un {}?",
    "fr": "C’est un {} ?",
    "it": "È un {}?",
    "pt": "Isso é um {}?",
    "ru": "Это {}?",
    "uk": "Це {}?",
    "tr": "Bu bir {} mı?",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_class_can_be_asked_about_in_every_language_and_in_english(code: str) -> None:
    assert _ASKS.keys() == LANGUAGES.keys()
    for index in range(0, 1000, 7):
        for language in (code, "en"):
            asked = asked_class(ASKED[language].format(names(language).listed(index)), code)
            assert asked is not None
            assert names(language).listed(asked).casefold() == names(language).listed(index).casefold()


def said(finding: Finding, asked: int) -> str:
    first, *_ = worded(Predictions.of(finding, [""] * 1000, "a model"), asked=asked).split("\n")
    return re.sub("</?b>", "**", first)


def a_class(index: int, probability: float, *others: Guess) -> Finding:
    return Finding(kind=FindingKind.CLASS, guesses=(Guess(index, probability), *others), probability=probability)


def test_the_answer_says_yes_perhaps_or_no() -> None:
    others = (Guess(LYNX, 0.01),)
    assert said(a_class(TABBY, 0.83, *others), LYNX) == "No, rather **a tabby cat** (83%); a lynx 1%."
    assert said(a_class(TABBY, 0.83, *others), PUG) == "No, rather **a tabby cat** (83%); a pug 0%."
    assert said(a_class(TABBY, 0.83, *others), TABBY) == "Yes, **a tabby cat** (83%)"
    assert said(a_class(TABBY, 0.40, *others), TABBY) == "Perhaps **a tabby cat** (40%)"


def test_two_classes_that_mean_the_same_are_one() -> None:
    assert said(a_class(SUNGLASSES, 0.9), SUNGLASSES + 1).startswith("Yes, **sunglasses**")


def test_of_a_group_the_usual_answer_says_more_if_the_class_is_in_it() -> None:
    dog = Finding(kind=FindingKind.GROUP, group="dog", guesses=(Guess(BEAGLE, 0.45),), probability=0.93)
    assert said(dog, PUG) == "**A dog** (93%), perhaps a beagle (45%)"
    assert said(dog, LYNX) == "No, rather **a dog** (93%); a lynx 0%."


def test_what_is_delicate_or_unknown_gets_the_usual_answer() -> None:
    assert said(a_class(TABBY, 0.83), BIKINI) == "Most likely **a tabby cat** (83%)"
    unsure = Finding(kind=FindingKind.UNSURE, guesses=(Guess(TABBY, 0.3),))
    assert said(unsure, LYNX) == "I’m not sure. My best guesses:"
