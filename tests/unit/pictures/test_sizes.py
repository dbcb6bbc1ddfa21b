"""How many pixels and scans a picture may have."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest

from common.pictures.child import images
from tests.support.picture_files import (
    INCEPTION,
    WHOLE,
    decoded,
    difference,
    photo,
    png,
    refused,
    saved,
    with_jpeg_size,
)


def large_png(width: int, height: int) -> bytes:
    """A header that announces many pixels, which are never read."""
    return png((width, 1), 8, 0, bytes(width)).replace(struct.pack(">II", width, 1), struct.pack(">II", width, height))


def fix_header_checksum(content: bytes) -> bytes:
    return content[:29] + struct.pack(">I", zlib.crc32(content[12:29])) + content[33:]


@pytest.mark.parametrize("size", [(6250, 4001), (12000, 9000), (30000, 30000)])
def test_more_than_25_megapixels_are_refused_from_the_header_alone(size: tuple[int, int]) -> None:
    text = refused(fix_header_checksum(large_png(*size)))

    assert "25 megapixels" in text
    assert "JPEG: 110" in text


def test_a_webp_that_promises_too_much_is_refused() -> None:
    content = bytearray(saved(photo(), "WEBP", save_all=True, append_images=[photo().rotate(90)]))
    assert content[12:16] == b"VP8X"
    content[24:30] = b"\xff\x3f\0" * 2  # canvas width and height, each less one

    assert "25 megapixels" in refused(bytes(content))


def test_a_gif_that_promises_too_much_is_refused() -> None:
    content = saved(photo().convert("P"), "GIF")
    at = content.index(b",", 13 + (6 << (content[10] & 7))) + 1  # its frame: left, top, width, height
    frame = content[:at] + struct.pack("<4H", 0, 0, 65535, 65535) + content[at + 8 :]

    assert "25 megapixels" in refused(content[:6] + struct.pack("<HH", 65535, 65535) + content[10:])
    assert "25 megapixels" in refused(frame)


def test_an_avif_that_promises_too_much_is_refused() -> None:
    content = saved(photo(), "AVIF")
    at = content.index(b"ispe") + 8  # its size, in a box of version and flags, width, height (ISO 23008-12, 6.5.3)

    assert "25 megapixels" in refused(content[:at] + struct.pack(">II", 6251, 4000) + content[at + 8 :])


@pytest.mark.parametrize("size", [(11001, 10000), (15000, 15000), (65000, 65000)])
def test_a_jpeg_of_more_than_110_megapixels_is_refused(size: tuple[int, int]) -> None:
    assert "JPEG: 110" in refused(with_jpeg_size(saved(photo(), "JPEG"), *size))


def colours_apart(content: bytes) -> bytes:
    """A baseline JPEG whose one scan has only the first of its three colour components (ITU-T T.81, B.2.3)."""
    return content.replace(
        bytes.fromhex("ffda 000c 03 0100 0211 0311 003f00"), bytes.fromhex("ffda 0008 01 0100 003f00")
    )


@pytest.mark.parametrize("size", [(12000, 9000), (8192, 6144), (6240, 4160)])
def test_photos_of_phones_and_cameras_are_within_the_limits(size: tuple[int, int]) -> None:
    assert isinstance(images.decode_to_pixels(with_jpeg_size(WHOLE["JPEG"], *size), INCEPTION), bytes)


def progressive(**options: Any) -> bytes:
    return saved(photo(), "JPEG", progressive=True, **options)


@pytest.mark.parametrize(
    ("content", "largest", "too_large"),
    [
        # By megapixels in four colours, in three, in three of which two are smaller, and in one
        pytest.param(
            saved(photo().convert("CMYK"), "JPEG", progressive=True, subsampling=0),
            (6250, 4000),
            (6251, 4000),
            id="CMYK",
        ),
        pytest.param(progressive(subsampling=0), (8000, 4160), (8000, 4170), id="RGB"),
        pytest.param(progressive(subsampling=2), (8192, 8130), (8192, 8140), id="RGB, 4:2:0"),
        pytest.param(saved(photo().convert("L"), "JPEG", progressive=True), (10000, 10000), (10001, 10000), id="grey"),
        pytest.param(colours_apart(WHOLE["JPEG"]), (8192, 8130), (8192, 8140), id="colours apart"),
    ],
)
def test_a_jpeg_that_libjpeg_would_keep_whole_may_have_100_million_values(
    content: bytes, largest: tuple[int, int], too_large: tuple[int, int]
) -> None:
    assert content != WHOLE["JPEG"]
    assert "25 megapixels" in refused(with_jpeg_size(content, *too_large))
    assert isinstance(images.decode_to_pixels(with_jpeg_size(content, *largest), INCEPTION), bytes)


def with_scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan, which libjpeg accepts."""
    whole = WHOLE["progressive JPEG"]
    scans = whole.count(b"\xff\xda")
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (count - scans) + b"\xff\xd9"


def test_a_jpeg_of_more_than_100_scans_is_refused() -> None:
    assert decoded(with_scans(100)).size == photo().size
    assert "more than 100 scans" in refused(with_scans(101))


def test_scans_that_are_not_the_picture_s_own_do_not_count() -> None:
    # Given a picture with thumbnails, and a video behind it, as phones take them
    start_of_scan = b"\xff\xda"
    thumbnails = b"\xff\xe1" + struct.pack(">H", 2 + 400) + start_of_scan * 200
    content = WHOLE["JPEG"][:2] + thumbnails + WHOLE["JPEG"][2:] + start_of_scan * 200

    assert difference(decoded(content), decoded(WHOLE["JPEG"])) == 0
