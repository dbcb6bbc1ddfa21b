"""Takes what people send to the bot, and starts a job for each picture in it.

in:   Telegram's updates, each stored on its own channel as AcceptUpdate; then AcceptUpdate and DownloadPhoto
out:  a photo: DownloadPhoto → receive, then CheckFile → file_check; a link: FetchUrl → fetch_url;
      a command, or anything that is not accepted: SendReply → reply
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Final

import telegram
from redis.exceptions import RedisError

from common import VERSION, words
from common.channels import Channels
from common.errors import Outage, TelegramRefused
from common.messages import (
    AcceptUpdate,
    CheckFile,
    DownloadPhoto,
    FetchUrl,
    Job,
    Message,
    SendReply,
    ShowTyping,
    Words,
)
from common.model_record import in_use
from common.patience import Patience
from common.process import run
from common.settings import Settings
from common.store import Store
from common.telegram import MAX_FILE_BYTES, Me, Telegram
from common.updates import Asked, Command, Link, Photo, Unwelcome, asked, job_of
from common.worker import Outputs, Worker

POLL_S: Final = 25
SEEN_MS: Final = 48 * 3600 * 1000  # Telegram keeps an unconfirmed update for 24 hours

_log = logging.getLogger(__name__)


class Receive(Worker[AcceptUpdate | DownloadPhoto]):
    """Telegram's end where messages come in."""

    channel = "receive"
    concurrency = 8

    def __init__(self, settings: Settings, client: Telegram | None = None, store: Store | None = None) -> None:
        super().__init__(settings)
        self.telegram = client or Telegram(settings)
        self.store = store or Store(settings.files_dir)
        self.me = Me(0, "")

    async def open(self) -> None:
        """Find out who the bot is, however long Telegram is away."""
        await self.telegram.open()
        patience = Patience()
        while not self.me.id:
            try:
                self.me = await self.telegram.get_me()
                await self.telegram.set_commands(words.COMMANDS)
            except (Outage, TelegramRefused) as error:
                await patience.wait(error)
        _log.info("the bot is @%s, at %s", self.me.username, self.settings.telegram_api_url)

    async def close(self) -> None:
        """Close the connections to Telegram."""
        await self.telegram.close()

    async def background(self, channels: Channels) -> None:
        """Poll. A batch is confirmed, by the next offset, only once all of it is stored; parsing comes later."""
        offset, patience = 0, Patience()
        while True:
            try:
                updates = await self.telegram.get_updates(offset, POLL_S)
                ids = [update["update_id"] for update in updates]
                await self._store_updates(channels, updates)
            except (Outage, TelegramRefused, RedisError) as error:
                await patience.wait(error)
            else:
                patience.over()
                offset = max(ids, default=offset - 1) + 1

    async def _store_updates(self, channels: Channels, updates: Sequence[dict[str, Any]]) -> None:
        bot, now = self.settings.bot_id, time.time()
        accepted = [AcceptUpdate(job=job_of(update, bot, now), update=update) for update in updates]
        await channels.publish([(message, message.job.id) for message in accepted], SEEN_MS)

    async def handle(self, message: AcceptUpdate | DownloadPhoto) -> Outputs:
        """Read an update, or download a photo."""
        if isinstance(message, DownloadPhoto):
            return await self._download(message)
        update = telegram.Update.de_json(message.update, None)
        if update.message is None:
            return None
        found = asked(update.message, self.me)
        started = [self._start(message, index, item, len(found)) for index, item in enumerate(found)]
        if any(isinstance(first, DownloadPhoto | FetchUrl) for first in started):
            return [*started, ShowTyping(job=started[0].job, at=time.time())]
        return started

    def _start(self, message: AcceptUpdate, index: int, item: Asked, of: int) -> Message:
        """The first message of a job."""
        chat, number = message.update["message"]["chat"]["id"], message.update["message"]["message_id"]
        quote = item.url if of > 1 and isinstance(item, Link) else ""
        accepted_at = message.job.accepted_at
        id_ = f"{message.job.id}-{index}"
        job = Job(id=id_, chat_id=chat, message_id=number, accepted_at=accepted_at, quote=quote)
        match item:
            case Photo() if (item.file_bytes or 0) > MAX_FILE_BYTES:
                return SendReply(job=job, content=Words(text=words.TOO_LARGE, kind="refusal"))
            case Photo():
                return DownloadPhoto(
                    job=job,
                    file_id=item.file_id,
                    file_unique_id=item.file_unique_id,
                    announced_bytes=item.file_bytes,
                )
            case Link():
                return FetchUrl(job=job, url=item.url)
            case Command():
                text = words.command(item.name, VERSION, in_use(self.settings.models_dir))
                return SendReply(job=job, content=Words(text=text, kind="command"))
            case Unwelcome():
                return SendReply(job=job, content=Words(text=words.unwelcome(item.what), kind="refusal"))

    async def _download(self, message: DownloadPhoto) -> Outputs:
        try:
            content = await self.telegram.download(message.file_id)
        except TelegramRefused as error:
            _log.info("job=%s: Telegram does not hand out the file: %s", message.job.id, error)
            return SendReply(job=message.job, content=Words(text=words.NO_DOWNLOAD, kind="refusal"))
        key = message.job.key("original")
        await asyncio.to_thread(self.store.write, key, content)
        return CheckFile(job=message.job, key=key, announced_bytes=message.announced_bytes)


if __name__ == "__main__":
    run(Receive)
