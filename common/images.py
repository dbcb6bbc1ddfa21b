"""Foreign bytes to model pixels: the only place that touches Pillow.

``decode`` turns a file into an upright 8-bit RGB picture, ``to_pixels`` makes of it exactly what the
model's reference transform makes of it, and what cannot be read is refused.
Colour profiles are left unapplied, as the reference transforms leave them.

Only the decoder (``common/decoder_child.py``) imports this, and no worker: it is where a broken picture does its harm.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Final, TypeVar

from PIL import (
    AvifImagePlugin,
    ExifTags,
    Image,
    ImageFile,
    JpegImagePlugin,
    TiffImagePlugin,  # noqa: F401 -- reads EXIF data
    WebPImagePlugin,  # noqa: F401 -- were it missing when a picture comes, Pillow would import all its forty plug-ins
)

from common import decoder_headers
from common.decoder_headers import Refused
from common.decoder_protocol import (
    MAX_ASPECT,
    MAX_BYTES,
    MAX_JPEG_PIXELS,
    MAX_JPEG_SCANS,
    MAX_PIXELS,
    Cut,
    Refusal,
)

MadeT = TypeVar("MadeT")

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")

# Values of the EXIF tag Orientation (EXIF 2.32, 4.6.4), and what turns such a picture upright.
_TURN_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Image.preinit()  # imports the other plug-ins; once the decoder is ready, no import works any more
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # with more, the decoder may start none, and refused every AVIF
# Pillow's own way with a JPEG goes on to look for more pictures behind it (MPO), and warns where their index is broken.
# The first one is all that counts here.
Image.register_open("JPEG", JpegImagePlugin.JpegImageFile, lambda beginning: beginning.startswith(decoder_headers.JPEG))


def decode(content: bytes) -> Image.Image | Refusal:
    """The picture in a file: whole, upright, 8-bit RGB, transparent parts on white.

    Of an animation it is the first frame. A JPEG of more than 24 megapixels is decoded at half its
    scale or less, so that at most 24 remain. One that is progressive, or stores its colours apart, may
    have no more than 24 to begin with: libjpeg keeps all of such a picture, at full size.

    A JPEG that lacks nothing but its end mark is refused, though browsers show it: nothing else tells
    it from one that lacks its last pixels or its last scan, and those must not be silently classified.

    Not for two threads at once: Pillow's limits and Python's warnings are the process's own.

    Args:
        content: A JPEG, PNG, WebP, GIF, BMP or AVIF file: at most 20 MB, 24 megapixels (JPEG: 100), and
            100 times as long as wide.

    Returns:
        The picture, or why there is none.
    """
    return _or_refusal(_decode, content)


def decode_to_pixels(content: bytes, cut: Cut) -> bytes | Refusal:
    """What the model is to see of a file (``decode``, then ``to_pixels``), or why it is refused."""
    return _or_refusal(lambda content: to_pixels(_decode(content), cut), content)


def to_pixels(picture: Image.Image, cut: Cut) -> bytes:
    """What the model is to see of an RGB picture: crop x crop x 3, uint8, RGB, row by row.

    To the last bit what torchvision's ``Resize(cut.resize)`` and ``CenterCrop(cut.crop)`` make of a PIL
    image, rounding included (which rules out ``reducing_gap``: faster, and only almost the same).
    """
    width, height = picture.size
    resized_long = int(cut.resize * max(width, height) / min(width, height))
    size = (cut.resize, resized_long) if width <= height else (resized_long, cut.resize)
    left, top = (round((side - cut.crop) / 2) for side in size)
    resized = picture.resize(size, Image.Resampling[cut.interpolation.upper()])
    return resized.crop((left, top, left + cut.crop, top + cut.crop)).tobytes()


def _or_refusal(make: Callable[[bytes], MadeT], content: bytes) -> MadeT | Refusal:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # But for what is wrong with EXIF data (nothing else is read as TIFF here): that is no fault of the picture.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin$")
            return make(content)
    except Refused as refused:
        return refused.refusal
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Refusal.TOO_MANY_PIXELS
    except Exception:  # a broken file makes Pillow's plug-ins raise whatever comes to hand
        return decoder_headers.why_unreadable(content)


def _decode(content: bytes) -> Image.Image:
    if not content:
        raise Refused(Refusal.EMPTY)
    if len(content) > MAX_BYTES:
        raise Refused(Refusal.TOO_LARGE)
    return _upright(*_read(content))


def _read(content: bytes) -> tuple[Image.Image, int]:
    """The picture as it is stored, and its orientation. All else that Pillow holds of it is free on return."""
    is_jpeg = content.startswith(decoder_headers.JPEG)
    scans = decoder_headers.jpeg_scans(content) if is_jpeg else []
    if len(scans) > MAX_JPEG_SCANS:
        raise Refused(Refusal.TOO_MANY_SCANS)
    decoder_headers.judge_metadata(content)
    # Some plug-ins prepare for a picture while they open it; from here on Pillow warns, and that is an error.
    Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        # libjpeg keeps the coefficients of the whole picture if its first scan cannot complete any of it.
        in_one_pass = scans[:1] == [len(image.getbands())] and "progressive" not in image.info
        _judge_size(image, MAX_JPEG_PIXELS if in_one_pass else MAX_PIXELS)  # nothing is decoded yet
        _reduce_scale(image)
        _bring_transparent_colour_along(image)
        image.load()
        return _rgb(image), _orientation(image)


def _judge_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise Refused(Refusal.TOO_MANY_PIXELS)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Refused(Refusal.TOO_THIN)


def _reduce_scale(image: ImageFile.ImageFile) -> None:
    """Let libjpeg decode a JPEG of more than 24 megapixels at 1/2 or 1/4."""
    scale = 1
    while image.width * image.height > MAX_PIXELS * scale**2:
        scale *= 2
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))


def _bring_transparent_colour_along(image: ImageFile.ImageFile) -> None:
    """Scale a PNG's transparent colour (tRNS) as Pillow scales the pixels.

    Pillow brings 2- and 4-bit grey and 16-bit RGB to 8 bits, and leaves that colour as it was.
    """
    colour = image.info.get("transparency")
    if colour is None or not image.tile:
        return
    raw_mode = image.tile[0].args
    if raw_mode == "L;2":
        image.info["transparency"] = colour * 85
    elif raw_mode == "L;4":
        image.info["transparency"] = colour * 17
    elif raw_mode == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in colour)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _from_16_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(layer, mask=layer)
    return paper


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Greyscale of 16 bits in 8, scaled and rounded (a plain ``convert`` clips all above 255 to white)."""
    table = [(value * 255 + 32767) // 65535 for value in range(65536)]
    transparent = image.info.get("transparency")
    if transparent is not None:
        table[transparent] = 255
    return image.convert("I").point(table, "L")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF data is no fault of the picture
        return 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURN_UPRIGHT.get(orientation)
    return picture if turn is None else picture.transpose(turn)
