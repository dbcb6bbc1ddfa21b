"""Files on the disk of the operator's own Bot API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import FileOutOfReach
from common.telegram import local_files

TOKEN = "123456:AAHiddenHiddenHidden"


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/var/lib/telegram-bot-api/x/photos/file_1.jpg", True),
        ("file:///var/lib/x.jpg", True),
        ("C:\\telegram\\x.jpg", True),
        ("d:/telegram/x.jpg", True),
        ("\\\\nas\\telegram\\x.jpg", True),
        ("photos/file_1.jpg", False),
        ("documents/C:x.jpg", False),
    ],
)
def test_a_path_on_a_disk_is_told_apart_from_one_to_download(path: str, local: bool) -> None:
    assert local_files.is_local(path) is local


@pytest.mark.parametrize(
    ("error", "cause", "cure"),
    [
        (PermissionError(13, "Permission denied"), "forbidden", "(Permission denied): run both as the same user"),
        (OSError(5, "Input/output error"), "unreadable", "(Input/output error): look after that disk"),
    ],
)
def test_each_reason_has_its_cure(monkeypatch: pytest.MonkeyPatch, error: OSError, cause: str, cure: str) -> None:
    def fail(_path: Path) -> bool:
        raise error

    monkeypatch.setattr(Path, "is_file", fail)
    with pytest.raises(FileOutOfReach) as found:
        local_files.read(f"/srv/api/{TOKEN}/photos/x.jpg", 10, TOKEN)
    assert found.value.cause == cause
    assert f"keeps files in '/srv/api', where the bot cannot read them {cure}" in str(found.value)


def test_a_name_in_a_url_is_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a b.jpg").write_bytes(b"x")
    assert local_files.read(f"file://{tmp_path}/a%20b.jpg", 10, TOKEN) == b"x"


def test_a_name_that_no_file_can_have_is_out_of_reach() -> None:
    with pytest.raises(FileOutOfReach):
        local_files.read("/srv/\0/x", 10, TOKEN)
