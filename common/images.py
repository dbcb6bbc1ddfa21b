"""Foreign bytes to model pixels: the only place where the workers touch Pillow.

``decode`` turns a file into an upright 8-bit RGB picture, ``to_pixels`` makes of it exactly what the
model's reference transform makes of it, and what cannot be read is refused in words for the user.
Colour profiles are left unapplied, as the reference transforms leave them.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from pathlib import Path
from typing import Final

from PIL import ExifTags, Image, ImageFile

from common.errors import Outage
from common.messages import Words
from common.model_input import InputSpec, pack
from common.model_record import in_use
from common.store import Store

log = logging.getLogger(__name__)

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
MAX_BYTES: Final = 20 * 2**20  # what the Bot API lets a bot download; links get the same
MAX_PIXELS: Final = 24_000_000
MAX_JPEG_PIXELS: Final = 100_000_000  # above MAX_PIXELS at reduced scale; either way a decode takes up to 300 MB
MAX_ASPECT: Final = 100  # however thin the picture, resizing it makes at most 12 megapixels

EMPTY: Final = "The file is empty. Please send it again."
TOO_LARGE: Final = f"The file is larger than {MAX_BYTES >> 20} MB, the most that I accept."
TOO_MANY_PIXELS: Final = (
    f"The picture has too many pixels: I accept at most {MAX_PIXELS // 10**6} megapixels "
    f"(JPEG: {MAX_JPEG_PIXELS // 10**6}). Please send it as a photo, not as a file: "
    "Telegram then makes it smaller."
)
TOO_THIN: Final = (
    f"The picture is more than {MAX_ASPECT} times as long as it is wide. Please send the part that matters."
)
DAMAGED: Final = "The picture is cut off or damaged. Please send it again."
NO_IMAGE: Final = "This is not an image that I know. I can read JPEG, PNG, WebP, GIF, BMP and AVIF."
FOREIGN_IMAGE: Final = "This file is {}, which I can't read. I can read JPEG, PNG, WebP, GIF, BMP and AVIF."
HEIC: Final = (
    "This file is HEIC, which I can't read. Please send it as a photo, not as a file: Telegram then converts it."
)
WEB_PAGE: Final = "This is a web page, not an image. Please send the image itself, or a link that leads straight to it."

# How a file begins that Pillow cannot read, and what to say of it: first our own formats, which must be
# damaged, then what people do send. The ftyp box (ISO 14496-12, 4.3) names AVIF, HEIC and video.
_BEGINNINGS: Final = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|BM.{4}\0\0\0\0|RIFF.{4}WEBP", DAMAGED),
        (rb".{4}ftyp.{0,64}?avi[fs]", DAMAGED),
        (rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", HEIC),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", FOREIGN_IMAGE.format("JPEG XL")),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", FOREIGN_IMAGE.format("JPEG 2000")),
        (rb"II[*+]\0|MM\0[*+]", FOREIGN_IMAGE.format("TIFF")),
        (rb"%PDF-", FOREIGN_IMAGE.format("PDF")),
        (rb"8BPS", FOREIGN_IMAGE.format("PSD")),
        (rb"\0\0[\1\2]\0", FOREIGN_IMAGE.format("ICO")),
        (rb".{4}ftypcrx ", FOREIGN_IMAGE.format("a camera's raw picture")),
        (rb".{4}(ftyp|moov|mdat)|\x1a\x45\xdf\xa3|RIFF.{4}AVI |OggS", FOREIGN_IMAGE.format("a video")),
        (rb"(?i)(\xef\xbb\xbf)?\s*<(?=.*<html|!doctype html|html|head|script|meta)", WEB_PAGE),
        (rb"(?i)(\xef\xbb\xbf)?\s*<(?=.*<svg|svg)", FOREIGN_IMAGE.format("SVG")),
    )
)
_BEGINNING_BYTES: Final = 1024

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

# A WebP's memory is taken when it is opened, before we can judge its size: Pillow refuses at twice this.
Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
# Pillow warns of broken metadata, by name of its own lines; that is no fault of the picture.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class _Refused(Exception):  # noqa: N818 -- named for what happened; never leaves this module
    """Ends the reading of a file; its text is for the user."""


def refusal(text: str) -> Words:
    """An expected refusal, in words for the user."""
    return Words(text=text, kind="refusal")


def decode(content: bytes) -> Image.Image | Words:
    """The picture in a file: whole, upright, 8-bit RGB, transparent parts on white.

    Of an animation it is the first frame. A JPEG of more than 24 megapixels is decoded at half its
    scale or less, so that at most 24 remain.

    Args:
        content: A JPEG, PNG, WebP, GIF, BMP or AVIF file: at most 20 MB, 24 megapixels (JPEG: 100), and
            100 times as long as wide.

    Returns:
        The picture, or what to tell the user if there is none.
    """
    try:
        return _decode(content)
    except _Refused as refused:
        return refusal(str(refused))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return refusal(TOO_MANY_PIXELS)
    except Exception as error:  # a broken file makes Pillow's plug-ins raise whatever comes to hand
        log.debug("unreadable picture: %r", error)
        return refusal(_why_unreadable(content[:_BEGINNING_BYTES]))


def to_pixels(picture: Image.Image, spec: InputSpec) -> bytes:
    """What the model is to see of an RGB picture: crop x crop x 3, uint8, RGB, row by row.

    To the last bit what torchvision's ``Resize(spec.resize)`` and ``CenterCrop(spec.crop)`` make of a PIL
    image, rounding included (which rules out ``reducing_gap``: faster, and only almost the same).
    """
    width, height = picture.size
    resized_long = int(spec.resize * max(width, height) / min(width, height))
    size = (spec.resize, resized_long) if width <= height else (resized_long, spec.resize)
    left, top = (round((side - spec.crop) / 2) for side in size)
    resized = picture.resize(size, Image.Resampling[spec.interpolation.upper()])
    return resized.crop((left, top, left + spec.crop, top + spec.crop)).tobytes()


def model_input(content: bytes, spec: InputSpec) -> bytes | Words:
    """The model input for a file (as ``common.model_input`` packs it), or what to tell the user instead."""
    picture = decode(content)
    return picture if isinstance(picture, Words) else pack(to_pixels(picture, spec), spec)


def store_model_input(content: bytes, key: str, store: Store, models_dir: Path) -> Words | None:
    """Write a file's input for the model in use under ``key``; blocks, so call it in a thread.

    Returns:
        What to tell the user instead, if the file is refused.

    Raises:
        Outage: No model is prepared, or the disk fails.
    """
    record = in_use(models_dir)
    if record is None:
        raise Outage("no model is prepared yet")
    made = model_input(content, record.input)
    if isinstance(made, Words):
        return made
    try:
        store.write(key, made)
    except OSError as error:
        msg = f"cannot write {key!r} to the store: {error}"
        raise Outage(msg) from error
    return None


def _decode(content: bytes) -> Image.Image:
    if not content:
        raise _Refused(EMPTY)
    if len(content) > MAX_BYTES:
        raise _Refused(TOO_LARGE)
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _judge_size(image)  # from the header alone: nothing is decoded yet
        _reduce_scale(image)
        _bring_transparent_colour_along(image)
        image.load()
        return _upright(_rgb(image), _orientation(image))


def _judge_size(image: Image.Image) -> None:
    width, height = image.size
    # MPO is a JPEG with more pictures behind it, as many phones write it; Pillow opens the first.
    limit = MAX_JPEG_PIXELS if image.format in {"JPEG", "MPO"} else MAX_PIXELS
    if width * height > limit:
        raise _Refused(TOO_MANY_PIXELS)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise _Refused(TOO_THIN)


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
    layer = image.convert("RGBA")
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
    except Exception as error:  # broken EXIF data is no fault of the picture
        log.debug("unreadable EXIF data: %r", error)
        return 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURN_UPRIGHT.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _why_unreadable(beginning: bytes) -> str:
    return next((text for pattern, text in _BEGINNINGS if pattern.match(beginning)), NO_IMAGE)
