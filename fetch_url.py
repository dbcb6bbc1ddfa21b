"""Fetches an image from a link, safely, and writes the model input.

in:   FetchUrl
out:  ClassifyImage → classify; or what is wrong with the link, or with the file behind it: SendReply → reply
"""

from __future__ import annotations

from common.images import InputMaker
from common.messages import ClassifyImage, FetchUrl, SendReply, Words
from common.model_record import wait_for_model
from common.process import run
from common.settings import Settings
from common.store import Store
from common.web import Fetcher
from common.worker import Worker

DECODES_AT_ONCE = 1  # links mostly wait for servers; a decode takes a core, and up to 400 MB


class UrlFetch(Worker[FetchUrl]):
    """Links in, model inputs out."""

    channel = "fetch_url"
    concurrency = 8

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._fetcher = Fetcher(settings.fetch_allow_networks, max_threads=4 * self.concurrency)
        self._inputs = InputMaker(Store(settings.files_dir), settings.models_dir, at_once=DECODES_AT_ONCE)

    async def open(self) -> None:
        """Wait for the model whose input is to be written."""
        await wait_for_model(self.settings.models_dir)

    async def close(self) -> None:
        """Let go of the decoding thread."""
        self._inputs.close()

    async def handle(self, message: FetchUrl) -> ClassifyImage | SendReply:
        """Fetch one link. A dead one is refused at once: the user sees that, and can send it again.

        Raises:
            Outage: No model is prepared, the disk fails, or too many links wait for slow name servers.
        """
        key = message.job.key("input")
        fetched = await self._fetcher.fetch(message.url)
        refused = fetched if isinstance(fetched, Words) else await self._inputs.make(fetched, key)
        if refused:
            return SendReply(job=message.job, content=refused)
        return ClassifyImage(job=message.job, key=key)


if __name__ == "__main__":
    run(UrlFetch)
