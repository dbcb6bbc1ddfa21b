"""Telegram's HTML and the entities in plain text."""

from __future__ import annotations

import pytest

from playground.errors import ApiError
from playground.formatting import find_entities, parse_html


def marked(text: str) -> list[tuple[str, str]]:
    """What is marked in a plain text, and as what."""
    units = text.encode("utf-16-le")
    return [
        (
            entity["type"],
            units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le"),
        )
        for entity in find_entities(text)
    ]


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("<b>x</b>", "x", [{"type": "bold", "offset": 0, "length": 1}]),
        ("<STRONG>x</STRONG>", "x", [{"type": "bold", "offset": 0, "length": 1}]),
        ("🐈<i>x</i>", "🐈x", [{"type": "italic", "offset": 2, "length": 1}]),
        (
            "<b>a<u>b</u></b>",
            "ab",
            [{"type": "bold", "offset": 0, "length": 2}, {"type": "underline", "offset": 1, "length": 1}],
        ),
        (
            '<a href="https://example.com/?a=1&amp;b=2">x</a>',
            "x",
            [{"type": "text_link", "offset": 0, "length": 1, "url": "https://example.com/?a=1&b=2"}],
        ),
        (
            '<pre><code class="language-python">x</code></pre>',
            "x",
            [{"type": "pre", "offset": 0, "length": 1, "language": "python"}],
        ),
        ('<span class="tg-spoiler">x</span>', "x", [{"type": "spoiler", "offset": 0, "length": 1}]),
        (
            "<blockquote expandable>x</blockquote>",
            "x",
            [{"type": "expandable_blockquote", "offset": 0, "length": 1}],
        ),
        ("&lt;b&gt; &amp; &quot;&#128008;&#x1F408;&nbsp;", '<b> & "🐈🐈&nbsp;', []),
        ("  <b> x </b>\n", "x", [{"type": "bold", "offset": 0, "length": 1}]),
        ("<b></b>x", "x", []),
    ],
)
def test_html_is_read_as_telegram_reads_it(html: str, text: str, entities: list[dict[str, object]]) -> None:
    assert parse_html(html) == (text, entities)


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
        ("a < b", "Unclosed start tag at byte offset 2"),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_bad_html_is_refused_by_telegram_s_words(html: str, reason: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse_html(html)
    assert refusal.value.code == 400
    assert refusal.value.description == f"Bad Request: can't parse entities: {reason}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.com/a.jpg?x=1#y.", [("url", "https://example.com/a.jpg?x=1#y")]),
        ("(http://example.com/a_(b))", [("url", "http://example.com/a_(b)")]),
        ("http://127.0.0.1:8000/cat.jpg", [("url", "http://127.0.0.1:8000/cat.jpg")]),
        ("example.com/cat.jpg, example.co.uk", [("url", "example.com/cat.jpg"), ("url", "example.co.uk")]),
        ("cat.jpg and 3.14 and e.g. this", []),
        ("me@example.com", [("email", "me@example.com")]),
        ("/start@whatsit_bot now, a/b", [("bot_command", "/start@whatsit_bot")]),
        ("🐈 @whatsit_bot look #cats #1", [("mention", "@whatsit_bot"), ("hashtag", "#cats")]),
    ],
)
def test_plain_text_is_marked_as_telegram_marks_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert marked(text) == expected
