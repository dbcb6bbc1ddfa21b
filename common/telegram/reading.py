"""Reads a raw update. Only the message's two ids must be there: each other field is read by itself, or left out.

Telegram adds fields, and changes shapes, several times a year; older servers send other shapes. A photo is answered
all the same. python-telegram-bot's own types insist on every field that they know.
"""

from __future__ import annotations

from typing import Any, Final

from common.telegram import raw, rich
from common.telegram.said import Content, Original, Quote, Said

SERVICE: Final = frozenset(
    {
        *("new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo"),
        *("group_chat_created", "supergroup_chat_created", "channel_chat_created", "migrate_to_chat_id"),
        *("migrate_from_chat_id", "message_auto_delete_timer_changed", "pinned_message", "connected_website"),
        *("write_access_allowed", "users_shared", "user_shared", "chat_shared", "passport_data", "web_app_data"),
        *("successful_payment", "refunded_payment", "gift", "unique_gift", "gift_upgrade_sent"),
        *("proximity_alert_triggered", "boost_added", "chat_background_set", "checklist_tasks_added"),
        *("checklist_tasks_done", "poll_option_added", "poll_option_deleted", "managed_bot_created"),
        *("forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"),
        *("general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed"),
        *("video_chat_scheduled", "video_chat_started", "video_chat_ended", "video_chat_participants_invited"),
        *("voice_chat_scheduled", "voice_chat_started", "voice_chat_ended", "voice_chat_participants_invited"),
        *("paid_message_price_changed", "direct_message_price_changed", "suggested_post_approved"),
        *("suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid"),
        *("suggested_post_refunded", "chat_owner_left", "chat_owner_changed", "community_chat_added"),
        *("community_chat_joined", "community_chat_removed"),
    }
)
"""The fields of service messages: somebody joined, a topic was opened, … (core.telegram.org/bots/api#message,
Bot API 10.2)."""


def read(update: dict[str, Any]) -> Said | None:
    """The new message that an update brings; None if it brings another thing.

    Raises:
        ValueError: The message has no id, or no chat with an id.
    """
    if "message" not in update:
        return None
    message = raw.fields(update["message"])
    chat = raw.fields(message.get("chat"))
    chat_id, message_id = raw.number(chat.get("id")), raw.number(message.get("message_id"))
    if chat_id is None or message_id is None:
        raise ValueError("a message without its id or the id of its chat")
    sender, channel = raw.fields(message.get("from")), raw.fields(message.get("sender_chat"))
    return Said(
        chat_id=chat_id,
        message_id=message_id,
        # Groups and channels have negative ids.
        is_private=chat["type"] == "private" if raw.text(chat.get("type")) else chat_id > 0,
        sender_id=raw.number((channel or sender).get("id")),
        is_from_bot=sender.get("is_bot") is True and not channel,
        is_automatic_forward=message.get("is_automatic_forward") is True,
        thread_id=raw.number(message.get("message_thread_id")) if message.get("is_topic_message") is True else None,
        topic_id=raw.number(raw.fields(message.get("direct_messages_topic")).get("topic_id")),
        typed=raw.text(message.get("text")),
        content=_content(message),
        reply_to=_reply_to(message.get("reply_to_message"), chat_id),
        external_reply=_external_reply(message.get("external_reply")),
        quote=_quote(message.get("quote")),
        fields=_fields(message),
    )


def _content(message: dict[str, Any]) -> Content:
    found = raw.media(message)
    words = raw.marked(message.get("text"), message.get("entities"))
    if not words.text:
        words = raw.marked(message.get("caption"), message.get("caption_entities"))
    blocks = rich.content(message.get("rich_message"))
    return Content(
        media=(*found, *blocks.media),
        text=words if words.text else blocks.text,
        album=raw.text(message.get("media_group_id")),
    )


def _fields(message: dict[str, Any]) -> frozenset[str]:
    """Which fields the message has. An empty object is there: that is how a closed topic looks."""
    return frozenset(name for name, value in message.items() if value or isinstance(value, dict))


def _reply_to(value: Any, chat_id: int) -> Original | None:
    message = raw.fields(value)
    if not message:
        return None
    return Original(
        content=_content(message),
        sender_id=raw.number(raw.fields(message.get("from")).get("id")),
        message_id=raw.number(message.get("message_id"))
        if raw.fields(message.get("chat")).get("id", chat_id) == chat_id
        else None,
        is_service=not SERVICE.isdisjoint(_fields(message)),
    )


def _external_reply(value: Any) -> Original | None:
    message = raw.fields(value)
    if not message:
        return None
    sender = raw.fields(raw.fields(message.get("origin")).get("sender_user"))
    return Original(content=_content(message), sender_id=raw.number(sender.get("id")))


def _quote(value: Any) -> Quote | None:
    quoted = raw.fields(value)
    words = raw.marked(quoted.get("text"), quoted.get("entities"))
    return Quote(text=words, chosen=quoted.get("is_manual") is True) if words.text else None
