"""Runs the model on model inputs, a batch at a time, and says what each shows.

in:   ClassifyImage
out:  ShowTyping → reply, at the beginning; SendReply → reply, with DeleteFiles (the job's files) → garbage_collect;
      or, if the picture's centre says too little, CheckFile → file_check, for a second look
"""

from __future__ import annotations

from classifier.serve import preload

if __name__ == "__main__":
    # Before all other imports: loading the model takes as long as they do, and runs beside them.
    preload.begin("classify")

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from classifier.errors import ModelError
from classifier.serve.classifier import Classifier
from classifier.serve.remembered import Found, find, sight_of
from classifier.serve.second_look import is_wanted
from common.backoff import Backoff
from common.channels.answers import Answers, of_telegram
from common.channels.channels import Channels
from common.errors import Outage
from common.messages import CheckFile, ClassifyImage, DeleteFiles, Message, Predictions, SendReply, ShowTyping
from common.model.records import described, in_use, wait_for_model
from common.runtime.process import run
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.store import Store

IDLE_S: Final = 1.0
SECOND_LOOKS_S: Final = 15.0  # of a batch together: with a slow network, the first answers do not wait for more

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
        record, name = classifier.record, classifier.engine.name
        _log.info("%s answers, prepared in %s, run by %s; %s", record.title, record.precision, name, described(record))
        return classifier

    async def background(self, channels: Channels) -> None:
        """After a backlog, get ready for a single picture before one comes."""
        while True:
            await asyncio.sleep(IDLE_S)
            await asyncio.to_thread(self.classifier.rest, IDLE_S)

    def announce(self, message: ClassifyImage) -> Message | None:
        """Show the user that work on the picture begins; not again for a second look."""
        return None if message.first_look else ShowTyping(job=message.job, at=time.time())

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        """Classify the pictures together; then those of second looks one by one, since each takes megabytes.

        A picture whose input is lost does not stop the others, nor does a second look that fails.
        """
        try:
            classifier = await self._model_in_use()
            first_looks = [message for message in messages if not message.first_look]
            outcomes = iter(await self._find(classifier, first_looks) if first_looks else [])
        except ModelError as error:
            return [Outage(str(error))] * len(messages)
        until = asyncio.get_running_loop().time() + SECOND_LOOKS_S
        return [
            await self._look_again(classifier, message, until) if message.first_look else next(outcomes)
            for message in messages
        ]

    async def _look_again(self, classifier: Classifier, message: ClassifyImage, until: float) -> Outputs | Exception:
        try:
            async with asyncio.timeout_at(until):
                (outcome,) = await self._find(classifier, [message])
        except Exception as error:  # whatever it is, the first look's answer is ready: see common/runtime/settle.py
            return error
        return outcome

    async def _find(self, classifier: Classifier, messages: Sequence[ClassifyImage]) -> list[Outputs | Exception]:
        read = await asyncio.to_thread(lambda: [sight_of(each, self.store, classifier.record) for each in messages])
        files = {
            of_telegram(classifier.record, message.file_unique_id): each[0]
            for message, each in zip(messages, read, strict=True)
            if message.file_unique_id and isinstance(each, tuple)
        }
        sights = dict(each for each in read if isinstance(each, tuple))
        found = await find(classifier, self.answers, sights, files)
        return [
            self._outputs(message, found[each[0]], classifier) if isinstance(each, tuple) else each
            for message, each in zip(messages, read, strict=True)
        ]

    def _outputs(self, message: ClassifyImage, found: Found, classifier: Classifier) -> Outputs:
        """The answer; or a request to see the whole picture, if the centre says too little."""
        job, name = message.job, message.file_unique_id
        model_ms = found.model_ms + (message.first_look.model_ms if message.first_look else 0.0)
        content = Predictions.of(found.finding, classifier.labels, classifier.record.title, round(model_ms, 1))
        # A job that was started again may have failed by its second look.
        if message.original and is_wanted(found.finding) and not job.run:
            return CheckFile(job=job, key=message.original, file_unique_id=name, first_look=content)
        return [SendReply(job=job, content=content), DeleteFiles(job=job, keys=job.files)]


if __name__ == "__main__":
    run(ClassifyWorker)
