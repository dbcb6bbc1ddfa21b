"""Brings a model that an older version prepared up to date: its network gets the maps, and nothing else changes.

The logits stay the same to the bit. So this takes a second, and needs neither torch nor photos: it works on a machine
that cannot prepare models, and an int8 version stays as proven as it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from classifier import artifact
from classifier.errors import ModelError
from classifier.progress import Say
from common.model.records import MapGrid, ModelRecord


def bring_up_to_date(models_dir: Path, older: ModelRecord, say: Say) -> None:
    """Install what a whole older model becomes today, and its int8 version. The older folders stay.

    The caller holds the lock on ``models_dir``.

    Raises:
        ModelError: The files cannot be written.
    """
    say(f"{older.title} was prepared by an older version: adding what is new")
    older_int8 = artifact.prepared_int8(models_dir, older)
    if older_int8:  # first: when the other one is there, nothing asks for it again
        _upgrade(models_dir, older_int8, made_from=artifact.name_today(older))
    _upgrade(models_dir, older, made_from="")


def _upgrade(models_dir: Path, older: ModelRecord, made_from: str) -> None:
    source, staged = models_dir / older.folder, artifact.stage(models_dir)
    try:
        grid = _with_maps(source / artifact.NETWORK, staged / artifact.NETWORK)
        for name in (artifact.TORCH_WEIGHTS, artifact.COMPARISON):
            if (source / name).exists():
                artifact.link(source / name, staged / name)
        record = msgspec.structs.replace(older, folder=artifact.name_today(older), made_from=made_from, maps=grid)
        labels = msgspec.json.decode((source / artifact.LABELS).read_bytes(), type=tuple[str, ...])
        artifact.seal(staged, record, labels)
        artifact.install(staged, record)
    finally:
        shutil.rmtree(staged, ignore_errors=True)  # gone already if all went well


def _with_maps(network: Path, target: Path) -> MapGrid | None:
    from classifier import maps, telemetry  # noqa: PLC0415 -- brings OpenVINO: only where there is something to do

    telemetry.forbid()
    import openvino as ov  # noqa: PLC0415 -- telemetry must be off first

    try:
        model = ov.Core().read_model(network)
        grid = maps.add(model)
        ov.save_model(model, target, compress_to_fp16=False)
    except RuntimeError as error:
        msg = f"{target}: cannot be written; is the disk full? ({' '.join(str(error).split())})"
        raise ModelError(msg) from None
    return grid
