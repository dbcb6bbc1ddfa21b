"""Pictures broken in every way: each is refused or decoded, and the decoder is ready for the next."""

from __future__ import annotations

import asyncio
import io
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.model.input import InputSpec
from common.pictures.child import images
from common.pictures.decoder import Decoder
from common.pictures.protocol import Refusal
from tests.hostile import pictures
from tests.hostile.many_files import resident_bytes
from tests.hostile.pictures import MORE, WHOLE
from tests.support.waiting import wait_until

SPEC = InputSpec(model="m", resize=8, crop=6, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3)
FUZZED_FILES = 300


class Reader:
    """The worker's decoder, for tests that are not coroutines, since Hypothesis takes no coroutines."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._decoder = Decoder()
        self.read(b"")  # starts it
        self.pid = self._pid()

    def read(self, content: bytes) -> bytes | Refusal:
        """What the decoder makes of a file: pixels of the requested size, or a refusal."""
        answer = self._runner.run(self._decoder.decode(content, SPEC, "x"))
        assert isinstance(answer, Refusal) or len(answer) == 3 * SPEC.crop**2
        return answer

    def still_the_same(self) -> bool:
        """Whether the decoder has neither crashed nor hung since it was started."""
        return self._pid() == self.pid

    def resident_bytes(self) -> int:
        """The memory of the decoder."""
        return resident_bytes(self._pid())

    def close(self) -> None:
        self._runner.run(self._decoder.close())
        self._runner.close()

    def _pid(self) -> int:
        assert self._decoder._process
        return self._decoder._process.result().pid


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


ALL = WHOLE | MORE


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_picture_is_decoded(name: str, reader: Reader) -> None:
    pixels = reader.read(ALL[name])

    assert isinstance(pixels, bytes)
    assert pixels == images.decode_to_pixels(ALL[name], SPEC)
    assert reader.still_the_same()


@pytest.mark.parametrize("name", WHOLE)
def test_cut_off_anywhere(name: str, reader: Reader) -> None:
    whole = reader.read(WHOLE[name])

    for cut in pictures.cut_off(WHOLE[name]):
        # Some files end with bytes that the picture does not need; without them it is still whole.
        assert reader.read(cut) in {whole, *Refusal}, len(cut)
    half = reader.read(WHOLE[name][: len(WHOLE[name]) // 2])
    assert half in (Refusal.DAMAGED, Refusal.HEIC) or name == "MPO"
    assert reader.still_the_same()


@pytest.mark.parametrize("name", ALL)
def test_with_a_bit_flipped(name: str, reader: Reader) -> None:
    for flipped in pictures.flipped(ALL[name]):
        reader.read(flipped)
    assert reader.still_the_same()


ABSURD = dict(pictures.absurd())
# Where the absurd part is harmless and not part of the picture, the picture is decoded.
HARMLESS = {
    *(name for name in ABSURD if name.startswith("GIF of 0 x")),  # its frame is larger, and counts
    "EXIF entries on top of one another",
    "EXIF data that lead to themselves",
    "EXIF data in 9,000 parts",
    "5,000 iCCP of 1 MB",
    "5,000 zTXt of 1 MB",
    "5,000 iTXt of 1 MB",
    "pixels that never end",
    "a palette of 4 billion",
    "a million comments",
    "a comment in a million parts",
    "frames without end",
    "a million RIFF chunks",
    "a million boxes",
}


@pytest.mark.parametrize("name", ABSURD)
def test_with_an_absurd_header(name: str, reader: Reader) -> None:
    answer = reader.read(ABSURD[name])

    assert isinstance(answer, bytes) == (name in HARMLESS), answer
    assert reader.still_the_same()


@pytest.mark.parametrize("name", [name for name in ABSURD if name.endswith(" of {} x {}".format(*pictures.TOO_LARGE))])
def test_a_picture_that_says_it_is_too_large_is_believed_before_any_memory_is_taken(name: str, reader: Reader) -> None:
    # The two canvases of a WebP, for example, would exceed the decoder's memory: a refusal, too, in other words.
    assert reader.read(ABSURD[name]) is Refusal.TOO_MANY_PIXELS


@given(
    name=st.sampled_from(sorted(ALL)),
    damages=st.lists(st.tuples(st.sampled_from(pictures.DAMAGES), st.integers(0, 2**32)), min_size=1, max_size=3),
)
@settings(max_examples=FUZZED_FILES, deadline=None)
def test_damaged_in_any_way(name: str, damages: list[tuple[pictures.Damage, int]], reader: Reader) -> None:
    content = ALL[name]
    for damage, seed in damages:
        content = damage(content, pictures.chance(seed)) or content

    reader.read(content)
    assert reader.still_the_same()


@given(
    name=st.sampled_from(sorted(ALL)),
    patches=st.lists(
        st.tuples(st.integers(0, 600), st.sampled_from(pictures.NUMBERS) | st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=8,
    ),
)
@settings(max_examples=FUZZED_FILES, deadline=None)
def test_with_any_header(name: str, patches: list[tuple[int, bytes]], reader: Reader) -> None:
    content = bytearray(ALL[name])
    for at, number in patches:
        content[at : at + len(number)] = number

    reader.read(bytes(content))
    assert reader.still_the_same()


BEGINNINGS = st.sampled_from(sorted({content[:32] for content in ALL.values()} | {b""}))


@given(beginning=BEGINNINGS, noise=st.binary(max_size=500))
@settings(max_examples=FUZZED_FILES, deadline=None)
def test_nothing_but_noise(beginning: bytes, noise: bytes, reader: Reader) -> None:
    reader.read(beginning + noise)
    assert reader.still_the_same()


# The largest accepted pictures


def saved(picture: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def largest(name: str) -> bytes:
    """A picture of the most pixels that its format may have, in the way that takes the most memory, and turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    size = (6250, 4000)
    if name == "JPEG":
        return saved(Image.new("CMYK", (11_000, 10_000)), "JPEG", subsampling=0, exif=exif)
    if name == "progressive JPEG":
        return saved(Image.new("CMYK", size), "JPEG", progressive=True, subsampling=0, exif=exif)
    if name == "GIF":
        return saved(Image.linear_gradient("L").resize(size), "GIF")
    if name == "16-bit PNG":
        turned = pictures.chunk(b"eXIf", exif.tobytes()[6:])
        return pictures.png(size, 16, 6, turned, pixels=bytes((1 + 8 * size[0]) * size[1]))
    clear = Image.new("RGBA", size, (255, 0, 0, 128))
    if name == "WebP":
        frame = Image.new("RGBA", size, (0, 255, 0, 128))
        return saved(clear, "WEBP", lossless=True, save_all=True, append_images=[frame], exif=exif)
    return saved(clear, "AVIF", speed=10, subsampling="4:4:4", exif=exif)


