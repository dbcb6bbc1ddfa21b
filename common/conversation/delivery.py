"""Sends an answer: each kind in its own way. Nothing else knows how, or what a repeat after a crash does.

    a new message      reply's lease is confirmed right before it; after a crash in between it may come twice
    an edit            the same text again changes nothing
    a reaction         the same one again changes nothing; where it fails, there is none

docs/guarantees.md says what is promised.
"""

from __future__ import annotations

import logging
from html import escape
from typing import Final

from common.answers import wording
from common.errors import Deferred, Outage, TelegramRefused
from common.messages import Job, SendReply, Words
from common.runtime.leases import confirm_lease
from common.telegram.client import Telegram
from common.telegram.sending import MAX_TEXT_LENGTH, Target

QUOTE_LENGTH: Final = 100

_log = logging.getLogger(__name__)


class Delivery:
    """Sends answers.

    Args:
        telegram: Where to.
    """

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram

    async def deliver(self, message: SendReply) -> None:
        """Send an answer.

        Raises:
            Deferred: It is too early.
            Outage: Telegram or Redis is down.
            TelegramRefused: Telegram refuses it for good.
        """
        job = message.job
        if job.chat_id is None:
            return
        if message.reaction:
            await self._react(job, message.reaction)
            return
        html, buttons = worded(message), message.content.buttons if isinstance(message.content, Words) else ()
        if message.edits:
            await self._telegram.edit(job.chat_id, message.edits, html, buttons, confirm_lease)
        else:
            target = Target(job.chat_id, job.message_id, job.thread_id, job.topic_id)
            await self._telegram.send(target, html, buttons, confirm_lease)

    async def _react(self, job: Job, emoji: str) -> None:
        """React to the job's message. Only manners: whatever goes wrong, nobody waits for it."""
        if job.chat_id is None or job.message_id is None:
            return
        try:
            await self._telegram.react(job.chat_id, job.message_id, emoji)
        except (Deferred, Outage, TelegramRefused) as error:
            _log.debug("job=%s: no reaction: %s", job.id, error)


def worded(message: SendReply) -> str:
    """The answer as Telegram's HTML, after the link that it is about where the message had several.

    What a hidden picture shows is hidden as well. Words of our own say nothing about it.
    """
    quote = message.job.quote
    about = f"<i>{escape(wording.shortened(quote, QUOTE_LENGTH), quote=False)}</i>\n" if quote else ""
    if isinstance(message.content, Words):
        # Cut before escaping: Telegram counts the characters that are left after parsing.
        text = message.content.text[: MAX_TEXT_LENGTH - QUOTE_LENGTH - 1]
        return about + escape(text, quote=False)
    answer = about + wording.worded(message.content, message.job.subject)
    return f"<tg-spoiler>{answer}</tg-spoiler>" if message.job.spoiler else answer
