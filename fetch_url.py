"""Fetches an image from a link, safely, and writes the model input. The download is kept for a second look.

in:   FetchUrl
out:  ClassifyImage → classify; or what is wrong with the link, or with the file behind it: SendReply → reply
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time

import msgspec

from common.channels.channels import Channels
from common.errors import Outage
from common.messages import ClassifyImage, FetchUrl, Job, Kind, SendReply, Words
from common.model.records import wait_for_model
from common.pictures.decoder import Decoder
from common.pictures.inputs import InputMaker
from common.pictures.large_picture_lock import large_picture_lock
from common.pictures.refusals import TEXTS_OF_LINKS
from common.runtime.process import run
from common.runtime.worker import Worker
from common.settings import Settings
from common.store import Store
from common.web.delayed_answers import DelayedAnswers
from common.web.download import Fetched, FetchLimits
from common.web.fetcher import Fetcher
from common.web.names import Lookup

_log = logging.getLogger(__name__)


class FetchUrlWorker(Worker[FetchUrl]):
    """Links in, model inputs out.

    Args:
        settings: What the operator set.
        lookup: Finds the addresses of names.
        limits: What one link may take.
        decoder: Decodes the pictures.
    """

    channel = "fetch_url"
    concurrency = 8  # links mostly wait for servers
    # 15 s for servers, and for pictures of a page that turn out to be of no use; then, for the last one, 11 s to wait
    # for other files, 2 s for the lock, and 10 s to decode. The rest is reserve.
    handler_limit_s = 49.5

    def __init__(
        self,
        settings: Settings,
        *,
        lookup: Lookup | None = None,
        limits: FetchLimits | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        super().__init__(settings)
        self._store = Store(settings.files_dir)
        self._limits = limits or FetchLimits()
        self._fetcher = Fetcher(
            settings.fetch_allow_networks, lookup=lookup, limits=self._limits, contact=settings.contact
        )
        self._delayed = DelayedAnswers(self._store)
        decoder = decoder or Decoder(lock=large_picture_lock(settings.data_dir))
        self._inputs = InputMaker(self._store, settings.models_dir, decoder, TEXTS_OF_LINKS)

    async def open(self, channels: Channels) -> None:
        """Start the decoder, and wait for a prepared model, which says how the input is made."""
        self._inputs.open()
        await wait_for_model(self.settings.models_dir)

    async def close(self) -> None:
        """End the decoder."""
        await self._inputs.close()

    async def handle(self, message: FetchUrl) -> ClassifyImage | SendReply:
        """Fetch one link. A dead link is refused: the user sees that, and can send it again.

        Raises:
            TooEarly: The link gave no answer. The refusal waits for a fixed delay, whatever failed.
            HostBusy: Its host has no free slot.
            Outage: No model is prepared, or the disk fails.
        """
        began = time.time()
        if ready := await self._delayed.ready(message.job):
            return ready
        fetched = await self._fetcher.fetch(message.url)
        made = fetched if isinstance(fetched, Words) else await self._classify(fetched, message.job)
        if isinstance(made, Words) and made.kind is Kind.UNREACHABLE:
            return await self._delayed.delay(message.job, made, began + self._limits.unreachable_after_s)
        return SendReply(job=message.job, content=made) if isinstance(made, Words) else made

    async def _classify(self, fetched: Fetched, job: Job) -> ClassifyImage | Words:
        """Store the input of a picture, or of a web page's preview picture; or return why not."""
        key = job.key("input")
        picture = await self._fetcher.preview(fetched, functools.partial(self._inputs.make, key=key))
        if isinstance(picture, Words):
            return picture
        original = await self._keep(picture.body, job.key("original"))
        return ClassifyImage(job=msgspec.structs.replace(job, subject=picture.subject), key=key, original=original)

    async def _keep(self, content: bytes, key: str) -> str:
        """Store a download for a second look, so that it is not fetched again. Returns its key; '' if that fails."""
        try:
            await asyncio.to_thread(self._store.write, key, content)
        except Outage as error:
            _log.warning("%r is not kept for a second look: %s", key, error)
            return ""
        return key


if __name__ == "__main__":
    run(FetchUrlWorker)
