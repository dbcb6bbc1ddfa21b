"""The job of an update itself, before the update is read."""

from __future__ import annotations

from typing import Any

from common.messages import Job
from common.telegram import raw
from common.telegram.reading import UPDATES


def job_of(update: dict[str, Any], bot_id: str, now: float) -> Job:
    """A raw update's own job. It knows where to apologise if the update cannot be read.

    That is a private chat, or a guest's query. In a group nobody may have asked for anything.

    Args:
        update: The update as the Bot API sent it. Only its id must exist.
        bot_id: The bot that it was sent to.
        now: The time, in Unix seconds.
    """
    kind = next((kind for kind in UPDATES if kind in update), "")
    event = raw.fields(update.get(kind))
    message = raw.fields(event.get("message")) if kind == "callback_query" else event
    chat = raw.fields(message.get("chat"))
    guest_query = raw.text(event.get("guest_query_id")) if kind == "guest_message" else ""
    apologises_here = kind in {"message", "callback_query"} and chat.get("type") == "private"
    return Job(
        id=f"{bot_id}-{update['update_id']}",
        chat_id=raw.number(chat.get("id")) if apologises_here else None,
        message_id=None,
        accepted_at=now,
        user_id=raw.number(raw.fields(event.get("from")).get("id")) if guest_query else None,
        guest_query=guest_query,
    )
