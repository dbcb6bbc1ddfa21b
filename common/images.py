"""Foreign bytes to model pixels: the only place where the workers touch Pillow.

``decode`` turns a file into an upright 8-bit RGB picture, ``to_pixels`` makes of it exactly what the
model's reference transform makes of it, and what cannot be read is refused in words for the user.
Colour profiles are left unapplied, as the reference transforms leave them.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
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
MAX_PIXELS: Final = 24_000_000  # a decode of so many takes up to 300 MB; of a WebP, 400 MB
MAX_JPEG_PIXELS: Final = 100_000_000  # above MAX_PIXELS at reduced scale, and only what libjpeg reads in one pass
MAX_JPEG_SCANS: Final = 100  # progressive files have about 10; each takes time for every pixel, and may take no byte
MAX_JPEG_SEGMENTS: Final = 10_000  # Pillow keeps each one: five million empty ones fit in 20 MB, and took 650 MB
MAX_ASPECT: Final = 100  # however thin the picture, resizing it makes at most 12 megapixels

EMPTY: Final = "The file is empty. Please send it again."
TOO_LARGE: Final = f"The file is larger than {MAX_BYTES >> 20} MB, the most that I accept."
TOO_MANY_PIXELS: Final = (
    f"The picture has too many pixels: I accept at most {MAX_PIXELS // 10**6} megapixels "
    f"(JPEG: {MAX_JPEG_PIXELS // 10**6}, unless it is progressive). Please send it as a photo, not as a file: "
    "Telegram then makes it smaller."
)
TOO_MANY_SCANS: Final = (
    f"The picture is a JPEG of more than {MAX_JPEG_SCANS} scans, the most that I accept. Please send it as a photo, "
    "not as a file: Telegram then stores it anew."
)
TOO_THIN: Final = (
    f"The picture is more than {MAX_ASPECT} times as long as it is wide. Please send the part that matters."
)
DAMAGED: Final = (
    "The picture is cut off or damaged. Please send it again; if you can see it whole, send it as a photo, "
    "not as a file: Telegram then stores it anew."
)
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

# What a JPEG is made of (ITU-T T.81, table B.1): every marker but those that stand amid a scan's data.
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_MARKER: Final = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = b"\xd8", b"\xd9", b"\xda"

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

# Pillow refuses at twice this, and warns from here on, where we refuse.
Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
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
    scale or less, so that at most 24 remain. One that is progressive, or stores its colours apart, may
    have no more than 24 to begin with: libjpeg keeps all of such a picture, at full size.

    A JPEG that lacks nothing but its end mark is refused, though browsers show it: nothing else tells
    it from one that lacks its last pixels or its last scan, and those must not be silently classified.

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
    except Image.DecompressionBombError:
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
    """Write a file's input for the model in use under ``key``; blocks.

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
    store.write(key, made)
    return None


class InputMaker:
    """Stores model inputs, at most ``at_once`` at a time.

    It has threads of its own, since a decode cannot be stopped: whoever gives up waiting leaves it in its
    thread, and only its end makes room for the next. So retries, too, cannot pile up pictures in memory.
    """

    def __init__(self, store: Store, models_dir: Path, *, at_once: int) -> None:
        self._store = store
        self._models_dir = models_dir
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="decode")

    async def make(self, content: bytes, key: str) -> Words | None:
        """As ``store_model_input``, without blocking."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, store_model_input, content, key, self._store, self._models_dir
        )

    def close(self) -> None:
        """Let go of the threads; a decode that still runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _decode(content: bytes) -> Image.Image:
    if not content:
        raise _Refused(EMPTY)
    if len(content) > MAX_BYTES:
        raise _Refused(TOO_LARGE)
    return _upright(*_read(content))


def _read(content: bytes) -> tuple[Image.Image, int]:
    """The picture as it is stored, and its orientation. All else that Pillow holds of it is free on return."""
    scans = _scans(content) if content.startswith(_JPEG) else []
    if len(scans) > MAX_JPEG_SCANS:
        raise _Refused(TOO_MANY_SCANS)
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        # libjpeg keeps the coefficients of the whole picture if its first scan cannot complete any of it.
        in_one_pass = scans[:1] == [len(image.getbands())] and "progressive" not in image.info
        _judge_size(image, MAX_JPEG_PIXELS if in_one_pass else MAX_PIXELS)  # nothing is decoded yet
        _reduce_scale(image)
        _bring_transparent_colour_along(image)
        image.load()
        return _rgb(image), _orientation(image)


def _scans(jpeg: bytes) -> list[int]:
    """How many colour components each scan of a JPEG's first picture has (ITU-T T.81, B.1 and B.2.3).

    Thumbnails lie inside segments, and more pictures or a film behind the end mark: neither counts.
    """
    scans: list[int] = []
    at = 0
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = _JPEG_MARKER.search(jpeg, at)
        if marker is None or marker[1] == _END_OF_IMAGE:
            return scans
        at = marker.end()
        if marker[1] == _START_OF_IMAGE:
            continue
        if marker[1] == _START_OF_SCAN:
            scans.append(jpeg[at + 2])
        at += int.from_bytes(jpeg[at : at + 2])
    raise _Refused(DAMAGED)


def _judge_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
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
    except Exception as error:  # broken EXIF data is no fault of the picture
        log.debug("unreadable EXIF data: %r", error)
        return 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURN_UPRIGHT.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _why_unreadable(beginning: bytes) -> str:
    return next((text for pattern, text in _BEGINNINGS if pattern.match(beginning)), NO_IMAGE)
