"""How many parts a file may have: most are left out, but each takes time."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.support.picture_files import BLUE, RED, WHOLE, png, refused, row


@pytest.mark.parametrize("segment", [b"\xff\xe1\0\2", b"\xff\xfe\0\0", b"\xff\xd8"], ids=["APP1", "comment", "start"])
def test_a_jpeg_of_millions_of_segments_is_refused_unread(segment: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    content = WHOLE["JPEG"]

    assert "damaged" in refused(content[:2] + segment * 4_000_000 + content[2:])


def test_segments_behind_an_end_mark_that_ends_no_picture_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    content = WHOLE["JPEG"]

    assert "damaged" in refused(content[:2] + b"\xff\xd9" + b"\xff\xe1\0\2" * 4_000_000 + content[2:])


def test_a_png_of_millions_of_chunks_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    content = png((2, 1), 8, 2, bytes(RED + BLUE), *[(b"teSt", b"")] * 49_990)
    assert row(content) == [RED, BLUE]
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("Pillow would keep each of them"))
    for end in (33, -12):  # behind the header, and behind the pixels
        assert "besides its pixels" in refused(content[:end] + content[33:45] * 1_500_000 + content[end:])


@pytest.mark.parametrize("key", ["transparency", "exif", "icc_profile", "progressive", "dpi", "loop", "gamma"])
def test_a_text_cannot_pass_for_anything_else_that_pillow_knows_of_a_picture(key: str) -> None:
    # Pillow keeps texts and its own data in the same dictionary.
    text = (b"tEXt", key.encode() + b"\0" + b"9" * 1000)

    assert row(png((2, 1), 8, 2, bytes(RED + BLUE), text)) == [RED, BLUE]
