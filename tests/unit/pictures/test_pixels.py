"""A picture's pixels are what the model's reference transform makes of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.model.input import InputSpec
from common.pictures.child import images
from common.pictures.protocol import MAX_ASPECT, Refusal
from tests.support.picture_files import EFFICIENTNET, INCEPTION, WHOLE, photo, reference_pixels, saved


@pytest.mark.parametrize("spec", [INCEPTION, EFFICIENTNET], ids=lambda spec: spec.model)
@given(width=st.integers(1, 700), height=st.integers(1, 700), seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_pixels_equal_torchvision_s_transform_to_the_last_bit(
    spec: InputSpec, width: int, height: int, seed: int
) -> None:
    if max(width, height) > MAX_ASPECT * min(width, height):
        return
    noise = random.Random(seed).randbytes(3 * width * height)  # noqa: S311 -- no secret
    picture = Image.frombytes("RGB", (width, height), noise)

    assert images.to_pixels(picture, spec) == reference_pixels(picture, spec)


@pytest.mark.parametrize("spec", [INCEPTION, EFFICIENTNET], ids=lambda spec: spec.model)
@pytest.mark.parametrize(
    "size",
    [(1280, 960), (960, 1280), (342, 342), (343, 342), (3, 300), (1, 1), (400, 1200), (1200, 400), (293, 587)],
)
def test_a_photo_s_pixels_equal_torchvision_s_transform(spec: InputSpec, size: tuple[int, int]) -> None:
    assert images.to_pixels(photo(size), spec) == reference_pixels(photo(size), spec)


def test_a_file_s_pixels_are_those_of_the_decoded_picture() -> None:
    assert images.decode_to_pixels(saved(photo(), "PNG"), INCEPTION) == reference_pixels(photo(), INCEPTION)


def test_what_is_not_an_image_has_no_pixels() -> None:
    assert images.decode_to_pixels(b"hello", INCEPTION) is Refusal.NO_IMAGE


def test_pixels_that_do_not_fit_into_memory_are_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)

    assert images.decode_to_pixels(WHOLE["PNG"], INCEPTION) is Refusal.DAMAGED
