"""A picture's pixels are what torchvision makes of it, whose import takes seconds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from common.model.input import InputSpec
from common.pictures.child import images
from common.pictures.protocol import MAX_ASPECT
from tests.support.picture_files import EFFICIENTNET, INCEPTION, photo, reference_pixels


def torchvision_s_pixels(picture: Image.Image, spec: InputSpec) -> bytes:
    mode = InterpolationMode(spec.interpolation)
    resized = functional.resize(picture, [spec.resize], interpolation=mode, antialias=True)
    cropped: Image.Image = functional.center_crop(resized, [spec.crop])
    return cropped.tobytes()


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

    assert images.to_pixels(picture, spec) == torchvision_s_pixels(picture, spec) == reference_pixels(picture, spec)


@pytest.mark.parametrize("spec", [INCEPTION, EFFICIENTNET], ids=lambda spec: spec.model)
@pytest.mark.parametrize(
    "size",
    [(1280, 960), (960, 1280), (342, 342), (343, 342), (3, 300), (1, 1), (400, 1200), (1200, 400), (293, 587)],
)
def test_a_photo_s_pixels_equal_torchvision_s_transform(spec: InputSpec, size: tuple[int, int]) -> None:
    picture = photo(size)

    assert images.to_pixels(picture, spec) == torchvision_s_pixels(picture, spec) == reference_pixels(picture, spec)
