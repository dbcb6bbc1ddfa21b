from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from PIL import Image

from tests.support.picture_files import photo, refused, saved


def box(brand: bytes, *compatible: bytes) -> bytes:
    """The ftyp box that HEIC, AVIF and video files begin with (ISO 14496-12, 4.3)."""
    content = b"ftyp" + brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(content) + 4) + content + bytes(64)


def tiff(order: str, *entries: tuple[int, int]) -> bytes:
    """The first directory of a TIFF (TIFF 6.0, section 2): tags with their types, four values each."""
    begins = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HIH", 42, 8, len(entries))
    return begins + b"".join(struct.pack(f"{order}HHII", tag, type_, 4, 0) for tag, type_ in entries) + bytes(64)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(box(b"heic", b"mif1"), ["HEIC", "as a photo", "not as a file"], id="heic"),
        pytest.param(box(b"mif1", b"mif1", b"heic"), ["HEIC", "as a photo"], id="heif"),
        pytest.param(box(b"avif", b"mif1"), ["cut off or damaged"], id="broken avif"),
        pytest.param(box(b"mif1", b"avif"), ["cut off or damaged"], id="broken avif, generic brand"),
        pytest.param(box(b"isom", b"mp42"), ["a video", "JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF"], id="mp4"),
        pytest.param(b"\x1a\x45\xdf\xa3" + bytes(64), ["a video"], id="webm"),
        pytest.param(saved(photo(), "TIFF"), ["TIFF", "JPEG, PNG"], id="tiff"),
        pytest.param(b"II*\0\x10\0\0\0CR\2\0" + bytes(64), ["raw picture", "the JPEG of it"], id="cr2"),
        pytest.param(tiff("<", (271, 2), (330, 4)), ["raw picture"], id="nef, arw"),
        pytest.param(tiff(">", (271, 2), (330, 4)), ["raw picture"], id="nef, the other byte order"),
        pytest.param(tiff("<", (254, 4), (50706, 1)), ["raw picture"], id="dng"),
        pytest.param(tiff(">", (254, 4), (50706, 1)), ["raw picture"], id="dng, the other byte order"),
        pytest.param(tiff("<", (254, 4), (271, 2)), ["TIFF"], id="tiff of a scanner"),
        pytest.param(b"IIU\0\x18\0\0\0" + bytes(64), ["raw picture"], id="rw2"),
        pytest.param(b"IIRO\x08\0\0\0" + bytes(64), ["raw picture"], id="orf"),
        pytest.param(b"FUJIFILMCCD-RAW 0201FF389501" + bytes(64), ["raw picture"], id="raf"),
        pytest.param(saved(photo(), "PDF"), ["PDF"], id="pdf"),
        pytest.param(saved(photo(), "ICO"), ["ICO"], id="ico"),
        pytest.param(saved(photo(), "JPEG2000"), ["JPEG 2000"], id="jpeg 2000"),
        pytest.param(b"\xff\x0a" + bytes(64), ["JPEG XL"], id="jpeg xl"),
        pytest.param(b"8BPS\0\1" + bytes(64), ["PSD"], id="psd"),
        pytest.param(b"<?xml version='1.0'?>\n<svg xmlns='x'/>", ["SVG"], id="svg"),
        pytest.param(b"<svg/>", ["SVG"], id="bare svg"),
        pytest.param(b"\n<!DOCTYPE HTML><title>Cats</title>", ["web page", "straight to it"], id="html"),
        pytest.param(b"<!-- hi --><html><svg></html>", ["web page"], id="html with svg"),
        pytest.param(b"just text", ["not an image", "JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF"], id="text"),
        pytest.param(b"BMW is a make of cars", ["not an image"], id="text that begins as bmp"),
        pytest.param(bytes(100), ["not an image"], id="zeros"),
        pytest.param(b"", ["empty"], id="nothing"),
        pytest.param(saved(photo(), "PPM"), ["not an image"], id="a format that Pillow reads and we don't"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(content: bytes, words: Sequence[str]) -> None:
    text = refused(content)

    for word in words:
        assert word in text


def test_a_file_of_more_than_20_mb_is_refused() -> None:
    assert "20 MB" in refused(saved(photo(), "BMP").ljust(20 * 2**20 + 1))


@pytest.mark.parametrize("size", [(1, 101), (101, 1), (5000, 49)])
def test_a_picture_too_thin_is_refused(size: tuple[int, int]) -> None:
    assert "100 times as long as it is wide" in refused(saved(Image.new("RGB", size), "PNG"))
