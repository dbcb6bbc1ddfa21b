"""Uploads, kept in memory; and photos in the sizes that Telegram makes."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import PurePath

from PIL import Image

from common.limits import MAX_FILE_BYTES
from common.pictures.child.parts import own_parts
from common.pictures.child.upright import orientation, upright
from playground.errors import ApiError, NoPhoto

MAX_TOTAL_BYTES = 256 << 20
"""The size of all uploads together. The oldest are dropped first."""
MAX_UPLOAD_BYTES = 50 << 20
"""The largest upload that the page takes. (Telegram: 2 GB.)"""
MAX_PHOTO_BYTES = 10 << 20
MAX_PHOTO_RATIO = 20
"""Longest to shortest side: https://core.telegram.org/bots/api#sendphoto."""
PATH_VALID_S = 3600
"""How long the address from getFile works: the documentation promises one hour at least."""

_BOXES = (90, 320, 800, 1280)
"""Longest side of the sizes s, m, x and y. https://core.telegram.org/api/files#image-thumbnail-types has
100 for s; what bots are sent is 90. A size w (2560) exists, and the usual apps do not upload it."""
_JPEG_QUALITY = 87
_TOO_MANY_PIXELS = "This image has too many pixels for a photo. Send it as a file."


@dataclasses.dataclass(frozen=True)
class StoredFile:
    """One upload, or one size of a photo.

    Attributes:
        file_id: The name with which the bot requests it.
        unique_id: The same for the same content.
        announced_bytes: The size that Telegram says it has; tests may make it differ from the content's.
    """

    file_id: str
    unique_id: str
    content: bytes
    mime_type: str
    path: str
    announced_bytes: int


@dataclasses.dataclass(frozen=True)
class Picture:
    """A JPEG and its size in pixels."""

    content: bytes
    width: int
    height: int


class Files:
    """Uploads by file id, and the addresses that getFile gave out.

    Args:
        clock: The time in seconds, for the addresses' expiry.
        max_total_bytes: The largest size of all files together.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_total_bytes: int = MAX_TOTAL_BYTES) -> None:
        self._clock = clock
        self._max_total_bytes = max_total_bytes
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._paths: dict[str, tuple[str, float]] = {}
        self._total_bytes = 0
        self._count = 0

    def add(
        self, content: bytes, name: str, mime_type: str, folder: str, announced_bytes: int | None = None
    ) -> StoredFile:
        """Keep a file. ``folder`` begins its address (``photos``, ``documents``)."""
        self._count += 1
        unique_id = base64.urlsafe_b64encode(hashlib.sha256(content).digest()[:9]).decode()
        file = StoredFile(
            file_id=f"Ag{secrets.token_urlsafe(30)}",
            unique_id=f"AQ{unique_id}",
            content=content,
            mime_type=mime_type,
            path=f"{folder}/file_{self._count}{PurePath(name).suffix}",
            announced_bytes=len(content) if announced_bytes is None else announced_bytes,
        )
        self._files[file.file_id] = file
        self._total_bytes += len(content)
        while self._total_bytes > self._max_total_bytes:
            _, oldest = self._files.popitem(last=False)
            self._total_bytes -= len(oldest.content)
            self._paths.pop(oldest.path, None)
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """The file, if it is still stored."""
        return self._files.get(file_id)

    def open(self, file_id: str) -> StoredFile:
        """What getFile does: let the file be downloaded for an hour.

        Raises:
            ApiError: It is too large for bots, or no longer stored.
        """
        if not file_id:
            raise ApiError(400, "Bad Request: file_id not specified")
        file = self._files.get(file_id)
        if file is None:
            raise ApiError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if file.announced_bytes > MAX_FILE_BYTES:
            raise ApiError(400, "Bad Request: file is too big")
        self._paths[file.path] = (file_id, self._clock() + PATH_VALID_S)
        return file

    def at(self, path: str) -> StoredFile | None:
        """The file at an address from getFile; None if the address is unknown or too old."""
        file_id, valid_until = self._paths.get(path, ("", 0.0))
        return self._files.get(file_id) if self._clock() < valid_until else None


def photo_sizes(content: bytes) -> list[Picture]:
    """A photo as Telegram keeps it: JPEGs with the longest side at most 90, 320, 800 and 1280.

    Only the sizes smaller than the photo are made, and then the photo itself, within 1280: one of
    500 x 400 pixels has the sizes 90, 320 and 500. Turned upright, without metadata; ascending. Texts, profiles and the
    like do not matter, even if they are broken: Telegram's apps decode the picture alone, and so does the bot.

    Raises:
        NoPhoto: It is too large, too narrow, or not an image.
    """
    if len(content) > MAX_PHOTO_BYTES:
        raise NoPhoto("A photo may have at most 10 MB. Send it as a file.")
    try:
        with Image.open(io.BytesIO(own_parts(content))) as image:
            _check_shape(*image.size)
            image.draft("RGB", (_BOXES[-1], _BOXES[-1]))  # decodes a large JPEG at a fraction of its size
            image.load()
            picture = _on_white(upright(image, orientation(image)))
    except NoPhoto:
        raise
    except Image.DecompressionBombError as error:
        raise NoPhoto(_TOO_MANY_PIXELS) from error
    except Exception as error:  # with a broken file, Pillow's plug-ins may raise anything
        raise NoPhoto("This is not an image that can be sent as a photo. Send it as a file.") from error
    longest = max(picture.size)
    boxes = [box for box in _BOXES if box < longest]
    return [_jpeg(picture, box) for box in [*boxes, min(longest, _BOXES[-1])][: len(_BOXES)]]


def _check_shape(width: int, height: int) -> None:
    if width * height > (Image.MAX_IMAGE_PIXELS or 0):
        raise NoPhoto(_TOO_MANY_PIXELS)
    if max(width, height) > MAX_PHOTO_RATIO * min(width, height):
        raise NoPhoto(f"A photo may be at most {MAX_PHOTO_RATIO} times as long as wide. Send it as a file.")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: convert alone would cut everything above 255 to white
        image = image.convert("I").point(lambda value: value / 256).convert("L")
        image.info.pop("transparency", None)  # a value of the 16-bit scale
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _jpeg(image: Image.Image, box: int) -> Picture:
    smaller = image.copy()
    smaller.thumbnail((box, box), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    smaller.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return Picture(buffer.getvalue(), *smaller.size)
