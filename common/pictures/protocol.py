"""What a worker and its decoder agree on: what a picture may be, why it may be refused, and their messages.

The decoder (``common/pictures/child/main.py``) is a child process of the worker, and the only process that opens
foreign pictures. They take turns to speak over a socket:

    decoder   ready    reply header: number 0, kind READY, length 0
    worker    request  number (4 bytes), resize (2), crop (2), interpolation (1), length (4); then the file
    decoder   reply    number of the request (4), kind (1), length (4); then the pixels, the whole picture, or a
                       refusal's name

A request for the whole picture has 2 added to its interpolation. Its reply is the picture twice, behind its size: width
(2 bytes) and height (2), pixels of that size, pixels of twice that size.

Before the decoder takes much memory for a picture, it asks and waits:

    decoder   reply    number of the request, kind LARGE, length 0; the real reply follows the worker's
    worker    go on    1 byte

All numbers are little-endian. A picture can take the decoder over, so the worker does not trust it: ``expect_reply``
accepts only an answer to this request, in exactly the requested size.

Both sides import this, so it imports little.
"""

from __future__ import annotations

import struct
from enum import IntEnum, StrEnum, auto
from typing import Final, NamedTuple, Protocol

# Cameras of "24 megapixels" store up to 24.5. They take up to 450 MB with all of Python, in AVIF.
MAX_PIXELS: Final = 25_000_000
MAX_HEIC_PIXELS: Final = 50_000_000  # phones of "48 megapixels" store 8064 x 6048; measured: 8 bytes a pixel
# Phones of "108 megapixels" store 12000 x 9000. Above MAX_PIXELS a JPEG is decoded at reduced scale, and only if
# libjpeg reads it in one pass.
MAX_JPEG_PIXELS: Final = 110_000_000
# Else libjpeg keeps each value of each component, at full size, in 2 bytes: of 25 megapixels in four colours, or of 66
# in three, two of them at half the width and height, as phones store them. Phones of "50 megapixels" store 8192 x 6144.
MAX_JPEG_VALUES: Final = 100_000_000
MAX_JPEG_SCANS: Final = 100  # progressive files have about 10; each takes time for every pixel, even if it has no byte
MAX_ASPECT: Final = 100  # even the thinnest picture has at most 12 megapixels when it is resized
# For one file, all its tries together. On a busy core of an Intel Xeon, the slowest picture within the size limits took
# 1.4 s, so a core may be a seventh as fast; but HEIC takes 0.8 to 1.2 s for 12 megapixels, and 4 to 8 s for 50.
DECODE_LIMIT_S: Final = 10

MAX_LOOKED_AT_ASPECT: Final = 10  # a longer picture gets no second look: twice as large, it would take 200 MB
MAX_WHOLE_ASPECT: Final = 2.5  # of a longer picture, the middle: three views of a model side by side show all of that
WHOLE_SCALE: Final = 2  # how much more detail the second copy of a whole picture has, for a zoom

_INTERPOLATIONS: Final = ("bilinear", "bicubic")
_WHOLE: Final = len(_INTERPOLATIONS)
_REQUEST: Final = struct.Struct("<IHHBI")
_REPLY: Final = struct.Struct("<IBI")
_SIZE: Final = struct.Struct("<HH")
REQUEST_BYTES: Final = _REQUEST.size
REPLY_BYTES: Final = _REPLY.size
GO_ON: Final = b"\n"


class Refusal(StrEnum):
    """Why a file gives no picture; ``common/pictures/refusals.py`` has the words. The decoder sends the name."""

    EMPTY = auto()
    TOO_LARGE = auto()
    TOO_MANY_PIXELS = auto()
    TOO_MANY_SCANS = auto()
    TOO_MUCH_METADATA = auto()
    TOO_THIN = auto()
    DAMAGED = auto()
    NO_IMAGE = auto()
    WEB_PAGE = auto()
    HEIC = auto()
    JPEG_XL = auto()
    JPEG_2000 = auto()
    TIFF = auto()
    PDF = auto()
    PSD = auto()
    ICO = auto()
    CAMERA_RAW = auto()
    VIDEO = auto()
    SVG = auto()
    AUDIO = auto()
    PACKED = auto()
    POSTSCRIPT = auto()
    XCF = auto()
    DDS = auto()
    QOI = auto()
    HDR = auto()
    ICNS = auto()
    METAFILE = auto()
    DICOM = auto()
    JPEG_XR = auto()
    NETPBM = auto()
    DJVU = auto()
    JPEG_12_BIT = auto()
    OTHER_JPEG = auto()
    OTHER_BMP = auto()
    # The worker finds these two by itself:
    TOO_SLOW = auto()
    UNREADABLE = auto()


