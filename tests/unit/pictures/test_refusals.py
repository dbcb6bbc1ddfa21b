from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Sequence

import pytest
from PIL import Image

from common.languages.speech import say
from common.pictures.protocol import Refusal
from common.pictures.refusals import TEXTS, TEXTS_OF_LINKS
from tests.support.picture_files import photo, refused, saved


def box(brand: bytes, *compatible: bytes) -> bytes:
    """The ftyp box that HEIC, AVIF and video files begin with (ISO 14496-12, 4.3)."""
    content = b"ftyp" + brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(content) + 4) + content + bytes(64)


def tiff(order: str, *entries: tuple[int, int]) -> bytes:
    """The first directory of a TIFF (TIFF 6.0, section 2): tags with their types, four values each."""
    begins = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HIH", 42, 8, len(entries))
    return begins + b"".join(struct.pack(f"{order}HHII", tag, type_, 4, 0) for tag, type_ in entries) + bytes(64)


def zipped() -> bytes:
    """A zip, as office documents are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(box(b"heic", b"mif1"), ["HEIC", "as a photo", "not as a file"], id="heic"),
        pytest.param(box(b"mif1", b"mif1", b"heic"), ["HEIC", "as a photo"], id="heif"),
        pytest.param(box(b"abcd", b"mif1", b"heic"), ["HEIC"], id="heif, a brand of somebody's own"),
        pytest.param(box(b"avci", b"mif1"), ["HEIC or HEIF", "a kind that I can’t read"], id="avc in heif"),
        pytest.param(box(b"avif", b"mif1"), ["cut off or damaged"], id="broken avif"),
        pytest.param(box(b"mif1", b"avif"), ["cut off or damaged"], id="broken avif, generic brand"),
        pytest.param(box(b"isom", b"mp42"), ["a video", "JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF"], id="mp4"),
        pytest.param(b"\x1a\x45\xdf\xa3" + bytes(64), ["a video"], id="webm"),
        pytest.param(box(b"qt  "), ["a video"], id="mov"),
        pytest.param(b"FLV\1\5" + bytes(64), ["a video"], id="flv"),
        pytest.param(box(b"M4A ", b"mp42"), ["a sound"], id="m4a"),
        pytest.param(b"ID3\3" + bytes(64), ["a sound"], id="mp3 with a tag"),
        pytest.param(b"\xff\xfb\x90\x64" + bytes(64), ["a sound"], id="bare mp3"),
        pytest.param(b"OggS\0\2" + bytes(22) + b"OpusHead", ["a sound"], id="voice message"),
        pytest.param(b"RIFF\0\1\0\0WAVEfmt ", ["a sound"], id="wav"),
        pytest.param(zipped(), ["an archive, an office document"], id="zip or docx"),
        pytest.param(gzip.compress(b"{}"), ["packed"], id="moving sticker"),
        pytest.param(b"Rar!\x1a\7\1\0", ["an archive"], id="rar"),
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
        pytest.param(tiff("<", (271, 2), (330, 13)), ["raw picture"], id="arw, directories as their own type"),
        pytest.param(tiff(">", (271, 2)) + b"\1\3\0\3\0\0\0\1\xff\xff\0\0", ["raw picture"], id="pef"),
        pytest.param(b"II*\0\x2c\1\0\0IIII" + bytes(64), ["raw picture"], id="iiq"),
        pytest.param(b"II\x1a\0\0\0HEAPCCDR" + bytes(64), ["raw picture"], id="crw"),
        pytest.param(b"FOVb\0\0\2\0" + bytes(64), ["raw picture"], id="x3f"),
        pytest.param(box(b"crx ", b"isom"), ["raw picture", "the JPEG of it"], id="cr3"),
        pytest.param(saved(photo(), "PDF"), ["PDF"], id="pdf"),
        pytest.param(saved(photo(), "EPS"), ["PostScript"], id="eps"),
        pytest.param(saved(photo(), "DDS"), ["DDS"], id="dds"),
        pytest.param(saved(photo(), "ICNS"), ["ICNS"], id="icns"),
        pytest.param(saved(photo(), "PPM"), ["Netpbm"], id="ppm"),
        pytest.param(b"gimp xcf v011\0" + bytes(64), ["XCF"], id="xcf"),
        pytest.param(b"qoif" + bytes(64), ["QOI"], id="qoi"),
        pytest.param(b"\x76\x2f\x31\1\2\0\0\0" + bytes(64), ["HDR"], id="exr"),
        pytest.param(b"#?RADIANCE\n" + bytes(64), ["HDR"], id="radiance"),
        pytest.param(b"\xd7\xcd\xc6\x9a" + bytes(64), ["metafile"], id="wmf"),
        pytest.param(b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(64), ["metafile"], id="emf"),
        pytest.param(bytes(128) + b"DICM" + bytes(64), ["DICOM"], id="dicom"),
        pytest.param(b"II\xbc\1" + bytes(64), ["JPEG XR"], id="jpeg xr"),
        pytest.param(b"AT&TFORM\0\0\1\0DJVU", ["DjVu"], id="djvu"),
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
        pytest.param(b"P5 is a chip; ID3 is a tag", ["not an image"], id="text that begins as ppm"),
        pytest.param(saved(photo(), "SGI"), ["not an image"], id="a format that Pillow reads and we don't"),
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


@pytest.mark.parametrize("refusal", Refusal)
def test_a_link_s_picture_was_not_sent_so_its_refusal_says_nothing_of_sending_it_otherwise(refusal: Refusal) -> None:
    of_file, of_link = say(TEXTS[refusal]), say(TEXTS_OF_LINKS[refusal])

    assert "not as a file" not in of_link
    # What is wrong is the same, and so is what Telegram does.
    assert of_link == of_file.replace("send it as a photo, not as a file:", "save it and send it as a photo:")
