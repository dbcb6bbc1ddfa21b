"""HTTP: addresses, who may call, and faults on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from playground.bot_api import BotApi
from playground.errors import ApiError
from playground.faults import DOWNLOAD, Faults, Rule
from playground.files import MAX_PHOTO_BYTES, MAX_UPLOAD_BYTES
from playground.page_api import PageApi
from playground.parameters import Parameters
from playground.state import Playground
from playground.uploads import MAX_ALBUM, Upload

ResultT = TypeVar("ResultT")

MAX_FORM_BYTES = MAX_UPLOAD_BYTES + MAX_ALBUM * MAX_PHOTO_BYTES
"""The most that one request with files may bring."""
MAX_BODY_BYTES = 1 << 20
"""The most that any other request may bring. The longest text that is let through has some 16 kB."""

MAX_HEAD_BYTES = 1 << 16
"""The most that a request's line and headers may have, and its trailers."""

_DRIPS = 10
_LONG_POLL = "getupdates"
_KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections (the bot: 5 s), so that none is closed under a new request."""
_NAMES = frozenset({"127.0.0.1", "localhost"})
_DEFAULT_PORT = 80
_READS = frozenset({"GET", "HEAD"})


class Application:
    """One playground behind HTTP.

    Args:
        token: The only token that is let in.
        port: Where it is served: part of the names that a browser may call it by.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self.playground = Playground(int(token.partition(":")[0]))
        self._faults = Faults()
        self._bot_api = BotApi(self.playground)
        routes = [
            Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", self._download),
            Route("/api/faults", self._show_faults, methods=["GET"]),
            Route("/api/faults", self._arm_faults, methods=["POST"]),
            Route("/api/reset", self._reset, methods=["POST"]),
            *PageApi(self.playground).routes,
        ]
        self.asgi: ASGIApp = LocalOnly(Starlette(routes=routes, middleware=[Middleware(Bounded)]), port)

    async def _call(self, request: Request) -> Response:
        name = request.path_params["method"]
        try:
            self._check_token(request)
            parameters = await _parameters(request)
        except ApiError as error:
            return _failure(error)
        fault = self._faults.take(name)
        try:
            await _before(fault)
            call = self._bot_api.call(name, parameters)
            result = await (_unless_gone(request, call) if name.lower() == _LONG_POLL else call)
        except _ConnectionDropped:
            return Broken()
        except ApiError as error:
            return _after(fault, _failure(error))
        if fault is not None and fault.do == "wrong_size" and name.lower() == "getfile":
            result = {**result, "file_size": result["file_size"] + fault.extra_bytes}
        return _after(fault, JSONResponse({"ok": True, "result": result}))

    async def _download(self, request: Request) -> Response:
        try:
            self._check_token(request)
            fault = self._faults.take(DOWNLOAD)
            await _before(fault)
            file = self.playground.files.at(request.path_params["path"])
            if file is None:
                raise ApiError(404, "Not Found")
        except _ConnectionDropped:
            return Broken()
        except ApiError as error:
            return _failure(error)
        return _after(fault, Response(file.content, media_type="application/octet-stream"))

    def _check_token(self, request: Request) -> None:
        if request.path_params["token"] != self._token:
            raise ApiError(401, "Unauthorized")

    async def _show_faults(self, _: Request) -> Response:
        return JSONResponse(self._faults.report())

    async def _arm_faults(self, request: Request) -> Response:
        try:
            self._faults.arm(await request.body())
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(self._faults.report())

    async def _reset(self, _: Request) -> Response:
        self._faults.reset()
        self.playground.reset()
        return JSONResponse({})


class Bounded:
    """Reads no more of a request than it may bring, whether its headers tell the size or not.

    What is beyond that uvicorn reads and drops, so that the client comes to read the answer. This stands inside
    Starlette, whose own outermost layer would make a 500 of the exception.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it: the page in words, the bot with 413."""
        headers = Headers(scope=scope)
        has_files = headers.get("content-type", "").lower().startswith("multipart/form-data")
        limit = MAX_FORM_BYTES if has_files else MAX_BODY_BYTES
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > limit:
                raise _TooLarge
            return message

        try:
            if int(headers.get("content-length", "0")) > limit:
                raise _TooLarge
            await self._app(scope, counted, send)
        except _TooLarge:
            await _too_large(scope["path"])(scope, receive, send)


class _TooLarge(Exception):  # noqa: N818 -- what the request is
    pass


def _too_large(path: str) -> Response:
    if path.startswith("/api/"):
        return JSONResponse({"refused": "This is too much at once."})
    return _failure(ApiError(413, "Request Entity Too Large"))


