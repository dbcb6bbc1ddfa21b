"""Faults on the wire: connections that break, and answers that come in pieces."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from playground.errors import ApiError
from playground.faults import Rule

_DRIPS = 10


class ConnectionDropped(Exception):  # noqa: N818 -- named for what the client sees
    """The call is not answered: its connection breaks."""


async def strike_before(fault: Rule | None) -> None:
    """Do what a fault does before the call.

    Raises:
        ConnectionDropped: The connection breaks instead.
        ApiError: The call fails instead.
    """
    if fault is None:
        return
    if fault.do == "drop_before":
        raise ConnectionDropped
    if fault.do == "error":
        raise _injected(fault)
    if fault.do == "delay":
        await asyncio.sleep(fault.delay_s)


def strike_after(fault: Rule | None, response: Response) -> Response:
    """The response after the fault."""
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
        """Send the part that is kept, and break the connection."""
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
    """An answer that comes in pieces."""

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
