from __future__ import annotations

import struct

import numpy as np
import pytest

from common.errors import InputLost
from common.model import input, whole
from common.model.input import InputSpec

SPEC = InputSpec(model="m", resize=4, crop=3, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)
WIDTH, HEIGHT = 7, 4
SMALL = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)
LARGE = np.arange(4 * HEIGHT * WIDTH * 3, dtype=np.uint16).astype(np.uint8).reshape(2 * HEIGHT, 2 * WIDTH, 3)
PICTURE = struct.pack("<HH", WIDTH, HEIGHT) + SMALL.tobytes() + LARGE.tobytes()


@pytest.mark.parametrize(("left", "top"), [(0, 0), (4, 1), (2, 0)])
def test_a_view_is_a_part_of_the_picture(left: int, top: int) -> None:
    picture = whole.unpack(whole.pack(PICTURE, SPEC), SPEC)

    assert picture.view(left, top) == SMALL[top : top + 3, left : left + 3].tobytes()


@pytest.mark.parametrize(("left", "top"), [(0, 0), (11, 5), (3, 2)])
def test_a_zoom_is_a_part_of_the_larger_copy(left: int, top: int) -> None:
    picture = whole.unpack(whole.pack(PICTURE, SPEC), SPEC)

    assert picture.zoom(left, top) == LARGE[top : top + 3, left : left + 3].tobytes()


def test_a_file_that_is_cut_off_or_too_long_is_lost() -> None:
    file = whole.pack(PICTURE, SPEC)

    for broken in (*(file[:end] for end in range(len(file))), file + b"\0"):
        with pytest.raises(InputLost):
            whole.unpack(broken, SPEC)


def test_a_picture_smaller_than_a_view_is_lost() -> None:
    with pytest.raises(InputLost, match="for 2 x 9 pixels"):
        whole.unpack(whole.pack(struct.pack("<HH", 2, 9) + bytes(2 * 9 * 3 * 5), SPEC), SPEC)


def test_a_picture_for_another_model_or_a_model_input_is_lost() -> None:
    other = InputSpec(model="o", resize=4, crop=3, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)
    with pytest.raises(InputLost, match="for 'o/4/3/bilinear', and 'm/4/3/bilinear' is in use"):
        whole.unpack(whole.pack(PICTURE, other), SPEC)
    with pytest.raises(InputLost, match="does not begin as one"):
        whole.unpack(input.pack(bytes(27), SPEC), SPEC)
