"""What a file that cannot be read is, by its beginning."""

from __future__ import annotations

import re
from typing import Final

from common.pictures.protocol import Refusal

JPEG: Final = b"\xff\xd8\xff"

# The beginnings of files that Pillow cannot read, and why they are refused: first the formats that the bot accepts,
# which must be damaged, then others that people send. The ftyp box (ISO 14496-12, 4.3) names AVIF, HEIC and video.
_BEGINNINGS: Final = tuple(
    (re.compile(pattern, re.DOTALL), refusal)
    for pattern, refusal in (
        (rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|BM.{4}\0\0\0\0|RIFF.{4}WEBP", Refusal.DAMAGED),
        (rb".{4}ftyp.{0,64}?avi[fs]", Refusal.DAMAGED),
        (rb".{4}ftyp(hei[cxms]|hev[cxms]|mif[12]|msf1)", Refusal.HEIC),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", Refusal.JPEG_XL),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", Refusal.JPEG_2000),
        # Raw: Canon's CR2, Panasonic, Olympus, Fujifilm, Sigma, Minolta; and TIFF with DNG's version (tag 50706), or
        # with the camera's maker (271) and more directories (330), as of Nikon, Sony, Pentax and Samsung.
        (rb"II\*\0.{4}CR|IIU\0|IIR[OS]|MMOR|FUJIFILMCCD-RAW|FOVb|\0MRM", Refusal.CAMERA_RAW),
        (rb"II\*\0.*(\x12\xc6\x01\0\x04\0\0\0|\x0f\x01\x02\0.*\x4a\x01\x04\0)", Refusal.CAMERA_RAW),
        (rb"MM\0\*.*(\xc6\x12\0\x01\0\0\0\x04|\x01\x0f\0\x02.*\x01\x4a\0\x04)", Refusal.CAMERA_RAW),
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
_BEGINNING_BYTES: Final = 2048  # a camera's first directory has up to 100 entries of 12 bytes


class Refused(Exception):  # noqa: N818 -- named for what happened; never leaves common.pictures.child.images
    """Ends the reading of a file."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def why_unreadable(content: bytes) -> Refusal:
    """Why a file that Pillow cannot read is refused."""
    beginning = content[:_BEGINNING_BYTES]
    return next((refusal for pattern, refusal in _BEGINNINGS if pattern.match(beginning)), Refusal.NO_IMAGE)
