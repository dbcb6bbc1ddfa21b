"""What the bot says and does when it is added to a chat, or removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from common import words
from common.conversation.bot import Bot
from common.conversation.preferences import language_of
from common.messages import AcceptUpdate, Job, Kind, Message, SendReply, Words
from common.telegram.said import ChatKind, Membership

_GREETING: Final = "greeting"
_ONCE_IN_MS: Final = 60_000
"""A group is greeted once in this time, unless the bot was removed. Within it, a group has become a supergroup."""


async def greet(bot: Bot, accepted: AcceptUpdate, membership: Membership) -> Sequence[Message]:
    """The greeting of a group that the bot was added to; nothing for other changes, and in other chats.

    Raises:
        Outage: Redis is away.
    """
    if membership.was_in and not membership.is_in and membership.kind is not ChatKind.PRIVATE:
        await bot.channels.chats.forget(str(membership.chat_id))
    if membership.kind is not ChatKind.GROUP or membership.was_in or not membership.is_in:
        return ()
    chat = str(membership.chat_id)
    chats = bot.channels.chats
    remembered = await chats.recall(chat, membership.sender_id)
    if remembered.is_blocked:
        return ()
    if not await chats.may_tell(chat, _GREETING, accepted.job.id, _ONCE_IN_MS):
        return ()
    job = Job(
        id=f"{accepted.job.id}-0",
        chat_id=membership.chat_id,
        message_id=None,
        user_id=membership.sender_id,
        # The group has chosen nothing yet, and this is for the one who has added the bot.
        language=language_of(remembered.preferences, membership.language),
        accepted_at=accepted.job.accepted_at,
    )
    return [SendReply(job=job, content=_greeting(bot, membership))]


async def note_move(bot: Bot, accepted: AcceptUpdate, to: int) -> None:
    """Note that a group becomes the supergroup ``to``: the bot is in that from the start, and does not greet it.

    If Telegram says first that the bot is in the supergroup, that cannot be told from being added.
    """
    await bot.channels.chats.may_tell(str(to), _GREETING, accepted.job.id, _ONCE_IN_MS)


def _greeting(bot: Bot, membership: Membership) -> Words:
    if not bot.serves(membership.chat_id):
        return words.refusal(words.NOT_FOR_YOU)
    gets_everything = bot.me.reads_groups or membership.is_admin
    return Words.of(words.greeting(bot.me.username, gets_everything=gets_everything), Kind.COMMAND)
