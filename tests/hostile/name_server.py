"""A DNS server for tests, on a free UDP port of 127.0.0.1 (RFC 1035): it answers each name as the test says."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from common.web.names import Names

_TYPES = {1: 4, 28: 6}  # A and AAAA, and the addresses that they carry
_SILENT = "silent"
EVERY_NAME = "*"


class NameServer:
    """The server.

    Attributes:
        answers: By name (or ``EVERY_NAME``), the answers to one lookup after the other; the last one is repeated.
            Each is a list of addresses; ``silent4`` or ``silent6`` in it leaves that question unanswered.
        asked: The names that were looked up, once for each type of address.
    """

    def __init__(self, answers: Mapping[str, Sequence[str]]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self._times: Counter[tuple[str, int]] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    def serve(self) -> None:
        """Answer until the socket is closed from outside."""
        while True:
            question, client = self._socket.recvfrom(512)
            if not question:
                return
            answer = self._answer(question)
            if answer:
                self._socket.sendto(answer, client)

    def stop(self) -> None:
        """Make ``serve`` return."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self._socket.getsockname())

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _answer(self, question: bytes) -> bytes | None:
        name, end = _name(question)
        kind = struct.unpack_from("!H", question, end)[0]
        self.asked.append(name)
        turns = self.answers.get(name, self.answers.get(EVERY_NAME))
        turn = self._times[name, kind]
        self._times[name, kind] += 1
        if turns is None:
            return question[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question[12 : end + 4]  # NXDOMAIN
        addresses = turns[min(turn, len(turns) - 1)].split()
        if f"{_SILENT}{_TYPES[kind]}" in addresses:
            return None
        records = [
            struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(address.packed)) + address.packed
            for address in (ipaddress.ip_address(text) for text in addresses if not text.startswith(_SILENT))
            if address.version == _TYPES[kind]
        ]
        header = question[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0)
        return header + question[12 : end + 4] + b"".join(records)


@contextlib.contextmanager
def naming(answers: Mapping[str, Sequence[str]]) -> Iterator[NameServer]:
    """A name server with those answers."""
    server = NameServer(answers)
    thread = threading.Thread(target=server.serve, name="name server")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
        server.close()


def names(server: NameServer, folder: Path, hosts: str = "127.0.0.1 localhost\n::1 ip6-localhost\n") -> Names:
    """The lookup of a machine with that name server and that hosts file."""
    (folder / "hosts").write_text(hosts)
    (folder / "resolv.conf").write_text("search internal.example\nnameserver 127.0.0.1\n")
    return Names(
        hosts=folder / "hosts",
        resolv_conf=folder / "resolv.conf",
        port=server.port,
        families=(socket.AF_INET, socket.AF_INET6),
    )


def _name(question: bytes) -> tuple[str, int]:
    """The name in a question, and where it ends."""
    labels, at = [], 12
    while size := question[at]:
        labels.append(question[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return ".".join(labels), at + 1
