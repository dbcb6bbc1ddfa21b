"""Large pictures are made narrow strip by strip, where possible while they are decoded.

For 12 megapixels Pillow would need 48 MB, and as much again for each conversion and each rotation. But resizing takes
two passes, each along one direction: first every row gets its final width, then every column its final length. So a
strip of rows can be made narrow as soon as it is decoded, with the same values as in the whole picture. After that the
strip is no longer needed.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from PIL import Image, ImageFile

from common.pictures.child import frames, jpeg, webp
from common.pictures.child.shape import Shape
from common.pictures.child.upright import orientation, rgb, stored_rows, upright, upright_size
from common.pictures.protocol import Cut, Whole


class StripLimits(NamedTuple):  # and not a dataclass, whose import would cost each decoder 1 MB
    """Which pictures are decoded in strips, and how large the pieces are.

    Attributes:
        large_pixels: Larger pictures are decoded in strips where possible. This many pixels take 8 MB in Pillow; the
            decoder (``common/pictures/child/main.py``) keeps the memory of smaller pictures, which is faster.
        strip_pixels: The rough size of one strip.
        read_bytes: How much of a file is read at a time. 32 kB of a strongly compressed file make a megapixel.
        much_bytes: Before a picture takes more memory, the decoder asks. Two smaller ones at once do no harm.
        webp_in_rows: Whether libwebp decodes WebP in rows, where possible.
    """

    large_pixels: int = 2**21
    strip_pixels: int = 2**18
    read_bytes: int = 2**15
    much_bytes: int = 32 * 2**20
    webp_in_rows: bool = True


LIMITS: Final = StripLimits()


class _Narrowing:
    """Makes a picture narrow, strip by strip, from the first needed row to the last."""

    def __init__(self, picture: Image.Image, turn: int, shape: Shape, limits: StripLimits) -> None:
        self._picture = picture
        self._turn = turn
        self._shape = shape
        self._narrow = Image.new("RGB", shape.narrow_size)
        self.strip_rows = max(1, limits.strip_pixels // upright_size(picture.size, turn)[0])

    def add(self, rows: range) -> None:
        """Take some rows of the upright picture."""
        needed = self._shape.needed
        start, stop = max(rows.start, needed.start), min(rows.stop, needed.stop)
        for top in range(start, stop, self.strip_rows):
            strip = range(top, min(top + self.strip_rows, stop))
            stored = self._picture.crop(stored_rows(strip, self._picture.size, self._turn))
            self._narrow.paste(self._shape.narrow(upright(rgb(stored), self._turn)), (0, top))

    def made(self) -> Image.Image:
        """What is made of the picture, when all rows have been added."""
        return self._shape.shorten(self._narrow)


class _Canvas:
    """Memory that a picture is decoded into, row by row. Its first rows can be given back meanwhile."""

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        self.stride = size[0] * 4
        self.memory = mmap.mmap(-1, self.stride * size[1], flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # Pillow calls RGB with a fourth byte of 255 so, where the memory is not its own.
        mapped = "RGBX" if mode == "RGB" else mode
        self.picture = Image.frombuffer(mapped, size, self.memory, "raw", mapped, 0, 1)  # type: ignore[arg-type]
        self._given_back = 0

    def has(self, row: int) -> bool:
        """Whether a row is surely decoded, since its last pixel is.

        If that pixel is transparent, this is unknown, and the picture is kept until all of it is decoded.
        """
        return row < self.picture.height and self.memory[(row + 1) * self.stride - 1] != 0

    def give_back(self, rows: int) -> None:
        """Give the memory of the first rows back to the kernel."""
        end = rows * self.stride // mmap.PAGESIZE * mmap.PAGESIZE
        if end > self._given_back:
            self.memory.madvise(mmap.MADV_DONTNEED, self._given_back, end - self._given_back)
            self._given_back = end


class _Rows:
    """The rows of an upright picture while it is decoded. Each is made narrow as soon as it comes, and given back."""

    def __init__(self, canvas: _Canvas, narrowing: _Narrowing) -> None:
        self._canvas = canvas
        self._narrowing = narrowing
        self._there = 0
        self._taken = 0

    def look(self) -> None:
        """Take the rows that were decoded since the last call."""
        while self._canvas.has(self._there):
            self._there += 1
        self.take(self._there)

    def take(self, rows: int) -> None:
        """Make a strip narrow, if a whole one is decoded. ``rows``: how many are decoded so far."""
        height = self._canvas.picture.height
        if rows - self._taken >= self._narrowing.strip_rows or rows == height:
            self._narrowing.add(range(self._taken, rows))
            self._canvas.give_back(rows)
            self._taken = rows


def made_of(
    image: ImageFile.ImageFile, content: bytes, cut: Cut | Whole, ask: Callable[[], None], limits: StripLimits = LIMITS
) -> Image.Image:
    """What is made of a file that Pillow has opened, and not yet decoded.

    Args:
        image: The file, opened.
        content: The file.
        cut: What to make of its picture.
        ask: Called before much memory is taken.
        limits: How large the pieces are.
    """
    turn = orientation(image)
    shape = Shape(upright_size(image.size, turn), cut)
    in_rows = _comes_in_rows(image, content, limits)
    in_time = in_rows and turn == 1 and shape.rows_first
    if _bytes_at_once(image, content, in_time, limits) + shape.bytes_between > limits.much_bytes:
        ask()
    if not in_rows:
        return made_of_loaded(frames.load(image), turn, cut, limits)
    canvas = _Canvas(image.size, image.mode)
    if in_time:
        narrowing = _Narrowing(canvas.picture, turn, shape, limits)
        rows = _Rows(canvas, narrowing)
        _decode(image, content, canvas, rows, limits)
        rows.take(image.height)
        return narrowing.made()
    _decode(image, content, canvas, None, limits)
    return made_of_loaded(canvas.picture, turn, cut, limits)


def made_of_loaded(picture: Image.Image, turn: int, cut: Cut | Whole, limits: StripLimits = LIMITS) -> Image.Image:
    """What is made of a picture that is decoded, and not yet turned."""
    shape = Shape(upright_size(picture.size, turn), cut)
    if not shape.rows_first:
        return shape.made_of(upright(rgb(picture), turn))
    narrowing = _Narrowing(picture, turn, shape, limits)
    narrowing.add(shape.needed)
    return narrowing.made()


def in_one_pass(image: Image.Image, scans: Sequence[int]) -> bool:
    """Whether a JPEG's first scan completes its rows. Else libjpeg keeps the coefficients of the whole picture.

    Args:
        image: The picture, opened.
        scans: How many components each of its scans has.
    """
    return scans[:1] == [len(image.getbands())] and "progressive" not in image.info


def _comes_in_rows(image: ImageFile.ImageFile, content: bytes, limits: StripLimits) -> bool:
    """Whether a picture's rows come one after the other, each once, in 4 bytes a pixel."""
    if image.format == "WEBP":
        return limits.webp_in_rows and webp.can_decode(content)
    if frames.may_move(image):
        return False
    # Without a tile, the file ends before its pixels. Pillow reports that only without a given picture to fill.
    return bool(image.tile) and image.mode in {"RGB", "RGBA"} and not image.info.keys() & {"interlace", "transparency"}


