"""Pictures for tests: real photographs from scikit-image's wheel, and a plain one."""

from __future__ import annotations

import io
from importlib import resources
from pathlib import Path

from PIL import Image

_FILES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",  # a cat
    "coffee": "coffee.png",  # an espresso in a cup
    "motorcycle": "motorcycle_left.png",
    "rocket": "rocket.jpg",
}
NAMES = tuple(_FILES)


def path(name: str) -> Path:
    return Path(str(resources.files("skimage.data") / _FILES[name]))


def photo(name: str) -> Image.Image:
    with Image.open(path(name)) as image:
        return image.convert("RGB")


def png(size: tuple[int, int] = (20, 10)) -> bytes:
    """A red picture of that width and height."""
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    return file.getvalue()


def jpeg(name: str) -> bytes:
    """The photo as a camera would store it."""
    content = io.BytesIO()
    photo(name).save(content, "JPEG", quality=92)
    return content.getvalue()
