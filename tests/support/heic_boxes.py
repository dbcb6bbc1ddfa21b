"""HEIC files put together box by box (ISO 23008-12 and ISO 14496-12), of pictures that an encoder once made.

So a test has tiles, overlays, turns and absurd files without an encoder: many items may share one picture's bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.support.heic_files import HEIC


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


class Item(NamedTuple):
    """A picture, or a part or a description of one.

    Attributes:
        kind: ``hvc1``, ``grid``, ``iovl``, ``iden``, ``Exif`` or ``mime``.
        content: Its bytes.
        properties: Its boxes, such as ``ispe``, in the order in which they apply.
        made_of: Numbers of the items that it is made of; they count from 1.
        belongs: To which item, by its number, and how: ``cdsc`` describes it, ``thmb`` is its thumbnail, ``auxl`` its
            transparency or depth, and it may be premultiplied (``prem``) with the one that it names.
        hidden: Whether it is only a part of others.
    """

    kind: bytes
    content: bytes
    properties: tuple[bytes, ...] = ()
    made_of: tuple[int, ...] = ()
    belongs: tuple[tuple[bytes, int], ...] = ()
    hidden: bool = False


def size(width: int, height: int) -> bytes:
    """The property that says a picture's size."""
    return full(b"ispe", struct.pack(">II", width, height))


def turned(quarters: int) -> bytes:
    """The property that turns a picture against the clock, in quarters of a circle."""
    return box(b"irot", bytes([quarters]))


def mirrored(axis: int) -> bytes:
    """The property that mirrors a picture: 0 swaps top and bottom, 1 left and right (2022's edition)."""
    return box(b"imir", bytes([axis]))


def picture(name: str = "HEIC") -> tuple[bytes, bytes]:
    """Of a file in ``heic_files.py``: the configuration of its decoder (``hvcC`` box), and its picture's bytes."""
    content = HEIC[name]
    at = content.index(b"hvcC") - 4
    coded = content[at : at + struct.unpack_from(">I", content, at)[0]]
    at = content.index(b"mdat") + 4
    length = struct.unpack_from(">I", content, at)[0]
    return coded, content[at : at + 4 + length]


def coded(*properties: bytes, name: str = "HEIC", of: tuple[int, int] = (96, 64)) -> Item:
    """A picture of a file in ``heic_files.py``, as an item of another file."""
    configuration, content = picture(name)
    return Item(b"hvc1", content, (configuration, size(*of), *properties))


def grid(columns: int, rows: int, width: int, height: int, *properties: bytes, tiles: Sequence[int]) -> Item:
    """A picture of tiles, as phones store theirs."""
    content = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)
    return Item(b"grid", content, (size(width, height), *properties), tuple(tiles))


def overlay(width: int, height: int, made_of: Sequence[int]) -> Item:
    """A picture of pictures that lie upon each other, at its left upper corner."""
    places = struct.pack(">ii", 0, 0) * len(made_of)
    content = struct.pack(">BBHHHHII", 0, 1, 0, 0, 0, 65535, width, height) + places
    return Item(b"iovl", content, (size(width, height),), tuple(made_of))


def heic(items: Sequence[Item], *, primary: int = 1, brands: Sequence[bytes] = (b"heic", b"mif1", b"heic")) -> bytes:
    """A file of those items. Equal contents and properties are stored once."""
    properties = list(dict.fromkeys(one for item in items for one in item.properties))
    contents = dict.fromkeys(item.content for item in items)
    places: dict[bytes, int] = {}
    stored = b""
    for content in contents:
        places[content] = len(stored)
        stored += content
    head = box(b"ftyp", brands[0], b"\0\0\0\0", *brands[1:])
    before = len(head) + len(_meta(items, properties, places, primary, 0)) + 8
    return head + _meta(items, properties, places, primary, before) + box(b"mdat", stored)


def _meta(items: Sequence[Item], properties: list[bytes], places: dict[bytes, int], primary: int, before: int) -> bytes:
    infos = [
        full(b"infe", struct.pack(">IH4sx", number, 0, item.kind), version=3, flags=int(item.hidden))
        for number, item in enumerate(items, 1)
    ]
    rows = [
        struct.pack(">IHHHII", number, 0, 0, 1, before + places[item.content], len(item.content))
        for number, item in enumerate(items, 1)
    ]
    applied = [
        struct.pack(">IB", number, len(item.properties))
        + b"".join(struct.pack(">H", 1 + properties.index(one)) for one in item.properties)
        for number, item in enumerate(items, 1)
    ]
    references = [
        box(kind, struct.pack(f">IH{len(to)}I", number, len(to), *to))
        for number, item in enumerate(items, 1)
        for kind, to in ((b"dimg", item.made_of), *((kind, (one,)) for kind, one in item.belongs))
        if to
    ]
    return full(
        b"meta",
        full(b"hdlr", struct.pack(">4x4s13x", b"pict")),
        full(b"pitm", struct.pack(">I", primary), version=1),
        full(b"iloc", struct.pack(">HI", 0x4400, len(items)), *rows, version=2),
        full(b"iinf", struct.pack(">I", len(items)), *infos, version=1),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full(b"ipma", struct.pack(">I", len(items)), *applied, version=1, flags=1),
        ),
        full(b"iref", *references, version=1) if references else b"",
    )


def tiled(columns: int, rows: int, width: int, height: int, *properties: bytes) -> bytes:
    """A file as phones write it: a picture of tiles, each of them the drawing in ``heic_files.py``."""
    tile = coded()._replace(hidden=True)
    tiles = range(2, 2 + columns * rows)
    return heic([grid(columns, rows, width, height, *properties, tiles=tiles), *[tile] * len(tiles)])


_DEPTH: Final = full(b"auxC", b"urn:mpeg:hevc:2015:auxid:2\0")
_GREY, _ = picture("grey HEIC")

BUILT: Final = {
    "tiled HEIC": tiled(2, 2, 180, 100),
    "turned tiled HEIC": tiled(2, 2, 180, 100, turned(3), mirrored(1)),
    "overlaid HEIC": heic([overlay(96, 64, (2, 3)), coded(), coded(turned(2))]),
    "derived HEIC": heic([Item(b"iden", b"", (size(96, 64), turned(1)), (2,)), coded()]),
    "HEIC with a thumbnail, a depth map and metadata": heic(
        [
            coded(box(b"colr", b"prof", bytes(200))),
            coded()._replace(belongs=((b"thmb", 1),)),
            coded(name="grey HEIC")._replace(properties=(_GREY, size(96, 64), _DEPTH), belongs=((b"auxl", 1),)),
            Item(b"Exif", b"\0\0\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", (), (), ((b"cdsc", 1),)),
        ]
    ),
}
"""Files that take other ways through a decoder than those of ``heic_files.py``."""
