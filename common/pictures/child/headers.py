"""What a file's bytes show before they are decoded: its format, and what would make decoding expensive."""

from __future__ import annotations

import re
from typing import Final

from common.pictures.protocol import Refusal

MAX_JPEG_SEGMENTS: Final = 10_000  # Pillow keeps each: five million empty ones fit in 20 MB, and took 650 MB
# A segment holds 64 kB. Pillow adds each one to a copy of all before it, so 10,000 small ones took 8 s.
MAX_JPEG_EXIF_BYTES: Final = 2**20
MAX_PNG_CHUNKS: Final = 50_000  # the smallest IDATs seen have 1 kB; 1.7 million empty ones took 4 s and 200 MB
# Profiles and texts, each of which may decompress to 1 MB: a file has room for 17,000 of them, which took a minute.
MAX_PNG_TEXTS: Final = 100

JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS: Final = (b"iCCP", b"tEXt", b"zTXt", b"iTXt")
_EXIF: Final = b"Exif\0\0"

# The parts of a JPEG (ITU-T T.81, table B.1): every marker but those inside a scan's data.
_JPEG_MARKER: Final = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN, _APP1 = b"\xd8", b"\xd9", b"\xda", b"\xe1"

# The beginnings of files that Pillow cannot read, and why they are refused: first the formats that the bot accepts,
# which must be damaged, then others that people send. The ftyp box (ISO 14496-12, 4.3) names AVIF, HEIC and video.
_BEGINNINGS: Final = tuple(
    (re.compile(pattern, re.DOTALL), refusal)
    for pattern, refusal in (
        (rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|BM.{4}\0\0\0\0|RIFF.{4}WEBP", Refusal.DAMAGED),
        (rb".{4}ftyp.{0,64}?avi[fs]", Refusal.DAMAGED),
        (rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", Refusal.HEIC),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", Refusal.JPEG_XL),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", Refusal.JPEG_2000),
        (rb"II[*+]\0|MM\0[*+]", Refusal.TIFF),
        (rb"%PDF-", Refusal.PDF),
        (rb"8BPS", Refusal.PSD),
        (rb"\0\0[\1\2]\0", Refusal.ICO),
        (rb".{4}ftypcrx ", Refusal.CAMERA_RAW),
        (rb".{4}(ftyp|moov|mdat)|\x1a\x45\xdf\xa3|RIFF.{4}AVI |OggS", Refusal.VIDEO),
        (rb"(?i)(\xef\xbb\xbf)?\s*<(?=.*<html|!doctype html|html|head|script|meta)", Refusal.WEB_PAGE),
        (rb"(?i)(\xef\xbb\xbf)?\s*<(?=.*<svg|svg)", Refusal.SVG),
    )
)
_BEGINNING_BYTES: Final = 1024


class Refused(Exception):  # noqa: N818 -- named for what happened; never leaves common.pictures.child.images
    """Ends the reading of a file."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def why_unreadable(content: bytes) -> Refusal:
    """Why a file that Pillow cannot read is refused."""
    beginning = content[:_BEGINNING_BYTES]
    return next((refusal for pattern, refusal in _BEGINNINGS if pattern.match(beginning)), Refusal.NO_IMAGE)


def judge_metadata(content: bytes) -> None:
    """Refuse a PNG with too many chunks, or with too many that decompress.

    For JPEG see ``jpeg_scans``. In the other formats, the file's length limits everything besides pixels, since it is
    not decompressed.

    Raises:
        Refused: There are too many.
    """
    if not content.startswith(_PNG):
        return
    # Counted everywhere in the file, so that the reading of a broken file does not matter. By chance, compressed pixels
    # of 20 MB have one of these names in one of fifty files.
    if sum(map(content.count, _PNG_TEXTS)) > MAX_PNG_TEXTS:
        raise Refused(Refusal.TOO_MUCH_METADATA)
    at = len(_PNG)
    for _ in range(MAX_PNG_CHUNKS):
        at += 12 + int.from_bytes(content[at : at + 4])  # length, name, content, checksum (PNG 3rd edition, 5.3)
        if at >= len(content):
            return
    raise Refused(Refusal.TOO_MUCH_METADATA)


def jpeg_scans(content: bytes) -> list[int]:
    """How many colour components each scan of a JPEG's first picture has (ITU-T T.81, B.1 and B.2.3).

    Thumbnails, which are inside segments, and more pictures or a video behind the end mark do not count.

    Raises:
        Refused: The file has too many segments, or too many EXIF data.
    """
    scans: list[int] = []
    exif_bytes = 0
    at = 0
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = _JPEG_MARKER.search(content, at)
        # Before the first scan, Pillow looks for segments even behind an end mark.
        if marker is None or (marker[1] == _END_OF_IMAGE and scans):
            return scans
        at = marker.end()
        if marker[1] in (_START_OF_IMAGE, _END_OF_IMAGE):
            continue
        length = int.from_bytes(content[at : at + 2])
        if marker[1] == _START_OF_SCAN:
            scans.append(content[at + 2])
        elif marker[1] == _APP1 and content.startswith(_EXIF, at + 2):
            exif_bytes += length
            if exif_bytes > MAX_JPEG_EXIF_BYTES:
                raise Refused(Refusal.TOO_MUCH_METADATA)
        at += length
    raise Refused(Refusal.DAMAGED)
