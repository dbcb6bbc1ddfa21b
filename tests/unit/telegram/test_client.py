"""The seam to Telegram and odd answers, addresses and proxies."""

from __future__ import annotations

import pytest
from telegram.error import TelegramError

from common.errors import SettingsError
from common.messages import AcceptUpdate, decode, encode
from common.settings import TELEGRAM_API, Settings
from common.telegram.client import Telegram
from common.telegram.proxy import is_near, proxy_towards
from common.telegram.transport import BotApiHttp
from tests.support import make


def test_an_update_with_half_a_character_can_be_stored_and_its_entities_stay_in_place() -> None:
    answer = rb'{"ok":true,"result":[{"update_id":1,"message":{"text":"\ud83d @bot \ud83d\udc4d"}}]}'
    (update,) = BotApiHttp.parse_json_payload(answer)["result"]
    assert update["message"]["text"] == "? @bot \U0001f44d"
    message = AcceptUpdate(job=make.job(), update=update)
    assert decode(encode(message)) == message


def test_an_answer_may_hold_what_other_parsers_refuse() -> None:
    assert BotApiHttp.parse_json_payload(b'{"result": [1e999, 12345678901234567890123, "\xff"]}') == {
        "result": [float("inf"), 12345678901234567890123, "\N{REPLACEMENT CHARACTER}"]
    }


@pytest.mark.parametrize(
    "payload", [b"", b"<html>", b"[]", b"{}", b"1", b"[" * 100_000, b'{"result": ' + b"[" * 100_000]
)
def test_an_answer_that_is_not_from_the_bot_api_is_one_clear_error(payload: bytes) -> None:
    with pytest.raises(TelegramError, match=r"^this is not an answer of the Bot API$"):
        BotApiHttp.parse_json_payload(payload)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8081", True),
        ("http://10.0.0.5", True),
        ("http://[::1]:8080", True),
        (TELEGRAM_API, False),
        ("https://8.8.8.8", False),
    ],
)
def test_a_server_nearby_is_reached_without_a_proxy(url: str, near: bool) -> None:
    assert is_near(url) == near


@pytest.mark.parametrize("proxy", ["socks5://user:pa55word@127.0.0.1:9", "http://user:pa55word@[127.0.0.1"])
def test_a_proxy_that_cannot_be_used_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(SettingsError, match=r"the proxy in the environment cannot be used: ") as error:
        Telegram(Settings(telegram_token="123456:x", telegram_api_url=TELEGRAM_API))
    assert "pa55word" not in str(error.value)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"https_proxy": "http://a:1"}, TELEGRAM_API, "http://a:1"),
        ({"https_proxy": "http://a:1", "all_proxy": "http://b:2"}, TELEGRAM_API, "http://a:1"),
        ({"all_proxy": "HTTPS://b:2"}, TELEGRAM_API, "https://b:2"),
        ({"https_proxy": "b:2"}, TELEGRAM_API, "http://b:2"),
        ({"http_proxy": "http://a:1"}, TELEGRAM_API, None),
        ({"http_proxy": "http://a:1"}, "http://telegram.example:81", "http://a:1"),
        ({"all_proxy": "http://a:1", "no_proxy": "example.org, .telegram.org"}, TELEGRAM_API, None),
        ({"all_proxy": "http://a:1", "no_proxy": "telegram.example"}, "http://telegram.example:81", None),
        ({"all_proxy": "http://a:1", "no_proxy": "*"}, TELEGRAM_API, None),
        ({"all_proxy": "socks5://a:1", "no_proxy": "*"}, TELEGRAM_API, None),
        ({"all_proxy": "socks5://a:1"}, "http://127.0.0.1:8080", None),
        ({}, TELEGRAM_API, None),
    ],
)
def test_the_environment_s_proxy_leads_to_telegram(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_towards(url)
    assert (found and str(found)) == proxy
