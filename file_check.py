"""Checks that a download is whole and is an image, and writes the model input.

in:   CheckFile
out:  ClassifyImage → classify, with DeleteFiles (the download) → garbage_collect;
      or what is wrong with the file: SendReply → reply
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from common.channels.channels import Channels
from common.errors import InputLost
from common.messages import CheckFile, ClassifyImage, DeleteFiles, Message, SendReply
from common.model.records import wait_for_model
from common.pictures.decoder import Decoder
from common.pictures.inputs import InputMaker
from common.pictures.large_picture_lock import large_picture_lock
from common.runtime.process import run
from common.runtime.worker import Worker
from common.settings import Settings
from common.store import Store


class FileCheckWorker(Worker[CheckFile]):
    """Downloads in, model inputs out.

    Args:
        settings: What the operator set.
        decoder: Decodes the pictures.
    """

    channel = "file_check"
    concurrency = 2  # one is read or written while the other is decoded

    def __init__(self, settings: Settings, *, decoder: Decoder | None = None) -> None:
        super().__init__(settings)
        self._store = Store(settings.files_dir)
        decoder = decoder or Decoder(lock=large_picture_lock(settings.data_dir))
        self._inputs = InputMaker(self._store, settings.models_dir, decoder)

    async def open(self, channels: Channels) -> None:
        """Start the decoder, and wait for a prepared model, which says how the input is made."""
        self._inputs.open()
        await wait_for_model(self.settings.models_dir)

    async def close(self) -> None:
        """End the decoder."""
        await self._inputs.close()

    async def handle(self, message: CheckFile) -> Sequence[Message]:
        """Check one download.

        Raises:
            InputLost: The download is gone, or shorter than announced: it must be downloaded again.
            Outage: No model is prepared, the disk fails, the decoder does not start, or too many files wait for it.
        """
        content = await asyncio.to_thread(self._store.read, message.key)
        too_short = message.announced_bytes is not None and len(content) < message.announced_bytes
        if too_short and not message.job.run:  # the second time, trust the file and not the announcement
            msg = f"{message.key!r} has {len(content)} of {message.announced_bytes} bytes"
            raise InputLost(msg)
        key = message.job.key("input")
        if refused := await self._inputs.make(content, key):
            return [SendReply(job=message.job, content=refused, files=(message.key,))]
        return [
            ClassifyImage(job=message.job, key=key, file_unique_id=message.file_unique_id),
            DeleteFiles(job=message.job, keys=(message.key,)),
        ]


if __name__ == "__main__":
    run(FileCheckWorker)
