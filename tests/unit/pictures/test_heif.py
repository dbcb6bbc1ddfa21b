"""HEIC: iPhone's own files."""

from __future__ import annotations

import pytest
from PIL import Image

from common.pictures.child import heif, images
from common.pictures.protocol import MAX_HEIC_PIXELS, Refusal
from tests.support import heic_boxes
from tests.support.heic_boxes import BUILT, Item, box, coded, full, grid, heic, mirrored, overlay, size, tiled, turned
from tests.support.heic_files import HEIC
from tests.support.picture_files import difference, photo, saved

BLUE, RED, GREEN, WHITE, GREY = (30, 60, 200), (200, 30, 30), (0, 255, 0), (255, 255, 255), (67, 67, 67)
CORNERS = ((4, 4), (-4, 4), (4, -4), (-4, -4))


def decoded(content: bytes) -> Image.Image:
    picture = images.decode(content)
    assert isinstance(picture, Image.Image), picture
    return picture


def is_about(found: object, colour: tuple[int, int, int]) -> bool:
    """Whether a colour is that of the drawing, but for the encoder's loss."""
    return isinstance(found, tuple) and all(abs(a - b) <= 4 for a, b in zip(found, colour, strict=True))


def corners(picture: Image.Image) -> list[object]:
    return [picture.getpixel((x % picture.width, y % picture.height)) for x, y in CORNERS]


@pytest.mark.parametrize(
    ("name", "size", "colours"),
    [
        ("HEIC", (96, 64), (BLUE, RED, RED, RED)),
        ("turned HEIC", (64, 96), (RED, BLUE, RED, RED)),  # by 90 degrees, once: EXIF data say it again
        ("transparent HEIC", (96, 64), (BLUE, WHITE, RED, WHITE)),
        ("10-bit HEIC", (96, 64), (RED, RED, RED, RED)),
        ("12-bit HEIC", (96, 64), (RED, RED, RED, RED)),
        ("HEIC of two pictures", (64, 64), (GREEN, GREEN, GREEN, GREEN)),
    ],
)
def test_a_heic_file_is_its_primary_picture_upright_in_8_bits(
    name: str, size: tuple[int, int], colours: tuple[tuple[int, int, int], ...]
) -> None:
    picture = decoded(HEIC[name])

    assert (picture.mode, picture.size) == ("RGB", size)
    assert all(map(is_about, corners(picture), colours)), corners(picture)


def test_a_grey_one_has_equal_colours() -> None:
    assert is_about(decoded(HEIC["grey HEIC"]).getpixel((4, 4)), GREY)


@pytest.mark.parametrize("name", HEIC)
def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(name: str) -> None:
    content = HEIC[name].partition(b"Exif\0\0")[0]  # which is behind the picture
    assert all(images.decode(content[:length]) is Refusal.HEIC for length in range(16, len(content) - 6, 7))


def test_a_file_of_another_codec_is_refused_as_heic() -> None:
    assert images.decode(HEIC["HEIC"].replace(b"hvc1", b"vvc1").replace(b"hvcC", b"vvcC")) == Refusal.HEIC


