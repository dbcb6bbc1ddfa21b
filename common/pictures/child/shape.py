"""The two steps in which a picture gets the size that is wanted: narrow rows, then short columns."""

from __future__ import annotations

import math
from typing import Final

from PIL import Image

from common.pictures.protocol import MAX_WHOLE_ASPECT, Cut, Whole

# How many pixels of the resized picture Pillow's filters look to each side (Resample.c): bilinear 1, bicubic 2.
_SUPPORT: Final = 2


class Shape:
    """How a picture of a certain size becomes a model's pixels, in two steps: narrow rows, then short columns.

    Args:
        size: Width and height of the picture, upright.
        cut: What to make of it: the centre for a model, or all of it.

    Attributes:
        box: Width and height of what is made of it.
        rows_first: Whether Pillow itself would take this order, which matters for rounding.
        narrow_size: Width and height between the two steps.
        needed: The rows that have a part in the model's pixels.
        bytes_between: How many bytes are held between the two steps, and after the second.
    """

    def __init__(self, size: tuple[int, int], cut: Cut | Whole) -> None:
        width, height = size
        resized_long = int(cut.resize * max(size) / min(size))
        self._width, self._height = (cut.resize, resized_long) if width <= height else (resized_long, cut.resize)
        self.box = _box((self._width, self._height), cut)
        self._left = round((self._width - self.box[0]) / 2)
        self._top = round((self._height - self.box[1]) / 2)
        self._filter = Image.Resampling[cut.interpolation.upper()]
        # Pillow 13 resizes tall pictures in the other order (Resample.c, pull request 9549).
        self.rows_first = self._height >= height or height - self._height <= 2 * (width - self._width)
        self.narrow_size = (self.box[0], height)
        scale = height / self._height
        margin = _SUPPORT * max(scale, 1) + 1
        first, behind = self._top * scale - margin, (self._top + self.box[1]) * scale + margin
        # Few, unless the picture is very narrow.
        self.bytes_between = 2 * 4 * self.box[0] * max(height, self._height)
        self.needed = range(max(0, math.floor(first)), min(height, math.ceil(behind)))

    def made_of(self, picture: Image.Image) -> Image.Image:
        """What is made of a whole picture, in the order that Pillow chooses. In 8-bit RGB."""
        resized = picture.resize((self._width, self._height), self._filter)
        return resized.crop((self._left, self._top, self._left + self.box[0], self._top + self.box[1])).convert("RGB")

    def narrow(self, rows: Image.Image) -> Image.Image:
        """Some rows, or all, with only those columns that are wanted."""
        narrow = rows.resize((self._width, rows.height), self._filter)
        return narrow.crop((self._left, 0, self._left + self.box[0], rows.height))

    def shorten(self, narrow: Image.Image) -> Image.Image:
        """What is made of all narrow rows."""
        short = narrow.resize((self.box[0], self._height), self._filter)
        return short.crop((0, self._top, self.box[0], self._top + self.box[1]))


def _box(resized: tuple[int, int], cut: Cut | Whole) -> tuple[int, int]:
    if not isinstance(cut, Whole):
        return cut.crop, cut.crop
    longest = int(MAX_WHOLE_ASPECT * cut.resize)
    return min(resized[0], longest), min(resized[1], longest)
