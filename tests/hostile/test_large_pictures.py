"""Pictures of many megapixels take little memory, or ask first. Slow, and partly in their own processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from common.pictures.child import images
from common.pictures.child.confinement import MAX_MEMORY_BYTES
from tests.support.heic_boxes import coded, full, grid, heic, turned
from tests.support.picture_files import INCEPTION, RED, WHOLE, decoded, difference, photo, saved, with_jpeg_size


def test_a_jpeg_of_more_than_25_megapixels_is_decoded_at_reduced_scale() -> None:
    content = saved(Image.new("RGB", (6251, 4001), RED), "JPEG")

    picture = decoded(content)

    assert picture.size == (3126, 2001)
    assert difference(picture.crop((0, 0, 9, 9)), Image.new("RGB", (9, 9), RED)) < 3


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
def test_twelve_megapixels_take_little_memory_or_ask_first(
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
            id="animation",
        ),
        pytest.param(lambda: saved(photo((2000, 2000)), "JPEG", progressive=True), id="progressive"),
        pytest.param(lambda: saved(photo((210, 21000)), "PNG"), id="narrow"),
        pytest.param(
            lambda: saved(photo((3000, 3000)), "WEBP", method=0, lossless=True, icc_profile=bytes(2**17)),
            id="lossless behind a long profile",
        ),
    ],
)
def test_a_picture_that_takes_much_memory_asks_once(content: Callable[[], bytes]) -> None:
    asked: list[bool] = []
    made = images.decode_to_pixels(content(), INCEPTION, lambda: asked.append(True))
    assert isinstance(made, bytes)
    assert asked == [True]


def decoded_alone(content: bytes, folder: Path) -> tuple[int, str]:
    """How many MB decoding a file adds to a process, and what that process writes to stderr."""
    (folder / "file").write_bytes(content)
    script = """if True:
        import pathlib, re, sys
        from common.pictures.child import images, strips, webp

        def peak_kb():  # and not ru_maxrss, which begins with the peak of the parent process
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
@pytest.mark.parametrize("size", [(6250, 4000), (11000, 10000)])
def test_a_small_progressive_jpeg_cannot_take_much_memory(size: tuple[int, int], tmp_path: Path) -> None:
    content = saved(Image.new("CMYK", (64, 64)), "JPEG", progressive=True, subsampling=0)

    added_mb, complaints = decoded_alone(with_jpeg_size(content, *size), tmp_path)

    assert added_mb < 310
    assert complaints == ""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux how much memory was used")
def test_tiles_of_48_megapixels_fit_into_the_decoder_s_memory(tmp_path: Path) -> None:
    # 8064 x 6048, as phones of "48 megapixels" store them; turned, and with transparency as large
    alpha = full(b"auxC", b"urn:mpeg:hevc:2015:auxid:1\0")
    picture = grid(8, 6, 8064, 6048, turned(3), tiles=range(3, 51))
    mask = grid(8, 6, 8064, 6048, alpha, turned(3), tiles=range(51, 99))._replace(belongs=((b"auxl", 1),))
    tile = coded(name="HEIC of a megapixel", of=(1008, 1008))._replace(hidden=True)

    added_mb, complaints = decoded_alone(heic([picture, mask, *[tile] * 96]), tmp_path)

    assert 300 < added_mb < MAX_MEMORY_BYTES / 2**20 - 100  # and Python itself
    assert complaints == ""


def test_pillow_s_warning_of_a_large_picture_is_not_logged(tmp_path: Path) -> None:
    _, complaints = decoded_alone(with_jpeg_size(WHOLE["JPEG"], 15000, 10000), tmp_path)

    assert complaints == ""


def test_no_plug_in_is_there_but_those_of_our_formats() -> None:
    script = """if True:
        import sys
        from common.pictures.child import images, strips, webp
        images.decode(b"P6 1 1 255 abc")
        images.decode(b"\\0\\0\\0\\x20ftypavif")
        print(*sorted(name for name in sys.modules if name.startswith("PIL.") and name.endswith("ImagePlugin")))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # TIFF's reads EXIF data. Pillow always brings PPM's along; its pictures are still refused.
    expected = {"Avif", "Bmp", "Gif", "Jpeg", "Png", "Ppm", "Tiff", "WebP"}
    assert done.stdout.split() == sorted(f"PIL.{name}ImagePlugin" for name in expected)
