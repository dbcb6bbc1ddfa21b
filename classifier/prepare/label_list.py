"""Reads a list of labels as people save it: lines, numbered lines, a JSON list, or a JSON object in one of five shapes.

What Python prints of a list or a dict is read like JSON: the best-known list of ImageNet's labels is such a one.

All errors are ``ValueError`` with the cause in words.
"""

from __future__ import annotations

import ast
import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")

# Where programs put the labels in an object with other things: Hugging Face's config.json, torchvision's ImageFolder,
# YOLO's data files, and what people write themselves.
_KEYS: Final = ("id2label", "label2id", "class_to_idx", "idx_to_class", "classes", "class_names", "labels", "names")
_WORDNET_ID: Final = re.compile(r"n\d{8}")
_YAML: Final = re.compile(r"(?:names|labels|classes|nc|path):.*")
# A label behind its number. One that begins with a digit itself would rather be a number: 0,5 and 1,5 litres.
_NUMBERED: Final = re.compile(r"(\d+)(?:\s+-\s+|\s*[:,;]\s*|[.)]\s+|\s+)(\D.*)")


def parse(content: bytes) -> tuple[str, ...]:
    """The labels in the order of their indices.

    Args:
        content: The file.

    Raises:
        ValueError: It holds no such list.
    """
    text = _text(content).rstrip()
    if not text:
        raise ValueError("the file is empty")
    is_json = text.lstrip().startswith(("[", "{"))
    return tuple(label.strip() for label in (_json(text.lstrip()) if is_json else _lines(text)))


def check(labels: Sequence[str]) -> None:
    """Fail if a user could not tell the labels apart.

    Raises:
        ValueError: One is empty or occurs twice.
    """
    seen: set[str] = set()
    for number, label in enumerate(labels, start=1):
        if not label:
            msg = f"label {number} is empty"
            raise ValueError(msg)
        if label in seen:
            msg = f"{label!r} occurs twice; users could not tell the two apart"
            raise ValueError(msg)
        seen.add(label)


def _text(content: bytes) -> str:
    """UTF-8, or UTF-16 as Windows' Notepad marks it."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None


def _json(text: str) -> Iterable[str]:
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except (json.JSONDecodeError, RecursionError) as error:
        content = _of_python(text)
        if content is None:
            msg = f"not JSON, though it begins with {text[0]} ({error})"
            raise ValueError(msg) from None
    return _of_list(content) if isinstance(content, list) else _of_object(content)


def _of_python(text: str) -> Any:
    """What Python prints of a list or a dict, as JSON would have it; None if it is another text."""
    try:
        found = ast.parse(text, mode="eval").body
        if not isinstance(found, ast.Dict):
            return ast.literal_eval(found)
        keys = [str(ast.literal_eval(key)) for key in found.keys if key]
        pairs = list(zip(keys, map(ast.literal_eval, found.values), strict=True))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return _object(pairs)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys all differ: Python would keep the last of two, and the labels would be one short."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            msg = f"the key {key!r} occurs twice"
            raise ValueError(msg)
        found[key] = value
    return found


def _of_list(content: Sequence[Any]) -> Iterable[str]:
    return _distinct([_label(item, f"item {number}") for number, item in enumerate(content, start=1)])


def _of_object(content: Mapping[str, Any]) -> Iterable[str]:
    """The labels in a JSON object: under a key that names them, or the object itself says which index has which."""
    for key in _KEYS:
        inner = content.get(key)
        if isinstance(inner, list):
            return _of_list(inner)
        if isinstance(inner, dict):
            return _of_object(inner)
    if content and all(_is_index(key) for key in content):
        return _distinct(
            _in_order({int(key): _label(value, f"{key!r}") for key, value in content.items()}, len(content))
        )
    if content and all(_is_index(value) for value in content.values()):
        return _in_order({int(value): key for key, value in content.items()}, len(content))
    msg = 'an object must be {"0": "cat", …} or {"cat": 0, …}, or hold such a one or a list under ' + " or ".join(_KEYS)
    raise ValueError(msg)


def _is_index(value: object) -> bool:
    """Whether it is 0, 1, …, as a number or in a string."""
    return (type(value) is int and value >= 0) or (isinstance(value, str) and value.isascii() and value.isdigit())


def _label(value: object, where: str) -> tuple[str, str]:
    """A label and its WordNet id, which Keras and torchvision have for ImageNet: ``["n01440764", "tench"]``."""
    if isinstance(value, str):
        return value, ""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):  # noqa: PLR2004
        wordnet_id, name = value
        if _WORDNET_ID.fullmatch(wordnet_id):
            return name.replace("_", " "), wordnet_id  # Keras writes great_white_shark
    msg = f"not a list of strings: {where} is {json.dumps(value)[:60]}"
    raise ValueError(msg)


def _distinct(labels: Iterable[tuple[str, str]]) -> Iterable[str]:
    """The labels; a name that two WordNet ids have gets the id, too: ImageNet has two cranes."""
    found = list(labels)
    count = Counter(name for name, _ in found)
    return [f"{name} ({wordnet_id})" if wordnet_id and count[name] > 1 else name for name, wordnet_id in found]


def _in_order(labels: Mapping[int, T], given: int) -> list[T]:
    """The labels by index, which must be all numbers from 0."""
    if len(labels) < given:
        raise ValueError("two labels have the same index")
    missing = next((index for index in range(given) if index not in labels), None)
    if missing is not None:
        msg = f"index {missing} is missing: {given} labels have the indices 0 to {given - 1}; the largest here is"
        raise ValueError(f"{msg} {max(labels)}")
    return [labels[index] for index in range(given)]


def _lines(text: str) -> Iterable[str]:
    """Labels one a line. If every line begins with its own number (``0 cat``, ``1: dog``), the number is no part.

    A table's first line (``index,label``) counts as little.
    """
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    if _YAML.fullmatch(lines[0]):
        msg = f"{lines[0][:40]!r} begins a YAML file; save the labels alone, one a line, or as a JSON list"
        raise ValueError(msg)
    return _unnumbered(lines) or (_unnumbered(lines[1:]) if "," in lines[0] else None) or lines


def _unnumbered(lines: Sequence[str]) -> list[str] | None:
    """The labels without their numbers; None if a line does not begin with its own."""
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if all(found and int(found[1]) == index for index, found in enumerate(numbered)):
        return [found[2].strip() for found in numbered if found]
    return None
