"""No link reaches a forbidden address, in any spelling and with any answers: shown by counting connections."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path

import pytest

from common.errors import SettingsError
from common.languages.speech import say
from common.languages.texts import Text
from common.messages import Kind, Words
from common.settings import Network as AddressBlock
from common.web import download
from common.web import fetcher as web
from common.web.download import Fetched, FetchLimits
from common.web.gate import MAX_URL_LENGTH, PORTS, PORTS_IN_WORDS, Gate, is_here
from common.web.names import Names
from tests.hostile.addresses import PUBLIC, RESERVED, SPELLINGS, Reserved, Spelling
from tests.hostile.name_server import EVERY_NAME, NameServer, names
from tests.hostile.network import Network, is_private
from tests.support.web_server import content, redirect, serving

EVERYTHING = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
LIMITS = FetchLimits(total_s=5, answer_s=4, unreachable_after_s=4, max_bytes=10_000)
ids = functools.partial(ascii)


def kind(*kinds: str) -> list[Spelling]:
    return [spelling for spelling in SPELLINGS if spelling.kind in kinds]


def only(address: str) -> tuple[AddressBlock, ...]:
    return (ipaddress.ip_network(address),)


async def fetch(link: str, machine: Names, *opened: AddressBlock, ports: Collection[int] = PORTS) -> bytes | Words:
    fetched = await web.Fetcher(opened, ports=ports, lookup=machine, limits=LIMITS).fetch(link)
    return fetched.body if isinstance(fetched, Fetched) else fetched


# Spellings


def test_the_table_is_as_large_as_it_should_be() -> None:
    assert len({spelling.link for spelling in SPELLINGS}) == len(SPELLINGS) > 120
    assert all(spelling.source for spelling in SPELLINGS)
    assert all(is_private(spelling.means) for spelling in SPELLINGS if spelling.means != "8.0.0.1")


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ids)
async def test_no_spelling_of_a_private_address_reaches_it(
    spelling: Spelling, internet: Network, name_server: NameServer, machine: Names
) -> None:
    # Given a name server that leads every other name to that address
    name_server.answers[EVERY_NAME] = [spelling.means]

    fetched = await fetch(spelling.link, machine)

    assert internet.private.accepted == 0
    if spelling.kind != "odd":  # those may be links to elsewhere
        assert isinstance(fetched, Words)
        assert fetched.text == say(web.BAD_LINK) or fetched.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("spelling", kind("plain"), ids=ids)
async def test_where_its_network_is_opened_the_same_link_reaches_it(
    spelling: Spelling, internet: Network, name_server: NameServer, machine: Names
) -> None:
    """This shows that the test above can fail."""
    name_server.answers[EVERY_NAME] = [spelling.means]

    assert await fetch(spelling.link, machine, *only(spelling.means)) == b"private"
    assert internet.called == [spelling.means]


@pytest.mark.parametrize("spelling", kind("mapped", "loose", "carried"), ids=ids)
async def test_a_disguise_is_not_even_read_where_everything_is_opened(
    spelling: Spelling, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers[EVERY_NAME] = [spelling.means]

    fetched = await fetch(spelling.link, machine, *EVERYTHING)

    if "64:ff9b::" in spelling.link:
        assert fetched == b"private"  # in NAT64's public prefix, an opened address is reached
    else:
        assert fetched == Words.of(web.BAD_LINK, Kind.REFUSAL)
        assert internet.called == []


async def test_opening_all_of_ipv6_does_not_open_ipv4(internet: Network, machine: Names) -> None:
    for spelling in kind("carried"):
        assert isinstance(await fetch(spelling.link, machine, *only("::/0")), Words), spelling
    assert internet.called == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems read less")
@pytest.mark.parametrize("spelling", kind("loose"), ids=ids)
def test_this_machine_itself_would_read_it_as_that_address(spelling: Spelling) -> None:
    """This shows that the spelling belongs in the table."""
    host = spelling.link.removeprefix("http://").rstrip("/").partition(":")[0]
    host = host.rstrip(".").encode("idna").decode()
    rows = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    assert [row[4][0] for row in rows] == [spelling.means]


@pytest.mark.parametrize("spelling", kind("mapped"), ids=ids)
def test_python_itself_would_read_it_as_that_name(spelling: Spelling) -> None:
    host = spelling.link.removeprefix("http://").rstrip("/").encode("idna").decode().lower()
    assert {"localhost": "127.0.0.1"}.get(host, host) == spelling.means


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may not")
def test_this_machine_itself_would_go_to_the_address_in_a_mapped_one() -> None:
    with serving({}) as server, socket.create_connection(("::ffff:127.0.0.1", server.port)) as connected:
        assert connected.getpeername()[0] == "::ffff:127.0.0.1"


# On the real network: what listens on this machine


PLAIN = ["127.0.0.1", "127.0.0.2", "localhost", "localhost.", "[::1]"]
STRANGE = (
    "0.0.0.0 2130706433 0x7f.1 127.1 127.0.0.1. ①②⑦.⓪.⓪.① [::] [::ffff:127.0.0.1] [::127.0.0.1] [::ffff:0:127.0.0.1]"
)


@pytest.mark.parametrize("host", [*PLAIN, *STRANGE.split(), "[::1%25lo]"], ids=ids)
async def test_what_listens_on_this_machine_is_not_reached(host: str, machine: Names) -> None:
    with serving({"/": content(b"here")}, "::") as server:  # for IPv4 as well
        ports = {server.port}
        assert isinstance(await fetch(f"http://{host}:{server.port}/", machine, ports=ports), Words)
        assert server.accepted == 0

        opened = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
        reached = await fetch(f"http://{host}:{server.port}/", machine, *opened, ports=ports)
        assert (reached == b"here") == (host in PLAIN)


# Addresses that a name server answers


def corners(block: Reserved) -> list[str]:
    whole = ipaddress.ip_network(block.network)
    return sorted({str(whole[0]), str(whole[-1]), str(whole[whole.num_addresses // 2])})


@pytest.mark.parametrize("block", RESERVED, ids=lambda block: block.network)
async def test_a_name_that_leads_into_a_reserved_block_reaches_nobody(
    block: Reserved, internet: Network, name_server: NameServer, machine: Names
) -> None:
    for address in corners(block):
        name_server.answers["a.example"] = [address]
        fetched = await fetch("http://a.example/", machine)
        assert fetched == Words.of(download.UNREACHABLE.of(host="a.example"), Kind.UNREACHABLE), address
    assert (internet.private.accepted, internet.public.accepted) == (0, 0)
    assert "a.example" in name_server.asked


@pytest.mark.parametrize("block", RESERVED, ids=lambda block: block.network)
async def test_where_the_block_is_opened_the_same_name_reaches_it(
    block: Reserved, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["a.example"] = corners(block)
    try:
        reached = [await fetch("http://a.example/", machine, *only(block.network)) for _ in corners(block)]
    except SettingsError as error:
        assert "disguise" in str(error)  # which no setting opens
        assert block.name in {"IPv4-compatible", "IPv4-mapped", "IPv4-translated", "Teredo", "6to4"} | {
            "IPv4-IPv6 translation within one network"
        }
    else:
        assert reached == [b"private"] * len(corners(block))


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_reached(
    address: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["a.example"] = [address]

    assert await fetch("http://a.example/", machine) == b"public"
    assert await fetch(f"http://{f'[{address}]' if ':' in address else address}:8080/", machine) == b"public"
    assert internet.called == [address, address] or ":" in address


@pytest.mark.parametrize("address", PUBLIC[:3])
async def test_the_machine_s_own_public_address_is_not_reached(
    address: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    """There is no firewall between a machine and itself."""
    name_server.answers["a.example"] = [address]
    internet.here.add(address)

    assert isinstance(await fetch("http://a.example/", machine), Words)
    assert isinstance(await fetch(f"http://{f'[{address}]' if ':' in address else address}/", machine), Words)
    assert internet.called == []
    assert await fetch("http://a.example/", machine, *only(address)) == b"public"


def test_a_machine_knows_its_own_addresses() -> None:
    assert is_here(ipaddress.ip_address("127.0.0.1"))
    assert not is_here(ipaddress.ip_address("8.8.8.8"))
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("8.8.8.8", 53))
        assert is_here(ipaddress.ip_address(probe.getsockname()[0]))


def test_a_network_that_would_open_others_is_a_wrong_setting() -> None:
    for disguise in ("::ffff:0:0/96", "::/96", "::7f00:1/128", "64:ff9b::/96", "64:ff9b:1::/64", "2002:a00::/24"):
        with pytest.raises(SettingsError, match=f"FETCH_ALLOW_NETWORKS: {disguise}"):
            Gate(only(disguise))
    for honest in ("::1/128", "fd00::/8", "::/0", "10.0.0.0/8", "2000::/3"):
        Gate(only(honest))


# Names that change their minds


async def test_a_name_is_asked_once_for_each_connection_and_what_was_judged_is_called(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["rebind.example"] = ["93.184.215.14", "127.0.0.1"]

    assert await fetch("http://rebind.example/", machine) == b"public"
    assert name_server.asked == ["rebind.example"] * 2  # its IPv4 and its IPv6 addresses
    assert internet.called == ["93.184.215.14"]

    # And the next time, it is judged again
    assert isinstance(await fetch("http://rebind.example/", machine), Words)
    assert internet.private.accepted == 0


async def test_a_name_that_leads_inside_after_a_redirect_to_itself_is_refused(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["rebind.example"] = ["93.184.215.14", "10.0.0.1"]
    internet.public.answers["/first"] = redirect("http://rebind.example/secret")

    assert isinstance(await fetch("http://rebind.example/first", machine), Words)
    assert internet.called == ["93.184.215.14"]
    assert len(name_server.asked) == 4


@pytest.mark.parametrize(
    "answer",
    [
        "93.184.215.14 10.0.0.1",
        "10.0.0.1 93.184.215.14",
        "93.184.215.14 ::1",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c 127.0.0.1",
        "93.184.215.14 ::ffff:93.184.215.14",
        "93.184.215.14 8.8.8.8 8.8.4.4 1.1.1.1 9.9.9.9 169.254.169.254",
    ],
)
async def test_a_name_with_one_address_inside_is_refused_whole(
    answer: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["both.example"] = [answer]

    assert isinstance(await fetch("http://both.example/", machine), Words)
    assert internet.called == []


@pytest.mark.parametrize("answer", ["93.184.215.14 silent6", "2606:2800:21f:cb07:6820:80da:af6b:8b2c silent4"])
async def test_half_a_name_is_not_enough(
    answer: str, internet: Network, name_server: NameServer, machine: Names
) -> None:
    """An attacker who can hold back one answer could hold back the one that would be refused."""
    name_server.answers["half.example"] = [answer]
    limits = FetchLimits(answer_s=0.5)

    assert isinstance(await web.Fetcher(lookup=machine, limits=limits).fetch("http://half.example/"), Words)
    assert internet.called == []


# Redirects, and the pictures of pages


LEADS_INSIDE = [
    "http://10.0.0.1/",
    "http://inside.example/",
    "//127.0.0.1/",
    "//localhost/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://①②⑦.⓪.⓪.①/",
    "http://public.example@10.0.0.1/",
    "http://public.example:80\\@10.0.0.1/",
    "\\\\10.0.0.1\\",
    "http:10.0.0.1/",
    "http://10.0.0.1:80:80/",
    "http://10.0.0.1:6379/",
    "https://10.0.0.1/",
    "HTTP://LOCALHOST/",
    "file:///etc/passwd",
    "gopher://10.0.0.1:80/_x",
    "javascript:http://10.0.0.1/",
    "http://" + "a" * 9000,
    "http://public.example:22/",
]


@pytest.mark.parametrize("target", LEADS_INSIDE, ids=lambda target: ascii(target[:40]))
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_no_redirect_leads_inside(
    target: str, code: int, internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["inside.example"] = ["192.168.1.1"]
    internet.public.answers["/link"] = redirect(target.encode().decode("latin-1"), code=code)

    fetched = await fetch("http://public.example/link", machine)

    assert isinstance(fetched, Words)
    assert internet.private.accepted == 0


@pytest.mark.parametrize("target", LEADS_INSIDE, ids=lambda target: ascii(target[:40]))
async def test_no_preview_leads_inside(target: str, internet: Network, name_server: NameServer, machine: Names) -> None:
    name_server.answers["inside.example"] = ["192.168.1.1"]
    internet.public.answers["/link"] = content(f"<html><meta property=og:image content='{target}'>".encode())
    fetcher = web.Fetcher(lookup=machine, limits=LIMITS)
    page = await fetcher.fetch("http://public.example/link")
    assert isinstance(page, Fetched)

    preview = await fetcher.preview(page)

    assert isinstance(preview, Words) or preview is None or preview.url.startswith("http://public.example/")
    assert internet.private.accepted == 0


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://me:secret@public.example/", download.BAD_REDIRECT),
        ("http://me@public.example/", download.BAD_REDIRECT),
        ("http://public.example:22/", download.BAD_PORT_REDIRECT),
        ("http://public.example:80:80/", download.BAD_REDIRECT),
        ("ftp://public.example/", download.BAD_REDIRECT),
        ("http://public.example/" + "a" * 8192, download.TOO_LONG_REDIRECT),
        ("http://10.0.0.1/", download.UNREACHABLE),
        ("http://2130706433/", download.UNREACHABLE),
        ("http://0x7f.1/", download.UNREACHABLE),
        ("http://[::1]/", download.UNREACHABLE),
        ("http://①②⑦.⓪.⓪.①/", download.UNREACHABLE),
        ("http://8.8.8.8:6379/", download.BAD_PORT_REDIRECT),
        ("http://[::1]:6379/", download.UNREACHABLE),
    ],
    ids=lambda text: ascii(text[:40]) if isinstance(text, str) else "",
)
async def test_a_redirect_is_judged_as_a_link_is(target: str, words: Text, internet: Network, machine: Names) -> None:
    """Only of addresses nothing is told: they are in networks; all else is what a public server wrote."""
    internet.public.answers["/link"] = redirect(target.encode().decode("latin-1"))

    fetched = await fetch("http://public.example/link", machine)

    kind = Kind.UNREACHABLE if words == download.UNREACHABLE else Kind.REFUSAL
    numbers: dict[str, str | int] = {"ports": PORTS_IN_WORDS} if words == download.BAD_PORT_REDIRECT else {}
    numbers |= {"most": MAX_URL_LENGTH} if words == download.TOO_LONG_REDIRECT else {}
    assert fetched == Words.of(words.of(host="public.example", **numbers), kind)
    assert internet.public.accepted == 1


async def test_a_redirect_and_a_preview_to_another_public_host_are_followed(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers["other.example"] = ["8.8.8.8"]
    internet.public.answers["/link"] = redirect("http://other.example/page")
    internet.public.answers["/page"] = content(b"<html><meta property=og:image content='//public.example/'>")
    fetcher = web.Fetcher(lookup=machine, limits=LIMITS)

    page = await fetcher.fetch("http://public.example/link")
    assert isinstance(page, Fetched)
    preview = await fetcher.preview(page)

    assert isinstance(preview, Fetched)
    assert preview.body == b"public"
    assert internet.called == ["93.184.215.14", "8.8.8.8", "93.184.215.14"]


async def test_a_redirect_into_an_opened_network_is_followed_and_into_another_is_not(
    internet: Network, machine: Names
) -> None:
    internet.public.answers["/a"] = redirect("http://10.0.0.1/")
    internet.public.answers["/b"] = redirect("http://10.1.0.1/")

    assert await fetch("http://public.example/a", machine, *only("10.0.0.0/16")) == b"private"
    assert isinstance(await fetch("http://public.example/b", machine, *only("10.0.0.0/16")), Words)
    assert internet.called == ["93.184.215.14", "10.0.0.1", "93.184.215.14"]


# Ports


@pytest.mark.parametrize("port", [80, 443, 8080, 8443])
async def test_the_ports_of_the_web_are_asked(port: int, internet: Network, machine: Names) -> None:
    assert await fetch(f"http://public.example:{port}/", machine) == b"public"


@pytest.mark.parametrize("port", [1, 22, 25, 79, 81, 444, 2375, 5000, 6379, 8000, 8081, 9200, 11211, 27017, 65535])
async def test_other_ports_are_refused_before_any_name_is_looked_up(
    port: int, internet: Network, name_server: NameServer, machine: Names
) -> None:
    for host in ("public.example", "8.8.8.8"):
        assert await fetch(f"http://{host}:{port}/", machine) == Words.of(web.BAD_PORT, Kind.REFUSAL)
    assert name_server.asked == []


async def test_an_opened_network_has_all_ports_and_opens_no_other_network_s(
    internet: Network, name_server: NameServer, machine: Names
) -> None:
    name_server.answers |= {"inside.example": ["10.0.0.1"], "both.example": ["10.0.0.1 8.8.8.8"]}
    internet.ports = {80, 6379}

    assert await fetch("http://10.0.0.1:6379/", machine, *only("10.0.0.0/8")) == b"private"
    assert await fetch("http://inside.example:6379/", machine, *only("10.0.0.0/8")) == b"private"
    for host in ("public.example", "both.example"):
        fetched = await fetch(f"http://{host}:6379/", machine, *only("10.0.0.0/8"))
        # Not at once and in other words: those would reveal that the name does not lead inside.
        assert fetched == Words.of(download.UNREACHABLE.of(host=host), Kind.UNREACHABLE)
    assert await fetch("http://8.8.8.8:6379/", machine, *only("10.0.0.0/8")) == Words.of(web.BAD_PORT, Kind.REFUSAL)
    assert internet.called == ["10.0.0.1", "10.0.0.1"]


# Names


async def test_the_operator_s_own_names_come_first(internet: Network, name_server: NameServer, tmp_path: Path) -> None:
    name_server.answers[EVERY_NAME] = ["10.0.0.1"]
    machine = names(
        name_server, tmp_path, "# hosts\n8.8.8.8\tCDN.example pictures # ours\n\n2001:4860:4860::8888 pictures\nx y\n"
    )

    assert await fetch("http://cdn.example./", machine) == b"public"
    assert machine("pictures", 0) == [ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("2001:4860:4860::8888")]
    assert name_server.asked == []
    assert isinstance(await fetch("http://ours/", machine), Words)
    assert name_server.asked == ["ours"] * 2


async def test_a_machine_without_hosts_of_its_own_asks_too(name_server: NameServer, tmp_path: Path) -> None:
    machine = names(name_server, tmp_path)
    (tmp_path / "hosts").unlink()

    assert machine("public.example", time.monotonic() + 5) == [ipaddress.ip_address("93.184.215.14")]


@pytest.mark.parametrize("name", ["localhost", "LocalHost.", "foo.localhost", "a.b.localhost."])
def test_nobody_is_asked_where_localhost_is(name: str, name_server: NameServer, tmp_path: Path) -> None:
    name_server.answers[EVERY_NAME] = ["8.8.8.8"]

    assert names(name_server, tmp_path, "8.8.8.8 localhost")(name, 0) == [ipaddress.ip_address("127.0.0.1")]
    assert name_server.asked == []


async def test_search_domains_are_left_out(name_server: NameServer, machine: Names) -> None:
    name_server.answers["wiki.internal.example"] = ["8.8.8.8"]

    with pytest.raises(OSError, match="no addresses"):
        machine("wiki", time.monotonic() + 5)
    assert set(name_server.asked) == {"wiki"}


def test_both_families_have_their_turn(name_server: NameServer, machine: Names) -> None:
    name_server.answers["a.example"] = ["2600::1 2600::2 8.8.8.8 8.8.4.4 1.1.1.1"]

    found = [str(address) for address in machine("a.example", time.monotonic() + 5)]

    assert found == ["8.8.8.8", "2600::1", "8.8.4.4", "2600::2", "1.1.1.1"]


async def test_a_silent_name_server_is_given_up_in_time_and_its_thread_ends(
    name_server: NameServer, machine: Names
) -> None:
    name_server.answers["slow.example"] = ["silent4 silent6"]
    began = time.monotonic()

    fetched = await web.Fetcher(lookup=machine, limits=FetchLimits(answer_s=0.3)).fetch("http://slow.example/")

    assert isinstance(fetched, Words)
    await no_thread_fetches()
    assert time.monotonic() - began < 2


async def test_without_any_name_server_links_fail_as_others_do(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver names.example\n")
    for machine in (Names(resolv_conf=tmp_path / "resolv.conf"), Names(resolv_conf=tmp_path / "missing")):
        fetched = await fetch("http://public.example/", machine)
        assert fetched == Words.of(download.UNREACHABLE.of(host="public.example"), Kind.UNREACHABLE)


async def no_thread_fetches() -> None:
    for thread in threading.enumerate():
        if thread.name == "fetch":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()
