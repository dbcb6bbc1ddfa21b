"""A lock belongs to one open file at a time, and is freed when that is closed."""

from __future__ import annotations

import threading
from pathlib import Path

from common.file_lock import lock, lock_within, try_lock


def test_a_locked_file_is_not_locked_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as first, path.open("w") as second:
        assert try_lock(first)
        assert not try_lock(second)
        assert not lock_within(second, 0.01)
    with path.open("w") as third:
        assert lock_within(third, 0)


def test_a_lock_that_is_waited_for_is_ours_when_it_is_freed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = path.open("w")
    assert try_lock(first)
    threading.Timer(0.05, first.close).start()

    with path.open("w") as second:
        lock(second)
        assert first.closed
