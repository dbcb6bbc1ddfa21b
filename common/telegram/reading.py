"""Reads a raw update. Only ids must be there: each other field is read by itself, or left out.

Telegram adds fields, and changes shapes, several times a year; older servers send other shapes. A photo is answered
all the same. python-telegram-bot's own types insist on every field that they know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from common.telegram import raw, rich
from common.telegram.said import ChatKind, Content, Event, Mark, Membership, Original, Pressed, Quote, Said, Text

UPDATES: Final = ("message", "callback_query", "guest_message", "my_chat_member")
"""The kinds of updates that the bot reads. Telegram keeps the last list that it was sent, and drops all other kinds
(core.telegram.org/bots/api#getupdates)."""

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


_ADMINS: Final = frozenset({"creator", "administrator"})
_IN_A_CHAT: Final = _ADMINS | {"member"}


def read(update: dict[str, Any]) -> Event | None:
    """What an update brings; None if that is of a kind that the bot does not read.

    Raises:
        ValueError: It lacks an id that cannot be done without: a message's, its chat's, or a query's.
    """
    for kind, reader in _READERS.items():
        if kind in update:
            return reader(raw.fields(update[kind]))
    return None


def _message(message: dict[str, Any]) -> Said:
    chat = raw.fields(message.get("chat"))
    chat_id, message_id = raw.number(chat.get("id")), raw.number(message.get("message_id"))
    if chat_id is None or message_id is None:
        raise ValueError("a message without its id or the id of its chat")
    person, channel = raw.fields(message.get("from")), raw.fields(message.get("sender_chat"))
    thread_id = raw.number(message.get("message_thread_id")) if message.get("is_topic_message") is True else None
    return Said(
        chat_id=chat_id,
        message_id=message_id,
        is_private=_is_private(chat),
        sender_id=raw.number((channel or person).get("id")),
        language=raw.text(person.get("language_code")),
        is_from_bot=person.get("is_bot") is True and not channel,
        is_automatic_forward=message.get("is_automatic_forward") is True,
        thread_id=thread_id,
        topic_id=_topic_id(message),
        typed=raw.text(message.get("text")),
        content=_content(message),
        reply_to=_reply_to(message.get("reply_to_message"), chat_id, thread_id),
        external_reply=_external_reply(message.get("external_reply")),
        quote=_quote(message.get("quote")),
        moves_to=raw.number(message.get("migrate_to_chat_id")),
        fields=_fields(message),
    )


def _guest_message(message: dict[str, Any]) -> Said:
    """A guest's message. It is alone: in no album and no topic.

    Its chat may have the id of another one that the bot is in, so nothing may be kept by that.
    """
    query = raw.text(message.get("guest_query_id"))
    if not query:
        raise ValueError("a guest's message without the id of its query")
    said = _message(message)
    alone = msgspec.structs.replace(said.content, album="")
    return msgspec.structs.replace(
        said, guest_query=query, is_private=False, thread_id=None, topic_id=None, moves_to=None, content=alone
    )


def _callback_query(query: dict[str, Any]) -> Pressed:
    query_id = raw.text(query.get("id"))
    if not query_id:
        raise ValueError("a callback query without its id")
    person, message = raw.fields(query.get("from")), raw.fields(query.get("message"))
    chat = raw.fields(message.get("chat"))
    return Pressed(
        query=query_id,
        data=raw.text(query.get("data")),
        sender_id=raw.number(person.get("id")),
        language=raw.text(person.get("language_code")),
        chat_id=raw.number(chat.get("id")),
        message_id=raw.number(message.get("message_id")),
        is_private=_is_private(chat),
        thread_id=raw.number(message.get("message_thread_id")) if message.get("is_topic_message") is True else None,
        topic_id=_topic_id(message),
    )


def _my_chat_member(change: dict[str, Any]) -> Membership:
    chat, person = raw.fields(change.get("chat")), raw.fields(change.get("from"))
    chat_id = raw.number(chat.get("id"))
    if chat_id is None:
        raise ValueError("a change of membership without the id of its chat")
    kinds = {"channel": ChatKind.CHANNEL, "private": ChatKind.PRIVATE}
    return Membership(
        chat_id=chat_id,
        kind=kinds.get(raw.text(chat.get("type")), ChatKind.GROUP),
        was_in=_is_member(raw.fields(change.get("old_chat_member"))),
        is_in=_is_member(raw.fields(change.get("new_chat_member"))),
        is_admin=raw.text(raw.fields(change.get("new_chat_member")).get("status")) in _ADMINS,
        sender_id=raw.number(person.get("id")),
        language=raw.text(person.get("language_code")),
    )


_READERS: Final[dict[str, Callable[[dict[str, Any]], Event]]] = {
    "message": _message,
    "callback_query": _callback_query,
    "guest_message": _guest_message,
    "my_chat_member": _my_chat_member,
}


def _is_private(chat: dict[str, Any]) -> bool:
    """Whether it is a person's own chat with the bot. Groups and channels have negative ids."""
    return chat["type"] == "private" if raw.text(chat.get("type")) else (raw.number(chat.get("id")) or 0) > 0


def _topic_id(message: dict[str, Any]) -> int | None:
    return raw.number(raw.fields(message.get("direct_messages_topic")).get("topic_id"))


def _is_member(member: dict[str, Any]) -> bool:
    """Whether a ``ChatMember`` is in the chat: a restricted one may have left (Bot API, ChatMemberRestricted)."""
    status = raw.text(member.get("status"))
    return member.get("is_member") is True if status == "restricted" else status in _IN_A_CHAT


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
        origin_id=_origin_id(message),
        spoiler=message.get("has_media_spoiler") is True,
    )


