"""The page's endpoints for messages: the history, what people send, edit and press."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground import uploads
from playground.chat import Chat
from playground.failures import in_words
from playground.json_types import Json
from playground.page_input import (
    body_as,
    chat_of,
    check_author,
    entities_of,
    json_body,
    number_in_query,
    text_fields,
    user_of,
    whole_number,
)
from playground.parameters import MAX_CAPTION
from playground.state import Playground
from playground.updates import LONGEST_POLL_S
from playground.uploads import Upload

_MAX_FILES = 100


class _Raw(msgspec.Struct):
    fields: Json = {}
    update: str = "message"


class PageMessages:
    """The endpoints, over one playground's state."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground
        messages = "/api/chats/{chat_id}/messages"
        self.routes = [
            Route(messages, self._history, methods=["GET"]),
            Route(messages, in_words(self._say), methods=["POST"]),
            Route(f"{messages}/{{message_id:int}}", in_words(self._edit), methods=["POST"]),
            Route(f"{messages}/{{message_id:int}}/press", in_words(self._press), methods=["POST"]),
            Route("/api/chats/{chat_id}/raw", in_words(self._say_raw), methods=["POST"]),
        ]

    async def _history(self, request: Request) -> Response:
        chat = self._chat(request)
        after = number_in_query(request, "after")
        wait_s = min(number_in_query(request, "wait_s"), LONGEST_POLL_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not _since(chat, after) and not chat.closed:
                    await chat.changed.wait()
        draft, state = self._playground.draft(chat), self._playground.bot_state
        return JSONResponse({"messages": _since(chat, after), "draft": draft, "bot_state": state})

    async def _say(self, request: Request) -> Response:
        chat = self._chat(request)
        if request.headers.get("content-type", "").startswith("application/json"):
            body = await json_body(request)
            fields = text_fields(str(body.get("text", "")), entities_of(body)) | _reply(chat, body.get("reply_to"))
            messages = [self._playground.user_says(chat, fields, user_id=user_of(chat, body.get("user")))]
        else:
            async with request.form(max_files=_MAX_FILES) as form:
                messages = await self._say_form(chat, form)
        return JSONResponse({"messages": messages}, status_code=201)

    async def _say_form(self, chat: Chat, form: FormData) -> list[Json]:
        user_id = user_of(chat, form.get("user"))
        contents = await self._contents(form)
        text = str(form.get("text", ""))
        if not contents:
            contents = [text_fields(text)]
        elif text.strip():
            contents[0] |= text_fields(text, prefix="caption_", limit=MAX_CAPTION)
        reply = _reply(chat, form.get("reply_to"))
        return [self._playground.user_says(chat, content | reply, user_id=user_id) for content in contents]

    async def _contents(self, form: FormData) -> list[Json]:
        announced = form.get("announced_bytes")
        announced_bytes = whole_number(announced, "announced_bytes") if announced else None
        contents = []
        for kind, part in form.multi_items():
            if isinstance(part, UploadFile):
                content, mime_type, raw = await part.read(), part.content_type or "", form.get("raw") == "1"
                upload = Upload(part.filename or kind, content, mime_type, announced_bytes, raw)
                fields = await uploads.fields(self._playground.files, kind, upload)
                hidden = kind == "photo" and form.get("spoiler") == "1"
                contents.append(fields | ({"has_media_spoiler": True} if hidden else {}))
        uploads.mark_albums(contents)
        return contents

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
        message = self._playground.user_says(self._chat(request), body.fields, body.update, always=True)
        return JSONResponse({"messages": [message]}, status_code=201)

    async def _press(self, request: Request) -> Response:
        chat = self._chat(request)
        body = await json_body(request)
        message_id, data = request.path_params["message_id"], str(body.get("data", ""))
        try:
            heard, query_id = self._playground.user_presses(chat, message_id, data, user_of(chat, body.get("user")))
        except KeyError:
            raise HTTPException(404) from None
        return JSONResponse({"heard": heard, "query_id": query_id})

    def _chat(self, request: Request) -> Chat:
        return chat_of(request, self._playground.chats)


def _reply(chat: Chat, message_id: object) -> Json:
    return chat.reply_to(whole_number(message_id, "reply_to")) if message_id else {}


def _since(chat: Chat, after: int) -> list[Json]:
    return [chat.shown(message) for message_id, message in chat.messages.items() if message_id > after]
