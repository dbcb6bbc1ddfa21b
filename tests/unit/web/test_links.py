"""Links, against WHATWG's URL standard: what browsers ask for."""

from __future__ import annotations

import contextlib
import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ssrfguard import SSRFGuardError

from common.web.gate import Gate
from common.web.links import as_text, followed, normalised

BASE = "https://example.com/folder/page?query"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTP://EXAMPLE.com:80/A", "http://example.com/A"),
        ("https://example.com:443?a", "https://example.com/?a"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://example.com:/", "http://example.com/"),
        ("  http://example.com/a\n", "http://example.com/a"),
        ("http://example.com/a\r\n\tb", "http://example.com/ab"),
        ("http://example.com/a b.png", "http://example.com/a%20b.png"),
        ("http://example.com\\a\\b?c=\\", "http://example.com/a/b?c=%5C"),
        ("http://example.com/a#fragment", "http://example.com/a"),
        ("http://example.com/a/./b/../c", "http://example.com/a/c"),
        ("http://example.com//a//b", "http://example.com//a//b"),
        ("http://example.com/ä/%C3%A4?ä", "http://example.com/%C3%A4/%C3%A4?%C3%A4"),
        ("http://example.com/%7Ecat%2Fdog/%25", "http://example.com/%7Ecat%2Fdog/%25"),
        ("http://example.com/100%/%41", "http://example.com/100%25/%41"),
        ("http://example.com/图（1）.jpg", "http://example.com/%E5%9B%BE%EF%BC%881%EF%BC%89.jpg"),
        ("http://my_cats.example/", "http://my_cats.example/"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
    ],
)
def test_a_link_is_asked_for_as_browsers_do(written: str, asked: str) -> None:
    assert normalised(written) == asked


@pytest.mark.parametrize(
    "written",
    [
        "",
        "example.com/a",
        "ftp://example.com/",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "http:///a",
        "http://?a",
        "http://me@example.com/",
        "http://me:secret@example.com/",
        "http://example.com:80:80/",
        "http://example.com:99999/",
        "http://example.com:８０/",
        "http://example.com:+80/",
        "http://[::1/",
        "http://[::1]x/",
        "http://::1/",
    ],
)
def test_what_is_not_a_link_of_the_web_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normalised(written)


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/cat.jpg", "https://example.com/cat.jpg"),
        ("cat.jpg", "https://example.com/folder/cat.jpg"),
        ("../cat.jpg", "https://example.com/cat.jpg"),
        ("?other", "https://example.com/folder/page?other"),
        ("#part", "https://example.com/folder/page?query"),
        (" /cat.jpg\t", "https://example.com/cat.jpg"),
        ("/a cat.jpg", "https://example.com/a%20cat.jpg"),
        ("//other.example/cat.jpg", "https://other.example/cat.jpg"),
        ("///other.example/cat.jpg", "https://other.example/cat.jpg"),
        ("\\\\other.example\\cat.jpg", "https://other.example/cat.jpg"),
        ("/\\other.example/cat.jpg", "https://other.example/cat.jpg"),
        ("HTTP://OTHER.example/cat.jpg", "http://other.example/cat.jpg"),
        ("https:///other.example/cat.jpg", "https://other.example/cat.jpg"),
        ("https:/cat.jpg", "https://example.com/cat.jpg"),
        ("https:cat.jpg", "https://example.com/folder/cat.jpg"),
        ("http:/other.example/cat.jpg", "http://other.example/cat.jpg"),
        ("http://müller.example/", "http://xn--mller-kva.example/"),
        ("/a?next=http://b.example/c:d", "https://example.com/a?next=http://b.example/c:d"),
        ("/folder:1/cat.jpg", "https://example.com/folder:1/cat.jpg"),
    ],
)
def test_a_redirect_leads_where_browsers_go(target: str, asked: str) -> None:
    assert normalised(followed(target, BASE)) == asked


@pytest.mark.parametrize("target", ["ftp://example.com/", "mailto:me@example.com", "example.com:8080/a", "about:blank"])
def test_a_redirect_to_another_scheme_leads_to_no_page(target: str) -> None:
    with pytest.raises(ValueError, match="not a link of http"):
        normalised(followed(target, BASE))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"/cat.jpg", "/cat.jpg"),
        (b"/espa\xf1ol.jpg", "/espa%F1ol.jpg"),
        ("/español.jpg".encode(), "/español.jpg"),
        (b"/\xff\xfe%20\xe9", "/%FF%FE%20%E9"),
    ],
)
def test_bytes_in_a_header_are_kept_whatever_their_encoding(raw: bytes, text: str) -> None:
    assert as_text(raw.decode("latin-1")) == text


LETTERS = "aZ09._-%@:/\\?#[]! \t\n。ⓛ\xad👍ß℀"
PIECES = [*LETTERS, "１２７", "localhost", "http://", "https:", "//", "%2e"]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_whatever_is_written_becomes_a_link_that_all_read_alike_or_is_refused(written: str) -> None:
    """Of what the gate judges, nothing may be read in another way when it is sent."""
    for whole in (f"http://{written}", written):
        with contextlib.suppress(ValueError, SSRFGuardError):
            link = normalised(followed(whole, BASE))
            assert re.fullmatch(r"https?://(\[[0-9a-z:.%]+\]|[a-z0-9_.-]+)(:[0-9]+)?/[!-~]*", link)
            assert normalised(link) == link
            assert Gate().admit(link).host == urlsplit(link).hostname
