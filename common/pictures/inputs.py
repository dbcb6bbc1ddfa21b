"""Turns files into model inputs: decoded, packed as the model wants them, and stored; or refused in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

from common.errors import Outage
from common.libc import give_back_large_memory
from common.messages import Words
from common.model.input import InputSpec, pack
from common.model.records import in_use
from common.pictures.decoder import Decoder
from common.pictures.protocol import Refusal
from common.pictures.refusals import TEXTS
from common.store import Store
from common.words import refusal


class InputMaker:
    """Makes model inputs of files, and stores them."""

    def __init__(self, store: Store, models_dir: Path, decoder: Decoder | None = None) -> None:
        self._store = store
        self._models_dir = models_dir
        self._decoder = decoder or Decoder()

    def open(self) -> None:
        """Start the decoder, so that the first file does not wait for it."""
        give_back_large_memory()
        self._decoder.start()

    async def close(self) -> None:
        """End the decoder."""
        await self._decoder.close()

    async def make(self, content: bytes, key: str) -> Words | None:
        """Store a file's input for the model in use under ``key``.

        Returns:
            What to tell the user if the file is refused; None if it is stored.

        Raises:
            Outage: No model is prepared, the disk fails, the decoder does not start, or too many files wait for it.
        """
        record = in_use(self._models_dir)
        if record is None:
            raise Outage("no model is prepared yet")
        made = await self._decoder.decode(content, record.input, key)
        if isinstance(made, Refusal):
            return refusal(TEXTS[made])
        await asyncio.to_thread(self._write, key, made, record.input)
        return None

    def _write(self, key: str, pixels: bytes, spec: InputSpec) -> None:
        self._store.write(key, pack(pixels, spec))
