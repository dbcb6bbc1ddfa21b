"""What the user reads when a file is refused. The decoder names the reason; the worker words it.

The cure depends on how the file came: that of a link was never sent, so it cannot be sent otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from common.pictures.protocol import (
    DECODE_LIMIT_S,
    MAX_ASPECT,
    MAX_HEIC_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_JPEG_SCANS,
    MAX_PIXELS,
    Refusal,
)
from common.words import FILE_TOO_LARGE

NO_IMAGE: Final = "This is not an image that I know. I can read JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF."
WEB_PAGE: Final = "This is a web page, not an image. Please send the image itself, or a link that leads straight to it."

# What a file is that people take for an image, or send by mistake.
_FOREIGN: Final = {
    Refusal.JPEG_XL: "JPEG XL",
    Refusal.JPEG_2000: "JPEG 2000",
    Refusal.JPEG_XR: "JPEG XR",
    Refusal.JPEG_12_BIT: "a 12-bit JPEG",
    Refusal.OTHER_JPEG: "a lossless JPEG, or another rare kind of JPEG",
    Refusal.OTHER_BMP: "a rare kind of BMP",
    Refusal.TIFF: "TIFF",
    Refusal.PDF: "PDF",
    Refusal.PSD: "PSD",
    Refusal.ICO: "ICO",
    Refusal.SVG: "SVG",
    Refusal.POSTSCRIPT: "PostScript (EPS)",
    Refusal.XCF: "a GIMP image (XCF)",
    Refusal.DDS: "a texture (DDS)",
    Refusal.QOI: "QOI",
    Refusal.HDR: "an HDR image (OpenEXR or Radiance)",
    Refusal.ICNS: "a Mac icon (ICNS)",
    Refusal.METAFILE: "a Windows metafile (WMF or EMF)",
    Refusal.DICOM: "DICOM",
    Refusal.NETPBM: "a Netpbm image (PPM, PGM or PBM)",
    Refusal.DJVU: "DjVu",
    Refusal.VIDEO: "a video",
    Refusal.AUDIO: "a sound",
    Refusal.PACKED: "an archive, an office document or another packed file",
}
_FOREIGN_FILE: Final = "This file is {}, which I can’t read. I can read JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF."


def _texts(as_a_photo: str) -> Mapping[Refusal, str]:
    """The words of each refusal.

    Args:
        as_a_photo: How Telegram gets the picture as a photo, which it stores again as a small JPEG.
    """
    by_telegram = f"{as_a_photo}: Telegram then"
    stored_again = f"Please {by_telegram} stores it again."
    return {
        Refusal.EMPTY: "The file is empty. Please send it again.",
        Refusal.TOO_LARGE: FILE_TOO_LARGE,
        Refusal.TOO_MANY_PIXELS: (
            f"The picture has too many pixels: I accept at most {MAX_PIXELS // 10**6} megapixels "
            f"(JPEG: {MAX_JPEG_PIXELS // 10**6}, unless it is progressive; HEIC: {MAX_HEIC_PIXELS // 10**6}). "
            f"Please {by_telegram} makes it smaller."
        ),
        Refusal.TOO_MANY_SCANS: (
            f"The picture is a JPEG of more than {MAX_JPEG_SCANS} scans, the most that I accept. {stored_again}"
        ),
        Refusal.TOO_MUCH_METADATA: f"The picture carries more besides its pixels than I accept. {stored_again}",
        Refusal.TOO_THIN: (
            f"The picture is more than {MAX_ASPECT} times as long as it is wide. Please send the part that matters."
        ),
        Refusal.DAMAGED: (
            "The picture is cut off or damaged. Please send it again; if you can see it whole, "
            f"{by_telegram} stores it again."
        ),
        Refusal.NO_IMAGE: NO_IMAGE,
        Refusal.WEB_PAGE: WEB_PAGE,
        Refusal.HEIC: (
            "This HEIC or HEIF file is damaged, or of a kind that I can’t read. "
            f"If you can see its picture, please {by_telegram} converts it."
        ),
        Refusal.CAMERA_RAW: f"{_FOREIGN_FILE.format('a camera’s raw picture')} Please send the JPEG of it.",
        Refusal.TOO_SLOW: f"I could not read this picture within {DECODE_LIMIT_S} seconds. {stored_again}",
        Refusal.UNREADABLE: (
            f"I could not read this picture: something in it is more than I can handle. {stored_again}"
        ),
    } | {refusal: _FOREIGN_FILE.format(name) for refusal, name in _FOREIGN.items()}


TEXTS: Final = _texts("send it as a photo, not as a file")
TEXTS_OF_LINKS: Final = _texts("save it and send it as a photo")
