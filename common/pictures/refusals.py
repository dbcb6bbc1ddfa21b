"""What the user reads when a file is refused. The decoder names the reason; the worker words it.

The cure depends on how the file came: that of a link was never sent, so it cannot be sent otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from common.languages.texts import Text, joined
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

NO_IMAGE: Final = Text("This is not an image that I know. I can read JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF.")
WEB_PAGE: Final = Text(
    "This is a web page, not an image. Please send the image itself, or a link that leads straight to it."
)

# What a file is that people take for an image, or send by mistake.
_FOREIGN: Final[Mapping[Refusal, Text | str]] = {
    Refusal.JPEG_XL: "JPEG XL",
    Refusal.JPEG_2000: "JPEG 2000",
    Refusal.JPEG_XR: "JPEG XR",
    Refusal.JPEG_12_BIT: Text("a 12-bit JPEG"),
    Refusal.OTHER_JPEG: Text("a lossless JPEG, or another rare kind of JPEG"),
    Refusal.OTHER_BMP: Text("a rare kind of BMP"),
    Refusal.TIFF: "TIFF",
    Refusal.PDF: "PDF",
    Refusal.PSD: "PSD",
    Refusal.ICO: "ICO",
    Refusal.SVG: "SVG",
    Refusal.POSTSCRIPT: Text("PostScript (EPS)"),
    Refusal.XCF: Text("a GIMP image (XCF)"),
    Refusal.DDS: Text("a texture (DDS)"),
    Refusal.QOI: "QOI",
    Refusal.HDR: Text("an HDR image (OpenEXR or Radiance)"),
    Refusal.ICNS: Text("a Mac icon (ICNS)"),
    Refusal.METAFILE: Text("a Windows metafile (WMF or EMF)"),
    Refusal.DICOM: "DICOM",
    Refusal.NETPBM: Text("a Netpbm image (PPM, PGM or PBM)"),
    Refusal.DJVU: "DjVu",
    Refusal.VIDEO: Text("a video"),
    Refusal.AUDIO: Text("a sound"),
    Refusal.PACKED: Text("an archive, an office document or another packed file"),
}
_FOREIGN_FILE: Final = Text(
    "This file is {what}, which I can’t read. I can read JPEG, PNG, WebP, HEIC, GIF, BMP and AVIF."
)


class _Cures(NamedTuple):
    """How Telegram gets the picture as a photo, which it stores again as a small JPEG."""

    smaller: Text
    stored_again: Text
    if_whole: Text
    if_shown: Text


_OF_FILES: Final = _Cures(
    smaller=Text("Please send it as a photo, not as a file: Telegram then makes it smaller."),
    stored_again=Text("Please send it as a photo, not as a file: Telegram then stores it again."),
    if_whole=Text(
        "Please send it again; if you can see it whole, send it as a photo, not as a file: Telegram then stores it "
        "again."
    ),
    if_shown=Text("If you can see its picture, please send it as a photo, not as a file: Telegram then converts it."),
)
_OF_LINKS: Final = _Cures(
    smaller=Text("Please save it and send it as a photo: Telegram then makes it smaller."),
    stored_again=Text("Please save it and send it as a photo: Telegram then stores it again."),
    if_whole=Text(
        "Please send it again; if you can see it whole, save it and send it as a photo: Telegram then stores it again."
    ),
    if_shown=Text("If you can see its picture, please save it and send it as a photo: Telegram then converts it."),
)


def _texts(cures: _Cures) -> Mapping[Refusal, Text]:
    """The words of each refusal."""
    megapixels = 10**6
    too_many_pixels = Text(
        "The picture has too many pixels: I accept at most {most} megapixels (JPEG: {most_of_jpeg}, unless it is "
        "progressive; HEIC: {most_of_heic})."
    ).of(
        most=MAX_PIXELS // megapixels,
        most_of_jpeg=MAX_JPEG_PIXELS // megapixels,
        most_of_heic=MAX_HEIC_PIXELS // megapixels,
    )
    too_many_scans = Text("The picture is a JPEG of more than {most} scans, the most that I accept.")
    too_thin = Text("The picture is more than {most} times as long as it is wide. Please send the part that matters.")
    too_slow = Text("I could not read this picture within {seconds} seconds.").of(seconds=DECODE_LIMIT_S)
    heic = Text("This HEIC or HEIF file is damaged, or of a kind that I can’t read.")
    raw = _FOREIGN_FILE.of(what=Text("a camera’s raw picture"))
    return {
        Refusal.EMPTY: Text("The file is empty. Please send it again."),
        Refusal.TOO_LARGE: FILE_TOO_LARGE,
        Refusal.TOO_MANY_PIXELS: _cured(too_many_pixels, cures.smaller),
        Refusal.TOO_MANY_SCANS: _cured(too_many_scans.of(most=MAX_JPEG_SCANS), cures.stored_again),
        Refusal.TOO_MUCH_METADATA: _cured(
            Text("The picture carries more besides its pixels than I accept."), cures.stored_again
        ),
        Refusal.TOO_THIN: too_thin.of(most=MAX_ASPECT),
        Refusal.DAMAGED: _cured(Text("The picture is cut off or damaged."), cures.if_whole),
        Refusal.NO_IMAGE: NO_IMAGE,
        Refusal.WEB_PAGE: WEB_PAGE,
        Refusal.HEIC: _cured(heic, cures.if_shown),
        Refusal.CAMERA_RAW: _cured(raw, Text("Please send the JPEG of it.")),
        Refusal.TOO_SLOW: _cured(too_slow, cures.stored_again),
        Refusal.UNREADABLE: _cured(
            Text("I could not read this picture: something in it is more than I can handle."), cures.stored_again
        ),
    } | {refusal: _FOREIGN_FILE.of(what=name) for refusal, name in _FOREIGN.items()}


def _cured(why: Text, cure: Text) -> Text:
    return joined(why, cure, by=" ")


TEXTS: Final = _texts(_OF_FILES)
TEXTS_OF_LINKS: Final = _texts(_OF_LINKS)
