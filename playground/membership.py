"""Who is what in a chat, as getChatMember and the update my_chat_member say it."""

from __future__ import annotations

import time

from playground.chat import Chat
from playground.errors import ApiError
from playground.json_types import Json

_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
)
"""https://core.telegram.org/bots/api#chatmemberadministrator; here each administrator has all of them."""


def member(chat: Chat, user: Json, owner_id: int) -> Json:
    """A person of a chat as ChatMember. Everybody is a member of every group.

    Args:
        chat: The chat.
        user: The person, or the bot.
        owner_id: The id of the person who owns each group.

    Raises:
        ApiError: 400: in a private chat, nobody else is a member.
    """
    if chat.kind == "private":
        if user["id"] != chat.id and not user["is_bot"]:
            raise ApiError(400, "Bad Request: member not found")
        return _member(user, "member")
    if user["id"] == owner_id:
        return _member(user, "creator") | {"is_anonymous": False}
    if user["id"] in chat.administrators:
        rights = dict.fromkeys(_RIGHTS, True)
        return _member(user, "administrator") | {"can_be_edited": False, "is_anonymous": False} | rights
    return _member(user, "member")


def change(chat: Chat, by: Json, bot: Json, old: str, new: str) -> Json:
    """ChatMemberUpdated for the bot: its status before and after, and who changed it."""
    return {
        "chat": chat.as_json,
        "from": by,
        "date": int(time.time()),
        "old_chat_member": _member(bot, old),
        "new_chat_member": _member(bot, new),
    }


def _member(user: Json, status: str) -> Json:
    return {"user": user, "status": status} | ({"until_date": 0} if status == "kicked" else {})
