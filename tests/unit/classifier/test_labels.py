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
    "content",
    [
        '{"0": "apple", "1": "pear"}',
        '{"1": "pear", "0": "apple"}',
        '{"apple": 0, "pear": 1}',
        '{"pear": "1", "apple": "0"}',
        '{"0": ["n07739125", "apple"], "1": ["n12655869", "pear"]}',
        '[["n07739125", "apple"], ["n12655869", "pear"]]',
        '{"classes": ["apple", "pear"]}',
        '{"epoch": 3, "class_names": ["apple", "pear"]}',
        '{"class_to_idx": {"apple": 0, "pear": 1}}',
        '{"model_type": "resnet", "id2label": {"0": "apple", "1": "pear"}, "label2id": {"apple": 0, "pear": 1}}',
        '\ufeff{"0": "apple",\r\n "1": "pear"}\r\n',
        "{0: 'apple',\n 1: 'pear'}",
        "{'apple': 0, 'pear': 1}",
        "['apple', \"pear\"]",
        "{'names': ['apple', 'pear']}",
    ],
)
def test_labels_are_read_from_json_objects_as_libraries_write_them(file: Path, content: str) -> None:
    file.write_text(content, newline="")

    assert labels.read(file) == ("apple", "pear")


@pytest.mark.parametrize(
    "content",
    [
        "apple\npear\n\n \n",
        "apple\rpear\r",
        "0 apple\n1 pear\n",
        "0: apple\r\n1: pear",
        "0,apple\n1,pear",
        "0 - apple\n1 - pear",
        "index,label\n0,apple\n1,pear",
    ],
)
def test_lines_may_end_as_on_any_system_and_begin_with_their_numbers(file: Path, content: str) -> None:
    file.write_text(content, newline="")

    assert labels.read(file) == ("apple", "pear")


@pytest.mark.parametrize(
    "content", ["1 euro\n2 euros", "0.5 l\n1.5 l", "0,5 l\n1,7 l", "0\n1", "0 am\nnoon", "7 up\ncola"]
)
def test_numbers_that_belong_to_labels_stay(file: Path, content: str) -> None:
    file.write_text(content)

    assert labels.read(file) == tuple(content.split("\n"))


def test_notepad_s_utf_16_is_read(file: Path) -> None:
    file.write_text("äpple\r\n梨\r\n", encoding="utf-16", newline="")

    assert labels.read(file) == ("äpple", "梨")


def test_two_imagenet_classes_of_one_name_are_told_apart_as_keras_s_list_has_them(file: Path) -> None:
    file.write_text(
        '{"0": ["n02012849", "crane"], "1": ["n03126707", "crane"], "2": ["n01484850", "great_white_shark"]}'
    )

    assert labels.read(file) == ("crane (n02012849)", "crane (n03126707)", "great white shark")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'["apple", 5]', "not a list of strings: item 2 is 5"),
        (b'["apple", ', r"not JSON, though it begins with \["),
        (b"{'0': apple()}", "not JSON, though it begins with {"),
        (b"{0: 'apple', 0: 'pear'}", "the key '0' occurs twice"),
        (b"{**a}", "not JSON, though it begins with {"),
        (b"names:\n  0: apple\n  1: pear", "'names:' begins a YAML file"),
        (b"path: fruit\nnames: [apple, pear]", "'path: fruit' begins a YAML file"),
        (b'{"0": "apple", "2": "pear"}', "index 1 is missing: 2 labels have the indices 0 to 1; the largest here is 2"),
        (b'{"1": "apple", "2": "pear"}', "index 0 is missing"),
        (b'{"apple": 0, "pear": 0}', "two labels have the same index"),
        (b'{"0": "apple", "0": "pear"}', "the key '0' occurs twice"),
        (b'{"0": {"name": "apple"}}', r"'0' is \{\"name\": \"apple\"\}"),
        (b'{"apple": -1, "pear": 0}', "an object must be"),
        (b'{"fruit": "apple"}', "an object must be"),
        (b"{}", "an object must be"),
        (b"[" * 100_000, "not JSON"),
        (b"\n \r\n", "the file is empty"),
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
