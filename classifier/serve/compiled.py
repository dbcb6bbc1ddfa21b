"""Networks that OpenVINO has compiled, kept in ``DATA_DIR/compiled`` from one start to the next.

    <hash of the network and OpenVINO's version>/
        *.blob      OpenVINO's own cache, without the weights: those stay in the prepared model's folder
        SHA256SUMS  of these

Reading one takes 0.1 s, compiling up to 0.6 s. OpenVINO names a blob after the path and the date of what it was
made from, and would believe a damaged one: so each folder belongs to one content, and is checked. Losing it
loses nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from classifier import artifact

CACHE: Final = "compiled"

_LOCK_LIMIT_S: Final = 20.0  # several times what it takes to compile
_LOOK_AGAIN_S: Final = 0.02

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def kept(root: Path | None, key: str) -> Iterator[dict[str, str]]:
    """What to tell OpenVINO while it compiles, so that it finds what it compiled before, or keeps what it compiles.

    Args:
        root: Where compiled networks are kept; None for nowhere.
        key: Names the network and what else a compiled one depends on. Those under other keys are removed.
    """
    with contextlib.ExitStack() as stack:
        config = {}
        if root:
            try:
                folder = stack.enter_context(_ours(root, hashlib.sha256(key.encode()).hexdigest()[:16]))
                config = {"CACHE_DIR": str(folder), "CACHE_MODE": "OPTIMIZE_SIZE"}
            except OSError as error:
                _log.warning("compiled models are not kept, so each start takes longer: %s", error)
        yield config


@contextlib.contextmanager
def _ours(root: Path, name: str) -> Iterator[Path]:
    """The folder of that name, with nothing in it that was not sealed; alone with it, and sealed afterwards."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / ".lock").open("w") as lock:
        _take(lock)
        folder = root / name
        for other in root.iterdir():
            if other.is_dir() and (other != folder or not _is_whole(folder)):
                shutil.rmtree(other)
        folder.mkdir(exist_ok=True)
        yield folder
        with contextlib.suppress(OSError):  # a full disk: unsealed, it will be made anew
            _seal(folder)


def _take(lock: IO[str]) -> None:
    """Lock the file; siblings that start together wait for one another, but not for ever.

    Raises:
        BlockingIOError: Another process keeps it.
    """
    deadline = time.monotonic() + _LOCK_LIMIT_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN_S)


def _is_whole(folder: Path) -> bool:
    try:
        return (folder / artifact.CHECKSUMS).read_text("utf-8") == _sums(folder)
    except (OSError, UnicodeDecodeError):
        return False


def _seal(folder: Path) -> None:
    if not _is_whole(folder):
        (folder / artifact.CHECKSUMS).write_text(_sums(folder), "utf-8")


def _sums(folder: Path) -> str:
    return "".join(f"{artifact.sha256_of(path)}  {path.name}\n" for path in sorted(folder.glob("*.blob")))
