"""Redis's errors as one of ours, for code that waits until what it asks for is back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from redis.exceptions import RedisError

from common.errors import Outage


@contextlib.contextmanager
def as_outage(what: str) -> Iterator[None]:
    """Raise ``Outage`` where Redis is away, or refuses. ``what`` says what is asked for: "where a job is"."""
    try:
        yield
    except RedisError as error:
        msg = f"cannot ask Redis {what}: {error}"
        raise Outage(msg) from error
