"""The tags of web pages: where they begin and end (WHATWG HTML, 13.2.5), and how long that takes to find out."""

from __future__ import annotations

import itertools
import time

import pytest

from common.web.tags import attributes, tags


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<p>a<b>c</b></P >", ["p", "b", "/b", "/p"]),
        ("a < b <3 <> </> <a", []),
        ("<br/><br /><a/b/c>", ["br", "br", "a"]),
        ("<!doctype html><?xml x?><![CDATA[<a>]]><!x><b>", ["b"]),
        ("<!-- <a> --><!--><b><!---><c><!-- > --!><d><!-- <e>", ["b", "c", "d"]),
        ("</ <a>><b>", ["b"]),
        ("<script>'<a>' < </scriptx> <!-- </SCRIPT\n><b>", ["script", "/script", "b"]),
        ("<title><a></title><style><a></style >", ["title", "/title", "style", "/style"]),
        ("<noscript><a></noscript>", ["noscript", "a", "/noscript"]),
        ("<script><a>", ["script"]),
        ("<a b='>' c=\">\" d=>e", ["a"]),
        ("<a b='><i>'>", ["a"]),
        ("<a\tb\nc\f>", ["a"]),
        ("<META><mEtA>", ["meta", "meta"]),
    ],
)
def test_tags_begin_and_end_as_in_browsers(text: str, names: list[str]) -> None:
    assert [name for name, _ in tags(text)] == names


@pytest.mark.parametrize(
    ("tag", "given"),
    [
        ("<a b=c d>", {"b": "c", "d": ""}),
        ("<a B = 'c d' E=\"f'g\" h=i/j/ >", {"b": "c d", "e": "f'g", "h": "i/j/"}),
        ("<a b='c'd='e'/>", {"b": "c", "d": "e"}),
        ("<a b=c/>", {"b": "c/"}),
        ("<a b=1 b=2 B=3>", {"b": "1"}),
        ("<a b=>", {"b": ""}),
        ("<a b=\n'c\nd'>", {"b": "c\nd"}),
        ("<a =b>", {"=b": ""}),
        ("<a/b/c=d>", {"b": "", "c": "d"}),
        ("<a b=x'y\"z>", {"b": "x'y\"z"}),
        # References: WHATWG HTML, 13.2.5.73, with its exception for attributes
        ("<a b='?x&amp;y&#50;&#x33;&eacute;&auml'>", {"b": "?x&y23éä"}),
        ("<a b='?x&copy=1&reg2&amp=3&lt'>", {"b": "?x&copy=1&reg2&amp=3<"}),
        ("<a b='&nothing;&;&#;&#x;&'>", {"b": "&nothing;&;&#;&#x;&"}),
    ],
)
def test_attributes_are_read_as_in_browsers(tag: str, given: dict[str, str]) -> None:
    ((_, rest),) = tags(tag)
    assert attributes(rest) == given


PIECES = [
    "<",
    "<a ",
    "<a b=",
    "<!--",
    "<![x[",
    "</",
    "&#x",
    "<meta ",
    '<a b="',
    "<a b='\">",
    "=",
    "/",
    " ",
    "</scrip",
    "-",
]


@pytest.mark.parametrize("start", ["", "<html><a ", "<!--", "<script>", '<meta a="', "<title>", "<!DOCTYPE ["])
def test_text_that_was_made_to_be_hard_to_read_takes_no_time(start: str) -> None:
    for piece, end in itertools.product(PIECES, ("", ">", "'>", '">')):
        text = start + piece * (300_000 // len(piece)) + end
        began = time.process_time()
        for _, rest in tags(text):
            attributes(rest)
        assert time.process_time() - began < 2, (piece, end)  # with the square of the length, it would be minutes
