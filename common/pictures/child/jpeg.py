"""JPEG: which segments of a file make its picture (ITU-T T.81, annex B), and what kind of JPEG it is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from common.pictures.child.headers import Refused
from common.pictures.child.pieces import joined
from common.pictures.protocol import Refusal

MAX_SEGMENTS: Final = 10_000  # each takes time, and Pillow keeps it: five million empty ones fit in 20 MB

# Every marker but those inside a scan's data (table B.1).
_MARKER: Final = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_MAX_NOISE: Final = 1_000  # bytes between two segments: Pillow reads each by itself, 20 MB in 12 s
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APPLICATIONS: Final = range(0xE0, 0xF0)
# The application segments that count: the marker, how the segment begins, and its least length. JFIF and Adobe, if they
# are whole, tell libjpeg which colours the components are (jdmarker.c). EXIF data and XMP may say how it is turned.
_COUNT: Final = (
    (0xE0, b"JFIF\0", 16),
    (0xE1, b"Exif\0\0", 8),
    (0xE1, b"http://ns.adobe.com/xap/1.0/\0", 31),
    (0xEE, b"Adobe", 14),
)
_ONCE: Final = 0xE1  # Pillow adds each further EXIF segment to a copy of all before it: 10,000 small ones took 8 s

# Frames (table B.1): C4, C8 and CC are other segments. F7 begins a frame of JPEG-LS (ITU-T T.87).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_LEAST_FRAME: Final = 10  # bytes to its number of components
_RARE_BITS: Final = 12
_DCT_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})


class _Segment(NamedTuple):
    """A segment: its marker, and where it is, from its marker on; the data of a scan are not part of it."""

    marker: int
    start: int
    end: int


def own_parts(content: bytes) -> bytes:
    """A JPEG without comments and application segments.

    Of those it keeps the first that may say how the picture is turned, and what says which colours its components are.

    Raises:
        Refused: The file has too many segments.
    """
    pieces: list[slice | bytes] = []
    kept, end = 0, 2  # behind the mark that begins the file
    seen: set[bytes] = set()
    for segment in _segments(content):
        if segment.start - end > _MAX_NOISE:
            pieces.append(slice(kept, end))
            kept = segment.start
        end = segment.end
        if segment.marker == _START_OF_SCAN:  # of all behind, Pillow reads nothing itself, and libjpeg only the picture
            break
        if segment.marker != _COMMENT and segment.marker not in _APPLICATIONS:
            continue
        name = _name(content, segment)
        if name is None or (segment.marker == _ONCE and name in seen):
            pieces.append(slice(kept, segment.start))
            kept = segment.end
        else:
            seen.add(name)
    return joined(content, [*pieces, slice(kept, len(content))])


def scans(content: bytes) -> list[int]:
    """How many colour components each scan of a JPEG's first picture has (B.2.3).

    Thumbnails, which are inside segments, and more pictures or a video behind the end mark do not count.

    Raises:
        Refused: The file has too many segments.
    """
    starts = (segment.start for segment in _segments(content) if segment.marker == _START_OF_SCAN)
    return [int.from_bytes(content[start + 4 : start + 5]) for start in starts]


def why_unreadable(content: bytes) -> Refusal:
    """Why a JPEG that Pillow cannot read is refused."""
    before_many = itertools.islice(_segments(content), MAX_SEGMENTS - 1)
    frame = next((one for one in before_many if one.marker in _FRAMES), None)
    if frame is None or frame.end - frame.start < _LEAST_FRAME:
        return Refusal.DAMAGED
    bits, components = content[frame.start + 4], content[frame.start + 9]
    if frame.marker not in _DCT_FRAMES or components not in {1, 3, 4}:
        return Refusal.OTHER_JPEG
    return Refusal.JPEG_12_BIT if bits == _RARE_BITS else Refusal.DAMAGED


def _segments(content: bytes) -> Iterator[_Segment]:
    """All segments to the end mark.

    Raises:
        Refused: There are too many.
    """
    at = 0
    in_picture = False
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(content, at)
        if found is None:
            return
        marker, at = found[1][0], found.end()
        if marker == _END_OF_IMAGE and in_picture:
            return
        if marker in {_START_OF_IMAGE, _END_OF_IMAGE}:  # before the first scan, tables may have such marks around them
            continue
        in_picture |= marker == _START_OF_SCAN
        at = min(at + max(2, int.from_bytes(content[at : at + 2])), len(content))
        yield _Segment(marker, found.start(), at)
    raise Refused(Refusal.DAMAGED)


def _name(content: bytes, segment: _Segment) -> bytes | None:
    """How an application segment begins, if it counts and is whole."""
    length = segment.end - segment.start - 2
    for marker, name, least in _COUNT:
        if segment.marker == marker and length >= least and content.startswith(name, segment.start + 4):
            return name
    return None
