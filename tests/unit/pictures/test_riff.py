"""What is not a WebP's picture does not decide whether it is read, and no length or flag around it (RFC 9649, 2)."""

from __future__ import annotations

import struct
import time

import pytest
from PIL import Image

from common.pictures.child import images, riff
from common.pictures.protocol import Refusal
from tests.support.picture_files import (
    UPRIGHT_CORNERS,
    corners,
    decoded,
    exif,
    four_corners,
    photo,
    reference_pixels,
    saved,
)
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES, VARIED

MOVES, HAS_XMP, HAS_EXIF, HAS_ALPHA, HAS_PROFILE = 0x02, 0x04, 0x08, 0x10, 0x20


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def webp(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def extended(flags: int, size: tuple[int, int] = (96, 64)) -> bytes:
    return chunk(b"VP8X", struct.pack("<I", flags) + b"".join(struct.pack("<I", side - 1)[:3] for side in size))


PLAIN = {"with loss": saved(photo(), "WEBP"), "lossless": saved(photo(), "WEBP", lossless=True)}
WITH_ALPHA = VARIED["WebP with alpha"]


def same(content: bytes, plain: bytes) -> bool:
    """Whether both have the same pixels, at once and in strips."""
    in_strips = images.decode_to_pixels(content, SMALL_INPUT, limits=SMALL_PIECES)
    assert in_strips == reference_pixels(decoded(content), SMALL_INPUT)
    return decoded(content).tobytes() == decoded(plain).tobytes()


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("wrong", [-100_000, -9, -2, -1, 1, 2, 8, 100, 2**31])
def test_no_length_of_the_whole_file_decides(name: str, wrong: int) -> None:
    plain = PLAIN[name]
    size = max(0, len(plain) - 8 + wrong)

    assert same(plain[:4] + struct.pack("<I", size) + plain[8:], plain)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("flags", [0, HAS_XMP, HAS_EXIF, HAS_PROFILE, MOVES, 0x3E & ~HAS_ALPHA, 0xC1, 0xFFFF00])
def test_no_flag_without_what_it_announces_decides(name: str, flags: int) -> None:
    plain = PLAIN[name]

    assert same(webp(extended(flags), plain[12:]), plain)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("kind", [b"ICCP", b"EXIF", b"XMP ", b"teSt", b"VP8X", b"ANIM"])
@pytest.mark.parametrize("content", [b"", b"x", b"garbage", bytes(100_001)], ids=len)
def test_no_other_chunk_decides_wherever_it_stands(name: str, kind: bytes, content: bytes) -> None:
    plain, odd = PLAIN[name], chunk(kind, content)
    head = extended(HAS_EXIF | HAS_XMP | HAS_PROFILE)
    for chunks in (
        (head, odd, plain[12:]),
        (head, plain[12:], odd),
        (head, odd, odd, plain[12:], odd),
        (plain[12:], odd),
    ):
        assert same(webp(*chunks), plain)


def test_what_stands_before_the_picture_or_behind_the_file_does_not_decide() -> None:
    plain = PLAIN["with loss"]
    for content in (
        webp(chunk(b"teSt", b"abc"), plain[12:]),
        webp(plain[12:], plain[12:]),
        plain + b"garbage",
        plain + chunk(b"EXIF", exif(6)),
        webp(plain[12:] + b"garbage"),
        webp(chunk(b"VP8X", extended(0)[8:] + b"more"), plain[12:]),
    ):
        assert same(content, plain)


@pytest.mark.parametrize("size", [0, 1], ids=["not counted", "counted"])
def test_the_byte_that_fills_the_last_chunk_up_may_be_missing(size: int) -> None:
    odd = chunk(b"VP8 ", PLAIN["with loss"][20:] + b"\0")[:-1]

    assert len(odd) % 2
    assert same(webp(odd, size=4 + len(odd) + size), PLAIN["with loss"])


def test_millions_of_chunks_take_no_long_time() -> None:
    began = time.process_time()

    assert same(webp(PLAIN["with loss"][12:], (b"teSt" + bytes(4)) * 2_000_000), PLAIN["with loss"])

    assert time.process_time() - began < 1


def test_transparency_stays() -> None:
    alpha_and_picture = WITH_ALPHA[30:]
    assert alpha_and_picture.startswith(b"ALPH")
    size = (240, 180)

    assert same(
        webp(extended(HAS_ALPHA | HAS_PROFILE, size), chunk(b"ICCP", b"p"), alpha_and_picture, size=7), WITH_ALPHA
    )


@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_exif_data_turn_the_picture_behind_other_chunks(orientation: int) -> None:
    plain = saved(four_corners(), "WEBP", lossless=True)
    turned = chunk(b"EXIF", exif(orientation))
    for chunks in (
        (plain[12:], turned),
        (turned, plain[12:]),
        (chunk(b"ICCP", b""), plain[12:], chunk(b"teSt", b"x"), turned),
    ):
        assert corners(decoded(webp(extended(HAS_EXIF, (64, 32)), *chunks, size=5))) == UPRIGHT_CORNERS[orientation]


def test_a_file_of_nothing_but_its_picture_is_not_copied() -> None:
    turned = webp(extended(HAS_EXIF), PLAIN["with loss"][12:], chunk(b"EXIF", exif(6)))
    moving = VARIED["large animated WebP"]

    for whole in (*PLAIN.values(), WITH_ALPHA, turned, moving):
        assert riff.own_parts(whole) is whole


@pytest.mark.parametrize("name", PLAIN)
def test_a_picture_that_is_cut_off_is_refused_whatever_stands_behind_it(name: str) -> None:
    picture = PLAIN[name][12:]
    for end in (20, len(picture) // 2, len(picture) - 8):
        half = picture[:4] + struct.pack("<I", end - 8) + picture[8:end] + b"\0" * (end % 2)
        assert images.decode(webp(half, chunk(b"EXIF", exif(1)))) is Refusal.DAMAGED
        assert images.decode(PLAIN[name][: 12 + end]) is Refusal.DAMAGED


def test_a_file_cut_off_in_what_says_how_it_is_turned_or_in_a_frame_is_refused() -> None:
    turned = webp(extended(HAS_EXIF), PLAIN["lossless"][12:], chunk(b"EXIF", exif(6)))
    for end in range(turned.index(b"EXIF"), len(turned) - 1):
        assert images.decode(turned[:end]) is Refusal.DAMAGED
    moving = saved(photo(), "WEBP", save_all=True, append_images=[Image.new("RGB", photo().size)])
    for end in range(40, len(moving), 100):
        assert images.decode(moving[:end]) is Refusal.DAMAGED
