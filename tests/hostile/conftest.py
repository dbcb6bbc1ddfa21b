"""A small internet, and the names in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.web.names import Names
from tests.hostile.name_server import NameServer, names, naming
from tests.hostile.network import Network, network


@pytest.fixture
def internet() -> Iterator[Network]:
    """Every address, private or public, answers from this machine."""
    with network() as internet:
        yield internet


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    """A name server that knows one public host."""
    with naming({"public.example": ["93.184.215.14"]}) as server:
        yield server


@pytest.fixture
def machine(name_server: NameServer, tmp_path: Path) -> Names:
    """A machine that asks that name server."""
    return names(name_server, tmp_path)
