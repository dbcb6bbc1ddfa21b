from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from common.model.input import InputSpec
from common.pictures.child import images, strips, webp
from common.pictures.protocol import MAX_ASPECT, Refusal
from common.pictures.refusals import TEXTS

INCEPTION = InputSpec(
    model="inception_v3", resize=342, crop=299, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
)
EFFICIENTNET = InputSpec(
    model="efficientnet_lite2", resize=292, crop=260, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3
)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def photo(size: tuple[int, int] = (96, 64)) -> Image.Image:
    return Image.fromarray(skimage.data.astronaut()).resize(size)  # type: ignore[no-untyped-call]


def saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def png(size: tuple[int, int], depth: int, colour: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG whose rows are all the same, by the specification (PNG 3rd edition, 5 and 11)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    content = chunk(b"IDAT", zlib.compress((b"\0" + row) * size[1]))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*c) for c in chunks) + content + chunk(b"IEND", b"")


def decoded(content: bytes) -> Image.Image:
    picture = images.decode(content)
    assert isinstance(picture, Image.Image), picture
    assert picture.mode == "RGB"
    return picture


def refused(content: bytes) -> str:
    refusal = images.decode(content)
    assert isinstance(refusal, Refusal)
    return TEXTS[refusal]


def row(content: bytes) -> list[tuple[int, ...]]:
    """The first row of the picture in a file."""
    picture = decoded(content)
    return [picture.getpixel((x, 0)) for x in range(picture.width)]  # type: ignore[misc]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two pictures' values, of 255."""
    assert one.size == other.size
    a, b = one.tobytes(), other.tobytes()
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


# Pixels: what the model's reference transform makes of a picture


def reference_pixels(picture: Image.Image, spec: InputSpec) -> bytes:
    mode = InterpolationMode(spec.interpolation)
    resized = functional.resize(picture, [spec.resize], interpolation=mode, antialias=True)
    cropped: Image.Image = functional.center_crop(resized, [spec.crop])
    return cropped.tobytes()


@pytest.mark.parametrize("spec", [INCEPTION, EFFICIENTNET], ids=lambda spec: spec.model)
@given(width=st.integers(1, 900), height=st.integers(1, 900), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
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


def test_what_is_no_image_has_no_pixels() -> None:
    assert images.decode_to_pixels(b"hello", INCEPTION) is Refusal.NO_IMAGE


def test_pixels_that_do_not_fit_into_memory_are_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)

    assert images.decode_to_pixels(WHOLE["PNG"], INCEPTION) is Refusal.DAMAGED


# Formats


