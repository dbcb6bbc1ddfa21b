"""What a file may carry besides its pixels."""

from __future__ import annotations

import zlib

import pytest
from PIL import Image

from common.pictures.child import images
from common.pictures.protocol import Refusal
from tests.support.picture_files import BLUE, RED, WHOLE, exif_segment, png, refused, row


@pytest.mark.parametrize("segment", [b"\xff\xe1\0\2", b"\xff\xfe\0\0", b"\xff\xd8"], ids=["APP1", "comment", "start"])
def test_a_jpeg_of_millions_of_segments_is_refused_unread(segment: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    content = WHOLE["JPEG"]

    assert "damaged" in refused(content[:2] + segment * 4_000_000 + content[2:])


def test_segments_behind_an_end_mark_that_ends_no_picture_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    content = WHOLE["JPEG"]

    assert "damaged" in refused(content[:2] + b"\xff\xd9" + b"\xff\xe1\0\2" * 4_000_000 + content[2:])


@pytest.mark.parametrize("size", [2_000, 65_000])
def test_exif_data_of_more_than_1_mb_are_refused(size: int) -> None:
    content = WHOLE["JPEG"]
    fit = 2**20 // (2 + 6 + size)

    assert isinstance(images.decode(content[:2] + exif_segment(bytes(size)) * fit + content[2:]), Image.Image)
    assert "besides its pixels" in refused(content[:2] + exif_segment(bytes(size)) * (fit + 1) + content[2:])


TEXT = zlib.compress(bytes(2**20 - 1), 9)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param((b"iCCP", b"k\0\0" + TEXT), id="profile"),
        pytest.param((b"tEXt", b"k\0hello"), id="text"),
        pytest.param((b"zTXt", b"k\0\0" + TEXT), id="compressed text"),
        pytest.param((b"iTXt", b"k\0\1\0\0\0" + TEXT), id="international text"),
    ],
)
def test_a_png_of_more_than_100_texts_and_profiles_is_refused(chunk: tuple[bytes, bytes]) -> None:
    few = png((2, 1), 8, 2, bytes(RED + BLUE), *[chunk] * (50 if len(chunk[1]) > 100 else 100))
    many = png((2, 1), 8, 2, bytes(RED + BLUE), *[chunk] * 101)

    assert row(few) == [RED, BLUE]
    assert "besides its pixels" in refused(many)


def test_a_png_of_millions_of_chunks_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    content = png((2, 1), 8, 2, bytes(RED + BLUE), *[(b"teSt", b"")] * 49_990)
    assert row(content) == [RED, BLUE]
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    for end in (33, -12):  # behind the header, and behind the pixels
        assert "besides its pixels" in refused(content[:end] + content[33:45] * 1_500_000 + content[end:])


def test_a_text_that_decompresses_to_more_than_1_mb_is_refused() -> None:
    bomb = (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20 + 1)))

    assert "damaged" in refused(png((2, 1), 8, 2, bytes(RED + BLUE), bomb))


@pytest.mark.parametrize("key", ["transparency", "exif", "icc_profile", "progressive", "dpi", "loop", "gamma"])
def test_a_text_cannot_pass_for_anything_else_that_pillow_knows_of_a_picture(key: str) -> None:
    # Pillow keeps texts and its own data in the same dictionary.
    text = (b"tEXt", key.encode() + b"\0" + b"9" * 1000)

    picture = images.decode(png((2, 1), 8, 2, bytes(RED + BLUE), text))

    assert picture is Refusal.DAMAGED or (isinstance(picture, Image.Image) and picture.getpixel((0, 0)) == RED)
