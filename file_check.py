"""Makes sure that a download is whole and really is an image, and writes the model input.

in:   CheckFile
out:  ClassifyImage → classify, with DeleteFiles (the download) → garbage_collect;
      or what is wrong with the file: SendReply → reply
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from common.errors import InputLost, Outage
from common.images import store_model_input
from common.messages import CheckFile, ClassifyImage, DeleteFiles, Message, SendReply, Words
from common.model_record import wait_for_model
from common.process import run
from common.settings import Settings
from common.store import Store
from common.worker import Worker


class FileCheck(Worker[CheckFile]):
    """Downloads in, model inputs out."""

    channel = "file_check"
    concurrency = 2  # one decodes while another waits for the disk; a decode may take 300 MB

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._store = Store(settings.files_dir)

    async def open(self) -> None:
        """Wait for the model whose input is to be written."""
        await wait_for_model(self.settings.models_dir)

    async def handle(self, message: CheckFile) -> Sequence[Message]:
        """Check one download.

        Raises:
            InputLost: The download is gone, or shorter than announced: it must be downloaded again.
            Outage: No model is prepared, or the disk fails.
        """
        refused = await asyncio.to_thread(self._check, message)
        if refused:
            return [SendReply(job=message.job, content=refused, files=(message.key,))]
        return [
            ClassifyImage(job=message.job, key=message.job.key("input")),
            DeleteFiles(job=message.job, keys=(message.key,)),
        ]

    def _check(self, message: CheckFile) -> Words | None:
        content = self._read(message.key)
        if message.announced_bytes is not None and len(content) < message.announced_bytes:
            msg = f"{message.key!r} has {len(content)} of {message.announced_bytes} bytes"
            raise InputLost(msg)
        return store_model_input(content, message.job.key("input"), self._store, self.settings.models_dir)

    def _read(self, key: str) -> bytes:
        try:
            return self._store.read(key)
        except OSError as error:
            msg = f"cannot read {key!r} from the store: {error}"
            raise Outage(msg) from error


if __name__ == "__main__":
    run(FileCheck)