def test_no_plug_in_is_there_but_those_of_our_formats() -> None:
    script = """if True:
        import sys
        from common.pictures.child import images, strips, webp
        images.decode(b"P6 1 1 255 abc")
        images.decode(b"\\0\\0\\0\\x20ftypavif")
        print(*sorted(name for name in sys.modules if name.startswith("PIL.") and name.endswith("ImagePlugin")))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # TIFF's reads EXIF data. Pillow always brings PPM's along; its pictures are refused all the same.
    expected = {"Avif", "Bmp", "Gif", "Jpeg", "Png", "Ppm", "Tiff", "WebP"}
    assert done.stdout.split() == sorted(f"PIL.{name}ImagePlugin" for name in expected)


@pytest.mark.parametrize(
    ("format_", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 4),
        ("JPEG", {"quality": 95, "progressive": True}, 4),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 5),
        ("BMP", {}, 0),
        ("AVIF", {"quality": 95}, 5),
        ("MPO", {"quality": 95, "save_all": True, "append_images": [Image.new("RGB", (96, 64))]}, 4),
    ],
)
def test_every_format_gives_its_picture(format_: str, options: dict[str, Any], tolerance: float) -> None:
    assert difference(decoded(saved(photo(), format_, **options)), photo()) <= tolerance


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_counts(format_: str) -> None:
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    content = saved(first, format_, save_all=True, append_images=[second], duration=100)

    assert difference(decoded(content), first) < 3


@pytest.mark.parametrize("format_", ["PNG", "GIF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_black_and_white_greyscale_and_palette_are_right(format_: str, mode: str) -> None:
    picture = photo().convert(mode)

    assert difference(decoded(saved(picture, format_)), picture.convert("RGB")) == 0


@pytest.mark.parametrize("marked", [True, False])
def test_cmyk_is_right_whether_marked_as_adobe_s_or_not(marked: bool) -> None:
    # Adobe stores CMYK inverted, with a marker APP14 that says so; whoever drops the marker leaves the values.
    content = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    if not marked:
        start = content.index(b"\xff\xee\x00\x0eAdobe")
        content = content[:start] + content[start + 16 :]

    assert difference(decoded(content), Image.new("RGB", (16, 16), RED)) < 3


# 16 bits


def test_greyscale_of_16_bits_is_scaled_and_rounded() -> None:
    values = [0, 128, 129, 257, 0x1234, 32768, 65278, 65535]
    content = png((len(values), 2), 16, 0, struct.pack(f">{len(values)}H", *values))

    assert row(content) == [(round(value / 257),) * 3 for value in values]


def test_colour_of_16_bits_keeps_its_colour() -> None:
    content = png((2, 1), 16, 2, struct.pack(">6H", 65535, 0, 0x8000, 0x1234, 0xFFFF, 0))

    assert row(content) == [(255, 0, 128), (0x12, 255, 0)]


# Transparency


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_transparent_parts_are_white_and_half_transparent_ones_half_so(format_: str) -> None:
    picture = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((255, 0, 128)):
        picture.putpixel((x, 0), (255, 0, 0, alpha))
    content = saved(picture, format_, **({"lossless": True, "exact": True} if format_ == "WEBP" else {}))

    assert row(content) == [RED, WHITE, pytest.approx((255, 127, 127), abs=1)]


def test_transparency_in_avif_is_white() -> None:
    content = saved(Image.new("RGBA", (16, 16), (255, 0, 0, 0)), "AVIF")

    assert difference(decoded(content), Image.new("RGB", (16, 16), WHITE)) == 0


def test_transparency_in_gif_is_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)

    assert row(saved(picture, "GIF", transparency=1)) == [RED, WHITE]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(png((2, 1), 8, 4, b"\x10\xff\x10\x00"), [(16,) * 3, WHITE], id="grey and alpha"),
        pytest.param(
            png((2, 1), 16, 4, struct.pack(">4H", 0x1000, 65535, 0x1000, 0)),
            [(16,) * 3, WHITE],
            id="grey and alpha, 16 bits",
        ),
        pytest.param(
            png((2, 1), 16, 6, struct.pack(">8H", 65535, 0, 0, 65535, 0, 0, 0, 0)), [RED, WHITE], id="RGBA, 16 bits"
        ),
        pytest.param(
            png((2, 1), 8, 3, b"\x00\x01", (b"PLTE", bytes(RED + BLUE)), (b"tRNS", b"\xff\x00")),
            [RED, WHITE],
            id="palette with alpha",
        ),
        pytest.param(png((2, 1), 1, 0, b"\x40", (b"tRNS", b"\0\0")), [WHITE, WHITE], id="1 bit, black is clear"),
        pytest.param(png((2, 1), 2, 0, b"\x10", (b"tRNS", b"\0\1")), [(0,) * 3, WHITE], id="2 bits"),
        pytest.param(png((2, 1), 4, 0, b"\x05", (b"tRNS", b"\0\5")), [(0,) * 3, WHITE], id="4 bits"),
        pytest.param(png((2, 1), 8, 0, b"\x05\x09", (b"tRNS", b"\0\5")), [WHITE, (9,) * 3], id="8 bits"),
        pytest.param(png((2, 1), 16, 0, b"\x12\x34\x12\x12", (b"tRNS", b"\x12\x34")), [WHITE, (18,) * 3], id="16 bits"),
        pytest.param(png((2, 1), 8, 2, bytes(RED + BLUE), (b"tRNS", b"\0\0\0\0\0\xff")), [RED, WHITE], id="RGB"),
        pytest.param(
            png((2, 1), 16, 2, struct.pack(">6H", 1, 2, 3, 65535, 0, 0), (b"tRNS", b"\xff\xff\0\0\0\0")),
            [(0,) * 3, WHITE],
            id="RGB, 16 bits",
        ),
    ],
)
def test_every_way_of_png_to_be_transparent_is_white(content: bytes, expected: list[tuple[int, ...]]) -> None:
    assert row(content) == expected


# Orientation

# EXIF 2.32, 4.6.4 A: where the first row and the first column of what is stored belong; here as what a
# corner marked in each stored picture must come to. Stored: red top left, green top right, blue bottom left.
UPRIGHT_CORNERS = {
    1: "RG\nBW",
    2: "GR\nWB",
    3: "WB\nGR",
    4: "BW\nRG",
    5: "RB\nGW",
    6: "BR\nWG",
    7: "WG\nBR",
    8: "GW\nRB",
}


def corners(picture: Image.Image) -> str:
    names = {RED: "R", GREEN: "G", BLUE: "B", WHITE: "W"}
    right, bottom = picture.width - 2, picture.height - 2

    def name(x: int, y: int) -> str:
        pixel = picture.getpixel((x, y))
        assert isinstance(pixel, tuple)
        return names[min(names, key=lambda c: sum(abs(a - b) for a, b in zip(c, pixel, strict=True)))]

    return f"{name(1, 1)}{name(right, 1)}\n{name(1, bottom)}{name(right, bottom)}"


def four_corners() -> Image.Image:
    picture = Image.new("RGB", (64, 32), WHITE)
    for colour, place in ((RED, (0, 0)), (GREEN, (32, 0)), (BLUE, (0, 16))):
        picture.paste(colour, (*place, place[0] + 32, place[1] + 16))
    return picture


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
def test_every_orientation_is_turned_upright(orientation: int, format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = decoded(saved(four_corners(), format_, exif=exif))

    assert corners(picture) == UPRIGHT_CORNERS[orientation]
    assert picture.size == ((64, 32) if orientation < 5 else (32, 64))


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_broken_exif_data_leave_the_picture_as_it_is(exif: bytes) -> None:
    assert corners(decoded(saved(four_corners(), "JPEG", exif=exif))) == UPRIGHT_CORNERS[1]


# What is cut off


WHOLE = {
    "JPEG": saved(photo(), "JPEG"),
    "progressive JPEG": saved(photo(), "JPEG", progressive=True),
    "PNG": saved(photo(), "PNG"),
    "WebP": saved(photo(), "WEBP"),
    "lossless WebP": saved(photo(), "WEBP", lossless=True),
    "animated WebP": saved(photo(), "WEBP", save_all=True, append_images=[photo().rotate(90)]),
    "GIF": saved(photo(), "GIF"),
    "BMP": saved(photo(), "BMP"),
    "AVIF": saved(photo(), "AVIF"),
    "palette BMP": saved(photo().convert("P"), "BMP"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_off_anywhere_never_gives_a_picture_that_lacks_a_pixel(name: str) -> None:
    # A PNG or GIF may lose its end mark, when all its pixels are there; nothing else may. A JPEG may not, either:
    # see decode's docstring.
    whole = WHOLE[name]
    pixels = decoded(whole).tobytes()
    ends = sorted({*range(0, len(whole), max(1, len(whole) // 150)), *range(max(0, len(whole) - 30), len(whole))})

    for end in ends:
        picture = images.decode(whole[:end])
        if isinstance(picture, Image.Image):
            assert name in {"PNG", "GIF"}, f"a {name} of {len(whole)} bytes gave a picture cut off at {end}"
            assert end >= len(whole) - 24
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


# Large pictures are made narrow strip by strip, most of them while they are decoded


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every picture as a large one, and read and narrow it in small pieces."""
    monkeypatch.setattr(images, "_LARGE_PIXELS", 0)
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1000)
    monkeypatch.setattr(strips, "_READ_BYTES", 700)


