"""The bot's reactions to messages."""

from __future__ import annotations

from playground.errors import ApiError
from playground.parameters import Parameters

_LIST = """
👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥
🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨
🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡
"""
ALLOWED = frozenset(_LIST.split())
"""What bots may set: https://core.telegram.org/bots/api#reactiontypeemoji."""

_SELECTOR = "\ufe0f"
"""Asks for the coloured shape of a character. Telegram leaves it out."""


def emoji(parameters: Parameters) -> list[str]:
    """The emoji that a call sets: one, or no emoji to take the reaction back.

    Raises:
        ApiError: There are several, or it is no emoji that bots may set.
    """
    given = parameters.value("reaction", "reaction types") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ApiError(400, "Bad Request: expected an Array of ReactionType")
    if len(given) > 1:
        raise ApiError(400, "Bad Request: REACTIONS_TOO_MANY")
    found = [str(one.get("emoji", "")).replace(_SELECTOR, "") for one in given]
    if any(one.get("type") != "emoji" for one in given) or not ALLOWED.issuperset(found):
        raise ApiError(400, "Bad Request: REACTION_INVALID")
    return found
