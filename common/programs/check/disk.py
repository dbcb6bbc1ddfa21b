"""The disks: room for what the bot writes, and files that were left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.programs.check.result import Result, fail, ok, size, together, warn
from common.settings import Settings

TIGHT_BYTES: Final = 500_000_000
FULL_BYTES: Final = 100_000_000
LEFT_AFTER_S: Final = 3600.0  # most files live for less than a second; some stay during a long outage of Telegram


def disk(config: Settings, tight_bytes: float = TIGHT_BYTES, full_bytes: float = FULL_BYTES) -> Result:
    """Whether the bot may write where it keeps its files, and has room there."""
    folders = {"DATA_DIR": config.data_dir, "MODELS_DIR": config.models_dir}
    return together([_room(name, folder, tight_bytes, full_bytes) for name, folder in folders.items()])


def _room(name: str, folder: Path, tight_bytes: float, full_bytes: float) -> Result:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    where = f"{name} ({folder})"
    if not existing.is_dir():
        return fail(f"{where}: {existing} is not a folder: move it away, or set {name}")
    if not os.access(existing, os.W_OK | os.X_OK):
        return fail(f"{where} cannot be written: `sudo mkdir -p {folder}; sudo chown -R $USER {folder}`, or set {name}")
    free = shutil.disk_usage(existing).free
    if free < full_bytes:
        return fail(f"{size(free)} free for {where}: make room, {size(full_bytes)} at least")
    if free < tight_bytes:
        return warn(f"{size(free)} free for {where}: make room soon, below {size(tight_bytes)} is tight")
    return ok(f"{size(free)} free for {where}")


def files(config: Settings, now: float) -> Result:
    """Whether files are older than any should be."""
    ages = [now - modified for modified in _modified(config.files_dir)]
    left = [age for age in ages if age > LEFT_AFTER_S]
    if left:
        return warn(
            f"{len(left)} of {len(ages)} are older than an hour, the oldest {max(left) / 3600:.0f} h: fine while"
            f" Telegram is away, otherwise see `supervisorctl tail garbage_collect` ({config.files_dir})"
        )
    return ok(f"{len(ages)} on their way" if ages else "no pictures on their way")


def _modified(folder: Path) -> Iterator[float]:
    if folder.is_dir():
        for path in folder.iterdir():
            try:
                yield path.stat().st_mtime
            except FileNotFoundError:
                continue  # the bot has just deleted it