def interlaced(picture: Image.Image) -> bytes:
    """A PNG whose pixels come in seven passes (PNG 3rd edition, 8): the last of a row may come in the first."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [
        b"\0" + b"".join(bytes(picture.getpixel((x, y))) for x in range(left, picture.width, right))  # type: ignore[arg-type]
        for left, top, right, down in passes
        for y in range(top, picture.height, down)
    ]
    header = struct.pack(">IIBBBBB", *picture.size, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 0)), (b"IEND", b""))
    )


def all_at_once(content: bytes) -> bytes | Refusal:
    """What the reference makes of a file's whole picture, or why it has none."""
    picture = images.decode(content)
    return picture if isinstance(picture, Refusal) else reference_pixels(picture, INCEPTION)


def varied() -> dict[str, bytes]:
    """Files of every kind that is decoded in a way of its own."""
    large = photo((480, 360))
    clear = large.copy()
    clear.putalpha(Image.linear_gradient("L").resize(large.size))
    clear_edge = clear.copy()
    clear_edge.paste((0, 0, 0, 0), (470, 0, 480, 200))
    frames: dict[str, Any] = {"save_all": True, "append_images": [large.rotate(90)]}
    return WHOLE | {
        "large JPEG": saved(large, "JPEG", quality=95),
        "grey JPEG": saved(large.convert("L"), "JPEG"),
        "CMYK JPEG": saved(large.convert("CMYK"), "JPEG"),
        "large progressive JPEG": saved(large, "JPEG", progressive=True),
        "large PNG": saved(large, "PNG"),
        "RGBA PNG": saved(clear, "PNG"),
        "RGBA PNG with a clear edge": saved(clear_edge, "PNG"),
        "palette PNG": saved(large.quantize(32), "PNG"),
        "16-bit PNG": png((90, 60), 16, 0, struct.pack(">90H", *range(0, 63000, 700)), (b"tRNS", b"\x02\xbc")),
        "RGB PNG with a clear colour": png((90, 60), 8, 2, bytes(range(135)) * 2, (b"tRNS", b"\0\3\0\4\0\5")),
        "interlaced PNG": interlaced(photo((97, 65))),
        "animated PNG": saved(large, "PNG", **frames),
        "large WebP": saved(large, "WEBP", quality=95),
        "large lossless WebP": saved(large, "WEBP", lossless=True),
        "WebP with alpha": saved(clear, "WEBP"),
        "lossless WebP with alpha": saved(clear_edge, "WEBP", lossless=True),
        "large animated WebP": saved(large, "WEBP", **frames),
        "large BMP": saved(large, "BMP"),
        "large AVIF": saved(large, "AVIF"),
        "AVIF with alpha": saved(clear, "AVIF"),
    }


