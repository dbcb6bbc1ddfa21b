"""Receives what people send to the bot, and starts a job for each picture in it.

in:   Telegram's updates, each stored on its own channel as AcceptUpdate; then AcceptUpdate and DownloadPhoto
out:  a photo: DownloadPhoto → receive, then CheckFile → file_check; a link: FetchUrl → fetch_url;
      a command, or anything that is not accepted: SendReply → reply
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from common.backoff import Backoff
from common.channels.albums import Albums
from common.channels.answers import Answers
from common.channels.channels import Channels
from common.errors import Deferred, Outage, TelegramRefused
from common.libc import give_back_large_memory
from common.messages import AcceptUpdate, DownloadPhoto, FetchUrl, Message, SendReply, ShowTyping
from common.model.records import in_use
from common.runtime.process import run
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.store import Store
from common.telegram import polling
from common.telegram.client import Me, Telegram
from common.telegram.downloads import Downloads
from common.telegram.jobs import first_messages
from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.reading import read
from common.telegram.said import Said
from common.telegram.updates import NotServed, asked, is_addressed, is_ignored, would_ask

_log = logging.getLogger(__name__)


class ReceiveWorker(Worker[AcceptUpdate | DownloadPhoto]):
    """Takes messages from Telegram."""

    channel = "receive"
    concurrency = 8

    me: Me
    answers: Answers
    albums: Albums

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
        self.albums = channels.albums
        await self.telegram.open()
        self.me = await self._who_we_are()
        _log.info("the bot is @%s, at %s", self.me.username, self.settings.telegram_api_url)

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
        """Poll."""
        await polling.poll(self.telegram, channels, self.settings.bot_id, self.limits)

    async def handle(self, message: AcceptUpdate | DownloadPhoto) -> Outputs:
        """Read an update, or download a photo."""
        if isinstance(message, DownloadPhoto):
            return await self._download(message)
        said = read(message.update)
        if said is None:
            return None
        started = await self._started(message, said)
        if any(isinstance(first, DownloadPhoto | FetchUrl) for first in started):
            return [*started, ShowTyping(job=started[0].job, at=time.time())]
        return started

    async def _started(self, accepted: AcceptUpdate, said: Said) -> Sequence[Message]:
        """The first message of each job that begins: what is asked for, and perhaps what waited in the same album."""
        found = asked(said, self.me)
        chats = self.settings.allowed_chats
        if chats and said.chat_id not in chats:
            found = (NotServed(),) if found else ()
        elif said.content.album and not is_ignored(said):
            addressed = is_addressed(said, self.me)
            started = first_messages(accepted, said, found if addressed else would_ask(said), self.settings)
            where = (said.chat_id, said.content.album, said.message_id)
            return await self.albums.join(accepted, *where, started, addressed=addressed)
        return first_messages(accepted, said, found, self.settings)

    async def _download(self, message: DownloadPhoto) -> Outputs:
        model = in_use(self.settings.models_dir)
        if known := await self.answers.of_file(model, message.file_unique_id):
            return SendReply(job=message.job, content=known)
        return await self.downloads.download(message)


if __name__ == "__main__":
    run(ReceiveWorker)
