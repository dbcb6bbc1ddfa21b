"""No page leads to a forbidden address: not by its pictures, not by a refresh; and no link that has no scheme does."""

from __future__ import annotations

import dataclasses
import functools
import html
import ipaddress
from collections.abc import Callable, Sequence

import pytest

from common.messages import Words
from common.settings import Network as AddressBlock
from common.web import fetcher as web
from common.web.download import Fetched, FetchLimits
from common.web.names import Names
from common.words import refusal
from tests.hostile.addresses import RESERVED, SPELLINGS, Reserved, Spelling
from tests.hostile.name_server import EVERY_NAME, NameServer
from tests.hostile.network import Network
from tests.support.web_server import Answer, content

# The page itself is answered at once. What it names gives no answer: attempts are short, so that the test is.
LIMITS = FetchLimits(total_s=5, answer_s=4, attempt_s=0.01, unreachable_after_s=4, max_bytes=10_000)
PAGE = "http://public.example/page"
ids = functools.partial(ascii)


def og(link: str) -> Answer:
    return content(f'<html><meta property="og:image" content="{html.escape(link)}">'.encode(), kind="text/html")


def og_and_more(link: str) -> Answer:
    """The first of several, with a page behind it."""
    more = "<meta name=twitter:image content=/404><meta http-equiv=refresh content='0;url=/404'>"
    return content(f'<html><meta property="og:image" content="{html.escape(link)}">{more}'.encode(), kind="text/html")


def refresh(link: str) -> Answer:
    return content(f'<meta http-equiv=refresh content="0;url={html.escape(link)}">'.encode(), kind="text/html")


def refresh_header(link: str) -> Answer:
    return content(b"Wait", refresh=f"0;url={link}".encode().decode("latin-1"))


WAYS = (og, og_and_more, refresh, refresh_header)


async def refuse(body: bytes) -> Words | None:
    """Of all files, only those of the hosts' front pages count as pictures."""
    return None if body in {b"public", b"private"} else refusal("not a picture")


async def visit(link: str, machine: Names, *opened: AddressBlock, limits: FetchLimits = LIMITS) -> bytes | Words:
    """What comes of a link, and of the page behind it."""
    fetcher = web.Fetcher(opened, lookup=machine, limits=limits)
    page = await fetcher.fetch(link)
    found = page if isinstance(page, Words) else await fetcher.preview(page, refuse)
    return found.body if isinstance(found, Fetched) else found


async def visit_each_way(
    link: str, internet: Network, machine: Names, *opened: AddressBlock, ways: Sequence[Callable[[str], Answer]] = WAYS
) -> list[bytes | Words]:
    """What comes of pages that lead to a link, and of the link without its scheme."""
    found: list[bytes | Words] = []
    for way in ways:
        internet.public.answers["/page"] = way(link)
        found.append(await visit(PAGE, machine, *opened))
    return [*found, await visit(link.removeprefix("http://"), machine, *opened)]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ids)
async def test_no_page_leads_to_a_private_address_in_any_spelling(
    spelling: Spelling, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers[EVERY_NAME] = [spelling.means]

    found = await visit_each_way(spelling.link, internet, machine)

    assert internet.private.accepted == 0
    if spelling.kind != "odd":  # those may be links to elsewhere
        assert all(isinstance(answer, Words) for answer in found)
    assert internet.public.accepted >= len(WAYS), "the pages were read"


@pytest.mark.parametrize("spelling", [spelling for spelling in SPELLINGS if spelling.kind == "plain"], ids=ids)
async def test_where_its_network_is_opened_the_same_pages_lead_there(
    spelling: Spelling, internet: Network, name_server: NameServer, machine: Names
) -> None:
    """This shows that the test above can fail."""
    name_server.answers[EVERY_NAME] = [spelling.means]
    opened = ipaddress.ip_network(spelling.means)

    # Not the one of several pictures: it would need a longer time for an attempt.
    found = await visit_each_way(spelling.link, internet, machine, opened, ways=(og, refresh, refresh_header))

    assert found == [b"private"] * 4


@pytest.mark.parametrize("block", RESERVED, ids=lambda block: block.network)
async def test_no_page_leads_to_a_name_in_a_reserved_block(
    block: Reserved, internet: Network, name_server: NameServer, machine: Names
) -> None:
    whole = ipaddress.ip_network(block.network)
    for address in sorted({str(whole[0]), str(whole[-1])}):
        name_server.answers["a.example"] = [address]
        found = await visit_each_way("http://a.example/", internet, machine)
        assert all(isinstance(answer, Words) for answer in found), address
    assert internet.private.accepted == 0
    assert "a.example" in name_server.asked


async def test_a_name_that_leads_inside_the_second_time_is_judged_again_by_http(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    """The name server's owner sees that https failed, and could answer otherwise the next time."""
    name_server.answers["rebind.example"] = ["93.184.215.14", "10.0.0.1"]  # by https, the public server speaks no TLS

    found = await visit("rebind.example/", machine, limits=dataclasses.replace(LIMITS, attempt_s=1))

    assert isinstance(found, Words)
    assert internet.called == ["93.184.215.14"]
    assert name_server.asked.count("rebind.example") == 4
    assert internet.private.accepted == 0
