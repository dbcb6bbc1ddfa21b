"""Failures as HTTP answers: the bot reads Telegram's own words, the page reads words for people."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from playground.errors import ApiError


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
