"""The links in a text, where Telegram's marks are not literal truth."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.telegram.links import MAX_FOUND, is_to_telegram, links
from common.telegram.raw import marked
from tests.support.raw_messages import entity

CAT = "http://e.org/cat.jpg"


def marked_whole(text: str) -> list[str]:
    """The links of a text whose server marks from the scheme to the next blank."""
    start = text.index("http")
    return links(marked(text, [entity("url", text, text[start:].split(maxsplit=1)[0])]))


def unmarked(text: str) -> list[str]:
    return links(marked(text, [entity("code", text, text)]))


@pytest.mark.parametrize("find", [marked_whole, unmarked])
@pytest.mark.parametrize(
    "text",
    [
        f"看 😆 {CAT}，复制本条信息，打开App！",
        f"这个 {CAT}。",
        f"{CAT}复制",
        f"{CAT}😆",
        f"{CAT}（复制）",
        f"（{CAT}）",
        f"「{CAT}」と",
        f"《{CAT}》",
        f"【图】{CAT}【图】",
        f"“{CAT}”是什么",
        f"«{CAT}»",
        f"„{CAT}“ ist",
        f"({CAT})复制",
        f"[cat]({CAT}).",
        f"{CAT}、",
        f"{CAT}؟",
        f"{CAT}، نص",
        f"{CAT}।",
        f"{CAT}…",
        f"{CAT}\u200b",
        f"**{CAT}**",
        f"***{CAT}***。",
        f"**look: {CAT}**",
        f"_{CAT}_",
        f"~~{CAT}~~",
        f"`{CAT}`",
        f"||{CAT}||",
        f"**{CAT}**和",
    ],
)
def test_a_link_ends_where_a_reader_says_that_it_ends(find: Any, text: str) -> None:
    assert find(text) == [CAT]


@pytest.mark.parametrize("find", [marked_whole, unmarked])
@pytest.mark.parametrize(
    "link",
    [
        "https://zh.wikipedia.org/wiki/北京（城市）",
        "https://zh.wikipedia.org/wiki/北京（2008）奥运",
        "https://zh.wikipedia.org/wiki/你好，李焕英",
        "https://zh.wikipedia.org/wiki/红楼梦《研究》版",
        "https://ja.wikipedia.org/wiki/ジャン・レノ",
        "https://fr.wikipedia.org/wiki/L’Équipe",
        "https://ar.wikipedia.org/wiki/قط",
        "https://例子.测试/图片",
        "http://example。com/a",
        "https://e.org/a_(b)",
        "https://e.org/my_cat_",
        "https://e.org/**x",
        "https://e.org/😆",
        "http://[::1]:80/x",
        "https://web.archive.org/web/2020/https://e.org/a.jpg",
        "https://e.org/a.jpg?x=1&y=(2)#z",
        "https://e.org/cat.jpg/大图",
    ],
)
def test_a_link_that_is_itself_unusual_stays_as_it_is(find: Any, link: str) -> None:
    assert find(link) == [link]
    assert find(f"看 {link} ok") == [link]


def test_punctuation_of_the_sentence_behind_a_path_in_its_own_script_goes() -> None:
    assert marked_whole("https://zh.wikipedia.org/wiki/北京（城市）。") == [
        "https://zh.wikipedia.org/wiki/北京（城市）"
    ]
    assert marked_whole("（https://zh.wikipedia.org/wiki/北京）很好") == ["https://zh.wikipedia.org/wiki/北京"]
    assert marked_whole("http://e.org/北京.jpg，复制") == ["http://e.org/北京.jpg"]
    assert marked_whole("https://e.org。这是") == ["https://e.org"]


@pytest.mark.parametrize("between", ["，", ",", "、", "。看"])
def test_two_links_below_one_mark_are_two(between: str) -> None:
    text = f"http://e.org/a.jpg{between}http://e.org/b.jpg"
    assert marked_whole(text) == unmarked(text) == ["http://e.org/a.jpg", "http://e.org/b.jpg"]


def test_a_link_in_code_is_found_beside_a_marked_one_and_a_word_with_a_slash_is_not() -> None:
    text = f"https://e.org/a {CAT} node.js/react"
    assert links(marked(text, [entity("url", text, "https://e.org/a"), entity("code", text, CAT)])) == [
        "https://e.org/a",
        CAT,
    ]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://e.org/a.png!", "https://e.org/a.png"),
        ("(http://127.0.0.1:8000/x.jpg)", "http://127.0.0.1:8000/x.jpg"),
        ("example.com/cat.jpg, please", "example.com/cat.jpg"),
        ("127.0.0.1:9/x.jpg", "127.0.0.1:9/x.jpg"),
        ("(see https://e.org/a_(b))", "https://e.org/a_(b)"),
    ],
)
def test_links_are_found_even_where_the_server_marks_nothing(text: str, url: str) -> None:
    assert links(marked(text, None)) == [url]


@pytest.mark.parametrize("text", ["end of sentence.Next one", "me@example.com/x", "1.5/2", "and/or", "http://", ""])
def test_what_only_resembles_a_link_is_text(text: str) -> None:
    assert links(marked(text, None)) == []


def test_links_of_both_spellings_stand_side_by_side_without_marks() -> None:
    assert links(marked("https://e.org/a.jpg,http://e.org/b.jpg and e.org/c.jpg", [])) == [
        "https://e.org/a.jpg",
        "http://e.org/b.jpg",
        "e.org/c.jpg",
    ]


def test_a_link_below_words_is_taken_as_given() -> None:
    link = "https://e.org/a，b**"
    assert links(marked("x", [entity("text_link", "x", "x", url=f" {link} ")])) == [link]


def test_people_are_no_links_and_telegram_is_recognised() -> None:
    marks = [entity("text_link", "x", "x", url=url) for url in ("tg://user?id=1", "mailto:a@e.org", "tel:1")]
    assert links(marked("x", marks)) == []
    assert is_to_telegram("https://T.me/a")
    assert is_to_telegram("ann.t.me")
    assert not is_to_telegram("https://not.me/t.me/")
    assert not is_to_telegram("https://at.me.org/")


@given(
    st.text("ab./:，。）（*_😆\ud83d 北http", max_size=60),
    st.lists(st.tuples(st.integers(), st.integers()), max_size=5),
)
def test_no_text_and_no_odd_offset_raises_and_links_are_parts_of_the_text(
    text: str, spans: list[tuple[int, int]]
) -> None:
    marks = [{"type": "url", "offset": offset, "length": length} for offset, length in spans]
    assert all(link in text for link in links(marked(text, marks)))


@given(
    st.text(string.ascii_letters + string.digits + "/-_.~%=&+", max_size=30), st.text("北京，。！？复制 ", max_size=20)
)
def test_of_an_ascii_link_nothing_is_lost_and_no_other_script_is_added(path: str, behind: str) -> None:
    link = f"https://e.org/{path}x"
    assert marked_whole(f"看{link}，{behind}") == [link]


def test_a_hostile_text_costs_a_bounded_number_of_links() -> None:
    text = "".join(f"http://e.org/{number}，" for number in range(3000))
    assert len(links(marked(text, None))) == MAX_FOUND
