"""The two steps in which a picture gets the size that the model wants: narrow rows, then short columns."""

from __future__ import annotations

import math
from typing import Final

from PIL import Image

from common.pictures.protocol import Cut

# How many pixels of the resized picture Pillow's filters look to each side (Resample.c): bilinear 1, bicubic 2.
_SUPPORT: Final = 2


class Shape:
    """How a picture of a certain size becomes a model's pixels, in two steps: narrow rows, then short columns.

    Args:
        size: Width and height of the picture, upright.
        cut: What to make of it.

    Attributes:
        rows_first: Whether Pillow itself would take this order, which matters for rounding.
        narrow_size: Width and height between the two steps.
        needed: The rows that have a part in the model's pixels.
        bytes_between: How many bytes are held between the two steps, and after the second.
    """

    def __init__(self, size: tuple[int, int], cut: Cut) -> None:
        width, height = size
        resized_long = int(cut.resize * max(size) / min(size))
        self._width, self._height = (cut.resize, resized_long) if width <= height else (resized_long, cut.resize)
        self._left, self._top = (round((side - cut.crop) / 2) for side in (self._width, self._height))
        self._crop = cut.crop
        self._filter = Image.Resampling[cut.interpolation.upper()]
        # Pillow 13 resizes tall pictures in the other order (Resample.c, pull request 9549).
        self.rows_first = self._height >= height or height - self._height <= 2 * (width - self._width)
        self.narrow_size = (cut.crop, height)
        scale = height / self._height
        margin = _SUPPORT * max(scale, 1) + 1
        first, behind = self._top * scale - margin, (self._top + cut.crop) * scale + margin
        # Few, unless the picture is very narrow.
        self.bytes_between = 2 * 4 * cut.crop * max(height, self._height)
        self.needed = range(max(0, math.floor(first)), min(height, math.ceil(behind)))

    def pixels(self, picture: Image.Image) -> bytes:
        """The model's pixels of a whole picture, in the order that Pillow chooses."""
        resized = picture.resize((self._width, self._height), self._filter)
        box = (self._left, self._top, self._left + self._crop, self._top + self._crop)
        return resized.crop(box).convert("RGB").tobytes()

    def narrow(self, rows: Image.Image) -> Image.Image:
        """Some rows, or all, with only those columns that the model sees."""
        narrow = rows.resize((self._width, rows.height), self._filter)
        return narrow.crop((self._left, 0, self._left + self._crop, rows.height))

    def shorten(self, narrow: Image.Image) -> bytes:
        """The model's pixels of all narrow rows: crop x crop x 3, uint8, RGB, row by row."""
        short = narrow.resize((self._crop, self._height), self._filter)
        return short.crop((0, self._top, self._crop, self._top + self._crop)).tobytes()
