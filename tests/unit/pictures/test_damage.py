from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from common.pictures.child import images
from common.pictures.protocol import Refusal
from tests.support.picture_files import WHOLE, decoded, refused


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_off_anywhere_never_gives_a_picture_that_lacks_a_pixel(name: str) -> None:
    # A PNG or GIF may lose its end mark, when all its pixels are there, and a WebP the byte that fills it up. No other
    # format may, not even JPEG: see decode's docstring.
    whole = WHOLE[name]
    pixels = decoded(whole).tobytes()
    ends = sorted({*range(0, len(whole), max(1, len(whole) // 150)), *range(max(0, len(whole) - 30), len(whole))})

    for end in ends:
        picture = images.decode(whole[:end])
        if isinstance(picture, Image.Image):
            may_lose = {"PNG": 24, "GIF": 24, "lossless WebP": 1}
            assert len(whole) - end <= may_lose.get(name, 0), f"a {name} of {len(whole)} bytes, cut off at {end}"
            assert picture.tobytes() == pixels


@pytest.mark.parametrize("name", WHOLE)
def test_half_a_file_is_refused_as_cut_off(name: str) -> None:
    assert "cut off or damaged" in refused(WHOLE[name][: len(WHOLE[name]) // 2])


@pytest.mark.parametrize("name", ["JPEG", "progressive JPEG"])
def test_a_jpeg_that_lacks_its_end_mark_alone_is_refused_with_a_cure(name: str) -> None:
    text = refused(WHOLE[name].removesuffix(b"\xff\xd9"))

    assert "cut off or damaged" in text
    assert "send it as a photo" in text


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_gives_a_picture_or_a_refusal_and_never_an_error(name: str) -> None:
    chance = random.Random(name)  # noqa: S311 -- the same damage in every run
    for _ in range(60):
        content = bytearray(WHOLE[name])
        for _ in range(chance.choice((1, 3, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        assert isinstance(images.decode(bytes(content)), Image.Image | Refusal)


@pytest.mark.parametrize("error", [MemoryError, RecursionError, ValueError, struct.error, zlib.error, OverflowError])
def test_every_error_of_pillow_becomes_a_refusal(
    error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise error()

    monkeypatch.setattr(Image, "open", fail)

    assert "damaged" in refused(WHOLE["PNG"])