VARIED = varied()


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("spec", [INCEPTION, EFFICIENTNET], ids=lambda spec: spec.model)
@pytest.mark.parametrize("name", VARIED)
def test_a_large_picture_has_the_pixels_that_the_reference_makes_of_all_of_it(name: str, spec: InputSpec) -> None:
    assert images.decode_to_pixels(VARIED[name], spec) == reference_pixels(decoded(VARIED[name]), spec)


@pytest.mark.usefixtures("all_are_large")
def test_a_row_that_comes_in_several_passes_is_not_taken_before_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "_STRIP_PIXELS", 1)  # a row at a time, as of a picture that is very wide
    content = VARIED["interlaced PNG"]

    assert images.decode_to_pixels(content, INCEPTION) == reference_pixels(decoded(content), INCEPTION)


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT_CORNERS)
@pytest.mark.parametrize("size", [(160, 120), (120, 160), (90, 300), (300, 90)])
def test_a_large_picture_is_turned_upright(orientation: int, format_: str, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(photo(size), format_, exif=exif)

    assert images.decode_to_pixels(content, INCEPTION) == reference_pixels(decoded(content), INCEPTION)


@pytest.mark.usefixtures("all_are_large")
def test_a_png_that_says_behind_its_pixels_how_to_turn_it_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, plain = saved(photo(), "PNG", exif=exif), saved(photo(), "PNG")
    start = turned.index(b"eXIf") - 4
    chunk = turned[start : start + 12 + int.from_bytes(turned[start : start + 4])]
    content = plain[:-12] + chunk + plain[-12:]

    assert images.decode_to_pixels(content, INCEPTION) == reference_pixels(photo().rotate(270, expand=True), INCEPTION)


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", WHOLE)
def test_a_large_picture_cut_off_anywhere_is_refused_as_a_small_one_is(name: str) -> None:
    whole = WHOLE[name]
    # Its header at each byte: there is no pixel yet, and no error either where Pillow thinks that there is a picture.
    ends = {*range(650), *range(0, len(whole), max(1, len(whole) // 50)), *range(len(whole) - 30, len(whole))}

    for end in sorted(ends):
        assert images.decode_to_pixels(whole[:end], INCEPTION) == all_at_once(whole[:end]), end


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", VARIED)
def test_a_damaged_large_picture_gives_what_a_small_one_gives(name: str) -> None:
    chance = random.Random(name)  # noqa: S311 -- the same damage in every run
    for _ in range(30):
        content = bytearray(VARIED[name])
        for _ in range(chance.choice((1, 3, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        assert images.decode_to_pixels(bytes(content), INCEPTION) == all_at_once(bytes(content))


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", ["large WebP", "lossless WebP with alpha"])
def test_where_libwebp_is_built_into_pillow_it_decodes_webp_as_ever(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webp, "_LIBRARY", None)

    assert images.decode_to_pixels(VARIED[name], INCEPTION) == reference_pixels(decoded(VARIED[name]), INCEPTION)


TWELVE_MEGAPIXELS = (4000, 3000)
MEMORY = """if True:
    import pathlib, re, sys
    from common.pictures.child import images, strips, webp
    from common.pictures.protocol import Request

    def megabytes(what):
        return int(re.search(what + r":\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024

    content, asked = pathlib.Path(sys.argv[1]).read_bytes(), []
    before = megabytes("VmRSS")
    made = images.decode_to_pixels(content, Request(1, 342, 299, "bilinear", 0), lambda: asked.append(True))
    assert len(made) == 3 * 299 * 299, made
    print(megabytes("VmHWM") - before, len(asked))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for what only Linux tells")
@pytest.mark.parametrize(
    ("format_", "options", "orientation", "most_mb", "asks"),
    [
        ("JPEG", {}, 1, 25, 0),
        ("JPEG", {}, 6, 70, 1),
        ("JPEG", {"progressive": True}, 1, 100, 1),
        ("PNG", {"compress_level": 1}, 1, 25, 0),
        ("PNG", {"compress_level": 1}, 6, 80, 1),
        ("WEBP", {"method": 0}, 1, 25, 0),
        ("WEBP", {"method": 0, "lossless": True}, 1, 85, 1),
    ],
)
def test_twelve_megapixels_take_little_memory_or_ask_for_a_turn(
    format_: str, options: dict[str, Any], orientation: int, most_mb: int, asks: int, tmp_path: Path
) -> None:
    # Its pixels alone, in Pillow's memory, have 48 MB.
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "picture").write_bytes(saved(photo(TWELVE_MEGAPIXELS), format_, exif=exif, **options))
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "picture")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken_mb, asked = done.stdout.split()

    assert float(taken_mb) < most_mb
    assert int(asked) == asks


def rounded(size: tuple[int, int]) -> Image.Image:
    """A picture with transparent corners, such as screenshots have."""
    picture = photo(size).convert("RGBA")
    picture.paste((0, 0, 0, 0), (size[0] - 20, 0, size[0], 20))
    return picture


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: saved(rounded((3000, 3000)), "PNG", compress_level=1), id="a corner that is transparent"),
        pytest.param(
            lambda: saved(photo((2000, 2000)), "WEBP", save_all=True, append_images=[Image.new("RGB", (2000, 2000))]),
            id="film",
        ),
        pytest.param(lambda: saved(photo((2000, 2000)), "JPEG", progressive=True), id="progressive"),
        pytest.param(lambda: saved(photo((210, 21000)), "PNG"), id="narrow"),
        pytest.param(
            lambda: saved(photo((3000, 3000)), "WEBP", method=0, lossless=True, icc_profile=bytes(2**17)),
            id="lossless behind a long profile",
        ),
    ],
)
def test_whatever_takes_much_memory_asks_for_a_turn_once(content: Callable[[], bytes]) -> None:
    asked: list[bool] = []
    made = images.decode_to_pixels(content(), INCEPTION, lambda: asked.append(True))
    assert isinstance(made, bytes)
    assert asked == [True]


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_large_webp_that_is_cut_short_is_refused_though_something_stands_behind_it(share: float) -> None:
    whole = saved(photo((2000, 1500)), "WEBP", method=0, exif=b"Exif\0\0" + bytes(2**12))
    at = whole.index(b"VP8 ")
    size = int.from_bytes(whole[at + 4 : at + 8], "little")
    kept = int(size * share) // 2 * 2
    chunk = b"VP8 " + kept.to_bytes(4, "little") + whole[at + 8 : at + 8 + kept]
    cut = whole[:at] + chunk + whole[at + 8 + size + size % 2 :]
    cut = cut[:4] + (len(cut) - 8).to_bytes(4, "little") + cut[8:]
    assert images.decode_to_pixels(whole, INCEPTION) == reference_pixels(decoded(whole), INCEPTION)
    assert isinstance(images.decode_to_pixels(cut, INCEPTION), Refusal)


# What is refused


def box(brand: bytes, *compatible: bytes) -> bytes:
    """The ftyp box that HEIC, AVIF and video files begin with (ISO 14496-12, 4.3)."""
    content = b"ftyp" + brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(content) + 4) + content + bytes(64)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(box(b"heic", b"mif1"), ["HEIC", "as a photo", "not as a file"], id="heic"),
        pytest.param(box(b"mif1", b"mif1", b"heic"), ["HEIC", "as a photo"], id="heif"),
        pytest.param(box(b"avif", b"mif1"), ["cut off or damaged"], id="broken avif"),
        pytest.param(box(b"mif1", b"avif"), ["cut off or damaged"], id="broken avif, generic brand"),
        pytest.param(box(b"isom", b"mp42"), ["a video", "JPEG, PNG, WebP, GIF, BMP and AVIF"], id="mp4"),
        pytest.param(b"\x1a\x45\xdf\xa3" + bytes(64), ["a video"], id="webm"),
        pytest.param(saved(photo(), "TIFF"), ["TIFF", "JPEG, PNG"], id="tiff"),
        pytest.param(saved(photo(), "PDF"), ["PDF"], id="pdf"),
        pytest.param(saved(photo(), "ICO"), ["ICO"], id="ico"),
        pytest.param(saved(photo(), "JPEG2000"), ["JPEG 2000"], id="jpeg 2000"),
        pytest.param(b"\xff\x0a" + bytes(64), ["JPEG XL"], id="jpeg xl"),
        pytest.param(b"8BPS\0\1" + bytes(64), ["PSD"], id="psd"),
        pytest.param(b"<?xml version='1.0'?>\n<svg xmlns='x'/>", ["SVG"], id="svg"),
        pytest.param(b"<svg/>", ["SVG"], id="bare svg"),
        pytest.param(b"\n<!DOCTYPE HTML><title>Cats</title>", ["web page", "straight to it"], id="html"),
        pytest.param(b"<!-- hi --><html><svg></html>", ["web page"], id="html with svg"),
        pytest.param(b"just text", ["not an image", "JPEG, PNG, WebP, GIF, BMP and AVIF"], id="text"),
        pytest.param(b"BMW is a make of cars", ["not an image"], id="text that begins as bmp"),
        pytest.param(bytes(100), ["not an image"], id="zeros"),
        pytest.param(b"", ["empty"], id="nothing"),
        pytest.param(saved(photo(), "PPM"), ["not an image"], id="a format that Pillow reads and we don't"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(content: bytes, words: Sequence[str]) -> None:
    text = refused(content)

    for word in words:
        assert word in text


def test_a_file_of_more_than_20_mb_is_refused() -> None:
    assert "20 MB" in refused(saved(photo(), "BMP").ljust(20 * 2**20 + 1))


def large_png(width: int, height: int) -> bytes:
    """A header that promises much; its pixels are never asked for."""
    return png((width, 1), 8, 0, bytes(width)).replace(struct.pack(">II", width, 1), struct.pack(">II", width, height))


def fix_header_checksum(content: bytes) -> bytes:
    return content[:29] + struct.pack(">I", zlib.crc32(content[12:29])) + content[33:]


@pytest.mark.parametrize("size", [(6000, 4001), (12000, 9000), (30000, 30000)])
def test_more_than_24_megapixels_are_refused_from_the_header_alone(size: tuple[int, int]) -> None:
    text = refused(fix_header_checksum(large_png(*size)))

    assert "24 megapixels" in text
    assert "JPEG: 100" in text


def test_a_webp_that_promises_too_much_is_refused() -> None:
    content = bytearray(saved(photo(), "WEBP", save_all=True, append_images=[photo().rotate(90)]))
    assert content[12:16] == b"VP8X"
    content[24:30] = b"\xff\x3f\0" * 2  # canvas width and height, each less one

    assert "24 megapixels" in refused(bytes(content))


def test_a_gif_that_promises_too_much_is_refused() -> None:
    content = saved(photo().convert("P"), "GIF")
    at = content.index(b",", 13 + (6 << (content[10] & 7))) + 1  # its frame: left, top, width, height
    frame = content[:at] + struct.pack("<4H", 0, 0, 65535, 65535) + content[at + 8 :]

    assert "24 megapixels" in refused(content[:6] + struct.pack("<HH", 65535, 65535) + content[10:])
    assert "24 megapixels" in refused(frame)


def test_an_avif_that_promises_too_much_is_refused() -> None:
    content = saved(photo(), "AVIF")
    at = content.index(b"ispe") + 8  # its size, in a box of version and flags, width, height (ISO 23008-12, 6.5.3)

    assert "24 megapixels" in refused(content[:at] + struct.pack(">II", 6001, 4000) + content[at + 8 :])


def test_a_jpeg_of_more_than_24_megapixels_is_decoded_at_reduced_scale() -> None:
    content = saved(Image.new("RGB", (6001, 4001), RED), "JPEG")

    picture = decoded(content)

    assert picture.size == (3001, 2001)
    assert difference(picture.crop((0, 0, 9, 9)), Image.new("RGB", (9, 9), RED)) < 3


def with_jpeg_size(content: bytes, width: int, height: int) -> bytes:
    frame = b"\xff\xc2" if b"\xff\xc2" in content else b"\xff\xc0"  # SOF2, progressive; SOF0
    start = content.index(frame) + 5  # marker, length, precision, then height and width
    return content[:start] + struct.pack(">HH", height, width) + content[start + 4 :]


@pytest.mark.parametrize("size", [(10001, 10000), (15000, 15000), (65000, 65000)])
def test_a_jpeg_of_more_than_100_megapixels_is_refused(size: tuple[int, int]) -> None:
    assert "JPEG: 100" in refused(with_jpeg_size(saved(photo(), "JPEG"), *size))


def colours_apart(content: bytes) -> bytes:
    """A baseline JPEG whose one scan has only the first of its three colour components (ITU-T T.81, B.2.3)."""
    return content.replace(
        bytes.fromhex("ffda 000c 03 0100 0211 0311 003f00"), bytes.fromhex("ffda 0008 01 0100 003f00")
    )


@pytest.mark.parametrize(
    "content", [WHOLE["progressive JPEG"], colours_apart(WHOLE["JPEG"])], ids=["progressive", "apart"]
)
def test_a_jpeg_that_libjpeg_would_keep_whole_may_have_24_megapixels(content: bytes) -> None:
    assert content != WHOLE["JPEG"]
    assert "24 megapixels" in refused(with_jpeg_size(content, 6001, 4000))
    assert isinstance(images.decode(with_jpeg_size(content, 600, 400)), Image.Image)


def decoded_alone(content: bytes, folder: Path) -> tuple[int, str]:
    """How many MB decoding a file adds to a process of its own, and what that process complains of."""
    (folder / "file").write_bytes(content)
    script = """if True:
        import pathlib, re, sys
        from common.pictures.child import images, strips, webp

        def peak_kb():  # and not ru_maxrss, which begins with the peak of whoever started us
            return int(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

        content = pathlib.Path(sys.argv[1]).read_bytes()
        before = peak_kb()
        images.decode(content)
        print((peak_kb() - before) // 1024)
    """
    command = [sys.executable, "-c", script, str(folder / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout), done.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux how much memory was used")
@pytest.mark.parametrize("size", [(6000, 4000), (10000, 10000)])
def test_a_small_progressive_jpeg_cannot_take_much_memory(size: tuple[int, int], tmp_path: Path) -> None:
    content = saved(Image.new("CMYK", (64, 64)), "JPEG", progressive=True, subsampling=0)

    added_mb, complaints = decoded_alone(with_jpeg_size(content, *size), tmp_path)

    assert added_mb < 300
    assert complaints == ""


def test_pillow_s_warning_of_a_large_picture_is_not_logged(tmp_path: Path) -> None:
    _, complaints = decoded_alone(with_jpeg_size(WHOLE["JPEG"], 15000, 10000), tmp_path)

    assert complaints == ""


def with_scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan, which libjpeg bears with."""
    whole = WHOLE["progressive JPEG"]
    scans = whole.count(b"\xff\xda")
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (count - scans) + b"\xff\xd9"


def test_a_jpeg_of_more_than_100_scans_is_refused() -> None:
    assert decoded(with_scans(100)).size == photo().size
    assert "more than 100 scans" in refused(with_scans(101))


def test_scans_that_are_not_the_picture_s_own_do_not_count() -> None:
    # Given a picture with thumbnails, and a film behind it, as phones take them
    start_of_scan = b"\xff\xda"
    thumbnails = b"\xff\xe1" + struct.pack(">H", 2 + 400) + start_of_scan * 200
    content = WHOLE["JPEG"][:2] + thumbnails + WHOLE["JPEG"][2:] + start_of_scan * 200

    assert difference(decoded(content), decoded(WHOLE["JPEG"])) == 0


@pytest.mark.parametrize("segment", [b"\xff\xe1\0\2", b"\xff\xfe\0\0", b"\xff\xd8"], ids=["APP1", "comment", "start"])
def test_a_jpeg_of_millions_of_segments_is_refused_unread(segment: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    content = WHOLE["JPEG"]

    assert "damaged" in refused(content[:2] + segment * 4_000_000 + content[2:])


def test_segments_behind_an_end_mark_that_ends_no_picture_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    content = WHOLE["JPEG"]

    assert "damaged" in refused(content[:2] + b"\xff\xd9" + b"\xff\xe1\0\2" * 4_000_000 + content[2:])


# What a file carries besides its pixels


def exif_segment(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", 2 + 6 + len(content)) + b"Exif\0\0" + content


@pytest.mark.parametrize("size", [2_000, 65_000])
def test_exif_data_of_more_than_1_mb_are_refused(size: int) -> None:
    content = WHOLE["JPEG"]
    fit = 2**20 // (2 + 6 + size)

    assert isinstance(images.decode(content[:2] + exif_segment(bytes(size)) * fit + content[2:]), Image.Image)
    assert "besides its pixels" in refused(content[:2] + exif_segment(bytes(size)) * (fit + 1) + content[2:])


TEXT = zlib.compress(bytes(2**20 - 1), 9)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param((b"iCCP", b"k\0\0" + TEXT), id="profile"),
        pytest.param((b"tEXt", b"k\0hello"), id="text"),
        pytest.param((b"zTXt", b"k\0\0" + TEXT), id="compressed text"),
        pytest.param((b"iTXt", b"k\0\1\0\0\0" + TEXT), id="international text"),
    ],
)
def test_a_png_of_more_than_100_texts_and_profiles_is_refused(chunk: tuple[bytes, bytes]) -> None:
    few = png((2, 1), 8, 2, bytes(RED + BLUE), *[chunk] * (50 if len(chunk[1]) > 100 else 100))
    many = png((2, 1), 8, 2, bytes(RED + BLUE), *[chunk] * 101)

    assert row(few) == [RED, BLUE]
    assert "besides its pixels" in refused(many)


def test_a_png_of_millions_of_chunks_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    content = png((2, 1), 8, 2, bytes(RED + BLUE), *[(b"teSt", b"")] * 49_990)
    assert row(content) == [RED, BLUE]
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    for end in (33, -12):  # behind the header, and behind the pixels
        assert "besides its pixels" in refused(content[:end] + content[33:45] * 1_500_000 + content[end:])


def test_a_text_that_decompresses_to_more_than_1_mb_is_refused() -> None:
    bomb = (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20 + 1)))

    assert "damaged" in refused(png((2, 1), 8, 2, bytes(RED + BLUE), bomb))


@pytest.mark.parametrize("key", ["transparency", "exif", "icc_profile", "progressive", "dpi", "loop", "gamma"])
def test_a_text_cannot_pass_for_anything_else_that_pillow_knows_of_a_picture(key: str) -> None:
    # Pillow keeps texts and its own findings in the same place.
    text = (b"tEXt", key.encode() + b"\0" + b"9" * 1000)

    picture = images.decode(png((2, 1), 8, 2, bytes(RED + BLUE), text))

    assert picture is Refusal.DAMAGED or (isinstance(picture, Image.Image) and picture.getpixel((0, 0)) == RED)


# What Pillow warns of


def test_a_jpeg_whose_index_of_more_pictures_is_broken_is_read_as_the_one_that_it_begins_with() -> None:
    # Phones write such an index (MPF); apps that cut the pictures behind the first one off leave it.
    pictures = saved(photo(), "MPO", quality=95, save_all=True, append_images=[Image.new("RGB", (96, 64))])
    broken = pictures.replace(b"MPF\0II*\0", b"MPF\0II*\1").replace(b"MPF\0MM\0*", b"MPF\0MM\1*")
    assert broken != pictures

    assert decoded(broken).tobytes() == decoded(pictures).tobytes()


@pytest.mark.filterwarnings("ignore")  # or pytest would make errors of them by itself
def test_an_animation_that_contradicts_itself_is_refused() -> None:
    # Pillow would warn, and take a guess.
    no_frames = (b"acTL", struct.pack(">II", 0, 0))

    assert "damaged" in refused(png((2, 1), 8, 2, bytes(RED + BLUE), no_frames))


def test_exif_data_that_are_broken_in_one_place_still_say_which_side_is_up() -> None:
    # Given EXIF data whose second entry lies outside of them, in a JPEG that tells no resolution elsewhere
    entries = struct.pack("<HHII", 0x010F, 2, 500, 60_000) + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    content = saved(four_corners(), "JPEG")
    content = content[:2] + exif_segment(exif) + content[20:]

    assert corners(decoded(content)) == UPRIGHT_CORNERS[6]


@pytest.mark.parametrize("size", [(1, 101), (101, 1), (5000, 49)])
def test_a_picture_too_thin_is_refused(size: tuple[int, int]) -> None:
    assert "100 times as long as it is wide" in refused(saved(Image.new("RGB", size), "PNG"))


@pytest.mark.parametrize("error", [MemoryError, RecursionError, ValueError, struct.error, zlib.error, OverflowError])
def test_whatever_pillow_raises_is_a_refusal(error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise error()

    monkeypatch.setattr(Image, "open", fail)

    assert "damaged" in refused(WHOLE["PNG"])
