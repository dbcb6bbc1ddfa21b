"""Sends an answer: each kind in its own way. Nothing else knows how, or what a repeat after a crash does.

    a new message      reply's lease is confirmed right before it; after a crash in between it may come twice
    an edit            the same text again changes nothing. One of settings shows what is set when it is sent, and goes
                        on until that is what it says: in whatever order presses are shown, the last one stays
    an album's line    sends the album's message, or edits it: see album_answers.py
    a reaction         the same one again changes nothing; where it fails, there is none
    a guest's answer   Telegram takes it once, and refuses it the second time: see guest_answers.py

docs/guarantees.md says what is promised.
"""

from __future__ import annotations

import logging
from html import escape
from typing import Final

from common.answers import wording
from common.channels.albums import Albums
from common.channels.channels import Channels
from common.channels.chats import Chats
from common.conversation import album_answers, below, guest_answers
from common.conversation.preferences import language_of, shown
from common.errors import Deferred, Outage, TelegramRefused
from common.messages import BUTTONS, SETTINGS, Button, Job, SendReply, Words
from common.runtime.leases import confirm_lease
from common.telegram.client import Telegram
from common.telegram.sending import MAX_TEXT_LENGTH, Buttons, Target

QUOTE_LENGTH: Final = 100
MOST_EDITS: Final = 5
"""Of a message by one job, while its settings change. Each of those changes has a job of its own."""

_log = logging.getLogger(__name__)


class Delivery:
    """Sends answers.

    Args:
        telegram: Where to.
        asks: Whether people are asked if an answer was right.
    """

    albums: Albums
    chats: Chats

    def __init__(self, telegram: Telegram, *, asks: bool = True) -> None:
        self._telegram = telegram
        self._asks = asks

    def open(self, channels: Channels) -> None:
        """Get ready: what is remembered of chats and albums is known from now."""
        self.albums, self.chats = channels.albums, channels.chats

    async def deliver(self, message: SendReply) -> None:
        """Send an answer.

        Raises:
            Deferred: It is too early.
            Outage: Telegram or Redis is down.
            TelegramRefused: Telegram refuses it for good.
            Expired: Nobody waits for it any longer.
        """
        job = message.job
        if job.guest_query:
            await guest_answers.send(self._telegram, message)
            return
        if job.chat_id is None:
            return
        if message.reaction:
            await self._react(job, message.reaction)
            return
        if job.album:
            await album_answers.send(self._telegram, self.albums, message, worded(message))
            return
        content = message.content
        html = worded(message)
        rows = content.buttons if isinstance(content, Words) else below.rows(content, job, asks=self._asks)
        buttons = _said(rows, job.language)
        if message.edits and isinstance(content, Words) and content.shows == SETTINGS:
            await self._show_settings(job, job.chat_id, message.edits)
        elif message.edits and isinstance(content, Words) and content.shows == BUTTONS:
            await self._telegram.edit_buttons(job.chat_id, message.edits, buttons, confirm_lease)
        elif message.edits:
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

    async def _show_settings(self, job: Job, chat_id: int, message_id: int) -> None:
        """Make a message show the settings of its chat.

        Another press may change them meanwhile, and have shown that already: so this looks again after each edit.
        """
        said: Words | None = None
        for _ in range(MOST_EDITS):
            remembered = await self.chats.recall(str(chat_id), None)
            now = shown(remembered.preferences, in_group=chat_id < 0)
            if now == said:
                return
            language = language_of(remembered.preferences, job.language)
            html, buttons = escape(now.said(language), quote=False), _said(now.buttons, language)
            await self._telegram.edit(chat_id, message_id, html, buttons, confirm_lease)
            said = now


def worded(message: SendReply) -> str:
    """The answer as Telegram's HTML, after the link that it is about where the message had several.

    What a hidden picture shows is hidden as well. Words of our own say nothing about it.
    """
    quote = message.job.quote
    about = f"<i>{escape(wording.shortened(quote, QUOTE_LENGTH), quote=False)}</i>\n" if quote else ""
    if isinstance(message.content, Words):
        # Cut before escaping: Telegram counts the characters that are left after parsing.
        text = message.content.said(message.job.language)[: MAX_TEXT_LENGTH - QUOTE_LENGTH - 1]
        return about + escape(text, quote=False)
    job = message.job
    answer = about + wording.worded(message.content, job.subject, job.language, short=job.short, asked=job.asked)
    return f"<tg-spoiler>{answer}</tg-spoiler>" if message.job.spoiler else answer


def _said(buttons: Buttons, language: str) -> Buttons:
    """The buttons with their words in that language."""
    return [[Button(each.said(language), each.data, url=each.url) for each in row] for row in buttons]
