"""Uploads in memory, and the sizes of photos."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image

from playground.errors import ApiError, Refused
from playground.files import Files, photo_sizes
from tests.support import picture_files


def image(width: int, height: int, kind: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((60, 40), [(60, 40)]),
        ((90, 90), [(90, 90)]),
        ((500, 400), [(90, 72), (320, 256), (500, 400)]),
        ((800, 100), [(90, 11), (320, 40), (800, 100)]),
        ((2000, 4000), [(45, 90), (160, 320), (400, 800), (640, 1280)]),
    ],
)
def test_a_photo_has_the_sizes_that_are_not_larger_than_itself(
    size: tuple[int, int], sizes: list[tuple[int, int]]
) -> None:
    assert [(picture.width, picture.height) for picture in photo_sizes(image(*size))] == sizes


def test_a_photo_is_turned_upright_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright
    exif[0x010F] = "A camera"
    (picture,) = photo_sizes(image(80, 40, exif=exif))
    with Image.open(io.BytesIO(picture.content)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (40, 80))
        assert not opened.getexif()


def test_what_is_transparent_becomes_white() -> None:
    (picture,) = photo_sizes(image(8, 8, "PNG", "RGBA"))
    with Image.open(io.BytesIO(picture.content)) as opened:
        assert opened.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I", "PPM")])
@pytest.mark.parametrize(("level", "grey"), [(0, 0), (0x4000, 0x40), (0xFFFF, 0xFF)])
def test_16_bits_of_grey_become_8(mode: str, kind: str, level: int, grey: int) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (8, 8), level).save(buffer, kind)
    (picture,) = photo_sizes(buffer.getvalue())
    with Image.open(io.BytesIO(picture.content)) as opened:
        assert opened.getpixel((4, 4)) == (grey, grey, grey)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"just text", "not an image"),
        (image(400, 400)[:-300], "not an image"),
        (b"x" * (10 * 2**20 + 1), "at most 10 MB"),
        (image(2100, 100), "20 times"),
        (b"P5 20000 20000 255\n", "too many pixels"),
    ],
    ids=["text", "cut", "large", "narrow", "bomb"],
)
def test_what_is_not_a_photo_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        photo_sizes(content)


def test_equal_contents_share_the_unique_id_and_not_the_id() -> None:
    files = Files()
    one, other = (files.add(b"x", "x.txt", "text/plain", "documents") for _ in range(2))
    assert one.unique_id == other.unique_id
    assert one.file_id != other.file_id


def test_an_address_works_for_an_hour() -> None:
    now = 0.0
    files = Files(clock=lambda: now)
    file = files.add(b"x", "x.txt", "text/plain", "documents")
    assert files.at(file.path) is None
    files.open(file.file_id)
    now = 3599
    assert files.at(file.path) == file
    now = 3600
    assert files.at(file.path) is None


def test_the_oldest_files_are_dropped_when_there_is_no_room() -> None:
    files = Files(max_total_bytes=10)
    first = files.add(b"12345", "a", "text/plain", "documents")
    second = files.add(b"12345", "b", "text/plain", "documents")
    files.add(b"1", "c", "text/plain", "documents")
    assert files.get(second.file_id) == second
    with pytest.raises(ApiError, match="wrong file_id or the file is temporarily unavailable"):
        files.open(first.file_id)


def png_with(chunk: bytes) -> bytes:
    return picture_files.inserted(image(8, 6, "PNG"), chunk, b"IDAT", 4)


def jpeg_with(segment: bytes) -> bytes:
    content = image(8, 6)
    return content[:2] + segment + content[2:]


@pytest.mark.parametrize(
    "content",
    [
        png_with(picture_files.chunk(b"tEXt", b"Title\0A cat", wrong=True)),
        png_with(picture_files.chunk(b"pHYs", bytes(9), wrong=True)),
        png_with(picture_files.chunk(b"sRGB", b"")),
        png_with(picture_files.chunk(b"eXIf", b"no TIFF")),
        png_with(picture_files.chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(2 << 20)))),
        jpeg_with(picture_files.segment(0xE0, b"JFIF")),
        jpeg_with(picture_files.segment(0xE2, b"ICC_PROFILE\0")),
        jpeg_with(picture_files.exif_segment(b"no TIFF")),
        image(8, 6, "WEBP", exif=b"Exif\0\0no TIFF"),
    ],
    ids=["text", "resolution", "colours", "EXIF", "long text", "JFIF", "profile", "EXIF of a JPEG", "EXIF of a WebP"],
)
def test_what_is_not_the_picture_does_not_keep_it_from_being_a_photo(content: bytes) -> None:
    (picture,) = photo_sizes(content)
    assert (picture.width, picture.height) == (8, 6)
