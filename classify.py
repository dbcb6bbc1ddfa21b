"""Runs the model on model inputs, all that wait at once, and says what each shows.

in:   ClassifyImage
out:  SendReply → reply, with DeleteFiles (the model input) → garbage_collect; ShowTyping → reply when it begins
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from classifier.errors import ModelError
from classifier.serve import Classifier
from common.errors import InputLost
from common.messages import ClassifyImage, DeleteFiles, Message, Prediction, Predictions, SendReply, ShowTyping
from common.model_input import unpack
from common.model_record import wait_for_model
from common.patience import Patience
from common.process import run
from common.settings import Settings
from common.store import Store
from common.worker import Outputs, Worker

BATCH: Final = 8

_log = logging.getLogger(__name__)


class Classify(Worker[ClassifyImage]):
    """Where the model is. Opens nothing foreign: its inputs are pixels and nothing else."""

    channel = "classify"
    concurrency = BATCH
    batched = True

    def __init__(self, settings: Settings, classifier: Classifier | None = None, store: Store | None = None) -> None:
        super().__init__(settings)
        self.classifier = classifier
        self.store = store or Store(settings.files_dir)

    async def open(self) -> None:
        """Load the model, as soon as one is prepared."""
        if self.classifier is None:
            self.classifier = await self._load()
            _log.info("%s answers, run by %s", self.classifier.record.title, self.classifier.engine.name)

    async def _load(self) -> Classifier:
        patience = Patience()
        while True:
            await wait_for_model(self.settings.models_dir)
            try:
                return await asyncio.to_thread(Classifier.open, self.settings)
            except ModelError as error:  # damaged, say: whoever prepares it anew need not restart us
                await patience.wait(error)

    def announce(self, message: ClassifyImage) -> Message:
        """The user sees that it is the turn of the picture."""
        return ShowTyping(job=message.job, at=time.time())

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        """Classify the pictures together. One whose input is lost does not hold up the others."""
        return await asyncio.to_thread(self._classify, messages)

    def _classify(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        inputs = [self._input(message) for message in messages]
        whole = [pixels for pixels in inputs if not isinstance(pixels, InputLost)]
        began = time.perf_counter()
        tops = iter(self._model().predict(whole) if whole else ())
        model_ms = (time.perf_counter() - began) * 1000 / max(1, len(whole))
        return [
            lost if isinstance(lost, InputLost) else self._answer(message, next(tops), model_ms)
            for message, lost in zip(messages, inputs, strict=True)
        ]

    def _input(self, message: ClassifyImage) -> memoryview | InputLost:
        try:
            return unpack(self.store.read(message.key), self._model().record.input)
        except InputLost as error:
            return error

    def _answer(self, message: ClassifyImage, top: tuple[Prediction, ...], model_ms: float) -> Outputs:
        content = Predictions(top=top, model=self._model().record.title, model_ms=round(model_ms, 1))
        return [
            SendReply(job=message.job, content=content),
            DeleteFiles(job=message.job, keys=(message.key,)),
        ]

    def _model(self) -> Classifier:
        assert self.classifier is not None, "open() comes first"  # noqa: S101 -- for the type checker
        return self.classifier


if __name__ == "__main__":
    run(Classify)
