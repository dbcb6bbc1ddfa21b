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
        # HEIF by its first brand or one of the next dozen, in HEVC or in codecs that the bot does not have.
        (rb".{4}ftyp(.{8}(.{4}){0,11}?)?(he[iv][cxms]|mif[12]|msf1|miaf|avc[is]|vvi[cs]|jpeg|jpgs)", Refusal.HEIC),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", Refusal.JPEG_XL),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", Refusal.JPEG_2000),
        # Raw: Canon's CR2 and CRW, Panasonic, Olympus, Fujifilm, Sigma, Minolta, Phase One; and TIFF with DNG's version
        # (tag 50706), with Pentax's compression (259: 65535), or with the camera's maker (271) and more directories
        # (330), as of Nikon, Sony and Samsung.
        (rb"II\*\0.{4}CR|IIU\0|IIR[OS]|MMOR|FUJIFILMCCD-RAW|FOVb|\0MRM|II.{4}HEAPCCDR", Refusal.CAMERA_RAW),
        (rb"II\*\0(.{4}IIII|.*\x12\xc6\x01\0\x04\0\0\0|.*\x03\x01\x03\0\x01\0\0\0\xff\xff)", Refusal.CAMERA_RAW),
        (rb"MM\0\*(.{4}MMMM|.*\xc6\x12\0\x01\0\0\0\x04|.*\x01\x03\0\x03\0\0\0\x01\xff\xff)", Refusal.CAMERA_RAW),
        (rb"II\*\0.*\x0f\x01\x02\0.*\x4a\x01[\x04\r]\0|MM\0\*.*\x01\x0f\0\x02.*\x01\x4a\0[\x04\r]", Refusal.CAMERA_RAW),
        (rb"II[*+]\0|MM\0[*+]", Refusal.TIFF),
        (rb"%PDF-", Refusal.PDF),
        (rb"8BPS", Refusal.PSD),
        (rb"\0\0[\1\2]\0", Refusal.ICO),
        (rb".{4}ftypcrx ", Refusal.CAMERA_RAW),
        (rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf1-\xf3\xf9-\xfb]|fLaC|RIFF.{4}WAVE|.{4}ftypM4[AB]", Refusal.AUDIO),
        (rb"OggS.{24}(OpusHead|\x01vorbis)", Refusal.AUDIO),
        (
            rb".{4}(ftyp|moov|mdat)|\x1a\x45\xdf\xa3|RIFF.{4}AVI |OggS|FLV\x01|\x30\x26\xb2\x75|\0\0\x01\xba",
            Refusal.VIDEO,
        ),
        # What is packed may be anything: zip is also each office document, gzip also a moving sticker (.tgs).
        (rb"PK\x03\x04|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b|BZh\d|\xfd7zXZ|\x28\xb5\x2f\xfd", Refusal.PACKED),
        (rb"%!PS|\xc5\xd0\xd3\xc6", Refusal.POSTSCRIPT),
        (rb"gimp xcf", Refusal.XCF),
        (rb"DDS ", Refusal.DDS),
        (rb"qoif", Refusal.QOI),
        (rb"\x76\x2f\x31\x01|#\?(RADIANCE|RGBE)", Refusal.HDR),
        (rb"icns", Refusal.ICNS),
        (rb"\xd7\xcd\xc6\x9a|\x01\0\x09\0\0\x03|\x01\0\0\0.{36} EMF", Refusal.METAFILE),
        (rb".{128}DICM", Refusal.DICOM),
        (rb"II\xbc\x01", Refusal.JPEG_XR),
        (rb"P[1-6]\s+(#|\d+\s)|P7\nWIDTH", Refusal.NETPBM),
        (rb"AT&TFORM.{4}DJV", Refusal.DJVU),
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
