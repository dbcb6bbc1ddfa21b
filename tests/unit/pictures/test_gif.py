"""What is not a GIF's picture does not decide whether it is read (GIF89a specification)."""

from __future__ import annotations

import time

import pytest

from common.pictures.child import gif
from tests.support.picture_files import decoded, photo, saved

PLAIN = saved(photo().quantize(64), "GIF")
FRAME_AT = 13 + (6 << (PLAIN[10] & 7))

EXTENSIONS = {
    "comment": b"!\xfe\5hello\0",
    "comment of no data": b"!\xfe\0",
    "comments": b"!\xfe\5hello\0" * 5_000,
    "text": b"!\1\x0c" + bytes(12) + b"\5hello\0",
    "text of no data": b"!\1\0",
    "repeats": b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
    "repeats, of no data": b"!\xff\x0bNETSCAPE2.0\0",
    "repeats, short": b"!\xff\x0bNETSCAPE2.0\1\1\0",
    "repeats, long": b"!\xff\x0bNETSCAPE2.0\4\1\0\0\0\0",
    "repeats, of two kinds": b"!\xff\x0bNETSCAPE2.0\3\1\0\0\5\2\0\0\0\0\0",
    "application of no data": b"!\xff\0",
    "application, short": b"!\xff\3abc\0",
    "XMP": b"!\xff\x0bXMP DataXMP<x:xmpmeta/>\1" + bytes(range(255, 0, -1)) + b"\0\0",
    "control of no data": b"!\xf9\0",
    "control, 1 byte": b"!\xf9\1\1\0",
    "control, 3 bytes": b"!\xf9\3\0\0\0\0",
    "control": b"!\xf9\4\0\0\0\0\0",
    "control, long": b"!\xf9\5\0\0\0\0\0\0",
    "unknown": b"!\x77\3abc\0",
    "unknown of no data": b"!\x77\0",
    "noise": b"noise",
    "zeros": bytes(100),
}


@pytest.mark.parametrize("name", EXTENSIONS)
@pytest.mark.parametrize("times", [1, 2])
def test_no_extension_decides_whether_a_picture_is_read(name: str, times: int) -> None:
    part = EXTENSIONS[name] * times
    for content in (PLAIN[:FRAME_AT] + part + PLAIN[FRAME_AT:], PLAIN[:-1] + part + b";", PLAIN + part):
        assert decoded(content).tobytes() == decoded(PLAIN).tobytes()


def test_two_different_ones_do_not_either() -> None:
    for first in EXTENSIONS.values():
        for second in EXTENSIONS.values():
            content = PLAIN[:FRAME_AT] + first + second + PLAIN[FRAME_AT:]
            assert decoded(content).tobytes() == decoded(PLAIN).tobytes()


def test_millions_of_extensions_take_no_long_time() -> None:
    # A few seconds, most of them in Pillow; the child has ten.
    began = time.process_time()
    content = PLAIN[:FRAME_AT] + EXTENSIONS["comment of no data"] * 6_000_000 + PLAIN[FRAME_AT:]

    gif.own_parts(content)

    assert time.process_time() - began < 1


def test_a_whole_file_is_not_copied() -> None:
    moving = saved(photo(), "GIF", save_all=True, append_images=[photo().rotate(90)], loop=0, comment=b"hello")
    for whole in (PLAIN, moving, PLAIN[:FRAME_AT] + EXTENSIONS["comment"] + PLAIN[FRAME_AT:]):
        assert gif.own_parts(whole) is whole
    assert gif.own_parts(PLAIN[:FRAME_AT] + EXTENSIONS["control of no data"] + PLAIN[FRAME_AT:]) == PLAIN
