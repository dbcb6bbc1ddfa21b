"""What the user reads when a file is refused. The decoder names the reason; the worker words it."""

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

_AS_A_PHOTO: Final = "Please send it as a photo, not as a file: Telegram then stores it again."

EMPTY: Final = "The file is empty. Please send it again."
TOO_MANY_PIXELS: Final = (
    f"The picture has too many pixels: I accept at most {MAX_PIXELS // 10**6} megapixels "
    f"(JPEG: {MAX_JPEG_PIXELS // 10**6}, unless it is progressive; HEIC: {MAX_HEIC_PIXELS // 10**6}). "
    "Please send it as a photo, not as a file: Telegram then makes it smaller."
)
TOO_MANY_SCANS: Final = (
    f"The picture is a JPEG of more than {MAX_JPEG_SCANS} scans, the most that I accept. {_AS_A_PHOTO}"
)
TOO_MUCH_METADATA: Final = f"The picture carries more besides its pixels than I accept. {_AS_A_PHOTO}"
TOO_THIN: Final = (
    f"The picture is more than {MAX_ASPECT} times as long as it is wide. Please send the part that matters."
)
DAMAGED: Final = (
    "The picture is cut off or damaged. Please send it again; if you can see it whole, send it as a photo, "
    "not as a file: Telegram then stores it again."
)
NO_IMAGE: Final = "This is not an image that I know. I can read JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF."
WEB_PAGE: Final = "This is a web page, not an image. Please send the image itself, or a link that leads straight to it."
HEIC: Final = (
    "This HEIC or HEIF file is damaged, or of a kind that I can’t read. Please send its picture as a photo, not as a "
    "file: Telegram then converts it."
)
TOO_SLOW: Final = f"I could not read this picture within {DECODE_LIMIT_S} seconds. {_AS_A_PHOTO}"
UNREADABLE: Final = f"I could not read this picture: something in it is more than I can handle. {_AS_A_PHOTO}"

_FOREIGN_IMAGE: Final = "This file is {}, which I can’t read. I can read JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF."

TEXTS: Final[Mapping[Refusal, str]] = {
    Refusal.EMPTY: EMPTY,
    Refusal.TOO_LARGE: FILE_TOO_LARGE,
    Refusal.TOO_MANY_PIXELS: TOO_MANY_PIXELS,
    Refusal.TOO_MANY_SCANS: TOO_MANY_SCANS,
    Refusal.TOO_MUCH_METADATA: TOO_MUCH_METADATA,
    Refusal.TOO_THIN: TOO_THIN,
    Refusal.DAMAGED: DAMAGED,
    Refusal.NO_IMAGE: NO_IMAGE,
    Refusal.WEB_PAGE: WEB_PAGE,
    Refusal.HEIC: HEIC,
    Refusal.JPEG_XL: _FOREIGN_IMAGE.format("JPEG XL"),
    Refusal.JPEG_2000: _FOREIGN_IMAGE.format("JPEG 2000"),
    Refusal.TIFF: _FOREIGN_IMAGE.format("TIFF"),
    Refusal.PDF: _FOREIGN_IMAGE.format("PDF"),
    Refusal.PSD: _FOREIGN_IMAGE.format("PSD"),
    Refusal.ICO: _FOREIGN_IMAGE.format("ICO"),
    Refusal.CAMERA_RAW: f"{_FOREIGN_IMAGE.format('a camera’s raw picture')} Please send the JPEG of it.",
    Refusal.VIDEO: _FOREIGN_IMAGE.format("a video"),
    Refusal.SVG: _FOREIGN_IMAGE.format("SVG"),
    Refusal.JPEG_12_BIT: _FOREIGN_IMAGE.format("a 12-bit JPEG"),
    Refusal.OTHER_JPEG: _FOREIGN_IMAGE.format("a lossless JPEG, or another rare kind of JPEG"),
    Refusal.OTHER_BMP: _FOREIGN_IMAGE.format("a rare kind of BMP"),
    Refusal.TOO_SLOW: TOO_SLOW,
    Refusal.UNREADABLE: UNREADABLE,
}
