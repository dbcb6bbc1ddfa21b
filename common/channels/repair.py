"""What the sweeper repairs in the channels, after changes of keys from outside, by hand for example."""

from __future__ import annotations

from common.channels.keys import GROUP, Keys
from common.channels.scripts import Call, Scripts, text
from common.messages import CHANNELS


class Repair:
    """Repairs of one namespace. Each raises ``redis.RedisError`` when Redis is away: run it again later."""

    def __init__(self, scripts: Scripts, keys: Keys) -> None:
        self._scripts = scripts
        self._keys = keys

    async def free_slots(self) -> int:
        """Free the slots of jobs that have ended, and give free ones to waiting jobs. Returns how many were freed."""
        freed = 0
        for key in (self._keys.slots, self._keys.waiting):
            async for members in self._scripts.scan_sorted_set(key):
                if chats := {member.partition(":")[0] for member in members}:
                    freed += await self._scripts.run(Call("free_slots", (), sorted(chats)))
        return freed

    async def drop_strays(self) -> None:
        """Drop notes about messages that do not exist."""
        for name in CHANNELS:
            begun, parked = self._keys.begun(name), self._keys.parked(name)
            keys = (self._keys.stream(name), begun, self._keys.delayed(name), parked)
            for noted in (begun, parked):
                async for ids in self._scripts.scan_hash(noted):
                    if ids:
                        await self._scripts.run(Call("drop_strays", keys, (GROUP, *ids)))

    async def drop_consumers(self, gone_ms: int) -> list[str]:
        """Drop consumers that sent nothing for ``gone_ms`` and have nothing pending. Returns their names."""
        calls = [Call("drop_consumers", (stream,), (GROUP, gone_ms)) for stream in self._keys.streams]
        results = await self._scripts.execute(calls)
        return [text(name) for names in results if isinstance(names, list) for name in names]
