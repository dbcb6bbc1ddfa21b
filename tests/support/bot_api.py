"""A playground for tests, and a user who chats in it.

with running_playground() as playground, playground.user() as user:
    user.send_photo(jpeg)
    (answer,) = user.wait_for_answers(1)

``User(url)`` also drives a playground that Supervisor started.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from common.supervision.parent import ENDED_BY_SIGTERM
from playground.json_types import Json
from tests.support import model_in_use
from tests.support.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
TOKEN = "1:playground"
CHAT_ID = 1001
LONGEST_WAIT_S = 10
DIRECT: Json = {"trust_env": False, "verify": False}
"""For HTTP clients: without the machine's proxy, and without its certificates, which take 80 ms to load."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_playground(port: int, **environ: str) -> subprocess.Popen[str]:
    """``python -m playground``, with no setting from outside but those given."""
    kept = {name: value for name, value in os.environ.items() if name not in {"TELEGRAM_TOKEN", "TELEGRAM_API_URL"}}
    return subprocess.Popen(
        [sys.executable, "-m", "playground"],
        cwd=ROOT,
        env=kept | {"PLAYGROUND_PORT": str(port)} | environ,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclasses.dataclass(frozen=True)
class RunningPlayground:
    """A playground in its own process."""

    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """The value for TELEGRAM_API_URL."""
        return f"http://127.0.0.1:{self.port}"

    def user(self, chat_id: int = CHAT_ID) -> User:
        """A user in that chat."""
        return User(self.url, chat_id)

    def unconfirmed(self) -> int:
        """How many updates the bot has not confirmed."""
        answer = httpx.get(f"{self.url}/bot{TOKEN}/getWebhookInfo", **DIRECT).raise_for_status().json()
        return int(answer["result"]["pending_update_count"])


@contextlib.contextmanager
def running_playground(port: int | None = None) -> Iterator[RunningPlayground]:
    """A playground that answers, with a model that seems to exist. At the end it is stopped, and must exit well."""
    port = free_port() if port is None else port
    with contextlib.ExitStack() as stack:
        models_dir = stack.enter_context(tempfile.TemporaryDirectory())
        model_in_use.put_in_use(Path(models_dir))
        process = stack.enter_context(start_playground(port, MODELS_DIR=models_dir))
        try:
            wait_until(lambda: is_up(port) or process.poll() is not None, 10, "the playground's start")
            yield RunningPlayground(port, process)
        finally:
            process.terminate()
            _, log = process.communicate(timeout=10)
    assert process.returncode == ENDED_BY_SIGTERM, log


def is_up(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class User:
    """Somebody who chats with the bot through the page's own API.

    Args:
        url: The playground's address.
        chat_id: The chat; a negative id is a supergroup. Give each test its own to keep answers apart.
    """

    def __init__(self, url: str, chat_id: int = CHAT_ID) -> None:
        self.chat_id = chat_id
        self._chat = f"/api/chats/{chat_id}"
        self._http = httpx.Client(base_url=url, timeout=LONGEST_WAIT_S + 5, **DIRECT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send_text(
        self,
        text: str,
        entities: list[Json] | None = None,
        reply_to: int | None = None,
        user_id: int | None = None,
    ) -> Json:
        """Send a text. ``entities`` are added to those that Telegram finds in it. ``user_id`` writes in a group."""
        body = {"text": text, "entities": entities or [], "reply_to": reply_to, "user": user_id}
        return self._said(self._http.post(f"{self._chat}/messages", json=body))

    def send_photo(
        self,
        content: bytes,
        caption: str = "",
        *,
        reply_to: int | None = None,
        user_id: int | None = None,
        spoiler: bool = False,
    ) -> Json:
        """Send a photo, as an app does: the bot sees it in Telegram's sizes. ``user_id`` writes in a group."""
        fields = {"reply_to": reply_to, "user": user_id, "spoiler": int(spoiler)}
        data = {name: str(value) for name, value in fields.items() if value}
        return self._upload([("photo", ("photo.jpg", content, "image/jpeg"))], caption, data)

    def send_album(self, contents: list[bytes], caption: str = "", *, spoiler: bool = False) -> list[Json]:
        """Send several photos at once."""
        files = [("photo", ("photo.jpg", content, "image/jpeg")) for content in contents]
        data = {"text": caption, "spoiler": "1" if spoiler else ""}
        answer = self._http.post(f"{self._chat}/messages", files=files, data=data)
        return _messages(answer)

    def send_photo_bytes_raw(self, content: bytes, announced_bytes: int | None = None) -> Json:
        """Send a "photo" of just these bytes, image or not; Telegram may announce another size for them."""
        return self._upload(
            [("photo", ("photo.jpg", content, "image/jpeg"))], data={"raw": "1"}, announced=announced_bytes
        )

    def send_document(
        self,
        content: bytes,
        name: str,
        mime_type: str = "",
        caption: str = "",
        announced_bytes: int | None = None,
    ) -> Json:
        """Send a file; its type is guessed from its name unless given."""
        upload = (name, content, mime_type) if mime_type else (name, content)
        return self._upload([("document", upload)], caption, announced=announced_bytes)

    def send_voice(self, content: bytes = b"OggS not really") -> Json:
        """Send a voice message."""
        return self._upload([("voice", ("voice.oga", content, "audio/ogg"))])

    def send_raw(self, fields: Json, update: str = "message") -> Json:
        """Send a message with just these fields, in an update of that kind. It reaches the bot even in privacy mode."""
        return self._said(self._http.post(f"{self._chat}/raw", json={"fields": fields, "update": update}))

    def edit(self, message_id: int, fields: Json) -> Json:
        """Change a message."""
        return self._said(self._http.post(f"{self._chat}/messages/{message_id}", json=fields))

    def set_chat(self, **properties: str | bool | dict[str, bool]) -> None:
        """Change the chat: ``type``, ``title``, ``blocked``, ``member``, ``admin``."""
        answer = self._http.put(self._chat, json=properties).raise_for_status().json()
        assert "refused" not in answer, answer

    def set_privacy(self, *, on: bool) -> None:
        """Switch the bot's privacy mode, in all groups. It is on after a reset."""
        self._http.put("/api/bot", json={"privacy": on}).raise_for_status()

    def history(self, after: int = 0, wait_s: int = 0) -> list[Json]:
        """All messages after that one; waits up to ``wait_s`` seconds for the first."""
        answer = self._http.get(f"{self._chat}/messages", params={"after": after, "wait_s": wait_s})
        return _messages(answer)

    def draft(self) -> Json | None:
        """The bot's draft that the chat shows now: its draft_id, text and entities."""
        draft: Json | None = self._http.get(f"{self._chat}/messages").raise_for_status().json()["draft"]
        return draft

    def answers(self, after: int = 0) -> list[Json]:
        """The bot's messages after that message."""
        return [message for message in self.history(after) if message.get("from", {}).get("is_bot")]

    def wait_for_answers(self, count: int, timeout_s: float = 20, after: int = 0) -> list[Json]:
        """The bot's messages after that message, once there are ``count`` or more."""
        deadline = time.monotonic() + timeout_s
        while True:
            messages = self.history(after)
            found = [message for message in messages if message.get("from", {}).get("is_bot")]
            if len(found) >= count:
                return found
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                msg = f"{len(found)} of {count} answers within {timeout_s:g} s: {found!r}"
                raise AssertionError(msg)
            last = messages[-1]["message_id"] if messages else after
            self.history(last, wait_s=max(1, min(LONGEST_WAIT_S, int(left_s))))

    def bot(self) -> Json:
        """Who the bot is, its words and commands, its ``privacy``; ``state``: online, preparing, starting or down."""
        answer: Json = self._http.get("/api/bot").raise_for_status().json()
        return answer

    def wait_for_bot(self, state: str = "online", timeout_s: float = 30) -> None:
        """Return once the playground answers, and the bot is in that state."""

        def reached() -> bool:
            try:
                return bool(self.bot()["state"] == state)
            except httpx.TransportError:
                return False

        wait_until(reached, timeout_s, f"the bot {state}")

    def press(self, message_id: int, data: str, user_id: int | None = None) -> bool:
        """Press a button below a message. False if the bot does not listen to buttons."""
        answer = self._http.post(f"{self._chat}/messages/{message_id}/press", json={"data": data, "user": user_id})
        return bool(answer.raise_for_status().json()["heard"])

    def faults(self, *rules: Json) -> None:
        """Make calls fail from now on as ``playground/faults.py`` describes; without rules they succeed again."""
        self._http.post("/api/faults", json=rules).raise_for_status()

    def calls(self) -> dict[str, int]:
        """How often each method was called since the last reset; downloads count as ``file``."""
        calls: dict[str, int] = self._http.get("/api/faults").raise_for_status().json()["calls"]
        return calls

    def reset(self) -> None:
        """Make the playground forget everything: chats, files, updates, faults, counters."""
        self._http.post("/api/reset").raise_for_status()

    def _upload(
        self, files: list[Any], caption: str = "", data: dict[str, str] | None = None, announced: int | None = None
    ) -> Json:
        data = {"text": caption} | (data or {})
        if announced is not None:
            data["announced_bytes"] = str(announced)
        return self._said(self._http.post(f"{self._chat}/messages", files=files, data=data))

    @staticmethod
    def _said(answer: httpx.Response) -> Json:
        return _messages(answer)[0]


def _messages(answer: httpx.Response) -> list[Json]:
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    assert "refused" not in answer.json(), answer.text
    messages: list[Json] = answer.json()["messages"]
    return messages
