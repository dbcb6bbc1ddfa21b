"""The HTTP server: a request can break its connection, and a stop ends all waiting requests."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from playground.application import Application

MAX_HEAD_BYTES = 1 << 16
"""The most that a request's line and headers may have, and its trailers."""

_KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections (the bot: 5 s), so that a new request does not meet a closing one."""


class Connection(HttpToolsProtocol):
    """A connection that its requests can break: its transport is in their state.

    A request's head and its trailers are read up to a limit.
    """

    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the transport into the state of this connection's requests."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def data_received(self, data: bytes) -> None:
        """Read data, unless it is a head without an end."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Begin the request. Its body comes next, and has its own limits."""
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
            access_log=False,  # its lines contain whole URLs, with the token
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._playground = application.playground

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections, end all waiting requests, then wait for the running ones."""
        self._playground.close()
        await super().shutdown(sockets)