def test_a_file_with_more_pixels_than_a_camera_has_is_refused_before_it_is_decoded() -> None:
    many = heic([coded(of=(10_000, MAX_HEIC_PIXELS // 10_000 + 1))])

    assert images.decode(many) is Refusal.TOO_MANY_PIXELS


def test_avif_is_left_to_pillow() -> None:
    assert heif.is_one(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf")
    assert not heif.is_one(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf")
    assert not heif.is_one(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf")
    assert not heif.is_one(b"\0\0\0\x1cftypmiaf\0\0\0\0avifmif1miaf")
    assert not heif.is_one(b"\0\0\0\x1cftypisom\0\0\0\0isomavc1mp42")
    assert not heif.is_one(b"\xff\xd8\xff\xe0")


@pytest.mark.parametrize("major", [b"mif1", b"msf1"])
def test_avif_is_read_though_its_first_brand_is_any_heif_file_s(major: bytes) -> None:
    content = saved(photo(), "AVIF", quality=95)
    assert content[8:24] == b"avif\0\0\0\0avifmif1"

    assert difference(decoded(content[:8] + major + content[12:]), photo()) < 5


@pytest.mark.parametrize("brands", [(b"mif1", b"mif1", b"heic"), (b"miaf", b"heic"), (b"abcd", b"mif1", b"heic")])
def test_any_of_its_brands_may_say_that_a_file_is_heic(brands: tuple[bytes, ...]) -> None:
    assert decoded(heic([coded()], brands=brands)).size == (96, 64)


@pytest.mark.parametrize(
    ("boxes", "expected", "colours"),
    [
        # irot turns against the clock; imir's axis 0 swaps top and bottom, 1 left and right (ISO 23008-12, 6.5).
        ((turned(1),), (64, 96), (RED, RED, BLUE, RED)),
        ((turned(2),), (96, 64), (RED, RED, RED, BLUE)),
        ((turned(3),), (64, 96), (RED, BLUE, RED, RED)),
        ((mirrored(0),), (96, 64), (RED, RED, BLUE, RED)),
        ((mirrored(1),), (96, 64), (RED, BLUE, RED, RED)),
        ((turned(1), mirrored(1)), (64, 96), (RED, RED, RED, BLUE)),
    ],
)
def test_turned_and_mirrored_pictures_are_upright(
    boxes: tuple[bytes, ...], expected: tuple[int, int], colours: tuple[tuple[int, int, int], ...]
) -> None:
    picture = decoded(heic([coded(*boxes)]))

    assert picture.size == expected
    assert all(map(is_about, corners(picture), colours)), corners(picture)


def test_exif_data_that_no_box_repeats_turn_nothing() -> None:
    # ISO 23008-12, annex A.2.1: only the boxes turn a picture. Apple's viewers see it so, too.
    exif = b"\0\0\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    picture = decoded(heic([coded(), Item(b"Exif", exif, (), (), ((b"cdsc", 1),))]))

    assert picture.size == (96, 64)


def test_tiles_make_one_picture_without_what_the_last_ones_have_too_much() -> None:
    # As phones store theirs: 2 x 2 tiles of 96 x 64 pixels, of which 180 x 100 show.
    picture = decoded(tiled(2, 2, 180, 100))

    assert picture.size == (180, 100)
    tiles = [(left, top) for left in (0, 96) for top in (0, 64)]
    assert all(is_about(picture.getpixel((left + 4, top + 4)), BLUE) for left, top in tiles)
    assert all(is_about(picture.getpixel((left + 60, top + 4)), RED) for left, top in tiles)


def test_tiles_are_turned_together() -> None:
    picture = decoded(tiled(2, 1, 192, 64, turned(3)))

    assert picture.size == (64, 192)
    assert all(map(is_about, corners(picture), (RED, BLUE, RED, RED))), corners(picture)
    assert is_about(picture.getpixel((60, 96 + 4)), BLUE)


def test_a_picture_upon_a_picture_hides_it() -> None:
    picture = decoded(BUILT["overlaid HEIC"])

    assert all(map(is_about, corners(picture), (RED, RED, RED, BLUE)))


_GREY, _ = heic_boxes.picture("grey HEIC")
_DEPTH = full(b"auxC", b"urn:mpeg:hevc:2015:auxid:2\0")


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param(Item(b"Exif", b"", (), (), ((b"cdsc", 1),)), id="exif of 0 bytes"),
        pytest.param(Item(b"Exif", b"\0\xff\xff\xffMM", (), (), ((b"cdsc", 1),)), id="exif that begins behind its end"),
        pytest.param(Item(b"Exif", bytes(3 * 2**20), (), (), ((b"cdsc", 1),)), id="exif of 3 MB"),
        pytest.param(Item(b"mime", b"<x/>", (), (), ((b"cdsc", 1),)), id="metadata without a type"),
        pytest.param(Item(b"abcd", b"abc"), id="an unknown item"),
        pytest.param(coded()._replace(belongs=((b"thmb", 1),)), id="a thumbnail"),
        pytest.param(coded()._replace(belongs=((b"thmb", 1),), content=b""), id="a thumbnail of 0 bytes"),
        pytest.param(coded()._replace(belongs=((b"thmb", 1),), content=bytes(100)), id="a broken thumbnail"),
        pytest.param(coded()._replace(belongs=((b"thmb", 1),), properties=()), id="a thumbnail without properties"),
        pytest.param(Item(b"jpeg", b"x", (size(9, 9),), (), ((b"thmb", 1),)), id="a thumbnail of another codec"),
        pytest.param(Item(b"hvc1", b"x", (_GREY, size(96, 64), _DEPTH), (), ((b"auxl", 1),)), id="a broken depth map"),
    ],
)
def test_what_is_beside_the_picture_does_not_decide_whether_it_is_read(beside: Item) -> None:
    picture = decoded(heic([coded(), beside]))

    assert all(map(is_about, corners(picture), (BLUE, RED, RED, RED)))


@pytest.mark.parametrize(
    "property_",
    [
        pytest.param(box(b"colr", b"prof", bytes(50)), id="a broken profile"),
        pytest.param(box(b"colr", b"prof", bytes(5 * 2**20)), id="a profile of 5 MB"),
        pytest.param(box(b"zzzz", b"abc"), id="an unknown property"),
        pytest.param(box(b"mdcv", b"abc"), id="a cut-off description of a display"),
        pytest.param(box(b"pasp", bytes(8)), id="pixels of 0 x 0"),
    ],
)
def test_a_property_that_draws_nothing_does_not_decide_either(property_: bytes) -> None:
    assert all(map(is_about, corners(decoded(heic([coded(property_)]))), (BLUE, RED, RED, RED)))


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([grid(1, 1, 96, 64, tiles=(1,))], id="a picture of itself"),
        pytest.param([grid(1, 1, 96, 64, tiles=(2,)), grid(1, 1, 96, 64, tiles=(1,))], id="two of each other"),
        pytest.param([overlay(96, 64, (2,)), overlay(96, 64, (1,))], id="two upon each other"),
        pytest.param([grid(2, 2, 192, 128, tiles=(2,)), coded()], id="tiles that are missing"),
        pytest.param([grid(2, 1, 192, 64, tiles=(2, 7)), coded()], id="a tile that does not exist"),
        pytest.param([coded()._replace(properties=coded().properties[:1])], id="no size"),
        pytest.param([coded(of=(480, 320))], id="a size that is not the picture's"),
        pytest.param([Item(b"unci", bytes(96 * 64 * 3), (size(96, 64),))], id="pixels that are not compressed"),
        pytest.param([coded()._replace(kind=b"av01")], id="AV1 under HEIC's brand"),
    ],
)
def test_absurd_files_are_refused(items: list[Item]) -> None:
    assert images.decode(heic(items)) is Refusal.HEIC
