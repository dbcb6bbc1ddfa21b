"""Answers an album: one message with a line for each photo, in the order of the album, and nothing waited for.

    1  **A bull mastiff** (88%)
    2  …

The first photo that is ready sends it, each further one changes it, once a second at most; one change shows all lines
that are known then. Each of them gives the whole text, so that a repeat changes nothing. After a crash between sending
and noting it, it may be sent twice: the second one is the one that goes on. If people delete it, the next photo sends
a new one. As long as only one photo has come, as with privacy mode on, its answer is like that to any photo.
"""

from __future__ import annotations

import re
import time
from html import escape, unescape
from typing import Final

from common.answers import wording
from common.channels.albums import Albums, Turn
from common.errors import AlbumWaits, Outage, RateLimited, TelegramRefused
from common.messages import Job, Predictions, SendReply
from common.runtime.leases import confirm_lease
from common.telegram import refusals
from common.telegram.client import Telegram
from common.telegram.connection import ChatMoved
from common.telegram.sending import MAX_TEXT_LENGTH, Target

DOTS: Final = "…"
WORDS_LENGTH: Final = 160
MOST_TURNS: Final = 3
"""That one job takes in a row, because its message is gone or somebody else had a turn. Then it comes again."""

_AGAIN_S: Final = 1.0
_TAG: Final = re.compile("<[^<>]*>")
_BETWEEN_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")


async def send(telegram: Telegram, albums: Albums, message: SendReply, alone: str) -> None:
    """Send a photo's answer as its line of the album's message.

    Args:
        telegram: Where to.
        albums: What is known of the album.
        message: The answer.
        alone: The answer as HTML, as it is if no other photo has come.

    Raises:
        Deferred: It is too early.
        Outage: Telegram or Redis is down.
        TelegramRefused: Telegram refuses it for good.
    """
    line = line_of(message)
    for _ in range(MOST_TURNS):
        turn = await albums.take_turn(message.job, line)
        if turn is None or await _show(telegram, albums, message.job, turn, alone):
            return
    raise AlbumWaits(_AGAIN_S, message.job.album)


def line_of(message: SendReply) -> str:
    """The line of a photo as Telegram's HTML. What a hidden picture shows is hidden as well."""
    content = message.content
    if isinstance(content, Predictions):
        line = wording.line(content, message.job.subject, message.job.language)
        return f"<tg-spoiler>{line}</tg-spoiler>" if message.job.spoiler else line
    return escape(_first_sentences(content.said(message.job.language)), quote=False)


def worded(turn: Turn, alone: str) -> str:
    """The album's message as Telegram's HTML. Lines that do not fit, which no ten have, are left out."""
    if not turn.is_album:
        return alone
    lines, length = [], len(DOTS)
    for number, line in turn.lines:
        lines.append(f"{number}  {line or DOTS}")
        length += len(unescape(_TAG.sub("", lines[-1]))) + 1  # as Telegram counts
        if length > MAX_TEXT_LENGTH:
            return "\n".join([*lines[:-1], DOTS])
    return "\n".join(lines)


async def _show(telegram: Telegram, albums: Albums, job: Job, turn: Turn, alone: str) -> bool:
    """Send or change the message. False if it may say something else meanwhile, or no longer exists."""
    try:
        message_id = await _sent(telegram, job, turn, worded(turn, alone))
    except RateLimited as limited:
        await albums.end_turn(job, turn, pause_s=limited.retry_after_s)
        raise
    except Outage:
        await albums.end_turn(job, turn, pause_s=_AGAIN_S)  # as long as its own job waits
        raise
    except TelegramRefused as refused:
        gone = bool(turn.message_id) and (refusals.is_gone(refused) or isinstance(refused, ChatMoved))
        await albums.end_turn(job, turn, gone=gone)
        if not gone:
            raise
        return False
    return await albums.end_turn(job, turn, message_id)


async def _sent(telegram: Telegram, job: Job, turn: Turn, html: str) -> int:
    """Send or change the message, and give its id."""

    async def confirm() -> None:
        if time.monotonic() > turn.ends_at:  # it has waited for the flood limits
            raise AlbumWaits(_AGAIN_S, job.album)
        await confirm_lease()

    chat_id = job.chat_id or 0
    if turn.message_id:
        await telegram.edit(chat_id, turn.message_id, html, (), confirm)
        return turn.message_id
    return await telegram.send(Target(chat_id, turn.reply_to or None, job.thread_id, job.topic_id), html, (), confirm)


def _first_sentences(text: str) -> str:
    """As many whole sentences as fit into a line, or a part of the first one."""
    first, *others = _BETWEEN_SENTENCES.split(" ".join(text.split()))
    kept = wording.shortened(first, WORDS_LENGTH)
    for sentence in others:
        if len(kept) + 1 + len(sentence) > WORDS_LENGTH:
            break
        kept = f"{kept} {sentence}"
    return kept
