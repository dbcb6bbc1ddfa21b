"""Quotations in the bot's texts, by Telegram's rules."""

from __future__ import annotations

import pytest

from playground.errors import ApiError
from playground.parameters import Parameters, formatted_text


def read(html: str) -> tuple[str, list[tuple[str, str]]]:
    """The text, and what each entity marks in it, cut out by UTF-16 units."""
    fields = formatted_text(Parameters({"text": html, "parse_mode": "HTML"}))
    units = fields["text"].encode("utf-16-le")
    marked = [
        (one["type"], units[2 * one["offset"] : 2 * (one["offset"] + one["length"])].decode("utf-16-le"))
        for one in fields.get("entities", [])
    ]
    return fields["text"], marked


def test_an_answer_has_its_sentence_and_its_folded_list() -> None:
    answer = "I’m sure: <b>an espresso</b> (97%)\n<blockquote expandable>2% cup or mug</blockquote>"
    assert read(answer) == (
        "I’m sure: an espresso (97%)\n2% cup or mug",
        [("bold", "an espresso"), ("expandable_blockquote", "2% cup or mug")],
    )


@pytest.mark.parametrize(
    "tag",
    [
        "blockquote expandable",
        "BLOCKQUOTE EXPANDABLE",
        "blockquote   expandable   cite=''",
        "blockquote expandable=false",  # the value does not count
        'blockquote expandable=""',
    ],
)
def test_expandable_is_an_attribute_whose_value_does_not_count(tag: str) -> None:
    assert read(f"<{tag}>x</blockquote>") == ("x", [("expandable_blockquote", "x")])


@pytest.mark.parametrize("attributes", ["", " cite=''", " other"])
def test_another_quotation_is_a_plain_one(attributes: str) -> None:
    assert read(f"<blockquote{attributes}>x</blockquote>") == ("x", [("blockquote", "x")])


def test_offsets_count_utf_16_units() -> None:
    fields = formatted_text(Parameters({"text": "🐈<blockquote>🐈 b</blockquote>", "parse_mode": "HTML"}))
    assert fields["entities"] == [{"type": "blockquote", "offset": 2, "length": 4}]


@pytest.mark.parametrize(
    ("html", "marked"),
    [
        # Other entities may be inside, and stand after the quotation.
        (
            "<blockquote>a <b>b</b> <code>c</code> https://example.com</blockquote>",
            [
                ("blockquote", "a b c https://example.com"),
                ("bold", "b"),
                ("code", "c"),
                ("url", "https://example.com"),
            ],
        ),
        ("<b><blockquote>a</blockquote></b>", [("blockquote", "a"), ("bold", "a")]),
        # Quotations do not nest: the outer one stays.
        (
            "<blockquote>a <blockquote expandable>b</blockquote> c</blockquote>",
            [("blockquote", "a b c")],
        ),
        (
            "<blockquote>a</blockquote><blockquote expandable>b</blockquote>",
            [("blockquote", "a"), ("expandable_blockquote", "b")],
        ),
        # Styles are cut at its borders; links that reach over one are dropped.
        (
            "<i>a<blockquote>b</blockquote>c</i>",
            [("italic", "a"), ("blockquote", "b"), ("italic", "b"), ("italic", "c")],
        ),
        ('<a href="https://example.com">a<blockquote>b</blockquote></a>', [("blockquote", "b")]),
        ("example<blockquote>.com</blockquote>", [("blockquote", ".com")]),
        ("a <blockquote> </blockquote>", []),
    ],
)
def test_quotations_keep_telegram_s_rules_of_nesting(html: str, marked: list[tuple[str, str]]) -> None:
    assert read(html)[1] == marked


def test_given_entities_keep_the_same_rules() -> None:
    given = [
        {"type": "blockquote", "offset": 1, "length": 1},
        {"type": "expandable_blockquote", "offset": 0, "length": 3},
    ]
    fields = formatted_text(Parameters({"text": "abc", "entities": given}))
    assert fields["entities"] == [{"type": "expandable_blockquote", "offset": 0, "length": 3}]


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<blockquote>x", 'Can\'t find end tag corresponding to start tag "blockquote"'),
        ("<blockquote expandable", "Unclosed start tag at byte offset 0"),
        ("x</blockquote>", "Unexpected end tag at byte offset 1"),
        (
            "<blockquote expandable>é</b>",
            'Unmatched end tag at byte offset 25, expected "</blockquote>", found "</b>"',
        ),
        ("<expandable>x</expandable>", 'Unsupported start tag "expandable" at byte offset 0'),
    ],
)
def test_a_bad_quotation_is_refused_by_telegram_s_words(html: str, reason: str) -> None:
    with pytest.raises(ApiError) as refusal:
        read(html)
    assert (refusal.value.code, refusal.value.description) == (400, f"Bad Request: can't parse entities: {reason}")
