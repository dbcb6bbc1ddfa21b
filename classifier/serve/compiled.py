"""Networks that OpenVINO has compiled, kept in ``DATA_DIR/compiled`` from one start to the next.

    <hash of the network and OpenVINO's version>/
        *.blob      OpenVINO's own cache, without the weights: those stay in the prepared model's folder
        SHA256SUMS  of these

Reading one takes 0.1 s, compiling up to 0.6 s. OpenVINO names a blob after the path and the date of the network, and
would accept a damaged one. So each folder belongs to one content, and is checked. Its loss costs only time.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common import file_lock
from common.model import checksums
from common.model.checksums import CHECKSUMS

CACHE: Final = "compiled"

LOCK_LIMIT_S: Final = 20.0  # several times what it takes to compile

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def kept(root: Path | None, key: str, lock_limit_s: float = LOCK_LIMIT_S) -> Iterator[dict[str, str]]:
    """OpenVINO's settings, with which it finds what it compiled before, or keeps what it compiles now.

    Args:
        root: Where compiled networks are kept; None if they are not.
        key: Names the network and everything else that the compiled one depends on. Other keys' are removed.
        lock_limit_s: How long to wait for another process that has the folder.
    """
    with contextlib.ExitStack() as stack:
        config = {}
        if root:
            try:
                folder = stack.enter_context(_ours(root, hashlib.sha256(key.encode()).hexdigest()[:16], lock_limit_s))
                config = {"CACHE_DIR": str(folder), "CACHE_MODE": "OPTIMIZE_SIZE"}
            except OSError as error:
                _log.warning("compiled models are not kept, so each start takes longer: %s", error)
        yield config


@contextlib.contextmanager
def _ours(root: Path, name: str, lock_limit_s: float) -> Iterator[Path]:
    """The folder of that name, locked. Everything in it was sealed before; it is sealed again afterwards."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / ".lock").open("w") as lock:
        if not file_lock.lock_within(lock, lock_limit_s):  # siblings that start together wait for one another
            msg = f"another process has kept {lock.name} locked for {lock_limit_s:g} s"
            raise TimeoutError(msg)
        folder = root / name
        for other in root.iterdir():
            if other.is_dir() and (other != folder or not _is_whole(folder)):
                shutil.rmtree(other)
        folder.mkdir(exist_ok=True)
        yield folder
        with contextlib.suppress(OSError):  # a full disk: what is not sealed is compiled again
            _seal(folder)


def _is_whole(folder: Path) -> bool:
    try:
        return (folder / CHECKSUMS).read_text("utf-8") == _sums(folder)
    except (OSError, UnicodeDecodeError):
        return False


def _seal(folder: Path) -> None:
    if not _is_whole(folder):
        (folder / CHECKSUMS).write_text(_sums(folder), "utf-8")


def _sums(folder: Path) -> str:
    return checksums.text(folder, sorted(path.name for path in folder.glob("*.blob")))
