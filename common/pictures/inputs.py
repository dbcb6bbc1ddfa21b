"""Turns files into model inputs: decoded, packed as the model wants them, and stored; or refused in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from common.errors import Outage
from common.languages.texts import Text
from common.libc import give_back_large_memory
from common.messages import Words
from common.model import whole
from common.model.input import InputSpec, pack
from common.model.records import in_use
from common.pictures.decoder import Decoder
from common.pictures.protocol import Refusal, Whole
from common.pictures.refusals import TEXTS
from common.store import Store
from common.words import refusal


class InputMaker:
    """Makes model inputs of files, or whole pictures for a second look, and stores them.

    Args:
        store: Where they are stored.
        models_dir: Where the model in use is recorded.
        decoder: Decodes the pictures.
        texts: The words of each refusal, which depend on how the files came.
    """

    def __init__(
        self,
        store: Store,
        models_dir: Path,
        decoder: Decoder | None = None,
        texts: Mapping[Refusal, Text] = TEXTS,
    ) -> None:
        self._store = store
        self._models_dir = models_dir
        self._decoder = decoder or Decoder()
        self._texts = texts

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
        spec = self._spec()
        made = await self._decoder.decode(content, spec, key)
        if isinstance(made, Refusal):
            return refusal(self._texts[made])
        await asyncio.to_thread(self._write, key, pack, made, spec)
        return None

    async def make_whole(self, content: bytes, key: str) -> Refusal | None:
        """Store the whole picture under ``key``, for a second look.

        Returns:
            Why there is no such picture; None if it is stored.

        Raises:
            Outage: As ``make``.
        """
        spec = self._spec()
        made = await self._decoder.decode(content, Whole(spec.resize, spec.interpolation), key)
        if isinstance(made, Refusal):
            return made
        await asyncio.to_thread(self._write, key, whole.pack, made, spec)
        return None

    def _spec(self) -> InputSpec:
        record = in_use(self._models_dir)
        if record is None:
            raise Outage("no model is prepared yet")
        return record.input

    def _write(self, key: str, packed: Callable[[bytes, InputSpec], bytes], made: bytes, spec: InputSpec) -> None:
        self._store.write(key, packed(made, spec))
