"""Answers a guest: somebody who asks in a chat that the bot is not in. One answer, of two lines at most, no buttons.

Busy, too fast, a refusal and an apology are that answer, too. It may be repeated after a crash: Telegram takes it once.
After a minute nobody waits for it.
"""

from __future__ import annotations

import logging
import time
from html import escape
from typing import Final

from common import words
from common.answers import wording
from common.errors import Expired
from common.languages.speech import say
from common.messages import GUEST_WAITS_S, FindingKind, Job, Predictions, SendReply
from common.runtime.leases import confirm_lease
from common.telegram.client import Telegram
from common.telegram.sending import MAX_TEXT_LENGTH

SECOND_GUESS_FROM: Final = wording.CLEAR_FROM

_log = logging.getLogger(__name__)


async def send(telegram: Telegram, message: SendReply) -> None:
    """Answer the guest.

    Raises:
        Expired: They have waited too long.
        Deferred: It is too early.
        Outage: Telegram or Redis is down.
        TelegramRefused: Telegram refuses it for good.
    """

    async def confirm() -> None:
        _in_time(message.job)
        await confirm_lease()

    _in_time(message.job)
    if not await telegram.answer_guest(message.job.guest_query, worded(message), confirm):
        _log.info("job=%s was answered before, or Telegram waits no longer for its answer", message.job.id)


def worded(message: SendReply) -> str:
    """The answer as Telegram's HTML: the sentence, and perhaps a line with a clear second guess or a note."""
    language = message.job.language
    note = say(words.first_of(message.job.others + 1), language) if message.job.others else ""
    if isinstance(message.content, Predictions):
        sentence, second = _found(message.content, message.job)
    else:
        text = wording.shortened(" ".join(message.content.said(language).split()), MAX_TEXT_LENGTH - len(note) - 1)
        sentence, second = escape(text, quote=False), ""
    html = "\n".join(filter(None, (sentence, ". ".join(filter(None, (second, note))))))
    hidden = message.job.spoiler and isinstance(message.content, Predictions)
    return f"<tg-spoiler>{html}</tg-spoiler>" if hidden else html


def _found(predictions: Predictions, job: Job) -> tuple[str, str]:
    """The sentence, and what the second line says of other guesses."""
    answer = wording.answer(predictions, job.subject, job.language, job.asked)
    sentence, _, lead = answer.sentence.partition("\n")
    if answer.announces:
        return sentence, " ".join(filter(None, (lead, ", ".join(answer.lines))))
    finding = predictions.finding
    others = finding.guesses[1:] if finding.kind is FindingKind.CLASS else finding.guesses
    is_clear = bool(others) and others[0].probability >= SECOND_GUESS_FROM
    shown = is_clear and answer.lines and not (answer.sure or job.short)
    return sentence, answer.lines[0] if shown else lead


def _in_time(job: Job) -> None:
    if job.is_over(time.time()):
        msg = f"a guest is answered within {GUEST_WAITS_S:g} s"
        raise Expired(msg)
