"""Which messages of a group reach the bot.

In privacy mode, as Telegram has it for new bots, those are commands for it, replies to its own messages, and service
messages: https://core.telegram.org/bots/features#privacy-mode. A mention alone does not reach it. Each message counts
for itself: of an album, the photo below which the command stands.
"""

from __future__ import annotations

from playground.formatting import utf16_slice
from playground.json_types import Json

_SERVICE = frozenset(
    {
        "new_chat_members",
        "left_chat_member",
        "new_chat_title",
        "new_chat_photo",
        "delete_chat_photo",
        "group_chat_created",
        "supergroup_chat_created",
        "migrate_to_chat_id",
        "migrate_from_chat_id",
        "pinned_message",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_closed",
        "forum_topic_reopened",
    }
)


def lets_through(message: Json, bot: Json) -> bool:
    """Whether a message reaches the bot in privacy mode."""
    replied_to = message.get("reply_to_message", {}).get("from", {})
    return _is_command(message, bot) or replied_to.get("id") == bot["id"] or not _SERVICE.isdisjoint(message)


def mentions(message: Json, bot: Json) -> bool:
    """Whether a message names the bot in its text or caption."""
    name = f"@{bot['username']}".lower()
    return any(marked.lower() == name for marked, _ in _marked(message, "mention"))


def _is_command(message: Json, bot: Json) -> bool:
    for command, offset in _marked(message, "bot_command"):
        _, _, name = command.partition("@")
        return offset == 0 and name.lower() in {"", bot["username"].lower()}
    return False


def _marked(message: Json, kind: str) -> list[tuple[str, int]]:
    """Each part of the text or caption that is marked so, and where it begins."""
    text = message.get("text") or message.get("caption") or ""
    entities = message.get("entities") or message.get("caption_entities") or []
    return [
        (utf16_slice(text, entity["offset"], entity["length"]), entity["offset"])
        for entity in entities
        if entity["type"] == kind
    ]