@pytest.mark.parametrize("name", ["JPEG", "progressive JPEG", "16-bit PNG", "WebP", "GIF", "AVIF"])
def test_the_largest_pictures_fit_into_the_decoder_s_memory_and_leave_nothing_there(name: str, reader: Reader) -> None:
    assert isinstance(reader.read(largest(name)), bytes)
    assert reader.still_the_same()
    if platform.libc_ver()[0] == "glibc":  # other libraries may keep memory
        wait_until(lambda: reader.resident_bytes() < 40 * 2**20, 10, "memory given back")


# Once it is ready, the decoder can no longer open files, so no import works


def test_decoding_imports_nothing_that_is_not_there_already(tmp_path: Path) -> None:
    files = [*ALL.values(), *(content for name, content in ABSURD.items() if len(content) < 10_000)]
    files += [pictures.damaged(seed, ALL) for seed in range(500)]
    for number, content in enumerate(files):
        (tmp_path / f"{number}").write_bytes(content)
    script = """if True:
        import pathlib, sys
        from common.pictures.child import images
        from common.pictures.child import main as decoder_child
        from common.pictures.protocol import Request
        before = set(sys.modules)
        for file in pathlib.Path(sys.argv[1]).iterdir():
            images.decode_to_pixels(file.read_bytes(), Request(1, 8, 6, "bilinear", 0))
        print(*(set(sys.modules) - before))
    """
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
