"""Checksums as ``sha256sum`` itself writes and checks them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from common.model import checksums
from common.model.checksums import CHECKSUMS

NAMES = ("empty", "large")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files; the larger one is read in several pieces."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "large").write_bytes(bytes(range(256)) * 2**15 + b"the rest")
    return tmp_path


def test_they_are_those_of_sha256sum(folder: Path) -> None:
    reference = subprocess.run(["sha256sum", *NAMES], cwd=folder, check=True, capture_output=True, text=True)

    assert checksums.text(folder, NAMES) == reference.stdout


def test_what_is_written_is_read_again(folder: Path) -> None:
    (folder / CHECKSUMS).write_text(checksums.text(folder, NAMES))

    assert checksums.read(folder) == {name: checksums.sha256_of(folder / name) for name in NAMES}


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_missing_or_damaged_file_gives_nothing(folder: Path, content: bytes | None) -> None:
    if content is not None:
        (folder / CHECKSUMS).write_bytes(content)

    assert checksums.read(folder) is None
