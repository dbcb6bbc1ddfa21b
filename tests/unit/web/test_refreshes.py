"""Refreshes, as the HTML standard reads them (WHATWG HTML, 4.2.5.3, "shared declarative refresh steps")."""

from __future__ import annotations

import time

import pytest

from common.web.refreshes import refresh_target


@pytest.mark.parametrize(
    "refresh",
    [
        "0;url=/cat.jpg",
        "0;URL=/cat.jpg",
        "0; url = /cat.jpg ",
        "\n 3 ;\tUrl\n=\n/cat.jpg",
        "0;url='/cat.jpg'",
        "0;url='/cat.jpg' and more",
        '0;url="/cat.jpg"',
        '0;url="/cat.jpg',
        "0;/cat.jpg",
        "0; /cat.jpg",
        "0 /cat.jpg",
        "0,/cat.jpg",
        "0, url=/cat.jpg",
        "0 url=/cat.jpg",
        "0;'/cat.jpg'",
        "10;url=/cat.jpg",
        "000;url=/cat.jpg",
        "1.5;url=/cat.jpg",
        "1.5.2;url=/cat.jpg",
        ".5;url=/cat.jpg",
    ],
)
def test_a_refresh_leads_on(refresh: str) -> None:
    assert refresh_target(refresh) == "/cat.jpg"


@pytest.mark.parametrize(
    ("refresh", "target"), [("0;urls", "urls"), ("0;url/x", "url/x"), ("0;u", "u"), ("0;url=a;b=c,d", "a;b=c,d")]
)
def test_what_only_looks_like_url_belongs_to_the_address(refresh: str, target: str) -> None:
    assert refresh_target(refresh) == target


@pytest.mark.parametrize(
    "refresh",
    [
        *(
            "",
            "0",
            "0;",
            "0;url=",
            "0;url='",
            "0;url=''",
            "5",
            "-1;/x",
            "+1;/x",
            "x;/x",
            ";/x",
            "url=/x",
            "0/x",
            "0x;/x",
        ),
        *("11;url=/x", "300;url=/x", "9" * 5000 + ";url=/x", "٣;url=/x"),
    ],
)
def test_this_leads_to_no_other_address_or_too_late(refresh: str) -> None:
    assert refresh_target(refresh) == ""


@pytest.mark.parametrize("piece", [" ", "0", ".", "url=", ";", "'"])
def test_a_long_one_takes_no_time(piece: str) -> None:
    began = time.process_time()
    refresh_target("0" + piece * 200_000)
    refresh_target(piece * 200_000)
    assert time.process_time() - began < 1
