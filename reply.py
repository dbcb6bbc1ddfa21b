"""Words each answer and sends it to the user on Telegram. That ends the job.

in:   SendReply; and ShowTyping, which shows "typing…" to the user
out:  DeleteFiles → garbage_collect, for the files that the job still has; an answer that waits for another one: itself
"""

from __future__ import annotations

import logging
import time
from typing import Final

import msgspec

from common.channels.channels import Channels
from common.channels.order import ORDER, Order, OrderLimits
from common.conversation.delivery import Delivery
from common.conversation.drafts import Drafts
from common.errors import Deferred, Outage, TelegramRefused
from common.messages import DeleteFiles, Predictions, SendReply, ShowTyping, Subject, Words
from common.runtime.process import run
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.telegram.client import Telegram

TYPING_LASTS_S: Final = 5.0  # core.telegram.org/bots/api#sendchataction

_log = logging.getLogger(__name__)


class ReplyWorker(Worker[SendReply | ShowTyping]):
    """Sends answers to Telegram."""

    channel = "reply"
    concurrency = 8

    order: Order

    def __init__(self, settings: Settings, client: Telegram | None = None, limits: OrderLimits = ORDER) -> None:
        super().__init__(settings)
        self.telegram = client or Telegram(settings)
        self.delivery = Delivery(self.telegram, asks=settings.feedback == "on")
        self.drafts = Drafts(self.telegram)
        self.limits = limits

    async def open(self, channels: Channels) -> None:
        """Open the connections to Telegram."""
        self.order = Order(channels.ledger, self.limits)
        self.delivery.open(channels)
        await self.telegram.open()

    async def close(self) -> None:
        """Close the connections to Telegram."""
        await self.telegram.close()

    async def background(self, channels: Channels) -> None:
        """Show people who wait their place in line."""
        await self.drafts.run(channels)

    async def handle(self, message: SendReply | ShowTyping) -> Outputs:
        """Send the answer when it is its turn. If the user has blocked the bot, the job ends without an error."""
        if isinstance(message, ShowTyping):
            self.drafts.wake()
            await self._show_typing(message)
            return None
        waits = message.job.after and not message.job.album  # an album's lines are in order whenever they come
        if waits and not await self.order.is_turn_of(message):
            return msgspec.structs.replace(message, ready_at=time.time())
        began = time.perf_counter()
        if message.job.chat and await self._deliver(message):
            _log.info("%s", _summary(message, (time.perf_counter() - began) * 1000))
        return DeleteFiles(job=message.job, keys=message.files) if message.files else None

    async def _deliver(self, message: SendReply) -> bool:
        try:
            await self.delivery.deliver(message)
        except TelegramRefused as error:
            level = logging.INFO if error.blocked else logging.ERROR
            _log.log(level, "job=%s cannot be answered: %s", message.job.id, error)
            return False
        return True

    async def _show_typing(self, message: ShowTyping) -> None:
        """Show the sign at once or not at all: it is not tried again, and one that would come late is left out."""
        if message.job.chat_id is None or time.time() - message.at > TYPING_LASTS_S:
            return
        try:
            await self.telegram.show_typing(message.job.chat_id, message.job.thread_id)
        except (Deferred, Outage, TelegramRefused) as error:
            _log.debug("job=%s: no typing sign: %s", message.job.id, error)


def _kind(content: Predictions | Words) -> str:
    """What was answered, for the log: ``busy``, or ``answer: class 0.97, 1 view``."""
    if isinstance(content, Words):
        return content.kind
    found = content.finding
    probability = f" {found.probability:.2f}" if found.probability else ""
    return f"answer: {found.kind}{probability}, {found.views} view{'' if found.views == 1 else 's'}"


def _summary(message: SendReply, send_ms: float) -> str:
    """One line on the whole journey: in each stage, time in the channel + time in the handler, in ms."""
    content, job = message.content, message.job
    subject = "" if job.subject is Subject.PICTURE else f" of a {job.subject}"
    stages = " ".join(f"{step.stage}={step.waited_ms:.0f}+{step.took_ms:.0f}" for step in message.trail)
    model = f" model={content.model_ms:.1f}" if isinstance(content, Predictions) else ""
    total_ms = (time.time() - job.accepted_at) * 1000
    return f"job={job.id} answered ({_kind(content)}){subject} total={total_ms:.0f} {stages} send={send_ms:.0f}{model}"


if __name__ == "__main__":
    run(ReplyWorker)
