"""Our changes to the Redis client."""

from __future__ import annotations

from typing import Any

from common.channels.redis_client import connect
from common.settings import Settings


def test_a_pipeline_is_packed_as_redis_py_packs_it() -> None:
    pool: Any = connect(Settings(redis_url="redis://localhost")).connection_pool
    connection = pool.make_connection()
    commands = [
        ("EVALSHA", "0" * 40, 2, "{whatsit}:a", "{whatsit}:b", "§ и 猫", b"\xff\x00", 7, 1.5, ""),
        ("XINFO GROUPS", "{whatsit}:a"),
        (b"PING",),
    ]
    as_redis_py = b"".join(part for command in commands for part in connection.pack_command(*command))
    assert b"".join(connection.pack_commands(commands)) == as_redis_py
