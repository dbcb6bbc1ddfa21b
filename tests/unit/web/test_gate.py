from __future__ import annotations

import ipaddress

import pytest

from common.errors import SettingsError
from common.languages.speech import say
from common.messages import Words
from common.web import download
from common.web import fetcher as web
from tests.support.links import FAILING, fetch, names
from tests.support.web_server import WebServer


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/cat.jpg",
        "gopher://example.com/",
        "http://",
        "http:///cat.jpg",
        "mailto:someone@example.com",
        "data:image/png;base64,AAAA",
        "http://user:password@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa mple.com/",
        "http://example..com/",
        "http://" + "a" * 300 + ".com/",
        "http://example.com/" + "a" * 8192,
        "http://127.0.0.1:1/" + "a/../" * 2000,  # too long as written, however short it becomes
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "",
        "http://\udcff.com/",
    ],
)
async def test_a_link_that_does_not_lead_to_a_public_address_is_refused(url: str) -> None:
    assert await fetch(url) == say(web.BAD_LINK)
    assert "http and https" in say(web.BAD_LINK)
    assert "8,192 characters" in say(web.BAD_LINK)


def test_a_network_that_would_open_others_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="FETCH_ALLOW_NETWORKS"):
        web.Fetcher((ipaddress.ip_network("64:ff9b::/96"),))


async def test_a_name_with_a_private_address_next_to_a_public_one_is_not_connected_to(server: WebServer) -> None:
    words = await fetch(f"http://both.example:{server.port}/", lookup=FAILING)

    assert words == say(download.UNREACHABLE.of(host="both.example"))
    assert server.requests == []


async def test_without_allowed_networks_this_machine_is_not_asked(server: WebServer) -> None:
    fetcher = web.Fetcher(ports={server.port}, lookup=names(here_example="127.0.0.1"))

    fetched = await fetcher.fetch(f"http://here.example:{server.port}/")

    assert isinstance(fetched, Words)
    assert "not public" in fetched.text
    assert server.requests == []
