"""Runs the model on model inputs, a batch at a time, and says what each shows.

in:   ClassifyImage
out:  ShowTyping → reply, at the beginning; SendReply → reply, with DeleteFiles (the model input) → garbage_collect
"""

from __future__ import annotations

from classifier.serve import preload

if __name__ == "__main__":
    # Before all other imports: loading the model takes as long as they do, and runs beside them.
    preload.begin("classify")

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from classifier.errors import ModelError
from classifier.serve.classifier import Classifier
from common.backoff import Backoff
from common.channels.answers import Answers, of_pixels, of_telegram
from common.channels.channels import Channels
from common.errors import InputLost, Outage
from common.messages import ClassifyImage, DeleteFiles, Message, Predictions, SendReply, ShowTyping
from common.model.input import unpack
from common.model.records import ModelRecord, in_use, wait_for_model
from common.runtime.process import run
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.store import Store

IDLE_S: Final = 1.0

_log = logging.getLogger(__name__)


class ClassifyWorker(Worker[ClassifyImage]):
    """Runs the model. It opens no foreign files: its inputs are only pixels."""

    channel = "classify"
    batch_size = 8
    handler_limit_s = 45.0  # a batch may wait for the one before it; less than RuntimeLimits.claim_idle_s

    answers: Answers
    classifier: Classifier

    def __init__(
        self, settings: Settings, load: Callable[[Settings], Classifier] = preload.opened, store: Store | None = None
    ) -> None:
        super().__init__(settings)
        # While the model computes one batch, the worker takes and reads the other, or hands it off. With several
        # processes, one message must not wait in the second batch of one while another process is idle.
        self.concurrency = 2 if settings.classify_processes == 1 else 1
        self._load = load
        self._loading = asyncio.Lock()
        self.store = store or Store(settings.files_dir)

    async def open(self, channels: Channels) -> None:
        """Wait until a model is prepared, and load it."""
        self.answers = Answers(channels, self.settings)
        backoff = Backoff()
        while True:
            await wait_for_model(self.settings.models_dir)
            try:
                self.classifier = await self._loaded()
                return
            except ModelError as error:  # for example damaged: once it is prepared again, this works without a restart
                await backoff.wait(error)

    async def _model_in_use(self) -> Classifier:
        """The model in use. Loads it if it has changed: from then on, inputs are made for the new one."""
        async with self._loading:  # two batches load it only once
            if in_use(self.settings.models_dir) not in (None, self.classifier.record):
                self.classifier = await self._loaded()
            return self.classifier

    async def _loaded(self) -> Classifier:
        classifier = await asyncio.to_thread(self._load, self.settings)
        record, engine = classifier.record, classifier.engine
        _log.info("%s answers, prepared in %s, run by %s", record.title, record.precision, engine.name)
        return classifier

    async def background(self, channels: Channels) -> None:
        """After a backlog, get ready for a single picture before one comes."""
        while True:
            await asyncio.sleep(IDLE_S)
            await asyncio.to_thread(self.classifier.rest, IDLE_S)

    def announce(self, message: ClassifyImage) -> Message:
        """Show the user that work on the picture begins."""
        return ShowTyping(job=message.job, at=time.time())

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        """Classify the pictures together. A picture whose input is lost does not stop the others."""
        try:
            classifier = await self._model_in_use()
            read = await asyncio.to_thread(lambda: [self._read(message, classifier.record) for message in messages])
            said = await self._say(classifier, dict(each for each in read if isinstance(each, tuple)))
        except ModelError as error:
            raise Outage(str(error)) from error
        of_files = {
            of_telegram(classifier.record, message.file_unique_id): said[each[0]]
            for message, each in zip(messages, read, strict=True)
            if message.file_unique_id and isinstance(each, tuple)
        }
        await self.answers.remember(said | of_files)
        return [
            _answer(message, said[each[0]]) if isinstance(each, tuple) else each
            for message, each in zip(messages, read, strict=True)
        ]

    def _read(self, message: ClassifyImage, record: ModelRecord) -> tuple[str, memoryview] | InputLost | Outage:
        """A picture's key among the answers, and its pixels."""
        try:
            pixels = unpack(self.store.read(message.key), record.input)
        except (InputLost, Outage) as error:
            return error
        return of_pixels(record, pixels), pixels

    async def _say(self, classifier: Classifier, pictures: Mapping[str, memoryview]) -> dict[str, Predictions]:
        """What each picture shows, by its key: the stored answer if there is one, else the model's."""
        known = await self.answers.recall(list(pictures))
        said = {key: predictions for key, predictions in zip(pictures, known, strict=True) if predictions}
        if fresh := [key for key in pictures if key not in said]:
            given_up = threading.Event()
            try:
                answers = await asyncio.to_thread(_ask, classifier, [pictures[key] for key in fresh], given_up)
            finally:
                given_up.set()  # after a time limit, this answer is not needed, and other batches wait
            said |= zip(fresh, answers, strict=True)
        return said


def _ask(classifier: Classifier, inputs: Sequence[memoryview], given_up: threading.Event) -> list[Predictions]:
    asked = time.perf_counter()
    tops = classifier.predict(inputs, given_up)
    each_ms = round(classifier.took_s(asked, time.perf_counter()) * 1000 / len(inputs), 1)
    return [Predictions(top=top, model=classifier.record.title, model_ms=each_ms) for top in tops]


def _answer(message: ClassifyImage, content: Predictions) -> Outputs:
    return [SendReply(job=message.job, content=content), DeleteFiles(job=message.job, keys=(message.key,))]


if __name__ == "__main__":
    run(ClassifyWorker)
