"""Pictures without a class: drawn ones, which exist anywhere and are always the same; faces; and an operator's.

Drawn pages stand for photos and screenshots of text, so what they show is that the model takes text for text. That the
bot knows somebody's receipts, only their photos show: ``--others``.
"""

from __future__ import annotations

import csv
import io
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from common import optional_packages

OF_EACH: Final = 40

_WORDS: Final = (
    *("the", "of", "and", "to", "in", "a", "is", "that", "for"),
    *("it", "was", "on", "with", "as", "be", "at", "by", "this"),
    *("had", "not", "are", "but", "from", "or", "have", "an", "they"),
    *("which", "one", "you", "all", "her", "she", "there", "would", "their"),
    *("we", "him", "been", "has", "when", "who"),
)
_INK: Final = ("black", "#202020", "#303048")
_BACKGROUND: Final = ("white", "#fafaf0", "#ebe8e1")
_TABLES: Final = ((110, 80, 55), (150, 150, 155), (60, 60, 62), (190, 180, 165))


def drawn() -> Iterator[tuple[str, Iterator[bytes]]]:
    """The kinds of drawn pictures, each with its pictures as PNG files."""
    for kind, draw in _KINDS.items():
        yield kind, _drawings(kind, draw)


def faces() -> Iterator[bytes]:
    """100 faces of 25 × 25 pixels in grey, from scikit-image: nothing larger is in a package."""
    for folder in optional_packages.folders("skimage"):
        for face in np.load(folder / "data" / "lfw_subset.npy")[:100]:
            yield _png(Image.fromarray((face * 255).astype(np.uint8)))


def given(source: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """An operator's pictures by kind: a folder with a folder for each, or a CSV file with the columns file and what."""
    kinds = defaultdict[str, list[Path]](list)
    if source.is_dir():
        for path in sorted(source.glob("*/**/*")):
            kinds[path.relative_to(source).parts[0]].append(path)
    else:
        with source.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                kinds[row["what"].partition("/")[0].lower()].append(source.parent / row["file"])
    for kind, paths in kinds.items():
        yield kind, (path.read_bytes() for path in paths if path.is_file())


def _drawings(kind: str, draw: Callable[[random.Random], Image.Image]) -> Iterator[bytes]:
    for number in range(OF_EACH):
        yield _png(draw(random.Random(f"{kind} {number}")))  # noqa: S311 -- nothing secret


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=1)
    return content.getvalue()


def _text(lot: random.Random, words: int) -> str:
    return " ".join(lot.choice(_WORDS) for _ in range(words)).capitalize() + "."


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if draw.textlength(longer, font=font) > width:
            yield line
            longer = word
        line = longer
    yield line


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)  # in Pillow itself: the same everywhere
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 -- with a size, it is
    return font


def _page(lot: random.Random) -> Image.Image:
    """A page of text; half of them as if photographed on a table."""
    width, height = lot.choice([(900, 1273), (1000, 1400), (1200, 900)])
    page = Image.new("RGB", (width, height), lot.choice(_BACKGROUND))
    draw, font = ImageDraw.Draw(page), _font(lot.choice([20, 24, 30, 36]))
    margin, ink, y = lot.choice([50, 80, 120]), lot.choice(_INK), 0.0
    y = margin
    if lot.random() < 0.6:  # noqa: PLR2004
        draw.text((margin, y), _text(lot, 3).title(), font=_font(52), fill=ink)
        y += 100
    while y < height - margin:
        for line in _wrapped(draw, _text(lot, lot.randint(30, 90)), font, width - 2 * margin):
            if y < height - margin:
                draw.text((margin, y), line, font=font, fill=ink)
            y += font.size * 1.4
        y += font.size
    return _on_a_table(page, lot) if lot.random() < 0.5 else page  # noqa: PLR2004


def _receipt(lot: random.Random) -> Image.Image:
    """A receipt: a shop, its goods with prices, a bar code."""
    width, goods, size = lot.choice([320, 380, 440]), lot.randint(6, 22), 22
    strip = Image.new("RGB", (width, (goods + 12) * 32), lot.choice(_BACKGROUND))
    draw, font, ink = ImageDraw.Draw(strip), _font(size), lot.choice(_INK)
    for number, line in enumerate(("SUPERMARKET", "12 Main Street", "Tel 555 0134")):
        draw.text(((width - draw.textlength(line, font=font)) / 2, 16 + number * 32), line, font=font, fill=ink)
    prices = [lot.uniform(0.5, 30) for _ in range(goods)]
    rows = [(lot.choice(_WORDS).upper(), price) for price in prices]
    rows += [("TOTAL", sum(prices)), ("CARD", sum(prices))]
    y = 128
    for name, price in rows:
        draw.text((12, y), name, font=font, fill=ink)
        amount = f"{price:.2f}"
        draw.text((width - 12 - draw.textlength(amount, font=font), y), amount, font=font, fill=ink)
        y += 32
    x = 30
    while x < width - 30:
        bar = lot.randint(1, 4)
        draw.rectangle((x, y + 10, x + bar, y + 70), fill=ink)
        x += bar + lot.randint(2, 4)
    return _on_a_table(strip, lot)


