from __future__ import annotations

import struct

import pytest
from PIL import Image

from tests.support.picture_files import BLUE, RED, WHITE, decoded, difference, png, row, saved


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_transparent_parts_are_white_and_half_transparent_ones_half_so(format_: str) -> None:
    picture = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((255, 0, 128)):
        picture.putpixel((x, 0), (255, 0, 0, alpha))
    content = saved(picture, format_, **({"lossless": True, "exact": True} if format_ == "WEBP" else {}))

    assert row(content) == [RED, WHITE, pytest.approx((255, 127, 127), abs=1)]


def test_transparency_in_avif_is_white() -> None:
    content = saved(Image.new("RGBA", (16, 16), (255, 0, 0, 0)), "AVIF")

    assert difference(decoded(content), Image.new("RGB", (16, 16), WHITE)) == 0


def test_transparency_in_gif_is_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)

    assert row(saved(picture, "GIF", transparency=1)) == [RED, WHITE]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(png((2, 1), 8, 4, b"\x10\xff\x10\x00"), [(16,) * 3, WHITE], id="grey and alpha"),
        pytest.param(
            png((2, 1), 16, 4, struct.pack(">4H", 0x1000, 65535, 0x1000, 0)),
            [(16,) * 3, WHITE],
            id="grey and alpha, 16 bits",
        ),
        pytest.param(
            png((2, 1), 16, 6, struct.pack(">8H", 65535, 0, 0, 65535, 0, 0, 0, 0)), [RED, WHITE], id="RGBA, 16 bits"
        ),
        pytest.param(
            png((2, 1), 8, 3, b"\x00\x01", (b"PLTE", bytes(RED + BLUE)), (b"tRNS", b"\xff\x00")),
            [RED, WHITE],
            id="palette with alpha",
        ),
        pytest.param(png((2, 1), 1, 0, b"\x40", (b"tRNS", b"\0\0")), [WHITE, WHITE], id="1 bit, black is clear"),
        pytest.param(png((2, 1), 2, 0, b"\x10", (b"tRNS", b"\0\1")), [(0,) * 3, WHITE], id="2 bits"),
        pytest.param(png((2, 1), 4, 0, b"\x05", (b"tRNS", b"\0\5")), [(0,) * 3, WHITE], id="4 bits"),
        pytest.param(png((2, 1), 8, 0, b"\x05\x09", (b"tRNS", b"\0\5")), [WHITE, (9,) * 3], id="8 bits"),
        pytest.param(png((2, 1), 16, 0, b"\x12\x34\x12\x12", (b"tRNS", b"\x12\x34")), [WHITE, (18,) * 3], id="16 bits"),
        pytest.param(png((2, 1), 8, 2, bytes(RED + BLUE), (b"tRNS", b"\0\0\0\0\0\xff")), [RED, WHITE], id="RGB"),
        pytest.param(
            png((2, 1), 16, 2, struct.pack(">6H", 1, 2, 3, 65535, 0, 0), (b"tRNS", b"\xff\xff\0\0\0\0")),
            [(0,) * 3, WHITE],
            id="RGB, 16 bits",
        ),
    ],
)
def test_every_way_of_png_to_be_transparent_is_white(content: bytes, expected: list[tuple[int, ...]]) -> None:
    assert row(content) == expected
