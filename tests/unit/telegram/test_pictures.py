"""Which file shows what was sent."""

from __future__ import annotations

from typing import Any

import pytest

from common.limits import MAX_FILE_BYTES
from common.messages import Subject
from common.telegram.pictures import NoPreview, Photo
from common.telegram.updates import Unwelcome
from tests.support.raw_messages import asks, file, photo

FILE = Photo("f", "u", 9)
STILL = Photo("320x180", "u320", 57_600, Subject.STILL)
THUMBNAIL = photo((320, 180))[0]


def test_the_smallest_size_that_is_large_enough_for_the_model_is_taken() -> None:
    assert asks(photo=photo((90, 67), (320, 240), (800, 600), (1280, 960))) == [Photo("800x600", "u800", 480_000)]


def test_of_a_small_photo_the_largest_size_is_taken() -> None:
    assert asks(photo=photo((90, 67), (320, 240))) == [Photo("320x240", "u320", 76_800)]


def test_of_a_live_photo_its_still_one_is_taken_once() -> None:
    found = [Photo("500x500", "u500", 250_000)]
    live = file(duration=2, width=500, height=500, photo=photo())
    assert asks(photo=photo(), live_photo=live) == found
    assert asks(live_photo=live) == found


def test_paid_pictures_are_looked_at_once_they_are_paid_for() -> None:
    paid = [{"type": "photo", "photo": photo()}, {"type": "video", "video": file(thumbnail=THUMBNAIL)}]
    assert asks(paid_media={"star_count": 1, "paid_media": paid}) == [Photo("500x500", "u500", 250_000), STILL]
    unpaid = [{"type": "preview", "width": 500, "height": 500}]
    assert asks(paid_media={"star_count": 1, "paid_media": unpaid}) == [Unwelcome("messages of this kind")]


@pytest.mark.parametrize(
    ("mime_type", "name"),
    [
        ("image/png", ""),
        ("IMAGE/JPEG", "scan"),
        ("image/jpeg; charset=binary", ""),
        ("image/heif", "IMG_1234.HEIC"),
        ("image/jpg", "photo.txt"),
        ("application/jpeg", ""),
        ("image", "a"),
        ("application/octet-stream", "image.png"),
        ("application/octet-stream", "photo.jfif"),
        ("application/octet-stream", "photo.jpe"),
        ("application/octet-stream", "PHOTO.PJPEG"),
        ("application/octet-stream", "media.jpg_large"),
        ("application/octet-stream", "media.jpg-orig"),
        ("application/octet-stream", "loop.apng"),
        ("application/octet-stream", "scan.dib"),
        ("application/octet-stream", "favicon.ico"),
        ("application/octet-stream", "photo.jpg.part"),
        ("application/octet-stream", "photo.jpg?width=100"),
        ("application/octet-stream", "holiday.JPG. "),
        ("application/octet-stream", "IMG_1234"),
        ("application/octet-stream", "Screenshot 2026-11-30 at 10.30.15"),
        ("application/octet-stream", "download.bin"),
        ("binary/octet-stream", "download"),
        ("application/x-unknown", ""),
        ("*/*", ""),
        ("", "photo"),
        ("", ".hidden"),
        ("", ""),
        ("text/plain", "cat.webp"),
    ],
)
def test_a_file_that_may_be_an_image_is_looked_at(mime_type: str, name: str) -> None:
    assert asks(document=file(mime_type=mime_type, file_name=name)) == [FILE]


@pytest.mark.parametrize(
    ("mime_type", "name"),
    [
        ("application/pdf", "scan"),
        ("application/pdf", ""),
        ("text/plain", "photo"),
        ("audio/mpeg", "a.mp3"),
        ("application/zip", ""),
        ("application/x-msdownload", ""),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ""),
        ("application/octet-stream", "a.pdf"),
        ("application/octet-stream", "a.DOCX"),
        ("application/octet-stream", "photo.jpg.zip"),
        ("application/octet-stream", "photo.jpg.exe"),
        ("application/octet-stream", "a.tar.gz"),
        ("", "a.mp3"),
    ],
)
def test_a_file_that_is_surely_something_else_is_refused_without_a_download(mime_type: str, name: str) -> None:
    assert asks(document=file(mime_type=mime_type, file_name=name)) == [Unwelcome("files of this kind")]


def test_a_sticker_that_does_not_move_is_a_picture() -> None:
    still = file(type="regular", width=512, height=512, is_animated=False, is_video=False, thumbnail=THUMBNAIL)
    assert asks(sticker=still) == [FILE]
    assert asks(sticker=still | {"premium_animation": file(file_id="p")}) == [FILE]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"animation": file(mime_type="video/mp4"), "document": file(mime_type="video/mp4")}, "GIFs"),
        ({"video": file(mime_type="video/mp4")}, "videos"),
        ({"video_note": file(length=240)}, "video messages"),
        ({"sticker": file(is_animated=True, is_video=False)}, "moving stickers"),
        ({"sticker": file(is_animated=False, is_video=True)}, "moving stickers"),
        ({"document": file(mime_type="video/quicktime", file_name="a.mov")}, "videos"),
        ({"document": file(mime_type="application/octet-stream", file_name="a.mp4")}, "videos"),
    ],
)
def test_what_moves_is_answered_by_its_still_picture(fields: dict[str, Any], what: str) -> None:
    (kind, medium), *others = fields.items()
    for name in ("thumbnail", "thumb"):  # the second before Bot API 6.6
        assert asks(**dict([(kind, medium | {name: THUMBNAIL}), *others])) == [STILL]
    assert asks(**fields) == [NoPreview(what)]


def test_of_a_video_s_pictures_the_smallest_that_is_large_enough_is_taken() -> None:
    video = file(thumbnail=THUMBNAIL, cover=photo((640, 480), (1280, 720)))
    assert asks(video=video) == [Photo("640x480", "u640", 307_200, Subject.STILL)]


def test_a_gif_that_telegram_did_not_convert_is_looked_at_itself() -> None:
    gif = file(mime_type="image/gif", thumbnail=THUMBNAIL)
    assert asks(animation=gif, document=gif) == [FILE]
    assert asks(animation=gif | {"file_size": MAX_FILE_BYTES + 1}) == [STILL], "too large to download"
    assert asks(animation=file(mime_type="image/gif", file_size=MAX_FILE_BYTES + 1)) == [
        Photo("f", "u", MAX_FILE_BYTES + 1)
    ], "refused with its size"
