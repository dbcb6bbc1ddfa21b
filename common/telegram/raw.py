"""Values in raw updates. One of another type than the Bot API documents counts as absent, and breaks nothing else."""

from __future__ import annotations

from typing import Any, Final

from common.telegram.said import File, Mark, Medium, Text

MOVING: Final = ("animation", "video", "video_note")
MEDIA: Final = frozenset({"photo", "live_photo", "paid_media", *MOVING, "document", "sticker"})


def fields(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The text, or ''."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    """The whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def media(raw: dict[str, Any]) -> tuple[Medium, ...]:
    """The pictures and files of a message, of an ``external_reply`` or of a block."""
    found = [*_photo(raw), *(medium for medium in map(_paid, _paid_media(raw)) if medium)]
    found += [_moving(kind, fields(raw[kind])) for kind in MOVING if isinstance(raw.get(kind), dict)]
    # An animation is announced as a document, too.
    if isinstance(raw.get("document"), dict) and not any(medium.kind == "animation" for medium in found):
        found.append(_moving("document", raw["document"]))
    if isinstance(raw.get("sticker"), dict):
        found.append(_moving("sticker", raw["sticker"]))
    return tuple(found)


def marked(value: Any, entities: Any) -> Text:
    """A text with its entities, whose offsets count UTF-16 code units. An odd entity is left out."""
    words = text(value)
    units = words.encode("utf-16-le", "surrogatepass")
    marks = [mark for entity in items(entities) if (mark := _mark(fields(entity), words, units))]
    return Text(words, tuple(sorted(marks, key=lambda mark: mark.start)))


def _mark(entity: dict[str, Any], words: str, units: bytes) -> Mark | None:
    offset, length = number(entity.get("offset")), number(entity.get("length"))
    if offset is None or length is None or offset < 0 or length <= 0:
        return None
    start, end = _characters(units, offset), _characters(units, offset + length)
    if start == end:
        return None
    kind = text(entity.get("type"))
    return Mark(
        kind=kind,
        start=start,
        end=end,
        url=text(entity.get("url")),
        user_id=number(fields(entity.get("user")).get("id")),
        username=words[start:end].removeprefix("@") if kind == "mention" else "",
    )


def _characters(units: bytes, count: int) -> int:
    """How many whole characters the first ``count`` UTF-16 code units are."""
    return len(units[: 2 * count].decode("utf-16-le", "ignore"))


def _photo(raw: dict[str, Any]) -> list[Medium]:
    """The photo; of a live photo, its still one."""
    sizes = files(raw.get("photo")) or files(fields(raw.get("live_photo")).get("photo"))
    return [Medium(kind="photo", files=sizes)] if sizes else []


def _paid_media(raw: dict[str, Any]) -> list[dict[str, Any]]:
    return [fields(each) for each in items(fields(raw.get("paid_media")).get("paid_media"))]


def _paid(raw: dict[str, Any]) -> Medium | None:
    """A paid photo or video. Before it is paid for, it has no file."""
    if photo := _photo(raw):
        return photo[0]
    return _moving("video", raw["video"]) if isinstance(raw.get("video"), dict) else None


def _moving(kind: str, raw: dict[str, Any]) -> Medium:
    own = file(raw)
    # `thumb` is what servers before Bot API 6.6 call it.
    thumbnail = file(raw.get("thumbnail")) or file(raw.get("thumb"))
    return Medium(
        kind=kind,
        files=(own,) if own else (),
        stills=(*((thumbnail,) if thumbnail else ()), *files(raw.get("cover"))),
        moves=raw.get("is_animated") is True or raw.get("is_video") is True,
    )


def files(value: Any) -> tuple[File, ...]:
    """The sizes of a photo; an odd one is left out."""
    return tuple(found for found in map(file, items(value)) if found)


def file(value: Any) -> File | None:
    """A file that can be downloaded."""
    raw = fields(value)
    file_id = text(raw.get("file_id"))
    if not file_id:
        return None
    return File(
        file_id=file_id,
        file_unique_id=text(raw.get("file_unique_id")),
        file_bytes=number(raw.get("file_size")),
        width=number(raw.get("width")) or 0,
        height=number(raw.get("height")) or 0,
        mime_type=text(raw.get("mime_type")).partition(";")[0].strip().lower(),
        name=text(raw.get("file_name")),
    )
