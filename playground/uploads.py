"""Uploads, from people or from the bot, and the fields of their messages."""

from __future__ import annotations

import asyncio
import dataclasses
import mimetypes
import secrets

from playground.errors import Refused
from playground.files import MAX_UPLOAD_BYTES, Files, StoredFile, photo_sizes
from playground.json_types import Json

MAX_ALBUM = 10
"""More at once become several albums, as in Telegram's apps."""


@dataclasses.dataclass(frozen=True)
class Upload:
    """A file as it arrived.

    Attributes:
        announced_bytes: For tests: the size that Telegram announces; None for the true one.
        raw: For tests: keep a photo's bytes as they are, even if they are not an image.
    """

    name: str
    content: bytes
    mime_type: str = ""
    announced_bytes: int | None = None
    raw: bool = False


async def fields(files: Files, kind: str, upload: Upload) -> Json:
    """The fields of a message with this upload; ``kind`` is photo, document or voice.

    Raises:
        Refused: It is too large or empty, or a photo that is not a picture.
    """
    if len(upload.content) > MAX_UPLOAD_BYTES:
        msg = f"{upload.name} is larger than the {MAX_UPLOAD_BYTES >> 20} MB that this page takes."
        raise Refused(msg)
    if not upload.content:
        msg = f"{upload.name} is empty."
        raise Refused(msg)
    if kind == "photo":
        return {"photo": await _photo(files, upload)}
    mime_type = upload.mime_type or mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
    file = files.add(upload.content, upload.name, mime_type, f"{kind}s", upload.announced_bytes)
    if kind == "voice":
        return {"voice": _file_fields(file) | {"duration": 1, "mime_type": mime_type}}
    return {"document": _file_fields(file) | {"file_name": upload.name, "mime_type": mime_type}}


def mark_albums(contents: list[Json]) -> None:
    """Give messages that were sent at once their albums' ids."""
    for start in range(0, len(contents), MAX_ALBUM):
        album = contents[start : start + MAX_ALBUM]
        if len(album) > 1:
            group = str(secrets.randbits(53))
            for content in album:
                content["media_group_id"] = group


async def _photo(files: Files, upload: Upload) -> list[Json]:
    if upload.raw:
        file = files.add(upload.content, "photo.jpg", "image/jpeg", "photos", upload.announced_bytes)
        return [_file_fields(file) | {"width": 800, "height": 600}]
    pictures = await asyncio.to_thread(photo_sizes, upload.content)
    return [
        _file_fields(files.add(picture.content, "photo.jpg", "image/jpeg", "photos", upload.announced_bytes))
        | {"width": picture.width, "height": picture.height}
        for picture in pictures
    ]


def _file_fields(file: StoredFile) -> Json:
    return {"file_id": file.file_id, "file_unique_id": file.unique_id, "file_size": file.announced_bytes}
