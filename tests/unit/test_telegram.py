"""What the seam to Telegram makes of odd updates and addresses."""

from __future__ import annotations

import pytest

from common.errors import SettingsError
from common.messages import AcceptUpdate, decode, encode
from common.settings import TELEGRAM_API, Settings
from common.telegram import Telegram, _encodable, _is_near
from tests import make


def test_an_update_with_half_a_character_can_be_stored_and_its_entities_stay_in_place() -> None:
    odd = {"update_id": 1, "message": {"text": "\ud83d @bot \U0001f44d"}}
    mended = _encodable(odd)
    assert mended["message"]["text"] == "? @bot \U0001f44d"
    message = AcceptUpdate(job=make.job(), update=mended)
    assert decode(encode(message)) == message


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
def test_a_server_nearby_is_not_looked_for_behind_a_proxy(url: str, near: bool) -> None:
    assert _is_near(url) == near


def test_a_proxy_that_cannot_be_used_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(SettingsError, match=r"the proxy in the environment cannot be used: .*python-telegram-bot"):
        Telegram(Settings(telegram_token="123456:x", telegram_api_url=TELEGRAM_API))
