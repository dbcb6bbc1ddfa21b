"""Which frame of an animation counts."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageFile

from common.pictures.child.upright import rgb
from common.pictures.protocol import MAX_PIXELS

MAX_FRAMES: Final = 10  # that are looked at
# The pixels of all frames that are looked at: two of the largest, ten of what people send.
_MAX_PIXELS: Final = 2 * MAX_PIXELS
_STRIP_PIXELS: Final = 2**16
# Of 255: one colour becomes several in WebP, even with black or white 2, with others at quality 30 up to 12.
_TOLERANCE: Final = 12


def may_move(image: Image.Image) -> bool:
    """Whether a file has several frames, of which another than the first may count. Of a GIF this is unknown.

    Args:
        image: The file, opened. Of an animated PNG, it has only the default image.
    """
    if image.format in {"WEBP", "AVIF"}:
        return bool(getattr(image, "n_frames", 1) > 1)
    return image.format == "GIF"


def load(image: ImageFile.ImageFile) -> Image.Image:
    """Decode the first frame, or the first of ten that is not blank, if there is one.

    Many animations begin with an empty frame, of which nothing can be said. What is behind the first other frame does
    not count, broken or not.
    """
    image.load()
    if not may_move(image):
        return image
    colour, size = only_colour(image), image.size
    if colour is None or _load_another(image):
        return image
    return Image.new("RGB", size, colour)


def only_colour(picture: Image.Image) -> tuple[int, int, int] | None:
    """The colour of a picture that has no other, which is white if it is transparent.

    Looks no further than at the first other colour.
    """
    colour: tuple[int, int, int] = rgb(picture.crop((0, 0, 1, 1))).getpixel((0, 0))  # type: ignore[assignment]
    rows = max(1, _STRIP_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        strip = rgb(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
        extrema: tuple[tuple[int, int], ...] = strip.getextrema()  # type: ignore[assignment]
        if any(max(value - low, high - value) > _TOLERANCE for value, (low, high) in zip(colour, extrema, strict=True)):
            return None
    return colour


def _load_another(image: ImageFile.ImageFile) -> bool:
    """Decode the first of the next frames that has several colours. Returns whether there is one."""
    size = image.size
    try:
        for number in range(1, min(MAX_FRAMES, _MAX_PIXELS // (size[0] * size[1]))):
            image.seek(number)
            image.load()
            if image.size != size:  # a larger frame makes a GIF larger, and was not judged
                return False
            if not only_colour(image):
                return True
    except Exception:  # no more frames, or a broken one, where Pillow may raise anything
        return False
    return False
