from __future__ import annotations

import pytest

from common.pictures.child import images
from common.pictures.protocol import Refusal
from tests.support.picture_files import INCEPTION, decoded, photo, reference_pixels, saved
from tests.unit.pictures.varied import SMALL_INPUT, SMALL_PIECES, VARIED


@pytest.mark.parametrize("name", ["large WebP", "lossless WebP with alpha"])
def test_where_libwebp_is_built_into_pillow_it_decodes_webp_as_ever(name: str) -> None:
    limits = SMALL_PIECES._replace(webp_in_rows=False)

    assert images.decode_to_pixels(VARIED[name], SMALL_INPUT, limits=limits) == reference_pixels(
        decoded(VARIED[name]), SMALL_INPUT
    )


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_large_webp_that_is_cut_short_is_refused_though_something_stands_behind_it(share: float) -> None:
    whole = saved(photo((480, 360)), "WEBP", method=0, exif=b"Exif\0\0" + bytes(2**12))
    at = whole.index(b"VP8 ")
    size = int.from_bytes(whole[at + 4 : at + 8], "little")
    kept = int(size * share) // 2 * 2
    chunk = b"VP8 " + kept.to_bytes(4, "little") + whole[at + 8 : at + 8 + kept]
    cut = whole[:at] + chunk + whole[at + 8 + size + size % 2 :]
    cut = cut[:4] + (len(cut) - 8).to_bytes(4, "little") + cut[8:]
    assert images.decode_to_pixels(whole, INCEPTION, limits=SMALL_PIECES) == reference_pixels(decoded(whole), INCEPTION)
    assert isinstance(images.decode_to_pixels(cut, INCEPTION, limits=SMALL_PIECES), Refusal)
