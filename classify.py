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
from common.errors import InputLost, Outage
from common.messages import ClassifyImage, DeleteFiles, Message, Predictions, SendReply, ShowTyping
from common.model_input import InputSpec, unpack
from common.model_record import in_use, wait_for_model
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
        patience = Patience()
        while True:
            await wait_for_model(self.settings.models_dir)
            try:
                await self._model_in_use()
                return
            except ModelError as error:  # damaged, say: whoever prepares it anew need not restart us
                await patience.wait(error)

    async def _model_in_use(self) -> Classifier:
        """The model; loaded anew when another was put in use, since inputs are made for that one from then on."""
        record = in_use(self.settings.models_dir)
        if self.classifier is None or record not in (None, self.classifier.record):
            self.classifier = await asyncio.to_thread(Classifier.open, self.settings)
            _log.info("%s answers, run by %s", self.classifier.record.title, self.classifier.engine.name)
        return self.classifier

    def announce(self, message: ClassifyImage) -> Message:
        """The user sees that it is the turn of the picture."""
        return ShowTyping(job=message.job, at=time.time())

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        """Classify the pictures together. One whose input is lost does not hold up the others."""
        try:
            classifier = await self._model_in_use()
        except ModelError as error:
            raise Outage(str(error)) from error
        return await asyncio.to_thread(self._classify, classifier, messages)

    def _classify(self, classifier: Classifier, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        inputs = [self._input(message, classifier.record.input) for message in messages]
        whole = [pixels for pixels in inputs if isinstance(pixels, memoryview)]
        began = time.perf_counter()
        tops = iter(classifier.predict(whole) if whole else ())
        model_ms = (time.perf_counter() - began) * 1000 / max(1, len(whole))
        return [
            _answer(message, Predictions(top=next(tops), model=classifier.record.title, model_ms=round(model_ms, 1)))
            if isinstance(pixels, memoryview)
            else pixels
            for message, pixels in zip(messages, inputs, strict=True)
        ]

    def _input(self, message: ClassifyImage, spec: InputSpec) -> memoryview | InputLost | Outage:
        try:
            return unpack(self.store.read(message.key), spec)
        except (InputLost, Outage) as error:
            return error


def _answer(message: ClassifyImage, content: Predictions) -> Outputs:
    return [SendReply(job=message.job, content=content), DeleteFiles(job=message.job, keys=(message.key,))]


if __name__ == "__main__":
    run(Classify)
