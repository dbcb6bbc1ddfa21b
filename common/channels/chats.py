"""What is remembered of a chat: what it prefers, what it was told lately, and whether it is blocked.

Few keys, each of which expires: README.md, "What is stored, and for how long". Only who is blocked stays until an
operator lifts it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from common.channels.keys import Keys
from common.channels.outages import as_outage
from common.channels.scripts import Call, Scripts, text


@dataclasses.dataclass(frozen=True)
class ChatLimits:
    """How long chats are remembered. Tests pass smaller limits.

    Attributes:
        preferences_ms: What a chat prefers, since its last message to the bot: 180 days.
        press_ms: That a button was pressed, so that an update that is read again changes nothing. Telegram keeps
            updates for a day.
        hint_ms: What a chat was told, at most.
    """

    preferences_ms: int = 180 * 24 * 3600 * 1000
    press_ms: int = 48 * 3600 * 1000
    hint_ms: int = 3600 * 1000


CHATS: Final = ChatLimits()
"""The bot's limits."""


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chat prefers. The defaults are not stored; unknown ones, of a newer version, are left as they are.

    Attributes:
        short: Answers are the sentence alone, without the other guesses.
        every_photo: In a group, the bot looks at every photo, and not only at those that it is asked about.
        buttons: Whether there are buttons below answers; None if the chat has not chosen.
        language: What the chat is answered in, by a code of ``common.languages``; '' if it has not chosen.
    """

    short: bool = False
    every_photo: bool = False
    buttons: bool | None = None
    language: str = ""


DEFAULTS: Final = Preferences()


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a chat. ``is_blocked``: an operator has blocked it, or the person who writes there."""

    preferences: Preferences = DEFAULTS
    is_blocked: bool = False


class Chats:
    """The chats of one namespace. A chat is named as in ``Job.chat``.

    Each method raises ``Outage`` when Redis is away, or refuses.

    Args:
        scripts: Runs the scripts.
        keys: The keys of the namespace.
        limits: How long chats are remembered.
    """

    def __init__(self, scripts: Scripts, keys: Keys, limits: ChatLimits = CHATS) -> None:
        self._scripts = scripts
        self._keys = keys
        self._limits = limits

    async def recall(self, chat: str, person: int | None) -> Remembered:
        """What is remembered of a chat, and of who writes there. Its preferences live on from now."""
        ids = (chat,) if person is None else (chat, str(person))
        keys = (self._keys.preferences(chat), self._keys.blocked)
        is_blocked, found = await self._run(Call("recall_chat", keys, (self._limits.preferences_ms, *ids)))
        return Remembered(preferences=_preferences(found), is_blocked=bool(is_blocked))

    async def prefer(self, chat: str, name: str, value: str, press: str) -> Preferences:
        """Set a preference for a press, once: an update that is read again changes nothing. Gives all preferences.

        Args:
            chat: The chat.
            name: Which one, of ``Preferences``.
            value: "1" for yes, or a language's code; "" for the default.
            press: The callback query's id.
        """
        keys = (self._keys.preferences(chat), self._keys.pressed(press))
        args = (self._limits.preferences_ms, self._limits.press_ms, name, value)
        return _preferences(await self._run(Call("prefer", keys, args)))

    async def may_tell(self, chat: str, what: str, update: str, kept_ms: int) -> bool:
        """Whether the bot may say something in a chat, and remember that: once in ``kept_ms``.

        Args:
            chat: The chat.
            what: A name for what is said.
            update: The update for which it is said. One that is read again may say it again.
            kept_ms: How long nothing else may say it; up to ``ChatLimits.hint_ms``, as /privacy promises.
        """
        if kept_ms > self._limits.hint_ms:
            msg = f"what a chat was told is kept for {self._limits.hint_ms} ms at most, not for {kept_ms}"
            raise ValueError(msg)
        return bool(await self._run(Call("tell_once", (self._keys.hints(chat),), (what, update, kept_ms))))

    async def forget(self, chat: str, press: str = "") -> bool:
        """Forget a chat: what it prefers, what it was told, its albums, and its dead letters.

        Of a person's own chat with the bot, also what is kept of them as a guest. Who is blocked stays blocked, and
        what is under way goes on.

        Args:
            chat: The chat.
            press: The callback query's id, if it is forgotten once for a press; '' for a change that cannot come late.

        Returns:
            Whether it is forgotten now, and was not before by the same press.
        """
        names = (chat, f"g{chat}") if chat.isdecimal() else (chat,)
        keys = [self._keys.dead, self._keys.told, self._keys.pressed(press)]
        for name in names:
            keys += [self._keys.preferences(name), self._keys.hints(name), self._keys.albums(name)]
        return bool(await self._run(Call("forget", keys, (self._limits.press_ms if press else "", *names))))

    async def block(self, id_: str, *, blocks: bool) -> bool:
        """Block a chat or a person, or serve them again. Whether that changed anything."""
        return bool(await self._run(Call("block", (self._keys.blocked,), (id_, "1" if blocks else ""))))

    async def blocked(self) -> list[str]:
        """Who is blocked, by ids of chats and persons in the order of their numbers."""
        with as_outage("who is blocked"):
            async with self._scripts.time_limit():
                members: Any = await self._scripts.redis.smembers(self._keys.blocked)
        return sorted(map(text, members), key=lambda id_: (len(id_), id_))

    async def _run(self, call: Call) -> Any:
        with as_outage("what is remembered of a chat"):
            return await self._scripts.run(call)


def _preferences(found: Sequence[bytes]) -> Preferences:
    stored = dict(zip(map(text, found[::2]), map(text, found[1::2]), strict=True))
    chosen = {name: stored[name] if name == "language" else stored[name] == "1" for name in stored}
    return msgspec.convert(chosen, Preferences)
