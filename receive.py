"""Receives what people send to the bot, and starts a job for each picture in it.

in:   Telegram's updates, each stored on its own channel as AcceptUpdate; then AcceptUpdate and DownloadPhoto
out:  a photo: DownloadPhoto → receive, then CheckFile → file_check; a link: FetchUrl → fetch_url;
      a command, a press of a button, or anything that is not accepted: SendReply → reply
"""

from __future__ import annotations

import asyncio
import logging
import time

from common.backoff import Backoff
from common.channels.answers import Answers
from common.channels.channels import Channels
from common.conversation import profile
from common.conversation.bot import Bot
from common.conversation.conversation import Conversation
from common.errors import Deferred, Outage, TelegramRefused
from common.libc import give_back_large_memory
from common.messages import AcceptUpdate, DownloadPhoto, FetchUrl, SendReply, ShowTyping
from common.model.records import in_use
from common.runtime.process import run
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.store import Store
from common.telegram import polling
from common.telegram.client import Me, Telegram
from common.telegram.downloads import Downloads
from common.telegram.limits import LIMITS, TelegramLimits

_log = logging.getLogger(__name__)


class ReceiveWorker(Worker[AcceptUpdate | DownloadPhoto]):
    """Takes messages from Telegram."""

    channel = "receive"
    concurrency = 8

    answers: Answers
    conversation: Conversation

    def __init__(
        self,
        settings: Settings,
        client: Telegram | None = None,
        store: Store | None = None,
        limits: TelegramLimits = LIMITS,
    ) -> None:
        super().__init__(settings)
        self.limits = limits
        self.telegram = client or Telegram(settings, limits)
        self.store = store or Store(settings.files_dir)
        self.downloads = Downloads(self.telegram, self.store, limits)

    async def open(self, channels: Channels) -> None:
        """Ask Telegram for the bot's name, and retry until it answers."""
        give_back_large_memory()
        self.answers = Answers(channels, self.settings)
        await self.telegram.open()
        me = await self._who_we_are()
        self.conversation = Conversation(Bot(self.settings, channels, self.telegram, me))
        _log.info("the bot is @%s, at %s", me.username, self.settings.telegram_api_url)

    async def _who_we_are(self) -> Me:
        backoff = Backoff(back_off_s=self.limits.back_off_s)
        while True:
            try:
                return await self.telegram.get_me()
            except (Deferred, Outage, TelegramRefused) as error:
                await backoff.wait(error)

    async def close(self) -> None:
        """Close the connections to Telegram."""
        await self.telegram.close()

    async def background(self, channels: Channels) -> None:
        """Poll, and beside that set the bot's profile."""
        is_back = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(profile.keep_set(self.telegram, self.settings, is_back, self.limits))
            await polling.poll(self.telegram, channels, self.settings.bot_id, self.limits, is_back.set)

    async def handle(self, message: AcceptUpdate | DownloadPhoto) -> Outputs:
        """Read an update, or download a photo."""
        if isinstance(message, DownloadPhoto):
            return await self._download(message)
        started = await self.conversation.first_messages(message)
        looked_at = [first.job for first in started if isinstance(first, DownloadPhoto | FetchUrl)]
        if looked_at and not looked_at[0].guest_query:  # the bot is not in a guest's chat
            return [*started, ShowTyping(job=looked_at[0], at=time.time())]
        return started

    async def _download(self, message: DownloadPhoto) -> Outputs:
        model = in_use(self.settings.models_dir)
        if known := await self.answers.of_file(model, message.file_unique_id):
            return SendReply(job=message.job, content=known)
        return await self.downloads.download(message)


if __name__ == "__main__":
    run(ReceiveWorker)
