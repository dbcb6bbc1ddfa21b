"""One playground behind HTTP: its addresses, and the bot's calls and downloads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from playground.bot_api import BotApi
from playground.breakage import Broken, ConnectionDropped, strike_after, strike_before
from playground.errors import ApiError
from playground.failures import failure
from playground.faults import DOWNLOAD, Faults
from playground.guards import Bounded, LocalOnly, TooLarge
from playground.page_api import PageApi
from playground.parameters import Parameters
from playground.state import Playground
from playground.uploads import Upload

ResultT = TypeVar("ResultT")

_LONG_POLL = "getupdates"


class Application:
    """One playground behind HTTP.

    Args:
        token: The only accepted token.
        port: The server's port. It is part of the names that a browser may use for the playground.
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
            return failure(error)
        fault = self._faults.take(name)
        try:
            await strike_before(fault)
            call = self._bot_api.call(name, parameters)
            result = await (_unless_gone(request, call) if name.lower() == _LONG_POLL else call)
        except ConnectionDropped:
            return Broken()
        except ApiError as error:
            return strike_after(fault, failure(error))
        if fault is not None and fault.do == "wrong_size" and name.lower() == "getfile":
            result = {**result, "file_size": result["file_size"] + fault.extra_bytes}
        return strike_after(fault, JSONResponse({"ok": True, "result": result}))

    async def _download(self, request: Request) -> Response:
        try:
            self._check_token(request)
            fault = self._faults.take(DOWNLOAD)
            await strike_before(fault)
            file = self.playground.files.at(request.path_params["path"])
            if file is None:
                raise ApiError(404, "Not Found")
        except ConnectionDropped:
            return Broken()
        except ApiError as error:
            return failure(error)
        return strike_after(fault, Response(file.content, media_type="application/octet-stream"))

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


async def _parameters(request: Request) -> Parameters:
    """The parameters from query and body together, in all four ways that the Bot API takes them."""
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
    """The call's result. The call is cancelled if its client disconnects, as a killed bot does in a long poll.

    Without this, a poll that nobody reads would look like a running bot.
    """
    work = asyncio.ensure_future(call)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ConnectionDropped
        return work.result()
    finally:
        gone.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    with contextlib.suppress(TooLarge):  # an endless body that the method does not read
        while (await request.receive())["type"] != "http.disconnect":
            pass
