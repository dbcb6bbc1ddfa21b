"""Stored answers: a picture that comes again needs no download and no model.

Only findings are kept, never pictures or words, under a hash of the picture's name or pixels, and of the model that
answered with its calibration and rules. The pixels are all that decided: of an answer from the centre those of the
centre, of one from a second look those of the whole picture, too. Answers are bounded in number (``CACHE_MAX``) and
time (``CACHE_TTL_S``). They may be lost: when Redis refuses or is unreachable, the model classifies the picture.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence

import msgspec
from redis.exceptions import RedisError

from common.channels.channels import Channels
from common.channels.scripts import Call
from common.messages import Finding, Predictions
from common.model.labels import of_model
from common.model.records import RULES, ModelRecord
from common.settings import Settings

_log = logging.getLogger(__name__)
_decoder: msgspec.json.Decoder[Finding] = msgspec.json.Decoder(Finding)


def of_telegram(model: ModelRecord, file_unique_id: str) -> str:
    """The key of a file that Telegram has, by its name there: the same for the same file from every sender."""
    return _key(model, "telegram", file_unique_id.encode())


def of_pixels(model: ModelRecord, *pixels: bytes | memoryview) -> str:
    """The key of the pixels that decided: a model input, or that and a whole picture."""
    return _key(model, "pixels", *pixels)


def _key(model: ModelRecord, kind: str, *names: bytes | memoryview) -> str:
    digest = hashlib.sha256(msgspec.json.encode((model.folder, model.calibration, RULES, kind)))
    for name in names:
        digest.update(name)
    return digest.hexdigest()[:32]


class Answers:
    """The answers of one namespace."""

    def __init__(self, channels: Channels, settings: Settings) -> None:
        self._scripts = channels.scripts
        self._kept_ms = settings.cache_ttl_s * 1000
        self._most = settings.cache_max
        self._keys = channels.keys.answers
        self._models_dir = settings.models_dir

    async def of_file(self, model: ModelRecord | None, file_unique_id: str) -> Predictions | None:
        """The answer of the model in use to a file that Telegram has; None if it is not known."""
        if model is None or not file_unique_id:
            return None
        (known,) = await self.recall([of_telegram(model, file_unique_id)])
        return await asyncio.to_thread(self._with_labels, known, model) if known else None

    def _with_labels(self, known: Finding, model: ModelRecord) -> Predictions | None:
        try:
            labels = of_model(self._models_dir / model.folder)
            return Predictions.of(known, labels, model.title)
        except (OSError, msgspec.DecodeError, IndexError) as error:
            _log.warning("stored answers are not used, since %s has no labels: %r", model.folder, error)
            return None

    async def recall(self, pictures: Sequence[str]) -> list[Finding | None]:
        """For each picture its stored answer, or None."""
        if not self._most or not pictures:
            return [None] * len(pictures)
        try:
            found = await self._scripts.run(Call("recall", self._keys, (self._kept_ms, *pictures)))
        except RedisError as error:
            _log.debug("no answer can be recalled: %s", error)
            return [None] * len(pictures)
        return [_decoded(body) for body in found]

    async def remember(self, said: Mapping[str, Finding]) -> None:
        """Keep the answers to some pictures."""
        if not self._most or not said:
            return
        rows = [part for picture, finding in said.items() for part in (picture, msgspec.json.encode(finding))]
        try:
            await self._scripts.run(Call("remember", self._keys, (self._kept_ms, self._most, *rows)))
        except RedisError as error:  # for example because its memory is full
            _log.debug("an answer cannot be kept: %s", error)


def _decoded(body: bytes) -> Finding | None:
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError:
        return None
