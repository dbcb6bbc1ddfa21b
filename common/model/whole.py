"""The whole picture as a file, for a second look; and the views of it that a model gets.

``file_check`` writes it, ``classify`` reads it.

    offset  bytes
    0       4          magic, ``WHO1``
    4       2          length of the specification's name, little-endian
    6       n          the specification's name, UTF-8
    6 + n   2 + 2      width w and height h; the shorter is ``spec.resize``, the longer at most 2.5 times that
            3·w·h      h rows of w pixels of red, green, blue (h x w x 3, uint8)
            4·3·w·h    the same picture twice as large, for a zoom (2h x 2w x 3)
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Final

from common.errors import InputLost
from common.model.input import InputSpec, behind_header, header

SCALE: Final = 2  # of the larger copy

_MAGIC = b"WHO1"
_SIZE = struct.Struct("<HH")


@dataclasses.dataclass(frozen=True)
class Whole:
    """A whole picture, upright.

    Attributes:
        width: In pixels.
        height: In pixels.
        pixels: Its pixels (height x width x 3, uint8, RGB, row by row).
        large: Those of the larger copy (2 · height x 2 · width x 3).
        crop: The side of a view, in pixels.
    """

    width: int
    height: int
    pixels: memoryview
    large: memoryview
    crop: int

    def view(self, left: int, top: int) -> bytes:
        """The view whose corner is there (crop x crop x 3, uint8, RGB, row by row)."""
        return _cut(self.pixels, self.width, left, top, self.crop)

    def zoom(self, left: int, top: int) -> bytes:
        """A view with twice the detail. Its corner is counted in pixels of the larger copy."""
        return _cut(self.large, SCALE * self.width, left, top, self.crop)


def pack(picture: bytes, spec: InputSpec) -> bytes:
    """The file for a whole picture as the decoder gives it: width, height, pixels, larger pixels."""
    return header(_MAGIC, spec) + picture


def unpack(file: bytes, spec: InputSpec) -> Whole:
    """The picture in a file that was packed for ``spec``.

    Raises:
        InputLost: It is not such a file, not whole, or made for another model.
    """
    picture = behind_header(file, _MAGIC, spec, "whole picture")
    if len(picture) < _SIZE.size:
        raise InputLost("the whole picture ends before its size")
    width, height = _SIZE.unpack_from(picture)
    pixels = picture[_SIZE.size :]
    size = 3 * width * height
    if min(width, height) < spec.crop or len(pixels) != size * (1 + SCALE**2):
        msg = f"the whole picture has {len(pixels)} bytes for {width} x {height} pixels"
        raise InputLost(msg)
    return Whole(width, height, pixels[:size], pixels[size:], spec.crop)


def _cut(pixels: memoryview, width: int, left: int, top: int, crop: int) -> bytes:
    starts = range(3 * (top * width + left), 3 * ((top + crop) * width + left), 3 * width)
    return b"".join([pixels[start : start + 3 * crop] for start in starts])
