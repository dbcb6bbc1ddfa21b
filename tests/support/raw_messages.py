"""Messages as the Bot API sends them: https://core.telegram.org/bots/api#message"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.telegram.client import Me
from common.telegram.reading import read
from common.telegram.said import Said
from common.telegram.updates import Asked, asked

ME = Me(42, "whatsit_bot")
BOT = {"id": 42, "is_bot": True, "first_name": "Whatsit", "username": "whatsit_bot"}


def message(chat_type: str = "private", **fields: Any) -> dict[str, Any]:
    raw = {
        "message_id": 5,
        "date": 1_700_000_000,
        "chat": {"id": -7 if "group" in chat_type else 7, "type": chat_type},
        "from": {"id": 7, "is_bot": False, "first_name": "A"},
    }
    return raw | fields


def said(chat_type: str = "private", **fields: Any) -> Said:
    found = read({"update_id": 1, "message": message(chat_type, **fields)})
    assert isinstance(found, Said)
    return found


def asks(chat_type: str = "private", **fields: Any) -> Sequence[Asked]:
    return list(asked(said(chat_type, **fields), ME))


def photo(*sizes: tuple[int, int]) -> list[dict[str, Any]]:
    return [
        {"file_id": f"{w}x{h}", "file_unique_id": f"u{w}", "width": w, "height": h, "file_size": w * h}
        for w, h in sizes or [(500, 500)]
    ]


def file(**fields: Any) -> dict[str, Any]:
    return {"file_id": "f", "file_unique_id": "u", "file_size": 9} | fields


def entity(kind: str, text: str, part: str, **fields: Any) -> dict[str, Any]:
    """An entity with offset and length in UTF-16 code units, as the Bot API counts them."""
    offset = len(text[: text.index(part)].encode("utf-16-le")) // 2
    return {"type": kind, "offset": offset, "length": len(part.encode("utf-16-le")) // 2} | fields


def texts(text: str, *entities: dict[str, Any]) -> dict[str, Any]:
    return {"text": text, "entities": list(entities)}


def mention(text: str = "@whatsit_bot what is this?") -> dict[str, Any]:
    """A text message that mentions the bot."""
    return texts(text, entity("mention", text, "@whatsit_bot"))
