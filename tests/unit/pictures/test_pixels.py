from __future__ import annotations

import pytest
from PIL import Image

from common.pictures.child import images
from common.pictures.protocol import Refusal
from tests.support.picture_files import INCEPTION, WHOLE, photo, reference_pixels, saved


def test_a_file_s_pixels_are_those_of_the_decoded_picture() -> None:
    assert images.decode_to_pixels(saved(photo(), "PNG"), INCEPTION) == reference_pixels(photo(), INCEPTION)


def test_what_is_not_an_image_has_no_pixels() -> None:
    assert images.decode_to_pixels(b"hello", INCEPTION) is Refusal.NO_IMAGE


def test_pixels_that_do_not_fit_into_memory_are_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)

    assert images.decode_to_pixels(WHOLE["PNG"], INCEPTION) is Refusal.DAMAGED
