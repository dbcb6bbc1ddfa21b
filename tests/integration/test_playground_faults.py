"""Failures on demand: what a client sees, and what was done nevertheless."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from playground.json_types import Json
from tests.support.bot_api import DIRECT, TOKEN, RunningPlayground, User


@pytest.fixture
def bot(playground: RunningPlayground) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=playground.url, **DIRECT) as bot:
        yield bot


def send(bot: httpx.Client, user: User) -> httpx.Response:
    return bot.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": user.chat_id, "text": "hello"})


def download(bot: httpx.Client, sent: Json) -> httpx.Response:
    file_id = sent["document"]["file_id"]
    path = bot.get(f"/bot{TOKEN}/getFile", params={"file_id": file_id}).json()["result"]["file_path"]
    return bot.get(f"/file/bot{TOKEN}/{path}")


def test_a_flood_limit_names_the_time_to_wait_and_then_lets_pass(bot: httpx.Client, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "error", "status": 429, "retry_after_s": 3, "times": 2})
    for _ in range(2):
        answer = send(bot, user)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
        assert answer.json() == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 3",
            "parameters": {"retry_after": 3},
        }
    assert not user.answers()
    assert send(bot, user).is_success


@pytest.mark.parametrize("status", [500, 502])
def test_the_server_fails(bot: httpx.Client, user: User, status: int) -> None:
    user.faults({"method": "*", "do": "error", "status": status})
    assert send(bot, user).json()["error_code"] == status


def test_the_connection_breaks_before_anything_is_done(bot: httpx.Client, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "drop_before", "times": 1})
    with pytest.raises(httpx.TransportError):
        send(bot, user)
    assert not user.answers()
    assert send(bot, user).is_success


def test_the_connection_breaks_after_the_message_was_sent(bot: httpx.Client, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "drop_after", "times": 1})
    with pytest.raises(httpx.TransportError):
        send(bot, user)
    assert len(user.answers()) == 1


def test_half_a_file_comes_though_all_of_it_was_announced(bot: httpx.Client, user: User) -> None:
    sent = user.send_document(b"x" * 100_000, "x.bin")
    user.faults({"method": "file", "do": "cut_body", "keep": 0.5, "times": 1})
    with pytest.raises(httpx.RemoteProtocolError, match="received 50000 bytes, expected 100000"):
        download(bot, sent)
    assert download(bot, sent).content == b"x" * 100_000


def test_a_file_comes_bit_by_bit(bot: httpx.Client, user: User) -> None:
    sent = user.send_document(b"x" * 1000, "x.bin")
    user.faults({"method": "file", "do": "drip", "delay_s": 0.1})
    answer = download(bot, sent)
    assert answer.content == b"x" * 1000
    assert answer.elapsed.total_seconds() >= 0.1


def test_a_call_is_slow(bot: httpx.Client, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "delay", "delay_s": 0.1})
    assert send(bot, user).elapsed.total_seconds() >= 0.1


def test_a_file_s_size_is_announced_wrongly(bot: httpx.Client, user: User) -> None:
    sent = user.send_document(b"x" * 10, "x.bin")
    user.faults({"method": "getFile", "do": "wrong_size", "extra_bytes": 5})
    answer = bot.get(f"/bot{TOKEN}/getFile", params={"file_id": sent["document"]["file_id"]})
    assert answer.json()["result"]["file_size"] == 15


def test_the_same_seed_fails_the_same_calls(bot: httpx.Client, user: User) -> None:
    def outcomes() -> list[int]:
        user.faults({"method": "sendMessage", "do": "error", "probability": 0.5, "seed": 7})
        return [send(bot, user).status_code for _ in range(20)]

    first = outcomes()
    assert set(first) == {200, 500}
    assert outcomes() == first


def test_a_rule_may_skip_the_first_calls(bot: httpx.Client, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "error", "skip": 1, "times": 1})
    assert [send(bot, user).status_code for _ in range(3)] == [200, 500, 200]


def test_calls_are_counted_by_method(bot: httpx.Client, user: User) -> None:
    sent = user.send_document(b"x", "x.bin")
    download(bot, sent)
    send(bot, user)
    assert user.calls() == {"getFile": 1, "file": 1, "sendMessage": 1}


def test_an_unknown_rule_is_refused(bot: httpx.Client) -> None:
    answer = bot.post("/api/faults", json=[{"method": "file", "do": "explode"}])
    assert answer.status_code == 400
    assert "explode" in answer.json()["error"]
