"""The user's side: what the chat page and the tests call. JSON, uploads, server-sent events.

    GET  /api/events                       server-sent events of all chats: hello (the bot, its commands and all
                                           chats), message, action, draft, callback, chat, commands, bot
    GET  /api/bot                          who the bot is, its words about itself, its commands, whether it runs, and
                                           whether it is in privacy mode
    PUT  /api/bot                          JSON {privacy}: switch privacy mode, in all groups
    POST /api/chats                        a new chat: JSON {group}; the bot is added to a group
    PUT  /api/chats/{id}                   JSON {read}: shown up to that message; {member}: add the bot to a group or
                                           remove it; {blocked}: block the bot; for tests {type, title}, and {admin}:
                                           whom to make an administrator, as {user id: true or false}
    GET  /api/chats/{id}/messages          the history, and the draft that is shown; ?after=ID, and ?wait_s=S to wait
                                           for a new message
    POST /api/chats/{id}/messages          send a message: JSON {text, entities, reply_to, user}, or a form with
                                           text, reply_to, user, spoiler, and up to 100 of photo, document, voice
    POST /api/chats/{id}/messages/{id}     edit: JSON with the fields that change
    POST /api/chats/{id}/messages/{id}/press    press a button: JSON {data, user}; answers {heard, query_id}
    POST /api/chats/{id}/raw               for tests: any message, JSON {fields, update}; it reaches the bot always
    GET  /api/files/{file_id}              a file that was sent, to show it
    GET  /                                 the page

``user`` is the id of the person who writes or presses in a group; without it, it is the group's owner.

A request that Telegram's apps would refuse, or that cannot be read, gets {"refused": words for people} and
status 200: a browser reports every other status as an error of the page. Next to it, {"as_file": true} means that
the same can be sent as a file.

Two more fields of the form are for tests. ``raw=1`` keeps a photo's bytes as they are, even if they are not an
image, as Telegram would send them after a broken upload. ``announced_bytes`` is the size that it then announces.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from playground.commands import LANGUAGE
from playground.json_types import Json
from playground.page_chats import PageChats
from playground.page_files import page_routes
from playground.page_messages import PageMessages
from playground.profile import LIMITS
from playground.state import Playground

_QUIET_S = 15.0
_RECONNECT_MS = 1000
# An upload may be anything, even an HTML page: a browser may show it only as an image.
_UPLOAD_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=86400, immutable",
}


class PageApi:
    """The endpoints, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self.routes = [
            *page_routes(),
            Route("/api/bot", self._bot, methods=["GET"]),
            Route("/api/events", self._events),
            *PageChats(playground).routes,
            *PageMessages(playground).routes,
            Route("/api/files/{file_id}", self._file),
        ]

    async def _bot(self, _: Request) -> Response:
        return JSONResponse(self._bot_as_json())

    def _bot_as_json(self) -> Json:
        playground = self._playground
        return {
            **playground.bot,
            **playground.bot_status,
            **{field: playground.profile.shown(field, LANGUAGE) for field in LIMITS},
            "commands": playground.commands.everywhere,
            "privacy": playground.privacy,
        }

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._follow(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _follow(self) -> AsyncIterator[str]:
        playground = self._playground
        chats = [playground.summary(chat) for chat in playground.chats]
        hello = {"event": "hello", "bot": self._bot_as_json(), "chats": chats}
        async for event in playground.audience.events(hello, _QUIET_S):
            yield ": still here\n\n" if event is None else _event(event)

    async def _file(self, request: Request) -> Response:
        file = self._playground.files.get(request.path_params["file_id"])
        if file is None:
            raise HTTPException(404)
        shown = file.mime_type if file.mime_type.startswith("image/") else "application/octet-stream"
        return Response(file.content, media_type=shown, headers=_UPLOAD_HEADERS)


def _event(event: Json) -> str:
    return f"retry: {_RECONNECT_MS}\nevent: {event['event']}\ndata: {json.dumps(event)}\n\n"
