"""The jobs that an update begins: its own, and one for each thing that it asks for."""

from __future__ import annotations

from typing import Any

from telegram.constants import ChatType

from common.messages import AcceptUpdate, Job


def job_of(update: dict[str, Any], bot_id: str, now: float) -> Job:
    """A raw update's own job. It knows where to apologise if the update cannot be read: in a private chat only.

    Args:
        update: The update as the Bot API sent it. Only its id must exist.
        bot_id: The bot that it was sent to.
        now: The time, in Unix seconds.
    """
    message = update.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    private = isinstance(chat, dict) and chat.get("type") == ChatType.PRIVATE and isinstance(chat.get("id"), int)
    return Job(
        id=f"{bot_id}-{update['update_id']}",
        chat_id=chat["id"] if private and chat else None,
        message_id=None,
        accepted_at=now,
    )


def job_within(accepted: AcceptUpdate, index: int, quote: str = "") -> Job:
    """The job of one thing that an update asks for. The update was read before, so its message is valid.

    Args:
        accepted: The update.
        index: Which of the things it is, from 0.
        quote: The link that the answer is about, if the message asks for several things.
    """
    message = accepted.update["message"]
    return Job(
        id=f"{accepted.job.id}-{index}",
        chat_id=message["chat"]["id"],
        message_id=message["message_id"],
        thread_id=message.get("message_thread_id") if message.get("is_topic_message") else None,
        user_id=(message.get("sender_chat") or message.get("from") or {}).get("id"),
        accepted_at=accepted.job.accepted_at,
        quote=quote,
    )
