"""What the bot says to words that ask for nothing: one friendly line; below its own answers, a heart."""

from __future__ import annotations

from typing import Final

from common import words
from common.conversation.bot import Asking, Bot
from common.messages import Job, SendReply, Words
from common.telegram.small_talk import SmallTalk, Talk

SHORTER_FOR_MS: Final = 3600 * 1000
"""The line is shorter if the chat has read the whole one within this time."""


async def answer(bot: Bot, asking: Asking, job: Job, item: SmallTalk) -> SendReply:
    """The answer to small talk.

    Raises:
        Outage: Redis is away.
    """
    match item.talk:
        case Talk.APPLAUSE:
            return SendReply(job=job, content=Words.of(words.HEART), reaction=words.HEART)
        case Talk.THANKS:
            text = words.WELCOME
        case Talk.BROKEN_LINK:
            text = words.BROKEN_LINK
        case Talk.WORDS:
            is_first = await bot.channels.chats.may_tell(asking.chat, "talk", asking.update, SHORTER_FOR_MS)
            text = words.I_LOOK if is_first else words.I_LOOK_AGAIN
    return SendReply(job=job, content=Words.of(text))
