"""The user's side of the playground: its API, its events, who is let in."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from playground.json_types import Json
from tests.support.bot_api import DIRECT, ROOT, TOKEN, RunningPlayground, User

STATIC = ROOT / "playground" / "static"
STATIC_PARTS = sorted(path.name for path in STATIC.glob("*.*") if path.suffix in {".css", ".js", ".svg"})

_chat_ids = itertools.count(4000)


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
    parts = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    parts += [part for part in STATIC_PARTS if part not in parts]
    for part in parts:
        assert http.get(f"/{part}").headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"], part
    assert "//" not in page.text


def test_the_page_is_small() -> None:
    assert sum((STATIC / part).stat().st_size for part in (*STATIC_PARTS, "index.html")) < 90_000
    assert all((STATIC / part).read_text().count("\n") < 400 for part in STATIC_PARTS)


def test_each_sample_picture_is_small_and_its_source_is_named() -> None:
    sources = (STATIC / "samples" / "README.md").read_text()
    samples = sorted((STATIC / "samples").glob("*.jpg"))
    assert samples
    for sample in samples:
        assert sample.stat().st_size < 30_000
        assert f"| `{sample.name}` |" in sources


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


def test_a_photo_that_is_not_an_image_is_refused_in_words(http: httpx.Client, user: User) -> None:
    answer = http.post(f"/api/chats/{user.chat_id}/messages", files={"photo": b"just text"})
    assert answer.is_success, "a browser would report any other status as an error of the page"
    assert answer.json() == {
        "refused": "This is not an image that can be sent as a photo. Send it as a file.",
        "as_file": True,
    }
    assert not user.history()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("messages", {"json": []}),
        ("messages", {"json": {"text": "x", "entities": {}}}),
        ("messages", {"json": {"text": "x", "entities": [{"type": "bold", "length": 1}]}}),
        ("messages", {"json": {"text": "x", "entities": ["bold"]}}),
        ("messages", {"json": {"text": "x", "reply_to": [1]}}),
        ("messages", {"data": {"text": "x", "reply_to": "abc"}}),
        ("messages", {"data": {"announced_bytes": "x"}, "files": {"document": b"x"}}),
        ("raw", {"json": {"fields": []}}),
        ("raw", {"json": {"fields": {"from": []}}}),
        ("raw", {"json": {"fields": {}, "update": 1}}),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    http: httpx.Client, user: User, path: str, body: dict[str, Any]
) -> None:
    answer = http.post(f"/api/chats/{user.chat_id}/{path}", **body)
    assert answer.is_success
    assert answer.json()["refused"].startswith("The playground could not read this: ")
    assert not user.history()


def test_settings_have_their_types(http: httpx.Client, user: User) -> None:
    for wrong in ({"read": "all"}, {"member": "yes"}, {"admin": {"you": True}}, {"admin": [1002]}):
        assert "refused" in http.put(f"/api/chats/{user.chat_id}", json=wrong).json()
    for wrong_bot in ("{}", '{"privacy": "off"}', "[]", "off"):
        assert "refused" in http.put("/api/bot", content=wrong_bot).json()
    assert user.bot()["privacy"] is True
    assert http.get(f"/api/chats/{user.chat_id}/messages", params={"after": "9" * 5000}).is_success


@pytest.mark.parametrize(("text", "words"), [(" ", "nothing to send"), ("x" * 4097, "longer than 4096")])
def test_a_text_that_no_app_sends_is_refused_in_words(http: httpx.Client, text: str, words: str) -> None:
    answer = http.post("/api/chats/1001/messages", json={"text": text})
    assert words in answer.json()["refused"]


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


def test_events_report_what_happens_in_every_chat(http: httpx.Client, user: User) -> None:
    call, chat = f"/bot{TOKEN}", {"chat_id": user.chat_id}
    with http.stream("GET", "/api/events") as stream, httpx.Client(base_url=http.base_url, **DIRECT) as bot:
        heard = events(stream)
        hello = next(heard)
        assert (hello["event"], hello["bot"]["state"]) == ("hello", "starting")
        assert [chat["title"] for chat in hello["chats"]] == ["You", "Group"]
        user.send_text("hello")
        opened, said = next(heard), next(heard)
        assert (opened["event"], opened["chat"]["id"]) == ("chat", user.chat_id)
        assert (said["chat_id"], said["message"]["text"], said["unread"]) == (user.chat_id, "hello", 0)
        bot.get(f"{call}/getUpdates")
        assert next(heard) == {"event": "bot", "state": "online", "privacy": True}
        bot.post(f"{call}/setMyCommands", json={"commands": [{"command": "help", "description": "?"}]})
        assert next(heard) == {"event": "commands", "commands": [{"command": "help", "description": "?"}]}
        bot.post(f"{call}/sendChatAction", json=chat | {"action": "typing"})
        assert next(heard) == {"event": "action", "chat_id": user.chat_id, "action": "typing"}
        sent = bot.post(f"{call}/sendMessage", json=chat | {"text": "hi"}).json()["result"]
        assert next(heard) == {"event": "message", "chat_id": user.chat_id, "unread": 1, "message": sent}
        http.put(f"/api/chats/{user.chat_id}", json={"read": sent["message_id"]})
        assert next(heard)["chat"]["unread"] == 0


def test_new_chats_have_names_of_their_own(http: httpx.Client, user: User) -> None:
    chats = [http.post("/api/chats", json={"group": group}).json()["chat"] for group in (False, False, True)]
    assert [chat["title"] for chat in chats] == ["Guest 2", "Guest 3", "Group 2"]
    assert [chat["type"] for chat in chats] == ["private", "private", "supergroup"]
    assert len({chat["id"] for chat in chats}) == 3


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
