"""Checks that a download is whole and is an image, and writes the model input; or the whole picture for a second look.

in:   CheckFile
out:  ClassifyImage → classify; after a second look with DeleteFiles (the download) → garbage_collect;
      or what is wrong with the file, or the answer of the first look: SendReply → reply
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from common.channels.channels import Channels
from common.errors import InputLost
from common.messages import CheckFile, ClassifyImage, DeleteFiles, Message, Predictions, SendReply
from common.model.records import wait_for_model
from common.pictures.decoder import Decoder
from common.pictures.inputs import InputMaker
from common.pictures.large_picture_lock import large_picture_lock
from common.runtime.process import run
from common.runtime.worker import Worker
from common.settings import Settings
from common.store import Store

_log = logging.getLogger(__name__)


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
        if message.first_look:
            return await self._look_again(message, content, message.first_look)
        too_short = message.announced_bytes is not None and len(content) < message.announced_bytes
        if too_short and not message.job.run:  # the second time, trust the file and not the announcement
            msg = f"{message.key!r} has {len(content)} of {message.announced_bytes} bytes"
            raise InputLost(msg)
        key, name = message.job.key("input"), message.file_unique_id
        if refused := await self._inputs.make(content, key):
            return [SendReply(job=message.job, content=refused, files=(message.key,))]
        return [ClassifyImage(job=message.job, key=key, file_unique_id=name, original=message.key)]

    async def _look_again(self, message: CheckFile, content: bytes, first_look: Predictions) -> Sequence[Message]:
        """Write the whole picture; or send the first look's answer."""
        job, key = message.job, message.job.key("whole")
        if refused := await self._inputs.make_whole(content, key):
            _log.info("job=%s gets no second look: %s", job.id, refused)
            return [SendReply(job=job, content=first_look, files=job.files)]
        return [
            ClassifyImage(job=job, key=key, file_unique_id=message.file_unique_id, first_look=first_look),
            DeleteFiles(job=job, keys=(message.key,)),
        ]


if __name__ == "__main__":
    run(FileCheckWorker)
