"""The bot's side of a playground, called by a test in the bot's place."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

from playground.json_types import Json
from tests.support.bot_api import DIRECT, TOKEN

KINDS = ("message", "callback_query", "guest_message", "my_chat_member")


class BotByHand:
    """A bot that says what the test says.

    Args:
        url: The playground's address.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/bot{TOKEN}/", timeout=15, **DIRECT)
        self._offset = 0

    def __enter__(self) -> Self:
        self.call("getUpdates", allowed_updates=KINDS)
        self.call("deleteWebhook", drop_pending_updates=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, method: str, **parameters: object) -> Any:
        """The result of a call; it must succeed."""
        answer = self._http.post(method, json=parameters)
        assert answer.is_success, answer.text
        return answer.json()["result"]

    def say(self, chat_id: int, text: str, **parameters: object) -> Json:
        """Send a message in HTML."""
        message: Json = self.call("sendMessage", chat_id=chat_id, text=text, parse_mode="HTML", **parameters)
        return message

    def updates(self) -> list[Json]:
        """The updates since the last call."""
        found: list[Json] = self.call("getUpdates", offset=self._offset)
        if found:
            self._offset = found[-1]["update_id"] + 1
        return found

    def wait_for(self, kind: str) -> Json:
        """What the next update of this kind brings; those before it are left out."""
        for _ in range(3):
            for update in self.call("getUpdates", offset=self._offset, timeout=5):
                self._offset = update["update_id"] + 1
                if kind in update:
                    content: Json = update[kind]
                    return content
        msg = f"no update of the kind {kind}"
        raise AssertionError(msg)
