"""The page's endpoints for chats: new ones, their settings, and the bot's part in them."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.chat import Chat
from playground.errors import Refused
from playground.failures import in_words
from playground.page_input import body_as, chat_of, json_body
from playground.state import Playground


class _ChatChange(msgspec.Struct):
    type: str | None = None
    title: str | None = None
    blocked: bool | None = None
    member: bool | None = None
    admin: dict[int, bool] = {}
    read: int = 0


class _BotChange(msgspec.Struct):
    privacy: bool


class PageChats:
    """The endpoints, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self.routes = [
            Route("/api/bot", in_words(self._set_bot), methods=["PUT"]),
            Route("/api/chats", in_words(self._new_chat), methods=["POST"]),
            Route("/api/chats/{chat_id}", in_words(self._set_chat), methods=["PUT"]),
        ]

    async def _set_bot(self, request: Request) -> Response:
        change = await body_as(request, _BotChange)
        self._playground.set_privacy(on=change.privacy)
        return JSONResponse({"privacy": change.privacy})

    async def _new_chat(self, request: Request) -> Response:
        body = await json_body(request)
        chat = self._playground.chats.new(group=bool(body.get("group")))
        if chat.kind != "private":
            self._playground.set_membership(chat, "left", "member")
        return JSONResponse({"chat": self._playground.summary(chat)}, status_code=201)

    async def _set_chat(self, request: Request) -> Response:
        chat = chat_of(request, self._playground.chats)
        change = await body_as(request, _ChatChange)
        chat.kind = chat.kind if change.type is None else change.type
        chat.title = chat.title if change.title is None else change.title
        chat.read_id = max(chat.read_id, change.read)
        chat.administrators |= {user_id for user_id, is_one in change.admin.items() if is_one}
        chat.administrators -= {user_id for user_id, is_one in change.admin.items() if not is_one}
        self._set_membership(chat, change)
        self._playground.tell_chat(chat)
        return JSONResponse(chat.as_json)

    def _set_membership(self, chat: Chat, change: _ChatChange) -> None:
        """Add or remove the bot, block or unblock it. Nothing happens if it is so already."""
        is_private = chat.kind == "private"
        if (change.member if is_private else change.blocked) is not None:
            msg = "The bot can be blocked in a private chat, and be a member of a group."
            raise Refused(msg)
        here = not chat.blocked if is_private else chat.has_bot
        blocked = None if change.blocked is None else not change.blocked
        wanted = blocked if is_private else change.member
        if wanted not in {None, here}:
            self._playground.set_membership(chat, *("kicked", "member") if wanted else ("member", "kicked"))
