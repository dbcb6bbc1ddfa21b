from __future__ import annotations

from pathlib import Path

import pytest

from classifier.errors import ModelError
from classifier.prepare import labels


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "labels.txt"


@pytest.mark.parametrize(
    "content",
    [
        "apple\npear\n",
        "apple\npear",
        "\ufeffapple\r\npear\r\n",
        '["apple", "pear"]',
        '\n  [\n "apple",\n "pear"\n]\n',
    ],
)
def test_labels_are_read_from_lines_or_a_json_list(file: Path, content: str) -> None:
    file.write_text(content, newline="")

    assert labels.read(file) == ("apple", "pear")


def test_labels_may_hold_any_script(file: Path) -> None:
    file.write_text("äpple\n梨\n", encoding="utf-8")

    assert labels.read(file) == ("äpple", "梨")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'["apple", 5]', "not a JSON list of strings"),
        (b'["apple", ', "not a JSON list of strings"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"apple\n\npear\n", "label 2 is empty"),
        (b"apple\npear\napple\n", "'apple' occurs twice"),
    ],
)
def test_wrong_labels_are_refused_with_the_reason(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)

    with pytest.raises(ModelError, match=message) as error:
        labels.read(file)

    assert str(file) in str(error.value)


def test_a_missing_labels_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"labels .*/absent.txt: cannot be read \(No such file or directory\)"):
        labels.read(tmp_path / "absent.txt")
