"""Server-sent events of the playground."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx

from playground.json_types import Json


async def events(stream: httpx.Response) -> AsyncIterator[Json]:
    """Events, as they come."""
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
