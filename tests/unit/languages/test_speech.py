"""A text in a language: gaps, plurals, numbers, and what happens to what a language does not have."""

from __future__ import annotations

import msgspec
import pytest
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from common.languages.known import LANGUAGES, known
from common.languages.speech import capital, number, percentage, say
from common.languages.texts import Text, joined, several
from common.messages import Button, Kind, Words


def test_a_text_is_said_in_english_and_its_gaps_are_filled_by_texts_words_and_numbers() -> None:
    text = Text("I don’t accept {what} of {most} MB: {name}").of(what=Text("videos"), most=2000, name="{what}")
    assert say(text) == "I don’t accept videos of 2,000 MB: {what}", "what goes into a gap has no gaps itself"


@pytest.mark.parametrize(("count", "said"), [(1, "a day"), (2, "2 days"), (1000, "1,000 days")])
def test_a_number_decides_the_words(count: int, said: str) -> None:
    assert say(several("a day", "{count} days", count)) == said


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 день"), (2, "2 дня"), (5, "5 дней"), (11, "11 дней"), (21, "21 день"), (22, "22 дня")]
)
def test_russian_has_three_forms(count: int, said: str) -> None:
    assert say(several("a day", "{count} days", count), "ru").replace("\N{NO-BREAK SPACE}", " ") == said


def test_parts_are_said_one_after_another() -> None:
    assert say(joined(Text("videos"), "7", Text("polls"), by=", ")) == "videos, 7, polls"
    assert say(joined("• ", Text("GIFs"), by="")) == "• GIFs"


@pytest.mark.parametrize("language", ["", "en", "xx", "../secret"])
def test_any_other_language_is_english(language: str) -> None:
    assert say(Text("videos"), language) == "videos"


def test_what_a_catalogue_does_not_have_is_said_in_english() -> None:
    assert say(Text("A text of a newer worker, for {name}").of(name="you"), "de") == "A text of a newer worker, for you"
    assert say(Text(""), "de") == ""


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        *(("de", "de"), ("pt-BR", "pt"), ("PT_pt", "pt"), ("uk-UA", "uk"), ("en-GB", "en")),
        *(("", ""), ("zh-Hans", ""), ("deu", ""), ("x-de", ""), ("\0", "")),
    ],
)
def test_a_tag_means_a_language_that_the_bot_speaks(tag: str, code: str) -> None:
    assert known(tag) == code


@pytest.mark.parametrize("code", LANGUAGES)
def test_numbers_and_percentages_are_as_in_unicode_s_cldr(code: str) -> None:
    for value in (7, 999, 1000, 12_345, 1_000_000):
        assert number(value, code) == format_decimal(value, locale=code)
    for percent in (1, 97):
        assert percentage(percent, code) == format_percent(percent / 100, locale=code)


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("istanbul", "tr", "İstanbul"),
        ("istanbul", "en", "Istanbul"),
        ("ёж", "ru", "Ёж"),
        ("", "de", ""),
        ("7", "fr", "7"),
    ],
)
def test_a_capital_is_that_of_the_language(text: str, language: str, said: str) -> None:
    assert capital(text, language) == said


texts = st.recursive(
    st.builds(Text, st.text(max_size=5).filter(lambda text: not {"{", "}"} & {*text})),
    lambda inner: st.builds(lambda parts: joined(*parts, by=" "), st.lists(inner | st.text(max_size=5), min_size=1)),
    max_leaves=5,
)


@given(texts)
def test_a_text_is_the_same_behind_redis(text: Text) -> None:
    words = Words.of(text, Kind.REFUSAL, ((Button.of(text, "1:x"),),))
    assert msgspec.json.decode(msgspec.json.encode(words), type=Words) == words


def test_words_of_a_worker_of_before_are_said_as_they_are() -> None:
    assert Words(text="A text").said("de") == "A text"
    assert Button("Yes", "1:x").said("de") == "Yes"
    assert msgspec.json.decode(b'["Yes", "1:x"]', type=Button) == Button("Yes", "1:x")
