"""A proxy in front of Redis that breaks a client's connection at one chosen command.

async with RedisProxy(server.socket, Fault(number=7, executed=True)).listening(path):
    ...

It handles the commands of a connection one after the other, so it knows which reply belongs to which command. After a
connection has subscribed, it passes everything through.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

Command: TypeAlias = tuple[bytes, ...]

_CHUNK_BYTES = 2**16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """Which command breaks its connection.

    Attributes:
        number: Its place among all commands that come, from 1 on.
        executed: True: Redis executes it, and only the reply is lost. False: it does not reach Redis.
        times: How often the fault happens in all, if the client repeats the same command.
    """

    number: int
    executed: bool
    times: int = 1


class RedisProxy:
    """See the module.

    Args:
        server: The unix socket of Redis.
        fault: The fault; None for a proxy without one.

    Attributes:
        commands: Every command that a client has sent, in order.
    """

    def __init__(self, server: Path, fault: Fault | None = None) -> None:
        self.commands: list[Command] = []
        self._server = server
        self._fault = fault
        self._struck = 0

    @contextlib.asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[RedisProxy]:
        """Listen on a unix socket for as long as the context lasts."""
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            connections.add(asyncio.create_task(self._serve(reader, writer)))

        async with await asyncio.start_unix_server(accept, path):
            try:
                yield self
            finally:
                for connection in connections:
                    connection.cancel()
                broken = await asyncio.gather(*connections, return_exceptions=True)
        for error in broken:
            if isinstance(error, Exception):
                raise error

    async def _serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._server)
        commands = _Commands(client)
        passing: asyncio.Task[None] | None = None
        try:
            while command := await commands.next():
                self.commands.append(command)
                if passing:
                    to_server.write(_packed(command))
                    continue
                fault = self._fault_of(command)
                if fault and not fault.executed:
                    return
                to_server.write(_packed(command))
                reply = await _read_reply(server)
                if fault:
                    return
                to_client.write(reply)
                if command[0].upper() == b"SUBSCRIBE":
                    passing = asyncio.create_task(_pass_on(server, to_client))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # one side is closed, so the other side is closed, too
        finally:
            if passing:
                passing.cancel()
            to_client.close()
            to_server.close()

    def _fault_of(self, command: Command) -> Fault | None:
        """The fault, if it applies to this command, the latest one."""
        fault = self._fault
        if fault is None or fault.number > len(self.commands) or self._struck == fault.times:
            return None
        if command != self.commands[fault.number - 1]:
            return None
        self._struck += 1
        return fault


class _Commands:
    """A client's commands: arrays of bulk strings (redis.io/docs/latest/develop/reference/protocol-spec)."""

    def __init__(self, client: StreamReader) -> None:
        self._client = client
        self._unread = b""

    async def next(self) -> Command | None:
        """The next command; None at the end."""
        while True:
            with contextlib.suppress(ValueError):  # not whole yet
                return self._first()
            chunk = await self._client.read(_CHUNK_BYTES)
            if not chunk:
                return None
            self._unread += chunk

    def _first(self) -> Command:
        """Take the first command from the unread bytes.

        Raises:
            ValueError: It is not whole yet.
        """
        parts, (length, at) = [], self._number(0)
        for _ in range(length):
            length, at = self._number(at)
            parts.append(self._unread[at : at + length])
            at += length + 2
        if at > len(self._unread):
            raise ValueError
        self._unread = self._unread[at:]
        return tuple(parts)

    def _number(self, at: int) -> tuple[int, int]:
        """The number in a line such as "$12", and where the next line begins."""
        end = self._unread.index(b"\r\n", at)
        return int(self._unread[at + 1 : end]), end + 2


def _packed(command: Command) -> bytes:
    parts = (b"$%d\r\n%b\r\n" % (len(part), part) for part in command)
    return b"*%d\r\n%b" % (len(command), b"".join(parts))


async def _read_reply(reader: StreamReader) -> bytes:
    """One reply of any type, unchanged."""
    head = await reader.readuntil(b"\r\n")
    kind, number = head[:1], head[1:-2]
    if kind == b"$" and number != b"-1":
        return head + await reader.readexactly(int(number) + 2)
    if kind == b"*":
        return head + b"".join([await _read_reply(reader) for _ in range(int(number))])
    return head


async def _pass_on(server: StreamReader, to_client: StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await server.read(_CHUNK_BYTES):
            to_client.write(chunk)
    to_client.close()
