"""The user's side of the playground: its API, its events, who is let in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.bot_api import DIRECT, TOKEN, Json, RunningPlayground, User, running_playground

_chat_ids = itertools.count(4000)


@pytest.fixture(scope="module")
def playground() -> Iterator[RunningPlayground]:
    with running_playground() as playground:
        yield playground


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    with playground.user(next(_chat_ids)) as user:
        user.reset()
        yield user


@pytest.fixture
def http(playground: RunningPlayground, user: User) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=playground.url, **DIRECT) as http:
        yield http


def events(stream: httpx.Response) -> Iterator[Json]:
    """Server-sent events, as they come."""
    for line in stream.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_the_page_loads_its_parts_from_here_alone(http: httpx.Client) -> None:
    page = http.get("/")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; ")
    for part in ("/chat.js", "/chat.css", "/icon.svg"):
        assert part.strip("/") in page.text
        assert http.get(part).is_success
    assert "//" not in page.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "evil.example:{port}"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/api/reset", f"/bot{TOKEN}/getMe"])
def test_other_sites_are_kept_out(
    playground: RunningPlayground, http: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    headers = {name: value.format(port=playground.port) for name, value in headers.items()}
    assert http.post(path, headers=headers).status_code == status


def test_a_link_from_another_site_leads_to_the_page(http: httpx.Client) -> None:
    assert http.get("/", headers={"Sec-Fetch-Site": "cross-site"}).is_success


def test_a_photo_that_is_none_is_refused_in_words(http: httpx.Client, user: User) -> None:
    answer = http.post(f"/api/chats/{user.chat_id}/messages", files={"photo": b"just text"})
    assert answer.status_code == 400
    assert answer.json() == {"error": "This is no image that can be sent as a photo. Send it as a file."}
    assert not user.history()


@pytest.mark.parametrize(("text", "words"), [(" ", "nothing to send"), ("x" * 4097, "longer than 4096")])
def test_a_text_that_no_app_sends_is_refused_in_words(http: httpx.Client, text: str, words: str) -> None:
    answer = http.post("/api/chats/1001/messages", json={"text": text})
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_an_upload_is_never_shown_as_a_page(http: httpx.Client, user: User) -> None:
    sent = user.send_document(b"<script>alert(1)</script>", "x.html")
    shown = http.get(f"/api/files/{sent['document']['file_id']}")
    assert shown.headers["Content-Type"] == "application/octet-stream"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"].startswith("sandbox")


def test_a_reply_of_the_user_holds_the_original(user: User) -> None:
    first = user.send_text("one")
    second = user.send_text("two", reply_to=first["message_id"])
    assert second["reply_to_message"] == first
    third = user.send_text("three", reply_to=second["message_id"])
    assert "reply_to_message" not in third["reply_to_message"]


def test_a_chat_keeps_its_last_500_messages(user: User) -> None:
    for number in range(502):
        user.send_raw({"text": str(number)})
    texts = [message["text"] for message in user.history()]
    assert (len(texts), texts[0], texts[-1]) == (500, "2", "501")


def test_events_tell_what_happens_in_the_chat(http: httpx.Client, user: User) -> None:
    call = f"/bot{TOKEN}"
    with http.stream("GET", f"/api/chats/{user.chat_id}/events") as stream:
        told = events(stream)
        assert next(told) == {"event": "bot", "state": "starting"}
        user.send_text("hello")
        assert next(told)["message"]["text"] == "hello"
        with httpx.Client(base_url=http.base_url, **DIRECT) as bot:
            bot.get(f"{call}/getUpdates")
            assert next(told) == {"event": "bot", "state": "online"}
            chat = {"chat_id": user.chat_id}
            bot.post(f"{call}/sendChatAction", json=chat | {"action": "typing"})
            assert next(told) == {"event": "action", "action": "typing"}
            sent = bot.post(f"{call}/sendMessage", json=chat | {"text": "hi"}).json()["result"]
            assert next(told)["message"] == sent
            bot.post(f"{call}/deleteMessage", json=chat | {"message_id": sent["message_id"]})
            assert next(told) == {"event": "deleted", "message_id": sent["message_id"]}


def test_waiting_for_answers_ends_with_the_answer(http: httpx.Client, user: User) -> None:
    question = user.send_text("hello")
    http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": user.chat_id, "text": "hi"})
    (answer,) = user.wait_for_answers(1, after=question["message_id"])
    assert answer["text"] == "hi"
    with pytest.raises(AssertionError, match="1 of 2 answers"):
        user.wait_for_answers(2, timeout_s=0)


def test_the_bot_is_down_when_it_no_longer_polls(user: User, http: httpx.Client) -> None:
    assert user.bot()["state"] == "starting"
    http.get(f"/bot{TOKEN}/getUpdates")
    assert user.bot()["state"] == "online"
    user.wait_for_bot("down", timeout_s=5)