class Cut(Protocol):
    """The part of an ``InputSpec`` that says what to make of a picture: shorter side to ``resize``, centre ``crop``."""

    @property
    def resize(self) -> int:
        """Length of the shorter side after resizing, in pixels."""

    @property
    def crop(self) -> int:
        """Side of the centre crop, in pixels."""

    @property
    def interpolation(self) -> str:
        """``bilinear`` or ``bicubic``."""


class Whole(NamedTuple):
    """What to make of a picture for a second look: all of it, shorter side to ``resize``."""

    resize: int
    interpolation: str


class Request(NamedTuple):
    """A request's header, as the decoder reads it. It is a ``Cut``.

    Attributes:
        whole: Whether the whole picture is wanted, and not its centre.
    """

    number: int
    resize: int
    crop: int
    interpolation: str
    length: int
    whole: bool = False


class ReplyKind(IntEnum):
    """The kinds of replies."""

    READY = 0
    PIXELS = 1
    REFUSAL = 2
    LARGE = 3
    WHOLE = 4


class StrayReply(Exception):  # noqa: N818 -- named for what happened
    """The decoder's reply does not fit the request."""


def request(number: int, cut: Cut | Whole, length: int) -> bytes:
    """The header of a request; ``length`` bytes of a file follow."""
    interpolation = _INTERPOLATIONS.index(cut.interpolation)
    if isinstance(cut, Whole):
        return _REQUEST.pack(number, cut.resize, 0, interpolation + _WHOLE, length)
    return _REQUEST.pack(number, cut.resize, cut.crop, interpolation, length)


def read_request(header: bytes) -> Request:
    """Read what ``request`` wrote."""
    number, resize, crop, code, length = _REQUEST.unpack(header)
    return Request(number, resize, crop, _INTERPOLATIONS[code % _WHOLE], length, whole=code >= _WHOLE)


def reply(number: int, kind: ReplyKind, length: int) -> bytes:
    """The header of a reply; ``length`` bytes follow."""
    return _REPLY.pack(number, kind, length)


def expect_ready(header: bytes) -> None:
    """Make sure that the decoder is ready.

    Raises:
        StrayReply: It says something else.
    """
    if header != reply(0, ReplyKind.READY, 0):
        msg = f"{header!r} where it should say that it is ready"
        raise StrayReply(msg)


def expect_reply(header: bytes, number: int, cut: Cut | Whole) -> tuple[ReplyKind, int]:
    """What follows the header of the reply to request ``number``, and how many bytes it has.

    Raises:
        StrayReply: It answers another request, or is not a whole model input, a picture of a possible size, a
            refusal's name or a request for much memory.
    """
    answered, kind, length = _REPLY.unpack(header)
    if isinstance(cut, Whole):
        fits = kind == ReplyKind.WHOLE and length <= whole_bytes(cut.resize, int(MAX_WHOLE_ASPECT * cut.resize))
    else:
        fits = kind == ReplyKind.PIXELS and length == 3 * cut.crop**2
    fits = fits or (kind == ReplyKind.REFUSAL and length <= max(map(len, Refusal)))
    if answered == number and (fits or (kind == ReplyKind.LARGE and length == 0)):
        return ReplyKind(kind), length
    msg = f"request {number} was answered by {length} bytes of kind {kind} for request {answered}"
    raise StrayReply(msg)


def whole_bytes(width: int, height: int) -> int:
    """How many bytes a whole picture of that size has, with its second copy."""
    return _SIZE.size + 3 * width * height * (1 + WHOLE_SCALE**2)


def pack_size(width: int, height: int) -> bytes:
    """The size of a whole picture, as it begins its reply."""
    return _SIZE.pack(width, height)


def expect_whole(payload: bytes, cut: Whole) -> tuple[int, int]:
    """Width and height of the whole picture in a reply.

    Raises:
        StrayReply: Its size is not what was asked for, or not that of its pixels.
    """
    width, height = _SIZE.unpack_from(payload) if len(payload) >= _SIZE.size else (0, 0)
    longest = int(MAX_WHOLE_ASPECT * cut.resize)
    if min(width, height) != cut.resize or max(width, height) > longest or len(payload) != whole_bytes(width, height):
        msg = f"{len(payload)} bytes for a whole picture of {width} x {height} pixels"
        raise StrayReply(msg)
    return width, height


def read_refusal(name: bytes) -> Refusal:
    """The refusal of that name.

    Raises:
        StrayReply: There is no such refusal.
    """
    try:
        return Refusal(name.decode())
    except ValueError:
        msg = f"{name!r} is not a refusal"
        raise StrayReply(msg) from None
