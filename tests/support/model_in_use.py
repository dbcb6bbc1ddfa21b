"""A model that only seems to be prepared, for tests that read its record. It cannot be loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

from common.model import records
from common.model.input import InputSpec
from common.model.records import ModelRecord

SPEC: Final = InputSpec(model="m", resize=8, crop=6, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)


def record(spec: InputSpec = SPEC, **fields: Any) -> ModelRecord:
    """The record of a model with that input, and these fields."""
    values: dict[str, Any] = {"model": "m", "title": "M", "folder": "m", "classes": 2}
    return ModelRecord(input=spec, weights_sha256="", weights_source="", **(values | fields))


def put_in_use(models_dir: Path, spec: InputSpec = SPEC) -> None:
    """Put such a model in use in ``models_dir``."""
    models_dir.mkdir(exist_ok=True)
    (models_dir / records.IN_USE).write_bytes(msgspec.json.encode(record(spec)))


def put_whole_model_in_use(models_dir: Path) -> Path:
    """The same with a folder whose files have their checksums, as the classifier leaves it. Returns the folder."""
    spec = InputSpec(model="inception_v3", resize=342, crop=299, interpolation="bilinear", mean=(0,) * 3, std=(1,) * 3)
    name = "inception_v3-v2-12345678"
    whole = record(spec, model="inception_v3", title="Inception V3", folder=name, classes=1000)
    folder = models_dir / name
    folder.mkdir(parents=True)
    for file in ("model.bin", "labels.json"):
        (folder / file).write_bytes(file.encode() * 1000)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {file}\n" for file, digest in digests.items()))
    (models_dir / records.IN_USE).write_bytes(msgspec.json.encode(whole))
    return folder