def _bytes_at_once(image: ImageFile.ImageFile, content: bytes, given_back: bool, limits: StripLimits) -> int:
    """About how many bytes a picture takes while it is decoded, as measured; its file not included.

    Args:
        image: The picture, opened.
        content: Its file.
        given_back: Whether each row is given back once it is narrow.
        limits: How large the pieces are.
    """
    if image.format in {"AVIF", "HEIF"}:
        of_a_pixel = 8
    elif image.format == "JPEG" and not in_one_pass(image, jpeg.scans(content)):
        of_a_pixel = 10  # libjpeg's coefficients (more, at reduced scale), and all rows, complete only at the end
    elif image.format == "WEBP" and not _comes_in_rows(image, content, limits):
        of_a_pixel = 16  # Pillow reads it as a video: two canvases, and two copies
    elif frames.may_move(image):
        of_a_pixel = 16  # a frame is put upon the one before, with transparency
    elif webp.is_lossless(content):  # libwebp keeps all rows itself
        of_a_pixel = 4 if given_back else 8
    elif given_back and (image.format in {"JPEG", "WEBP"} or (image.format == "PNG" and image.mode == "RGB")):
        of_a_pixel = 0  # of others, it may be unknown which rows are decoded: see _Canvas.has
    else:
        of_a_pixel = 1 if image.mode in {"1", "L", "P"} else 4
    return image.width * image.height * of_a_pixel


def _decode(
    image: ImageFile.ImageFile, content: bytes, canvas: _Canvas, rows: _Rows | None, limits: StripLimits
) -> None:
    if image.format == "WEBP":
        webp.decode(content, canvas.memory, canvas.stride, limits.read_bytes, rows.take if rows else lambda _: None)
        return
    read = getattr(image, "load_read", None)

    def look_and_read(count: int) -> Any:
        if rows:
            rows.look()
        return read(count) if read else image.fp and image.fp.read(count)

    image.im = canvas.picture.im
    image.decodermaxblock = limits.read_bytes
    vars(image)["load_read"] = look_and_read
    try:
        image.load()
    finally:
        del vars(image)["load_read"]  # a reference circle: it holds the image that holds it