def _chat(lot: random.Random) -> Image.Image:
    """A screenshot of a chat on a phone."""
    is_dark = lot.random() < 0.4  # noqa: PLR2004
    back, ink = ("#141c26", "#ebebeb") if is_dark else (lot.choice(["#e5ddd5", "#cedfec"]), "#0a0a0a")
    bubbles = ("#2b5278", "#1e2a37") if is_dark else ("#dcf8c6", "white")
    screen = Image.new("RGB", (720, 1280), back)
    draw, font, y = ImageDraw.Draw(screen), _font(28), 140
    draw.rectangle((0, 0, 720, 110), fill=lot.choice(["#212d3b", "#5288c1", "#075e54"]))
    draw.ellipse((70, 20, 140, 90), fill="#dc8c78")
    draw.text((160, 36), lot.choice(["Anna", "Family", "Work"]), font=font, fill="white")
    while y < 1140:  # noqa: PLR2004
        lines = [*_wrapped(draw, _text(lot, lot.randint(2, 18)), font, 440)]
        width, is_own = max(draw.textlength(line, font=font) for line in lines) + 60, lot.random() < 0.5  # noqa: PLR2004
        x, height = (700 - width if is_own else 20), len(lines) * 36 + 30
        draw.rounded_rectangle((x, y, x + width, y + height), 18, fill=bubbles[0 if is_own else 1])
        for number, line in enumerate(lines):
            draw.text((x + 20, y + 12 + number * 36), line, font=font, fill=ink)
        y += height + 16
    return screen


def _web_page(lot: random.Random) -> Image.Image:
    """A screenshot of a web page: a bar, a headline, a coloured box, text, a column of links."""
    width, height = lot.choice([(1280, 800), (1366, 768), (1024, 768)])
    screen = Image.new("RGB", (width, height), "white")
    draw, font, colour = ImageDraw.Draw(screen), _font(20), f"hsl({lot.randrange(360)}, 60%, 40%)"
    draw.rectangle((0, 0, width, 64), fill=colour)
    draw.text((24, 20), "News    Sport    Weather    Shop", font=_font(24), fill="white")
    draw.text((30, 90), _text(lot, 3).title(), font=_font(40), fill="black")
    draw.rectangle((30, 160, width * 0.6, 300), fill=f"hsl({lot.randrange(360)}, 40%, 70%)")
    y = 320
    while y < height:
        for line in _wrapped(draw, _text(lot, 40), font, width * 0.58):
            draw.text((30, y), line, font=font, fill="#1e1e1e")
            y += 29
        y += 20
    for top in range(100, height, 110):
        draw.rectangle((width * 0.68, top, width - 30, top + 90), outline="#c8c8c8", fill="#f5f5f5")
        draw.text((width * 0.68 + 12, top + 14), _text(lot, 3), font=font, fill=colour)
        draw.text((width * 0.68 + 12, top + 46), _text(lot, 4), font=font, fill="#5a5a5a")
    return screen


def _blank(lot: random.Random) -> Image.Image:
    """One colour, or a soft change from one to another."""
    corners = Image.frombytes("RGB", (2, 2), lot.randbytes(12))
    is_flat = lot.random() < 0.5  # noqa: PLR2004
    size = lot.choice([(500, 500), (800, 450), (450, 800)])
    return corners.crop((0, 0, 1, 1)).resize(size) if is_flat else corners.resize(size, Image.Resampling.BICUBIC)


def _noise(lot: random.Random) -> Image.Image:
    """Random pixels, or random blots."""
    cells = lot.choice([8, 24, 400])
    return Image.frombytes("RGB", (cells, cells), lot.randbytes(3 * cells**2)).resize((480, 480))


def _on_a_table(sheet: Image.Image, lot: random.Random) -> Image.Image:
    """The sheet as if photographed: a little turned, on a table, in uneven light, a little blurred."""
    size = (round(sheet.width * lot.uniform(1.05, 1.4)), round(sheet.height * lot.uniform(1.05, 1.3)))
    table, angle = Image.new("RGB", size, lot.choice(_TABLES)), lot.uniform(-6, 6)
    turned = sheet.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    mask = Image.new("L", sheet.size, 255).rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    table.paste(turned, ((size[0] - turned.width) // 2, (size[1] - turned.height) // 2), mask)
    light = Image.new("L", (3, 3))
    light.putdata([lot.randint(130, 255) for _ in range(9)])
    lit = Image.composite(table, Image.new("RGB", size), light.resize(size, Image.Resampling.BICUBIC))
    return lit.filter(ImageFilter.GaussianBlur(lot.uniform(0.5, 1.5)))


_KINDS: Final[Mapping[str, Callable[[random.Random], Image.Image]]] = {
    "pages of text, drawn": _page,
    "receipts, drawn": _receipt,
    "screenshots of chats, drawn": _chat,
    "screenshots of web pages, drawn": _web_page,
    "blanks, drawn": _blank,
    "noise, drawn": _noise,
}
