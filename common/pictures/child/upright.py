"""Makes a decoded picture 8-bit RGB, with transparent parts on white, and the right side up.

All of this also works on a part of a picture: each pixel's colour depends only on that pixel.
"""

from __future__ import annotations

import functools
from typing import Final

from PIL import ExifTags, Image

# Values of the EXIF tag Orientation (EXIF 2.32, 4.6.4), and the operation that turns such a picture upright.
_TURN_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})  # its stored columns are its rows
_FROM_ITS_END: Final = frozenset({3, 4, 7, 8})  # the first of its rows is stored last


def orientation(image: Image.Image) -> int:
    """The orientation in a picture's EXIF data or XMP, 1 to 8. The picture need not be decoded yet."""
    try:
        # PngImageFile.getexif would decode the pixels, to look behind them, where child/png.py leaves no EXIF data.
        stated = int(Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF data do not make the picture bad
        return 1
    return stated if stated in _TURN_UPRIGHT else 1


def is_on_its_side(orientation: int) -> bool:
    """Whether the rows of the upright picture are the columns of the stored one."""
    return orientation in _ON_ITS_SIDE


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture, turned."""
    turn = _TURN_UPRIGHT.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of a picture once it is turned."""
    return (size[1], size[0]) if is_on_its_side(orientation) else size


def stored_rows(rows: range, size: tuple[int, int], orientation: int) -> tuple[int, int, int, int]:
    """Where rows of the upright picture are in the stored one of that size: left, top, right, bottom."""
    width, height = size
    length = width if is_on_its_side(orientation) else height
    start, stop = (length - rows.stop, length - rows.start) if orientation in _FROM_ITS_END else (rows.start, rows.stop)
    return (start, 0, stop, height) if is_on_its_side(orientation) else (0, start, width, stop)


def rgb(image: Image.Image) -> Image.Image:
    """The picture in 8-bit RGB, transparent parts on white."""
    if image.mode.startswith("I"):
        return _from_16_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image if image.mode in {"RGB", "RGBX"} else image.convert("RGB")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    background = Image.new("RGB", image.size, "white")
    background.paste(layer, mask=layer)
    return background


def _from_16_bits(image: Image.Image) -> Image.Image:
    """16-bit greyscale in 8 bits, scaled and rounded; a plain ``convert`` clips all above 255 to white."""
    return image.convert("I").point(_table(image.info.get("transparency")), "L")


@functools.lru_cache(maxsize=1)  # for the strips of one picture
def _table(transparent: int | None) -> list[int]:
    table = [(value * 255 + 32767) // 65535 for value in range(65536)]
    if transparent is not None:
        table[transparent] = 255
    return table
