"""What the model found in a picture, asked of the stored answers first. Opens no foreign files, only pixels."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from classifier.serve import second_look
from classifier.serve.classifier import Classifier
from classifier.serve.second_look import Sight
from common.channels.answers import Answers, of_pixels
from common.errors import InputLost, Outage
from common.messages import ClassifyImage, Finding
from common.model import whole
from common.model.input import unpack
from common.model.records import ModelRecord
from common.store import Store


class Found(NamedTuple):
    """What a picture shows.

    Attributes:
        finding: That.
        model_ms: The model's time for it, its share of the batch's time; 0 for a stored answer.
    """

    finding: Finding
    model_ms: float = 0.0


def sight_of(message: ClassifyImage, store: Store, record: ModelRecord) -> tuple[str, Sight] | InputLost | Outage:
    """A picture as the model will see it, and its key among the answers: it covers every pixel that decides."""
    try:
        if not message.first_look:
            centre = unpack(store.read(message.key), record.input)
            return of_pixels(record, centre), Sight(centre)
        centre, file = unpack(store.read(message.job.key("input")), record.input), store.read(message.key)
        return of_pixels(record, centre, file), Sight(centre, whole.unpack(file, record.input))
    except (InputLost, Outage) as error:
        return error


async def find(
    classifier: Classifier, answers: Answers, sights: Mapping[str, Sight], files: Mapping[str, str]
) -> dict[str, Found]:
    """What each picture shows, by its key: the stored answer if there is one, else the model's.

    What is final is stored, in one call.

    Args:
        classifier: The model.
        answers: The stored answers.
        sights: The pictures, by their keys among the answers.
        files: For each file that Telegram has, by its key among the answers, the key of its picture.
    """
    known = await answers.recall(list(sights))
    found = {key: Found(finding) for key, finding in zip(sights, known, strict=True) if finding}
    if fresh := {key: sight for key, sight in sights.items() if key not in found}:
        given_up = threading.Event()
        try:
            found |= await asyncio.to_thread(_ask, classifier, fresh, given_up)
        finally:
            given_up.set()  # after a time limit, this answer is not needed, and other batches wait
    keys = {key: key for key in fresh} | {**files}
    await answers.remember(
        {key: found[of].finding for key, of in keys.items() if _is_final(found[of].finding, sights[of])}
    )
    return found


def _is_final(finding: Finding, sight: Sight) -> bool:
    """Whether the pixels of this look say all that the model has to say of the picture."""
    return sight.whole is not None or not second_look.is_wanted(finding)


def _ask(classifier: Classifier, sights: Mapping[str, Sight], given_up: threading.Event) -> dict[str, Found]:
    asked = time.perf_counter()
    findings = classifier.find(list(sights.values()), given_up)
    each_ms = round(classifier.took_s(asked, time.perf_counter()) * 1000 / len(sights), 1)
    return {key: Found(finding, each_ms) for key, finding in zip(sights, findings, strict=True)}
