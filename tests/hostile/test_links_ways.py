"""Each way in which a link can come, and each form that browsers read as a name, leads to no forbidden address.

The same spellings and blocks as in ``test_links.py``: as the target of a redirect that sets cookies, of a page's
refresh, of a page's picture; percent-encoded and in full-width letters; and as names that only browsers take.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import quote

import pytest

from common.messages import Kind, Words
from common.web import download
from common.web import fetcher as web
from common.web.download import Fetched, FetchLimits
from common.web.names import Names
from tests.hostile.addresses import PUBLIC, RESERVED, SPELLINGS, Spelling
from tests.hostile.name_server import EVERY_NAME, NameServer
from tests.hostile.network import Network
from tests.support.web_server import content, redirect

LIMITS = FetchLimits(total_s=5, answer_s=4, unreachable_after_s=4, max_bytes=10_000)
KINDS = ("plain", "mapped", "loose", "carried", "odd")
# What ssrfguard, requests or urllib3 would refuse by themselves, and browsers open.
ODD_NAMES = ("my_cats.example", "_.example", "a-.example", "-a.b.example", "👍.example", "xn--yp8h.example", "cats_")


def of_kind(kind: str) -> list[Spelling]:
    return [spelling for spelling in SPELLINGS if spelling.kind == kind]


async def fetch_all(link: str, machine: Names) -> list[Fetched | Words | None]:
    """What a link gives, and the preview picture of what it gives."""
    fetcher = web.Fetcher(lookup=machine, limits=LIMITS)
    fetched = await fetcher.fetch(link)
    return [fetched, await fetcher.preview(fetched)] if isinstance(fetched, Fetched) else [fetched]


def by_redirect(internet: Network, link: str) -> None:
    target = link.encode().decode("latin-1")
    internet.public.answers["/link"] = redirect(target, set_cookie="cat=1; Path=/", code=307)


def by_refresh(internet: Network, link: str) -> None:
    internet.public.answers["/link"] = content(f'<html><meta http-equiv=refresh content="0; url={link}">'.encode())


def by_refresh_header(internet: Network, link: str) -> None:
    target = link.encode().decode("latin-1")
    internet.public.answers["/link"] = content(b"<html><title>x</title>", "text/html", refresh=f"0; url={target}")


def by_picture(internet: Network, link: str) -> None:
    internet.public.answers["/link"] = content(f'<html><meta property="og:image" content="{link}">'.encode())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [by_redirect, by_refresh, by_refresh_header, by_picture])
async def test_no_page_or_redirect_leads_to_a_private_address(
    way: Callable[[Network, str], None], kind: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    for spelling in of_kind(kind):
        name_server.answers[EVERY_NAME] = [spelling.means]
        way(internet, spelling.link)
        await fetch_all("http://public.example/link", machine)
        assert internet.private.accepted == 0, spelling
    assert internet.public.accepted >= len(of_kind(kind))


def percent_encoded(host: str) -> str:
    return "".join(f"%{byte:02X}" for byte in host.encode())


def partly_percent_encoded(host: str) -> str:
    return quote(host[0]) if host[0] > "\x7f" else f"%{ord(host[0]):02x}{host[1:]}"


def full_width(host: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in host)


def with_ideographic_stops(host: str) -> str:
    return host.replace(".", "。")


def with_soft_hyphens(host: str) -> str:
    return "\xad".join(host)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "disguise", [percent_encoded, partly_percent_encoded, full_width, with_ideographic_stops, with_soft_hyphens]
)
async def test_no_disguise_of_a_host_leads_to_a_private_address(
    disguise: Callable[[str], str], kind: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    for spelling in of_kind(kind):
        host = spelling.link.removeprefix("http://").rstrip("/")
        name_server.answers[EVERY_NAME] = [spelling.means]
        for link in (f"http://{disguise(host)}/", f"http://{disguise(host.partition(':')[0] or host)}:8080/x"):
            fetched = await fetch_all(link, machine)
            assert internet.private.accepted == 0, (spelling, link)
            assert isinstance(fetched[0], Words), (spelling, link)


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
async def test_a_name_that_only_browsers_take_reaches_no_reserved_block(
    name: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    for block in RESERVED:
        whole = ipaddress.ip_network(block.network)
        for address in {whole[0], whole[-1]}:
            name_server.answers[EVERY_NAME] = [str(address)]
            (refused,) = await fetch_all(f"http://{name}/", machine)
            assert isinstance(refused, Words), (block, address)
            assert refused.kind is Kind.UNREACHABLE, (block, address)
    assert (internet.private.accepted, internet.public.accepted) == (0, 0)
    assert name_server.asked


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
async def test_the_same_name_reaches_a_public_address_and_an_opened_one(
    name: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    """This shows that the test above can fail."""
    for address in PUBLIC[:2]:
        name_server.answers[EVERY_NAME] = [address]
        fetched = await web.Fetcher(lookup=machine, limits=LIMITS).fetch(f"http://{name}/")
        assert isinstance(fetched, Fetched)
        assert fetched.body == b"public"
    name_server.answers[EVERY_NAME] = ["10.0.0.1"]
    opened = (ipaddress.ip_network("10.0.0.0/8"),)
    fetched = await web.Fetcher(opened, lookup=machine, limits=LIMITS).fetch(f"http://{name}/")
    assert isinstance(fetched, Fetched)
    assert fetched.body == b"private"


async def test_a_name_that_only_browsers_take_is_judged_again_at_each_redirect(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["my_cats.example"] = ["8.8.8.8", "10.0.0.1"]
    internet.public.answers["/link"] = redirect("http://my_cats.example/link", set_cookie="seen=1")

    (refused,) = await fetch_all("http://my_cats.example/link", machine)

    assert refused == Words.of(download.UNREACHABLE.of(host="my_cats.example"), Kind.UNREACHABLE)
    assert internet.called == ["8.8.8.8"]


@pytest.mark.parametrize(
    "host", ["ｅｘａｍｐｌｅ．ｃｏｍ", "%65xample.com", "exam\xadple。com", "EXAMPLE.com", "ⓔxample.com"], ids=ascii
)
async def test_a_public_name_in_other_letters_is_asked_by_its_ascii_name(
    host: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["example.com"] = ["8.8.8.8"]

    fetched = await web.Fetcher(lookup=machine, limits=LIMITS).fetch(f"http://{host}/")

    assert isinstance(fetched, Fetched)
    assert set(name_server.asked) == {"example.com"}
    assert internet.public.requests[0][1]["Host"] == "example.com"


async def test_no_cookie_goes_to_another_host_even_by_a_redirect(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers |= {"other.example": ["8.8.8.8"], "www.public.example": ["8.8.8.8"]}
    cookies = "cat=1; Domain=public.example; Path=/"
    internet.public.answers["/link"] = redirect("http://other.example/next", set_cookie=cookies)
    internet.public.answers["/next"] = redirect("http://www.public.example/last", set_cookie="dog=1; Domain=example")
    internet.public.answers["/last"] = redirect("http://public.example:8080/")

    assert len(await fetch_all("http://public.example/link", machine)) == 2
    assert [headers.get("Cookie") for _, headers in internet.public.requests] == [None] * 4
