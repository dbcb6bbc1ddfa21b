"""Broken pictures: whole ones of every format that the bot accepts, and many ways to damage them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from PIL import Image

from tests.support import photos
from tests.support.heic_boxes import BUILT
from tests.support.heic_files import HEIC

SIDE: Final = (48, 32)
Damage: TypeAlias = Callable[[bytes, random.Random], bytes]


def chance(seed: int) -> random.Random:
    """The same random numbers for the same seed."""
    return random.Random(seed)  # noqa: S311 -- no secret


def _saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG (3rd edition, 5.3)."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    size: tuple[int, int], depth: int, colour: int, *chunks: bytes, pixels: bytes, interlaced: bool = False
) -> bytes:
    """A PNG of any kind, with the given filtered rows."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bmp_rle8() -> bytes:
    """A BMP whose pixels are run-length encoded (BI_RLE8), which Pillow reads in Python."""
    width, height = SIDE
    palette = b"".join(bytes((i, i, i, 0)) for i in range(256))
    pixels = (bytes((width, 7)) + b"\0\0") * height + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + palette + pixels


def _whole() -> dict[str, bytes]:
    photo = photos.photo("astronaut").resize(SIDE)
    other = photo.rotate(180)
    clear = photo.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(SIDE))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    exif[0x010F] = "Maker" * 20
    profile = bytes(range(256)) * 8
    frames: dict[str, Any] = {"save_all": True, "append_images": [other], "duration": 100}
    width, height = SIDE
    return {
        "JPEG": _saved(photo, "JPEG", exif=exif, icc_profile=profile),
        "progressive JPEG": _saved(photo, "JPEG", progressive=True),
        "grey JPEG": _saved(photo.convert("L"), "JPEG", restart_marker_blocks=2),
        "CMYK JPEG": _saved(photo.convert("CMYK"), "JPEG"),
        "MPO": _saved(photo, "MPO", **frames),
        "PNG": _saved(photo, "PNG", exif=exif, icc_profile=profile),
        "RGBA PNG": _saved(clear, "PNG"),
        "palette PNG": _saved(photo.convert("P"), "PNG", transparency=bytes(range(256))),
        "16-bit PNG": png(SIDE, 16, 0, pixels=(b"\0" + bytes(range(2 * width))) * height),
        "2-bit PNG": png(SIDE, 2, 0, chunk(b"tRNS", b"\0\1"), pixels=(b"\0" + b"\x1b" * (width // 4)) * height),
        "interlaced PNG": png((8, 8), 8, 2, pixels=bytes(207), interlaced=True),
        "animated PNG": _saved(photo, "PNG", **frames),
        "WebP": _saved(photo, "WEBP", exif=exif, icc_profile=profile),
        "lossless WebP": _saved(clear, "WEBP", lossless=True),
        "animated WebP": _saved(clear, "WEBP", **frames),
        "GIF": _saved(photo, "GIF", transparency=3, comment=b"hello"),
        "animated GIF": _saved(photo, "GIF", **frames, disposal=2),
        "BMP": _saved(photo, "BMP"),
        "palette BMP": _saved(photo.convert("P"), "BMP"),
        "run-length BMP": _bmp_rle8(),
        "AVIF": _saved(photo, "AVIF", exif=exif, icc_profile=profile),
        "transparent AVIF": _saved(clear, "AVIF"),
        "animated AVIF": _saved(photo, "AVIF", **frames),
        **HEIC,
        **BUILT,
    }


WHOLE: Final = _whole()


def cut_off(content: bytes) -> Iterator[bytes]:
    """The beginning of a file, cut off at many places: each of its first bytes, then here and there, then its last."""
    step = max(1, len(content) // 40)
    for end in sorted({*range(40), *range(0, len(content), step), *range(max(0, len(content) - 8), len(content))}):
        yield content[:end]


def flipped(content: bytes) -> Iterator[bytes]:
    """A file with one bit flipped, at each byte of its header and here and there behind it."""
    step = max(1, len(content) // 60)
    for at in sorted({*range(min(60, len(content))), *range(0, len(content), step)}):
        yield content[:at] + bytes((content[at] ^ (1 << at % 8),)) + content[at + 1 :]


# Values in place of a number: of 1, 2 and 4 bytes, in both byte orders.
_NUMBERS: Final = (b"\0", b"\xff", b"\0\0", b"\xff\xff", b"\x7f\xff", b"\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff")
_NUMBERS_TOO: Final = (b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80", b"\0\0\0\1", b"\1\0\0\0")
NUMBERS: Final = _NUMBERS + _NUMBERS_TOO


def _overwritten(content: bytes, luck: random.Random) -> bytes:
    number = luck.choice(NUMBERS)
    at = luck.randrange(min(len(content), luck.choice((64, 512, len(content)))))
    return content[:at] + number + content[at + len(number) :]


def _scattered(content: bytes, luck: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(luck.choice((1, 3, 30, 300))):
        damaged[luck.randrange(len(damaged))] = luck.randrange(256)
    return bytes(damaged)


def _without_a_part(content: bytes, luck: random.Random) -> bytes:
    start, end = sorted(luck.randrange(len(content)) for _ in range(2))
    return content[:start] + content[end:]


def _with_a_part_again(content: bytes, luck: random.Random) -> bytes:
    start, end = sorted(luck.randrange(len(content)) for _ in range(2))
    return content[:end] + content[start:end] * luck.choice((1, 2, 20)) + content[end:]


def _with_noise(content: bytes, luck: random.Random) -> bytes:
    at = luck.randrange(len(content))
    return content[:at] + luck.randbytes(luck.choice((1, 4, 100, 5000))) + content[at:]


def _with_another_s_end(content: bytes, luck: random.Random) -> bytes:
    other = luck.choice(list(WHOLE.values()))
    return content[: luck.randrange(len(content))] + other[luck.randrange(len(other)) :]


def _shortened(content: bytes, luck: random.Random) -> bytes:
    return content[: luck.randrange(len(content))]


def _with_right_checksums(content: bytes, luck: random.Random) -> bytes:
    """A PNG with damage all over and with right checksums, so that these do not show it."""
    damaged = _scattered(content, luck)
    if not damaged.startswith(b"\x89PNG"):
        return damaged
    parts, at = [damaged[:8]], 8
    while at + 12 <= len(damaged):
        length = int.from_bytes(damaged[at : at + 4])
        body = damaged[at + 4 : at + 8 + length]
        parts.append(struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(parts)


DAMAGES: Final[tuple[Damage, ...]] = (
    _shortened,
    _overwritten,
    _scattered,
    _without_a_part,
    _with_a_part_again,
    _with_noise,
    _with_another_s_end,
    _with_right_checksums,
)


def damaged(seed: int, whole: Mapping[str, bytes] = WHOLE) -> bytes:
    """One broken picture: any of the whole ones, damaged in one to three ways. The same for the same seed."""
    luck = chance(seed)
    content = luck.choice(list(whole.values()))
    for damage in luck.sample(DAMAGES, luck.choice((1, 1, 2, 3))):
        content = damage(content, luck) or content
    return content


# Headers that promise the impossible


def _patched(content: bytes, at: int, new: bytes) -> bytes:
    assert 0 <= at <= len(content) - len(new)
    return content[:at] + new + content[at + len(new) :]


def _more() -> dict[str, bytes]:
    """Files that take other ways: animations that begin blank, and parts that are left out or rewritten."""
    photo = photos.photo("astronaut").resize(SIDE)
    frames: dict[str, Any] = {"save_all": True, "append_images": [photo, photo.rotate(180)], "duration": [90, 100, 110]}
    blank = Image.new("RGB", SIDE, "white")
    bitmap = WHOLE["BMP"][54:]
    pixels = b"".join(bitmap[at : at + 3] + b"\0" for at in range(0, len(bitmap), 3))
    header = struct.pack("<IiiHHIIiiII", 40, *SIDE, 1, 32, 3, 0, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xFF, 0xFF00, 0xFF0000)
    jpeg, png_file = WHOLE["JPEG"], WHOLE["PNG"]
    return {
        "GIF that begins blank": _saved(blank, "GIF", **frames),
        "WebP that begins blank": _saved(blank, "WEBP", **frames),
        "AVIF that begins blank": _saved(blank, "AVIF", **frames),
        "BMP of other masks": b"BM" + struct.pack("<IHHI", 0, 0, 0, 66) + header + masks + pixels,
        "JPEG with comments": jpeg[:2] + (b"\xff\xfe\0\7hello" + b"\xff\xe2\0\4hi") * 20 + jpeg[2:],
        "PNG with texts": png_file[:33] + chunk(b"tEXt", b"k\0hello") * 20 + png_file[33:],
        "WebP with more": _patched(WHOLE["WebP"] + b"teSt\1\0\0\0x\0", 4, b"\0\0\0\0"),
    }


MORE: Final = _more()


def _absurd_sizes(width: int, height: int) -> Iterator[tuple[str, bytes]]:
    """One file of each format whose header says ``width`` x ``height``, if there is room for such numbers."""
    jpeg, gif, webp, bmp, avif = (WHOLE[name] for name in ("JPEG", "GIF", "animated WebP", "BMP", "AVIF"))
    small, large = (min(width, 0xFFFF), min(height, 0xFFFF)), (min(width, 2**31 - 1), min(height, 2**31 - 1))
    yield "JPEG", _patched(jpeg, jpeg.index(b"\xff\xc0") + 5, struct.pack(">HH", *reversed(small)))
    progressive = WHOLE["progressive JPEG"]
    yield (
        "progressive JPEG",
        _patched(progressive, progressive.index(b"\xff\xc2") + 5, struct.pack(">HH", *reversed(small))),
    )
    yield "PNG", png((width, height), 8, 6, pixels=b"\0" + bytes(100))
    yield "interlaced PNG", png((width, height), 16, 6, pixels=b"\0" + bytes(100), interlaced=True)
    yield "GIF", _patched(gif, 6, struct.pack("<HH", *small))
    frame = gif.index(b",", 13 + (6 << (gif[10] & 7))) + 5
    yield "GIF's frame", _patched(gif, frame, struct.pack("<HH", *small))
    canvas = [struct.pack("<I", min(max(side, 1) - 1, 2**24 - 1))[:3] for side in (width, height)]
    yield "WebP", _patched(webp, 24, b"".join(canvas))
    yield "BMP", _patched(bmp, 18, struct.pack("<ii", *large))
    yield "BMP upside down", _patched(bmp, 18, struct.pack("<ii", large[0], -large[1]))
    yield "run-length BMP", _patched(WHOLE["run-length BMP"], 18, struct.pack("<ii", *large))
    yield "AVIF", _patched(avif, avif.index(b"ispe") + 8, struct.pack(">II", width, height))


TOO_LARGE: Final = (10_000, 11_001)  # for the bot, but not for any format
SIZES: Final = (TOO_LARGE, (0, 0), (0, 5), (1, 2**32 - 1), (2**16 - 1, 2**16 - 1), (2**32 - 1, 2**32 - 1))


def absurd() -> Iterator[tuple[str, bytes]]:
    """Files whose headers announce sizes that no file has, by their names."""
    for size in SIZES:
        for name, content in _absurd_sizes(*size):
            yield f"{name} of {size[0]} x {size[1]}", content
    yield from _absurd_parts()


def _absurd_parts() -> Iterator[tuple[str, bytes]]:
    jpeg, gif, bmp = WHOLE["JPEG"], WHOLE["GIF"], WHOLE["BMP"]
    rows = (b"\0" + bytes(3 * SIDE[0])) * SIDE[1]
    bomb = zlib.compress(bytes(2**20 - 1), 9)
    yield "a million empty segments", jpeg[:2] + b"\xff\xe1\0\2" * 1_000_000 + jpeg[2:]
    yield "... behind an end mark", jpeg[:2] + b"\xff\xd9" + b"\xff\xe1\0\2" * 1_000_000 + jpeg[2:]
    exif = b"\xff\xe1" + struct.pack(">H", 2008) + b"Exif\0\0" + bytes(2000)
    yield "EXIF data in 9,000 parts", jpeg[:2] + exif * 9_000 + jpeg[2:]
    yield "a million chunks", png(SIDE, 8, 2, chunk(b"teSt", b"") * 1_000_000, pixels=rows)
    for kind in (b"iCCP\0k\0\0", b"zTXt\0k\0\0", b"iTXt\0k\0\1\0\0\0"):
        name, _, start = kind.partition(b"\0")
        many = chunk(name, start + bomb) * 5_000
        yield f"5,000 {name.decode()} of 1 MB", png(SIDE, 8, 2, many, pixels=rows)
    overlapping = b"".join(struct.pack("<HHII", 1000 + i, 2, 900_000, 16) for i in range(60_000))
    directory = b"II*\0" + struct.pack("<IH", 8, 60_000) + overlapping + bytes(200_000)
    yield "EXIF entries on top of one another", png(SIDE, 8, 2, chunk(b"eXIf", directory), pixels=rows)
    itself = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)
    yield "EXIF data that lead to themselves", png(SIDE, 8, 2, chunk(b"eXIf", itself), pixels=rows)
    yield "pixels that never end", png(SIDE, 8, 2, pixels=rows + bytes(400 * 2**20))
    yield "a palette of 4 billion", _patched(bmp, 46, b"\xff\xff\xff\xff")
    yield "pixels behind the end", _patched(bmp, 10, b"\xff\xff\xff\x7f")
    behind = 13 + (6 << (gif[10] & 7))  # its palette
    yield "a million comments", gif[:behind] + b"!\xfe\1x\0" * 1_000_000 + gif[behind:]
    yield "a comment in a million parts", gif[:behind] + b"!\xfe" + b"\1x" * 1_000_000 + b"\0" + gif[behind:]
    yield "frames without end", gif[:-1] + gif[gif.index(b",", behind) : -1] * 8_000
    webp = WHOLE["animated WebP"]
    longer = webp + (b"teSt" + bytes(4)) * 1_000_000
    yield "a million RIFF chunks", _patched(longer, 4, struct.pack("<I", len(longer) - 8))
    yield "a million boxes", WHOLE["AVIF"] + (struct.pack(">I", 8) + b"free") * 1_000_000
