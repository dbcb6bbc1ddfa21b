"""How each finding is worded. A case has the answer as people read it: **bold**, and > before a folded line."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.answers import wording
from common.answers.vocabulary import imagenet, names
from common.answers.wording import worded
from common.messages import Finding, FindingKind, Guess, Place, Prediction, Predictions, Subject
from common.telegram.sending import MAX_TEXT_LENGTH

ENGLISH = names("en")
EAGLE, OSTRICH, BEAGLE, PUG, TABBY, LYNX = 22, 9, 162, 254, 281, 287
BIKINI, BRA, COMIC_BOOK, MENU, TEAT, SUIT, TIE, ESPRESSO, STRAWBERRY = 445, 459, 917, 922, 680, 834, 906, 967, 949

CLASS, GROUP, PRINTED = FindingKind.CLASS, FindingKind.GROUP, FindingKind.PRINTED
WORN, UNKNOWN, UNSURE = FindingKind.WORN, FindingKind.UNKNOWN, FindingKind.UNSURE

NO_PEOPLE = "I know clothes, not people."
NO_IDEA = (
    "I can’t tell what this is. I know 1,000 kinds of things: animals, plants, food, vehicles, tools; "
    "but no people, places, drawings or texts."
)


def finding(kind: FindingKind, probability: float, *guesses: tuple[int, float], **fields: Any) -> Finding:
    return Finding(kind=kind, probability=probability, guesses=tuple(Guess(*guess) for guess in guesses), **fields)


def a_class(index: int, probability: float, *others: tuple[int, float], **fields: Any) -> Finding:
    return finding(CLASS, probability, (index, probability), *others, **fields)


def a_group(group: str, probability: float, *guesses: tuple[int, float], **fields: Any) -> Finding:
    return finding(GROUP, probability, *guesses, group=group, **fields)


def said(found: Finding, *top: tuple[str, float]) -> str:
    return worded(Predictions(top=tuple(Prediction(*each) for each in top), finding=found))


def as_read(html: str) -> str:
    """The answer as the cases below write it."""
    sentence, _, quotation = html.partition("\n<blockquote expandable>")
    folded = [f"> {line}" for line in quotation.removesuffix("</blockquote>").split("\n") if line]
    return unescape("\n".join([re.sub("</?b>", "**", sentence), *folded]))


@pytest.mark.parametrize(
    ("probability", "sentence"),
    [
        (1.0, "I’m sure: **an espresso** (99%)"),
        (0.97, "I’m sure: **an espresso** (97%)"),
        (0.95, "I’m sure: **an espresso** (95%)"),
        (0.9499, "Most likely **an espresso** (94%)"),
        (0.86, "Most likely **an espresso** (86%)"),
        (0.80, "Most likely **an espresso** (80%)"),
        (0.7999, "Perhaps **an espresso** (79%)"),
        (0.616, "Perhaps **an espresso** (62%)"),
    ],
)
def test_a_class_is_said_as_surely_as_it_is(probability: float, sentence: str) -> None:
    assert as_read(said(a_class(ESPRESSO, probability))) == sentence


@pytest.mark.parametrize(("probability", "lead"), [(0.99, "Most likely"), (0.8, "Most likely"), (0.79, "Perhaps")])
def test_a_network_that_nobody_measured_is_never_sure(probability: float, lead: str) -> None:
    assert said(a_class(ESPRESSO, probability, measured=False)).startswith(f"{lead} <b>an espresso</b>")


OTHERS = ((TABBY, 0.06), (LYNX, 0.02), (PUG, 0.0199))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        # A class.
        (a_class(ESPRESSO, 0.90, *OTHERS), "Most likely **an espresso** (90%)\n> 6% tabby cat\n> 2% lynx"),
        (a_class(ESPRESSO, 0.70, *OTHERS), "Perhaps **an espresso** (70%)\n6% tabby cat\n2% lynx"),
        (a_class(EAGLE, 0.81, place=Place.LEFT), "At the left: **a bald eagle** (81%)"),
        (a_class(EAGLE, 0.97, place=Place.TOP_LEFT), "At the top left: **a bald eagle** (97%)"),
        (a_class(EAGLE, 0.62, place=Place.BOTTOM), "At the bottom: perhaps **a bald eagle** (62%)"),
        # A group.
        (
            a_group("dog", 0.93, (BEAGLE, 0.45), (PUG, 0.22), (TABBY, 0.03)),
            "**A dog** (93%), perhaps a beagle (45%)\n> 22% pug\n> 3% tabby cat",
        ),
        (
            a_group("dog", 0.93, (TABBY, 0.46), (BEAGLE, 0.45), (PUG, 0.30)),
            "**A dog** (93%), perhaps a beagle (45%)\n> 46% tabby cat\n> 30% pug",
        ),
        (
            a_group("bird", 0.91, (EAGLE, 0.40), (OSTRICH, 0.35)),
            "**A bird** (91%); I can’t tell which\n> 40% bald eagle\n> 35% ostrich",
        ),
        (a_group("bird", 0.91, (EAGLE, 0.19)), "**A bird** (91%); I can’t tell which\n> 19% bald eagle"),
        (a_group("bird", 0.91, (EAGLE, 0.20)), "**A bird** (91%), perhaps a bald eagle (20%)"),
        (
            a_group("bird", 0.91, (EAGLE, 0.45), (OSTRICH, 0.30)),
            "**A bird** (91%), perhaps a bald eagle (45%)\n> 30% ostrich",
        ),
        (a_group("bird", 0.91), "**A bird** (91%); I can’t tell which"),
        (a_group("bird", 0.99, (EAGLE, 0.85)), "**A bird** (99%), most likely a bald eagle (85%)"),
        (a_group("dog", 0.62, (BEAGLE, 0.45)), "Perhaps **a dog** (62%)\n45% beagle"),
        (
            a_group("dog", 0.93, (BEAGLE, 0.45), place=Place.RIGHT),
            "At the right: **a dog** (93%), perhaps a beagle (45%)",
        ),
        (a_group("bird", 0.91, place=Place.TOP), "At the top: **a bird** (91%); I can’t tell which"),
        (a_group("a newer worker’s", 0.93, (EAGLE, 0.4)), "I’m not sure. My best guesses:\n40% bald eagle"),
        # Printed matter.
        (
            finding(PRINTED, 0.9, (MENU, 0.4), (COMIC_BOOK, 0.01)),
            "A screenshot or something printed. I know things, I can’t read.\n> 40% menu",
        ),
        (
            finding(PRINTED, 0.49, (MENU, 0.4)),
            "Perhaps a screenshot or something printed. I know things, I can’t read.\n40% menu",
        ),
        # Clothes.
        (
            finding(WORN, 0.6, (SUIT, 0.31), (TIE, 0.12), (TABBY, 0.05)),
            f"**Something to wear**, perhaps on somebody: perhaps a suit (31%). {NO_PEOPLE}\n"
            "> 12% necktie\n> 5% tabby cat",
        ),
        (
            finding(WORN, 0.6, (TABBY, 0.3), (SUIT, 0.10)),
            f"**Something to wear**, perhaps on somebody: perhaps a suit (10%). {NO_PEOPLE}\n> 30% tabby cat",
        ),
        (
            finding(WORN, 0.6, (SUIT, 0.09), (TIE, 0.08)),
            f"**Something to wear**, perhaps on somebody. {NO_PEOPLE}\n> 9% suit\n> 8% necktie",
        ),
        # Nothing that it knows, and nothing likely enough.
        (
            finding(UNKNOWN, 0, (TABBY, 0.2), (LYNX, 0.1), (PUG, 0.05), (EAGLE, 0.04)),
            f"{NO_IDEA}\nIf I had to guess:\n20% tabby cat\n10% lynx\n5% pug",
        ),
        (finding(UNKNOWN, 0, (TABBY, 0.01)), NO_IDEA),
        (finding(UNSURE, 0, (TABBY, 0.2), (LYNX, 0.1)), "I’m not sure. My best guesses:\n20% tabby cat\n10% lynx"),
        (finding(UNSURE, 0, (TABBY, 0.01)), NO_IDEA),
        (finding(UNSURE, 0), NO_IDEA),
        (finding(CLASS, 0.9), NO_IDEA),
    ],
)
def test_each_finding_has_its_sentence_and_below_it_what_the_sentence_does_not_say(found: Finding, text: str) -> None:
    assert as_read(said(found)) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            a_group("dog", 0.93, (BEAGLE, 0.45), place=Place.LEFT, other=a_class(STRAWBERRY, 0.97, place=Place.RIGHT)),
            "**A dog** at the left, **strawberries** at the right\n> 97% strawberries (right)\n> 45% beagle (left)",
        ),
        (
            a_class(STRAWBERRY, 0.97, (PUG, 0.01), place=Place.BOTTOM, other=a_class(PUG, 0.85, place=Place.TOP)),
            "**A pug** at the top, **strawberries** at the bottom\n> 97% strawberries (bottom)\n> 85% pug (top)",
        ),
        (
            a_class(STRAWBERRY, 0.97, place=Place.LEFT, other=a_class(PUG, 0.79, place=Place.RIGHT)),
            "At the left: **strawberries** (97%)",
        ),
        (
            a_class(BIKINI, 0.85, place=Place.LEFT, other=a_class(PUG, 0.85, place=Place.RIGHT)),
            "At the right: **a pug** (85%)",
        ),
        (finding(WORN, 0.9, other=a_class(PUG, 0.85)), f"**Something to wear**, perhaps on somebody. {NO_PEOPLE}"),
    ],
)
def test_two_ends_are_said_in_the_order_of_reading_if_both_are_likely(found: Finding, text: str) -> None:
    assert as_read(said(found)) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (a_class(BIKINI, 0.90), "Most likely **a bikini** (90%)"),
        (
            a_class(BIKINI, 0.8999, (SUIT, 0.05)),
            f"**Something to wear**, perhaps on somebody. {NO_PEOPLE}\n> 5% suit",
        ),
        (
            a_class(BRA, 0.70, (BIKINI, 0.15), (SUIT, 0.12)),
            f"**Something to wear**, perhaps on somebody: perhaps a suit (12%). {NO_PEOPLE}",
        ),
        (a_class(TEAT, 0.85, (PUG, 0.1)), "I’m not sure. My best guesses:\n10% pug"),
        (a_class(TEAT, 0.85, (BRA, 0.1)), NO_IDEA),
        (
            finding(WORN, 0.9, (BIKINI, 0.5), (SUIT, 0.2)),
            f"**Something to wear**, perhaps on somebody: perhaps a suit (20%). {NO_PEOPLE}",
        ),
        (finding(UNKNOWN, 0, (BIKINI, 0.5), (PUG, 0.2)), f"{NO_IDEA}\nIf I had to guess:\n20% pug"),
        (finding(UNSURE, 0, (BRA, 0.5)), NO_IDEA),
        (a_class(PUG, 0.81, (TEAT, 0.1)), "Most likely **a pug** (81%)"),
        (a_group("clothing", 0.85, (BIKINI, 0.5), (SUIT, 0.2)), "**Clothing** (85%); I can’t tell which\n> 20% suit"),
        (a_group("swimwear", 0.89, (BIKINI, 0.6)), f"**Something to wear**, perhaps on somebody. {NO_PEOPLE}"),
    ],
)
def test_a_delicate_class_is_said_from_ninety_percent_only(found: Finding, text: str) -> None:
    assert as_read(said(found)) == text


def of_a_page(found: Finding, *top: tuple[str, float]) -> str:
    predictions = Predictions(top=tuple(Prediction(*each) for each in top), finding=found)
    return as_read(worded(predictions, Subject.PAGE)).split("\n")[0].removeprefix("This page’s picture")


OTHER_END: Final = a_class(STRAWBERRY, 0.9, place=Place.RIGHT)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (a_class(ESPRESSO, 0.97), ": I’m sure: **an espresso** (97%)"),
        (a_class(ESPRESSO, 0.88), ": most likely **an espresso** (88%)"),
        (a_class(ESPRESSO, 0.30), ": perhaps **an espresso** (30%)"),
        (a_class(ESPRESSO, 0.88, place=Place.LEFT), ", at the left: **an espresso** (88%)"),
        (a_class(ESPRESSO, 0.30, place=Place.TOP_LEFT), ", at the top left: perhaps **an espresso** (30%)"),
        (a_group("dog", 0.93, (BEAGLE, 0.1)), ": **a dog** (93%); I can’t tell which"),
        (a_group("dog", 0.5, (BEAGLE, 0.1)), ": perhaps **a dog** (50%)"),
        (a_group("dog", 0.93, (BEAGLE, 0.1), place=Place.TOP), ", at the top: **a dog** (93%); I can’t tell which"),
        (
            a_class(BEAGLE, 0.9, place=Place.LEFT, other=OTHER_END),
            ": **a beagle** at the left, **strawberries** at the right",
        ),
        (finding(PRINTED, 0.9), ": a screenshot or something printed. I know things, I can’t read."),
        (finding(PRINTED, 0.3), ": perhaps a screenshot or something printed. I know things, I can’t read."),
        (finding(WORN, 0.0), f": **something to wear**, perhaps on somebody. {NO_PEOPLE}"),
        (finding(UNKNOWN, 0.0), f": {NO_IDEA}"),
        (finding(UNKNOWN, 0.0, imagenet=False), ": I can’t tell what this is."),
        (finding(UNSURE, 0.0, (PUG, 0.1)), ": I’m not sure. My best guesses:"),
    ],
)
def test_an_answer_about_a_pages_picture_begins_with_that_and_goes_on_in_the_same_sentence(
    found: Finding, text: str
) -> None:
    assert of_a_page(found) == text


def test_labels_that_begin_with_a_capital_keep_it_behind_the_words_on_the_picture() -> None:
    own = finding(CLASS, 0.9, (0, 0.9), imagenet=False)
    assert of_a_page(own, ("Ibis", 0.9)) == ": most likely **Ibis** (90%)"
    named = a_class(BEAGLE, 0.9, place=Place.LEFT, other=a_class(TABBY, 0.9, place=Place.RIGHT))
    assert as_read(worded(Predictions(top=(), finding=named), Subject.STILL)).startswith("From the preview: **a beagle")


def test_a_group_of_delicate_classes_is_one_too() -> None:
    for group in ("swimwear", "underwear-or-swimwear"):
        assert said(a_group(group, 0.89)).startswith("<b>Something to wear</b>")
        assert ENGLISH.group(group)[1:] in said(a_group(group, 0.90))


def test_an_operators_labels_stay_as_they_are_but_for_html_and_what_is_too_long() -> None:
    found = a_class(7, 0.86, (8, 0.05), (9, 0.02), imagenet=False, measured=False)
    assert said(found, ("<b>iPod & co", 0.86), ("x" * 200, 0.05), ("bra", 0.02)) == (
        f"Most likely <b>&lt;b&gt;iPod &amp; co</b> (86%)\n<blockquote expandable>5% {'x' * 99}…\n2% bra</blockquote>"
    )


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (a_class(0, 0.5, (1, 0.3), imagenet=False), "Perhaps **ok** (50%)\n30% Riss"),
        (finding(UNSURE, 0, (0, 0.5), (1, 0.3), imagenet=False), "I’m not sure. My best guesses:\n50% ok\n30% Riss"),
        (finding(UNSURE, 0, (0, 0.01), imagenet=False), "I can’t tell what this is."),
        (finding(GROUP, 0.9, (0, 0.5), group="dog", imagenet=False), "I’m not sure. My best guesses:\n50% ok"),
        (
            finding(UNKNOWN, 0, (0, 0.5), (1, 0.3), imagenet=False),
            "I can’t tell what this is.\nIf I had to guess:\n50% ok\n30% Riss",
        ),
        (a_class(5, 0.97, (6, 0.02), imagenet=False), "I’m sure: **ok** (97%)\n> 2% Riss"),
    ],
)
def test_of_an_operators_labels_nothing_is_said_that_imagenet_knows(found: Finding, text: str) -> None:
    assert as_read(said(found, ("ok", 0.5), ("Riss", 0.3))) == text


def guesses(indices: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Guess, ...]]:
    """Best first, each class once."""
    pairs = st.lists(st.tuples(indices, st.floats(0, 1)), max_size=7, unique_by=lambda pair: pair[0])
    return pairs.map(lambda found: tuple(Guess(*pair) for pair in sorted(found, key=lambda pair: -pair[1])))


INDICES = st.integers(0, 999) | st.sampled_from(sorted({*imagenet().delicate, *imagenet().worn}))


def findings(other: st.SearchStrategy[Finding | None]) -> st.SearchStrategy[Finding]:
    return st.builds(
        Finding,
        kind=st.sampled_from(FindingKind),
        guesses=guesses(INDICES),
        probability=st.floats(0, 1),
        group=st.sampled_from([each.id for each in imagenet().groups]),
        place=st.sampled_from(Place),
        other=other,
        measured=st.booleans(),
    )


def best_first(found: Finding) -> Finding:
    """With the probability of a class that of its best guess, as ``classify`` sends it."""
    if found.kind is CLASS and found.guesses:
        return finding(CLASS, found.guesses[0].probability, *((g.index, g.probability) for g in found.guesses))
    return found


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (a_class(ESPRESSO, 0.90, *OTHERS), "Most likely **an espresso** (90%)"),
        (a_class(ESPRESSO, 0.70, *OTHERS), "Perhaps **an espresso** (70%)"),
        (a_group("dog", 0.93, (BEAGLE, 0.45), (PUG, 0.22)), "**A dog** (93%), perhaps a beagle (45%)"),
        (finding(PRINTED, 0.9, (MENU, 0.4)), "A screenshot or something printed. I know things, I can’t read."),
        (finding(UNKNOWN, 0.0, (TABBY, 0.1)), NO_IDEA),
        (finding(UNSURE, 0.0, (TABBY, 0.34), (LYNX, 0.20)), "I’m not sure. My best guess: tabby cat (34%)"),
        (finding(UNSURE, 0.0), NO_IDEA),
    ],
)
def test_a_short_answer_is_the_sentence_alone_and_names_what_that_would_lead_to(found: Finding, text: str) -> None:
    assert as_read(worded(Predictions(top=(), finding=found), short=True)) == text


def test_a_short_answer_from_an_operators_labels_names_the_best_one() -> None:
    found = finding(UNSURE, 0.0, (0, 0.3), (1, 0.2), imagenet=False)
    top = (Prediction("my cat & dog", 0.3), Prediction("my cup", 0.2))
    html = worded(Predictions(top=top, finding=found), short=True)
    assert unescape(html) == "I’m not sure. My best guess: my cat & dog (30%)"


RANDOM = findings(st.none() | findings(st.none()).map(best_first)).map(best_first)
DELICATE_NAMES = {ENGLISH.listed(index) for index in imagenet().delicate}


@settings(deadline=None)
@given(RANDOM)
def test_the_first_forty_characters_of_an_answer_have_no_square_and_no_code(found: Finding) -> None:
    html = said(found)
    assert not re.search("[■□▪▫◼◻⬛⬜]|<code|<pre", html)
    first, *_ = html.split("\n")
    assert re.match("[A-Z]", re.sub("</?b>", "", first))
    assert not re.search("<(?!/?b>)", first), "no markup but bold"


@settings(deadline=None, max_examples=500)
@given(RANDOM)
def test_no_answer_has_a_delicate_name_without_ninety_percent(found: Finding) -> None:
    text = re.sub("<[^>]*>", "", said(found))
    likely = [g for each in (found, found.other) if each for g in each.guesses if g.probability >= 0.9]
    allowed = {ENGLISH.listed(guess.index) for guess in likely}
    for name in DELICATE_NAMES - allowed:
        assert not re.search(rf"\b{re.escape(unescape(name))}\b", text), name


@settings(deadline=None)
@given(RANDOM)
def test_a_short_answer_is_one_line_that_leads_to_nothing(found: Finding) -> None:
    html = worded(Predictions(top=(), finding=found), short=True)
    assert "\n" not in html
    assert not html.endswith(":")
    assert said(found).startswith(html) or "My best guess: " in html


@settings(deadline=None)
@given(RANDOM)
def test_no_more_than_five_lines_of_two_percent_or_more_follow_and_never_a_hundred(found: Finding) -> None:
    html = said(found)
    lines = re.findall(r"^(?:<blockquote expandable>)?(\d+)% ", html, re.M)
    assert len(lines) <= 5
    assert all(2 <= int(percent) <= 99 for percent in lines)
    assert "100%" not in html
    assert html.count("<b>") == html.count("</b>") <= 2
    assert ("<blockquote expandable>" in html) == html.endswith("</blockquote>")


@pytest.mark.parametrize("label", ["x" * 5000, "&<>" * 2000])
def test_no_answer_is_longer_than_telegram_allows(label: str) -> None:
    found = a_class(0, 0.5, *((index, 0.1) for index in range(1, 6)), imagenet=False)
    html = said(found, *((label, 0.5) for _ in range(6)))
    assert len(unescape(html)) < MAX_TEXT_LENGTH


# A bubble on a phone of 360 pixels holds about 38 characters of 16 pixels in a line.
PHONE: Final = 38


def test_a_phone_shows_each_guess_in_one_line_and_each_class_in_two() -> None:
    for index in range(1000):
        assert len(f"99% {ENGLISH.listed(index)}") <= PHONE, index
        sentence, *_ = as_read(said(a_class(index, 0.96))).replace("**", "").split("\n")
        assert len(sentence) <= 1.5 * PHONE, sentence
        assert max(map(len, sentence.split())) <= PHONE / 2, sentence


def test_a_class_that_few_people_know_has_a_line_on_what_it_is_but_not_in_a_short_answer() -> None:
    lynx, tench = a_class(LYNX, 0.96), a_class(0, 0.96, (EAGLE, 0.03))
    assert said(tench) == (
        "I’m sure: <b>a tench</b> (96%)\n<i>Freshwater fish of slow, muddy waters</i>\n"
        "<blockquote expandable>3% bald eagle</blockquote>"
    )
    assert "<i>" not in said(lynx)
    assert worded(Predictions(top=(), finding=tench), short=True) == "I’m sure: <b>a tench</b> (96%)"


def test_wording_has_no_more_shapes_than_its_docstring_shows() -> None:
    assert wording.__doc__
    for kind in FindingKind:
        sentence = re.sub("<[^>]*>", "", said(finding(kind, 0.97, (ESPRESSO, 0.97), group="dog")))
        assert sentence.split()[0] in wording.__doc__


LED = {
    Subject.STILL: "From the preview: **an espresso** (90%)",
    Subject.PAGE: "This page’s picture: **an espresso** (90%)",
}


def line(found: Finding, subject: Subject = Subject.PICTURE) -> str:
    return as_read(wording.line(Predictions(top=(), finding=found), subject))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (a_class(ESPRESSO, 0.97, *OTHERS), "**An espresso** (97%)"),
        (a_class(ESPRESSO, 0.88, *OTHERS), "**An espresso** (88%)"),
        (a_class(ESPRESSO, 0.70, *OTHERS), "Perhaps **an espresso** (70%)"),
        (a_class(EAGLE, 0.81, place=Place.LEFT), "At the left: **a bald eagle** (81%)"),
        (a_group("bird", 0.99, (EAGLE, 0.85)), "**A bird** (99%), most likely a bald eagle (85%)"),
        (a_group("dog", 0.93, (BEAGLE, 0.45), (PUG, 0.22)), "**A dog** (93%), perhaps a beagle (45%)"),
        (
            a_class(EAGLE, 0.9, place=Place.LEFT, other=a_class(ESPRESSO, 0.85, place=Place.RIGHT)),
            "**A bald eagle** at the left, **an espresso** at the right",
        ),
        (finding(PRINTED, 0.7, (COMIC_BOOK, 0.3)), "A screenshot or something printed."),
        (finding(PRINTED, 0.4, (COMIC_BOOK, 0.3)), "Perhaps a screenshot or something printed."),
        (
            finding(WORN, 0.9, (SUIT, 0.3), (TIE, 0.2)),
            "**Something to wear**, perhaps on somebody: perhaps a suit (30%).",
        ),
        (finding(UNSURE, 0, (TABBY, 0.12), (LYNX, 0.1)), "I’m not sure. My best guess: tabby cat (12%)"),
        (finding(UNKNOWN, 0, (TABBY, 0.12)), "I can’t tell what this is."),
        (finding(UNKNOWN, 0), "I can’t tell what this is."),
    ],
)
def test_in_an_album_a_photo_has_one_line(found: Finding, text: str) -> None:
    assert line(found) == text


@pytest.mark.parametrize("subject", list(LED))
def test_the_line_of_a_preview_says_so(subject: Subject) -> None:
    assert line(a_class(ESPRESSO, 0.9), subject) == LED[subject]