def _origin_id(message: dict[str, Any]) -> int | None:
    """Who first sent a forwarded message. ``forward_from`` is what servers before Bot API 7.0 say."""
    person = raw.fields(raw.fields(message.get("forward_origin")).get("sender_user"))
    return raw.number((person or raw.fields(message.get("forward_from"))).get("id"))


def _fields(message: dict[str, Any]) -> frozenset[str]:
    """Which fields the message has. An empty object is there: that is how a closed topic looks."""
    return frozenset(name for name, value in message.items() if value or isinstance(value, dict))


def _reply_to(value: Any, chat_id: int, thread_id: int | None) -> Original | None:
    """The message that is replied to, and what that one replies to, if the server says so."""
    original = _original(value, chat_id, thread_id)
    before = original and _original(raw.fields(value).get("reply_to_message"), chat_id, thread_id)
    return msgspec.structs.replace(original, reply_to=before) if original and before else original


def _original(value: Any, chat_id: int, thread_id: int | None) -> Original | None:
    """A message that is replied to. In a topic every message replies to the topic's head: that says nothing."""
    message = raw.fields(value)
    if not message or (thread_id is not None and raw.number(message.get("message_id")) == thread_id):
        return None
    fields = _fields(message)
    return Original(
        content=_content(message),
        sender_id=raw.number(raw.fields(message.get("from")).get("id")),
        message_id=raw.number(message.get("message_id"))
        if raw.fields(message.get("chat")).get("id", chat_id) == chat_id
        else None,
        is_service=not SERVICE.isdisjoint(fields),
        fields=fields,
    )


def _external_reply(value: Any) -> Original | None:
    message = raw.fields(value)
    if not message:
        return None
    sender = raw.fields(raw.fields(message.get("origin")).get("sender_user"))
    content, link = _content(message), raw.text(raw.fields(message.get("link_preview_options")).get("url"))
    if link and not content.text.text:
        content = msgspec.structs.replace(content, text=Text(link, (Mark(kind="url", start=0, end=len(link)),)))
    return Original(content=content, sender_id=raw.number(sender.get("id")), fields=_fields(message))


def _quote(value: Any) -> Quote | None:
    quoted = raw.fields(value)
    words = raw.marked(quoted.get("text"), quoted.get("entities"))
    return Quote(text=words, chosen=quoted.get("is_manual") is True) if words.text else None
