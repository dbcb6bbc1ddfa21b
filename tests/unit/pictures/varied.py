"""One file for each way of decoding, and limits by which all of them are large."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from PIL import Image

from common.model.input import InputSpec
from common.pictures.child import strips
from tests.support.picture_files import WHOLE, photo, png, saved

# Every picture is a large one, and is read and narrowed in small pieces.
SMALL_PIECES = strips.StripLimits(large_pixels=0, strip_pixels=1000, read_bytes=700)
SMALL_INPUT = InputSpec(model="m", resize=68, crop=60, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)


def interlaced(picture: Image.Image) -> bytes:
    """A PNG whose pixels come in seven passes (PNG 3rd edition, 8): the last of a row may come in the first."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [
        b"\0" + b"".join(bytes(picture.getpixel((x, y))) for x in range(left, picture.width, right))  # type: ignore[arg-type]
        for left, top, right, down in passes
        for y in range(top, picture.height, down)
    ]
    header = struct.pack(">IIBBBBB", *picture.size, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 0)), (b"IEND", b""))
    )


def varied() -> dict[str, bytes]:
    """One file for each way of decoding."""
    large = photo((240, 180))
    clear = large.copy()
    clear.putalpha(Image.linear_gradient("L").resize(large.size))
    clear_edge = clear.copy()
    clear_edge.paste((0, 0, 0, 0), (235, 0, 240, 100))
    frames: dict[str, Any] = {"save_all": True, "append_images": [large.rotate(90)]}
    return WHOLE | {
        "large JPEG": saved(large, "JPEG", quality=95),
        "grey JPEG": saved(large.convert("L"), "JPEG"),
        "CMYK JPEG": saved(large.convert("CMYK"), "JPEG"),
        "large progressive JPEG": saved(large, "JPEG", progressive=True),
        "large PNG": saved(large, "PNG"),
        "RGBA PNG": saved(clear, "PNG"),
        "RGBA PNG with a clear edge": saved(clear_edge, "PNG"),
        "palette PNG": saved(large.quantize(32), "PNG"),
        "16-bit PNG": png((90, 60), 16, 0, struct.pack(">90H", *range(0, 63000, 700)), (b"tRNS", b"\x02\xbc")),
        "RGB PNG with a clear colour": png((90, 60), 8, 2, bytes(range(135)) * 2, (b"tRNS", b"\0\3\0\4\0\5")),
        "interlaced PNG": interlaced(photo((97, 65))),
        "animated PNG": saved(large, "PNG", **frames),
        "large WebP": saved(large, "WEBP", quality=95),
        "large lossless WebP": saved(large, "WEBP", lossless=True),
        "WebP with alpha": saved(clear, "WEBP"),
        "lossless WebP with alpha": saved(clear_edge, "WEBP", lossless=True),
        "large animated WebP": saved(large, "WEBP", **frames),
        "large BMP": saved(large, "BMP"),
        "large AVIF": saved(large, "AVIF"),
        "AVIF with alpha": saved(clear, "AVIF"),
    }


VARIED = varied()
