from __future__ import annotations

import pytest

from common.errors import InputLost
from common.model.input import InputSpec, pack, unpack

SPEC = InputSpec(model="m", resize=4, crop=3, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)
OTHER = InputSpec(model="m", resize=4, crop=3, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3)
PIXELS = bytes(range(27))


def test_pixels_come_back_as_they_were_packed() -> None:
    assert bytes(unpack(pack(PIXELS, SPEC), SPEC)) == PIXELS


@pytest.mark.parametrize("pixels", [b"", PIXELS[:-1], PIXELS + b"\0"])
def test_pixels_of_another_size_are_not_packed(pixels: bytes) -> None:
    with pytest.raises(ValueError, match="takes 27 bytes"):
        pack(pixels, SPEC)


def test_a_file_cut_off_anywhere_is_lost() -> None:
    file = pack(PIXELS, SPEC)

    for end in range(len(file)):
        with pytest.raises(InputLost):
            unpack(file[:end], SPEC)


@pytest.mark.parametrize("file", [pack(PIXELS, SPEC) + b"\0", pack(PIXELS, SPEC) * 2])
def test_a_file_that_is_too_long_is_lost(file: bytes) -> None:
    with pytest.raises(InputLost, match="bytes of pixels, not 27"):
        unpack(file, SPEC)


def test_a_file_with_one_byte_changed_in_its_header_is_lost() -> None:
    file = pack(PIXELS, SPEC)

    for place in range(len(file) - len(PIXELS)):
        changed = bytearray(file)
        changed[place] ^= 1
        with pytest.raises(InputLost):
            unpack(bytes(changed), SPEC)


def test_a_file_of_an_older_version_is_lost() -> None:
    with pytest.raises(InputLost, match="does not begin as one"):
        unpack(b"WIN1" + bytes(4) + pack(PIXELS, SPEC)[4:], SPEC)


def test_a_file_for_another_specification_is_lost_and_both_are_named() -> None:
    with pytest.raises(InputLost, match=r"'m/4/3/bilinear', and 'm/4/3/bicubic' is in use"):
        unpack(pack(PIXELS, SPEC), OTHER)
