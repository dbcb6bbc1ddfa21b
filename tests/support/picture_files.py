"""Pictures as files of every kind, and what the model's reference transform makes of them."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import skimage.data
from PIL import Image

from common.languages.speech import say
from common.model.input import InputSpec
from common.pictures.child import images
from common.pictures.protocol import Refusal
from common.pictures.refusals import TEXTS

INCEPTION = InputSpec(
    model="inception_v3", resize=342, crop=299, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
)
EFFICIENTNET = InputSpec(
    model="efficientnet_lite2", resize=292, crop=260, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3
)


RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@functools.cache
def _astronaut() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]


def photo(size: tuple[int, int] = (96, 64)) -> Image.Image:
    return _astronaut().resize(size)


def saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes, *, wrong: bool = False) -> bytes:
    """A chunk of a PNG (PNG 3rd edition, 5.3); with a wrong checksum, if that is wanted."""
    checksum = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def inserted(content: bytes, part: bytes, before: bytes, of_its_head: int = 0) -> bytes:
    """A file with another part before one that has a name, which begins ``of_its_head`` bytes before its name."""
    at = content.index(before) - of_its_head
    return content[:at] + part + content[at:]


def png(size: tuple[int, int], depth: int, colour: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG whose rows are all the same, by the specification (PNG 3rd edition, 5 and 11)."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    content = chunk(b"IDAT", zlib.compress((b"\0" + row) * size[1]))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*c) for c in chunks) + content + chunk(b"IEND", b"")


def decoded(content: bytes) -> Image.Image:
    picture = images.decode(content)
    assert isinstance(picture, Image.Image), picture
    assert picture.mode == "RGB"
    return picture


def refused(content: bytes) -> str:
    refusal = images.decode(content)
    assert isinstance(refusal, Refusal)
    return say(TEXTS[refusal])


def row(content: bytes) -> list[tuple[int, ...]]:
    """The first row of the picture in a file."""
    picture = decoded(content)
    return [picture.getpixel((x, 0)) for x in range(picture.width)]  # type: ignore[misc]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two pictures' values, of 255."""
    assert one.size == other.size
    a, b = one.tobytes(), other.tobytes()
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def reference_pixels(picture: Image.Image, spec: InputSpec) -> bytes:
    """What torchvision's ``resize`` and ``center_crop`` make of a whole picture (tests/integration/test_pixels.py)."""
    short, long = sorted(picture.size)
    resized_long = int(spec.resize * long / short)
    size = (spec.resize, resized_long) if picture.width <= picture.height else (resized_long, spec.resize)
    left, top = (round((side - spec.crop) / 2) for side in size)
    resized = picture.resize(size, Image.Resampling[spec.interpolation.upper()])
    return resized.crop((left, top, left + spec.crop, top + spec.crop)).tobytes()


# EXIF 2.32, 4.6.4 A: where the first row and the first column of the stored picture belong. Here: how a picture with
# marked corners must look when it is upright. Stored: red top left, green top right, blue bottom left.


UPRIGHT_CORNERS = {
    1: "RG\nBW",
    2: "GR\nWB",
    3: "WB\nGR",
    4: "BW\nRG",
    5: "RB\nGW",
    6: "BR\nWG",
    7: "WG\nBR",
    8: "GW\nRB",
}


def corners(picture: Image.Image) -> str:
    names = {RED: "R", GREEN: "G", BLUE: "B", WHITE: "W"}
    right, bottom = picture.width - 2, picture.height - 2

    def name(x: int, y: int) -> str:
        pixel = picture.getpixel((x, y))
        assert isinstance(pixel, tuple)
        return names[min(names, key=lambda c: sum(abs(a - b) for a, b in zip(c, pixel, strict=True)))]

    return f"{name(1, 1)}{name(right, 1)}\n{name(1, bottom)}{name(right, bottom)}"


def four_corners() -> Image.Image:
    picture = Image.new("RGB", (64, 32), WHITE)
    for colour, place in ((RED, (0, 0)), (GREEN, (32, 0)), (BLUE, (0, 16))):
        picture.paste(colour, (*place, place[0] + 32, place[1] + 16))
    return picture


WHOLE = {
    "JPEG": saved(photo(), "JPEG"),
    "progressive JPEG": saved(photo(), "JPEG", progressive=True),
    "PNG": saved(photo(), "PNG"),
    "WebP": saved(photo(), "WEBP"),
    "lossless WebP": saved(photo(), "WEBP", lossless=True),
    "animated WebP": saved(photo(), "WEBP", save_all=True, append_images=[photo().rotate(90)]),
    "GIF": saved(photo(), "GIF"),
    "BMP": saved(photo(), "BMP"),
    "AVIF": saved(photo(), "AVIF"),
    "palette BMP": saved(photo().convert("P"), "BMP"),
}


def with_jpeg_size(content: bytes, width: int, height: int) -> bytes:
    frame = b"\xff\xc2" if b"\xff\xc2" in content else b"\xff\xc0"  # SOF2, progressive; SOF0
    start = content.index(frame) + 5  # marker, length, precision, then height and width
    return content[:start] + struct.pack(">HH", height, width) + content[start + 4 :]


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG (ITU-T T.81, B.1.1.4)."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def exif_segment(content: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + content)


def exif(orientation: int) -> bytes:
    """EXIF data, as they are inside PNG and WebP, that say nothing but how the picture is turned."""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
