"""The user's side: what the chat page and the tests call. JSON, uploads, server-sent events.

    GET  /api/events                       server-sent events of all chats: hello (the bot, its commands and all
                                           chats), message, action, callback, chat, commands, bot
    GET  /api/bot                          who the bot is, its commands, and whether it runs
    POST /api/chats                        a new chat: JSON {group}
    PUT  /api/chats/{id}                   JSON {read}: shown up to that message; for tests {type, title, blocked}
    GET  /api/chats/{id}/messages          the history; ?after=ID, and ?wait_s=S to wait for a new message
    POST /api/chats/{id}/messages          send a message: JSON {text, entities, reply_to}, or a form with
                                           text, reply_to, and up to 100 of photo, document, voice
    POST /api/chats/{id}/messages/{id}     edit: JSON with the fields that change
    POST /api/chats/{id}/messages/{id}/press    press a button: JSON {data}; answers {heard}
    POST /api/chats/{id}/raw               for tests: any message, JSON {fields, update}
    GET  /api/files/{file_id}              a file that was sent, to show it
    GET  /                                 the page

A request that Telegram's apps would refuse, or that cannot be read, gets {"refused": words for people} and
status 200: a browser reports every other status as an error of the page. Next to it, {"as_file": true} means that
the same can be sent as a file.

Two more fields of the form are for tests. ``raw=1`` keeps a photo's bytes as they are, even if they are not an
image, as Telegram would send them after a broken upload. ``announced_bytes`` is the size that it then announces.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from playground import uploads
from playground.chat import Chat
from playground.errors import NoPhoto, Refused
from playground.json_types import Json
from playground.page_files import Endpoint, page_routes
from playground.page_input import (
    body_as,
    check_author,
    entities_of,
    json_body,
    number_in_query,
    text_fields,
    whole_number,
)
from playground.parameters import MAX_CAPTION
from playground.state import Playground
from playground.updates import LONGEST_POLL_S
from playground.uploads import Upload

_QUIET_S = 15.0
_RECONNECT_MS = 1000
# An upload may be anything, even an HTML page: a browser may show it only as an image.
_UPLOAD_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=86400, immutable",
}


class _Raw(msgspec.Struct):
    fields: Json = {}
    update: str = "message"


class _ChatChange(msgspec.Struct):
    type: str | None = None
    title: str | None = None
    blocked: bool | None = None
    read: int = 0


class PageApi:
    """The endpoints, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        self.routes = [
            *page_routes(),
            Route("/api/bot", self._bot),
            Route("/api/events", self._events),
            Route("/api/chats", _in_words(self._new_chat), methods=["POST"]),
            Route("/api/chats/{chat_id}", _in_words(self._set_chat), methods=["PUT"]),
            Route("/api/chats/{chat_id}/messages", self._history, methods=["GET"]),
            Route("/api/chats/{chat_id}/messages", _in_words(self._say), methods=["POST"]),
            Route("/api/chats/{chat_id}/messages/{message_id:int}", _in_words(self._edit), methods=["POST"]),
            Route("/api/chats/{chat_id}/messages/{message_id:int}/press", _in_words(self._press), methods=["POST"]),
            Route("/api/chats/{chat_id}/raw", _in_words(self._say_raw), methods=["POST"]),
            Route("/api/files/{file_id}", self._file),
        ]

    async def _bot(self, _: Request) -> Response:
        return JSONResponse(self._bot_as_json())

    def _bot_as_json(self) -> Json:
        playground = self._playground
        return {**playground.bot, **playground.bot_status, "commands": playground.commands}

    async def _history(self, request: Request) -> Response:
        chat = self._chat(request)
        after = number_in_query(request, "after")
        wait_s = min(number_in_query(request, "wait_s"), LONGEST_POLL_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not _since(chat, after) and not chat.closed:
                    await chat.changed.wait()
        return JSONResponse({"messages": _since(chat, after), "bot_state": self._playground.bot_state})

    async def _say(self, request: Request) -> Response:
        chat = self._chat(request)
        if request.headers.get("content-type", "").startswith("application/json"):
            body = await json_body(request)
            fields = text_fields(str(body.get("text", "")), entities_of(body))
            messages = [self._playground.user_says(chat, fields | _reply(chat, body.get("reply_to")))]
        else:
            messages = await self._say_form(request, chat)
        return JSONResponse({"messages": messages}, status_code=201)

    async def _say_form(self, request: Request, chat: Chat) -> list[Json]:
        async with request.form(max_files=100) as form:
            text = str(form.get("text", ""))
            reply = _reply(chat, form.get("reply_to"))
            parts = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
            if not parts:
                return [self._playground.user_says(chat, text_fields(text) | reply)]
            caption = text_fields(text, prefix="caption_", limit=MAX_CAPTION) if text.strip() else {}
            announced = form.get("announced_bytes")
            announced_bytes = whole_number(announced, "announced_bytes") if announced else None
            contents = [
                await uploads.fields(
                    self._playground.files,
                    kind,
                    Upload(
                        part.filename or kind,
                        await part.read(),
                        part.content_type or "",
                        announced_bytes=announced_bytes,
                        raw=form.get("raw") == "1",
                    ),
                )
                for kind, part in parts
            ]
        contents[0] |= caption
        uploads.mark_albums(contents)
        return [self._playground.user_says(chat, content | reply) for content in contents]

    async def _edit(self, request: Request) -> Response:
        chat = self._chat(request)
        fields = await json_body(request)
        check_author(fields)
        if "text" in fields:
            fields = text_fields(str(fields["text"])) | fields
        try:
            message = self._playground.user_edits(chat, request.path_params["message_id"], fields)
        except KeyError:
            raise HTTPException(404) from None
        return JSONResponse({"messages": [message]})

    async def _say_raw(self, request: Request) -> Response:
        body = await body_as(request, _Raw)
        check_author(body.fields)
        message = self._playground.user_says(self._chat(request), body.fields, body.update)
        return JSONResponse({"messages": [message]}, status_code=201)

    async def _press(self, request: Request) -> Response:
        chat = self._chat(request)
        body = await json_body(request)
        try:
            heard = self._playground.user_presses(chat, request.path_params["message_id"], str(body.get("data", "")))
        except KeyError:
            raise HTTPException(404) from None
        return JSONResponse({"heard": heard})

    async def _new_chat(self, request: Request) -> Response:
        body = await json_body(request)
        chat = self._playground.new_chat(group=bool(body.get("group")))
        return JSONResponse({"chat": chat.summary}, status_code=201)

    async def _set_chat(self, request: Request) -> Response:
        chat = self._chat(request)
        change = await body_as(request, _ChatChange)
        chat.kind = chat.kind if change.type is None else change.type
        chat.title = chat.title if change.title is None else change.title
        chat.blocked = chat.blocked if change.blocked is None else change.blocked
        chat.read_id = max(chat.read_id, change.read)
        self._playground.tell_chat(chat)
        return JSONResponse(chat.as_json)

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._follow(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _follow(self) -> AsyncIterator[str]:
        playground = self._playground
        chats = [chat.summary for chat in playground.chats.values()]
        hello = {"event": "hello", "bot": self._bot_as_json(), "chats": chats}
        async for event in playground.audience.events(hello, _QUIET_S):
            yield ": still here\n\n" if event is None else _event(event)

    async def _file(self, request: Request) -> Response:
        file = self._playground.files.get(request.path_params["file_id"])
        if file is None:
            raise HTTPException(404)
        shown = file.mime_type if file.mime_type.startswith("image/") else "application/octet-stream"
        return Response(file.content, media_type=shown, headers=_UPLOAD_HEADERS)

    def _chat(self, request: Request) -> Chat:
        try:
            return self._playground.chat(int(request.path_params["chat_id"]))
        except ValueError:
            raise HTTPException(404) from None


def _in_words(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with refusals as JSON: ``{"refused": words for the user}``.

    ``as_file`` is added if it can be sent as a file instead.
    """

    async def serve(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as error:
            return JSONResponse({"refused": str(error)} | ({"as_file": True} if isinstance(error, NoPhoto) else {}))

    return serve


def _reply(chat: Chat, message_id: object) -> Json:
    return chat.reply_to(whole_number(message_id, "reply_to")) if message_id else {}


def _since(chat: Chat, after: int) -> list[Json]:
    return [message for message_id, message in chat.messages.items() if message_id > after]


def _event(event: Json) -> str:
    return f"retry: {_RECONNECT_MS}\nevent: {event['event']}\ndata: {json.dumps(event)}\n\n"
