"""Failures as HTTP answers: the bot reads Telegram's own words, the page reads words for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from playground.errors import ApiError, NoPhoto, Refused

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def failure(error: ApiError) -> Response:
    """The bot's answer to a failed call."""
    answer: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    headers = {}
    if error.retry_after_s is not None:
        answer["parameters"] = {"retry_after": error.retry_after_s}
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(answer, status_code=error.code, headers=headers)


def too_large(path: str) -> Response:
    """The answer to a request of the page or the bot that is too large."""
    if path.startswith("/api/"):
        return JSONResponse({"refused": "This is too much at once."})
    return failure(ApiError(413, "Request Entity Too Large"))


def in_words(endpoint: Endpoint) -> Endpoint:
    """The page's endpoint, with refusals as JSON: ``{"refused": words for the user}``.

    ``as_file`` is added if it can be sent as a file instead.
    """

    async def serve(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as error:
            return JSONResponse({"refused": str(error)} | ({"as_file": True} if isinstance(error, NoPhoto) else {}))

    return serve
