"""The exact pixels that a model gets, as a file: RGB bytes behind a small header.

``file_check`` and ``fetch_url`` write it, ``classify`` reads it. Only the decoder's process decodes a picture.

    offset  bytes
    0       4      magic, ``WIN2``
    4       2      length of the specification's name, little-endian
    6       n      the specification's name, UTF-8
    6 + n   3·c²   c rows of c pixels of red, green, blue (c x c x 3, uint8), c = ``spec.crop``

It has no checksum of its own: the store keeps one for each file.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

from common.errors import InputLost

_MAGIC = b"WIN2"
_HEADER = struct.Struct("<4sH")


class InputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a model wants its pictures: shorter side to ``resize``, then the centre ``crop`` x ``crop``.

    Attributes:
        model: The model's name.
        resize: Length of the shorter side after resizing, in pixels.
        crop: Side of the centre crop, in pixels.
        interpolation: Pillow's resampling filter, by name.
        mean: Per channel (red, green, blue), subtracted from pixels scaled to 0–1; applied inside the
            model's graph, not in the file.
        std: Per channel, divides the difference.
    """

    model: str
    resize: int
    crop: int
    interpolation: Literal["bilinear", "bicubic"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def name(self) -> str:
        """Names what the pixels depend on, so that a model never gets those of another."""
        return f"{self.model}/{self.resize}/{self.crop}/{self.interpolation}"


def pack(pixels: bytes, spec: InputSpec) -> bytes:
    """The file for those ``pixels`` (crop x crop x 3, uint8, RGB, row by row)."""
    if len(pixels) != 3 * spec.crop**2:
        msg = f"{spec.name} takes {3 * spec.crop**2} bytes of pixels, not {len(pixels)}"
        raise ValueError(msg)
    return header(_MAGIC, spec) + pixels


def unpack(file: bytes, spec: InputSpec) -> memoryview:
    """The pixels (crop x crop x 3, uint8, RGB) of a file that was packed for ``spec``.

    Raises:
        InputLost: It is not a model input, not whole, or made for another model.
    """
    pixels = behind_header(file, _MAGIC, spec, "model input")
    if len(pixels) != 3 * spec.crop**2:
        msg = f"the model input has {len(pixels)} bytes of pixels, not {3 * spec.crop**2}"
        raise InputLost(msg)
    return pixels


def header(magic: bytes, spec: InputSpec) -> bytes:
    """How a file with pixels for ``spec`` begins: four bytes that say what it is, and the specification's name."""
    name = spec.name.encode()
    return _HEADER.pack(magic, len(name)) + name


def behind_header(file: bytes, magic: bytes, spec: InputSpec, what: str) -> memoryview:
    """What is behind that header.

    Args:
        file: The file.
        magic: How it should begin.
        spec: What it should be for.
        what: What it should be, for people.

    Raises:
        InputLost: It begins otherwise, or was made for another model.
    """
    if len(file) < _HEADER.size or not file.startswith(magic):
        msg = f"not a {what}: the file does not begin as one"
        raise InputLost(msg)
    _, name_length = _HEADER.unpack_from(file)
    end_of_name = _HEADER.size + name_length
    name = file[_HEADER.size : end_of_name].decode(errors="replace")
    if name != spec.name:
        msg = f"the {what} is for {name!r}, and {spec.name!r} is in use"
        raise InputLost(msg)
    return memoryview(file)[end_of_name:]