class LocalOnly:
    """Lets in what was typed on this machine, and nothing that a web page elsewhere makes a browser send.

    The token is public and the server is on this machine, so the browser's own words are the guard: ``Host``
    against names that were pointed here (DNS rebinding), ``Origin`` and ``Sec-Fetch-Site`` against other
    sites' forms, scripts and images. Clients that are no browsers send neither, and are let in.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        if port == _DEFAULT_PORT:  # which clients leave out
            self._hosts |= _NAMES
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 403."""
        if scope["type"] == "http" and (reason := self._objection(scope)):
            refusal = JSONResponse({"ok": False, "error_code": 403, "description": reason}, status_code=403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return f"Forbidden: call the playground by one of the names {', '.join(sorted(self._hosts))}"
        foreign = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
        a_link_to_the_page = scope["path"] == "/" and scope["method"] in _READS
        if headers.get("origin", next(iter(self._origins))) not in self._origins:
            return "Forbidden: not from another site"
        return "Forbidden: not from another site" if foreign and not a_link_to_the_page else ""


class _ConnectionDropped(Exception):  # noqa: N818 -- what the client will see
    pass


class Broken(Response):
    """A connection that breaks, after the first bytes of an answer or without any.

    Args:
        whole: The answer that is cut; None for no answer at all.
        keep: The share of its body that is sent, 0 to 1.
    """

    def __init__(self, whole: Response | None = None, keep: float = 0.0) -> None:
        super().__init__()
        self._whole = whole
        self._keep = keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is to be sent, and break the connection."""
        transport: asyncio.Transport = scope["state"]["transport"]
        if self._whole is None:
            transport.abort()
        else:
            body = bytes(self._whole.body)
            headers = self._whole.raw_headers
            await send({"type": "http.response.start", "status": self._whole.status_code, "headers": headers})
            part = body[: int(len(body) * self._keep)]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            transport.close()  # sends what was written, unlike abort
        while (await receive())["type"] != "http.disconnect":
            pass


class Dripping(Response):
    """An answer that comes bit by bit."""

    def __init__(self, whole: Response, over_s: float) -> None:
        super().__init__()
        self._whole = whole
        self._over_s = over_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer in ten pieces."""
        body = bytes(self._whole.body)
        headers = self._whole.raw_headers
        await send({"type": "http.response.start", "status": self._whole.status_code, "headers": headers})
        step = len(body) // _DRIPS + 1
        for start in range(0, len(body), step):
            await asyncio.sleep(self._over_s / _DRIPS)
            piece = body[start : start + step]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _before(fault: Rule | None) -> None:
    if fault is None:
        return
    if fault.do == "drop_before":
        raise _ConnectionDropped
    if fault.do == "error":
        raise _injected(fault)
    if fault.do == "delay":
        await asyncio.sleep(fault.delay_s)


def _after(fault: Rule | None, response: Response) -> Response:
    if fault is None:
        return response
    if fault.do == "drop_after":
        return Broken()
    if fault.do == "cut_body":
        return Broken(response, fault.keep)
    return Dripping(response, fault.delay_s) if fault.do == "drip" else response


def _injected(fault: Rule) -> ApiError:
    if fault.retry_after_s is not None:
        return ApiError(fault.status, f"Too Many Requests: retry after {fault.retry_after_s}", fault.retry_after_s)
    words = {500: "Internal Server Error", 502: "Bad Gateway", 504: "Gateway Timeout"}
    return ApiError(fault.status, words.get(fault.status, "Error"))


def _failure(error: ApiError) -> Response:
    answer: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    headers = {}
    if error.retry_after_s is not None:
        answer["parameters"] = {"retry_after": error.retry_after_s}
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(answer, status_code=error.code, headers=headers)


async def _parameters(request: Request) -> Parameters:
    """From query and body together; all four ways that the Bot API takes them."""
    values: dict[str, Any] = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = msgspec.json.decode(await request.body() or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise ApiError(400, "Bad Request: can't parse JSON object") from None
        return Parameters(values | body)
    try:
        async with request.form() as form:
            files = {
                name: Upload(part.filename or name, await part.read(), part.content_type or "")
                for name, part in form.items()
                if isinstance(part, UploadFile)
            }
            return Parameters(values | {name: value for name, value in form.items() if isinstance(value, str)}, files)
    except HTTPException as error:
        raise ApiError(400, f"Bad Request: can't parse the form: {error.detail}") from None


async def _unless_gone(request: Request, call: Awaitable[ResultT]) -> ResultT:
    """The call's result; the call is cancelled if its client goes away, as a killed bot's long poll does.

    Without this a poll that nobody reads would look like a living bot.
    """
    work = asyncio.ensure_future(call)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise _ConnectionDropped
        return work.result()
    finally:
        gone.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    with contextlib.suppress(_TooLarge):  # a body that no method asked for, without an end
        while (await request.receive())["type"] != "http.disconnect":
            pass


class Connection(HttpToolsProtocol):
    """A connection that its requests can break: they find its transport in their state.

    What comes before a request's body and behind it, its head and its trailers, is read up to a limit.
    """

    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Tell this connection's requests which transport is theirs."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def data_received(self, data: bytes) -> None:
        """Read what comes, unless it is a head without an end."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Begin the request. What comes next is its body, which has limits of its own."""
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._head_bytes = 0
        super().on_message_complete()


class Server(uvicorn.Server):
    """Uvicorn that ends long polls and event streams before it waits for its connections to end."""

    def __init__(self, application: Application) -> None:
        config = uvicorn.Config(
            application.asgi,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # its lines hold whole URLs, and those the token
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._playground = application.playground

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections, let everybody go, then wait for what is under way."""
        self._playground.close()
        await super().shutdown(sockets)
