"""Photos of the size that people send: enlarged parts of a few real ones, each different."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Iterator
from typing import Any, Final

from PIL import Image, ImageChops

from tests.support import photos

USUAL: Final = (1280, 960)  # how Telegram's apps send a photo of 4:3
TWELVE_MEGAPIXELS: Final = (4000, 3000)  # what a phone's camera makes
QUALITY: Final = 87
_GRAIN: Final = 4.0  # standard deviation: replaces the noise that enlarging removes, so that files get a camera's size


def pictures(size: tuple[int, int], seed: int = 0) -> Iterator[Image.Image]:
    """Endless photos of that size, each different, and the same ones in every run."""
    chance = random.Random(seed)  # noqa: S311 -- nothing secret
    grain = Image.effect_noise(size, _GRAIN).convert("RGB")
    for name in itertools.cycle(photos.NAMES):
        photo = photos.photo(name)
        share = chance.uniform(0.7, 1.0)
        width, height = round(photo.width * share), round(photo.height * share)
        left, top = chance.randint(0, photo.width - width), chance.randint(0, photo.height - height)
        enlarged = photo.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
        yield ImageChops.add(enlarged, grain, offset=-128)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The picture as a file; a JPEG is as large as a phone makes it."""
    content = io.BytesIO()
    picture.save(content, kind, **({"quality": QUALITY} if kind == "JPEG" else {}) | options)
    return content.getvalue()


def usual_photos(number: int) -> list[bytes]:
    """JPEGs of the usual size."""
    return [encoded(picture) for picture in itertools.islice(pictures(USUAL), number)]
