"""Rich messages: https://core.telegram.org/bots/api#richmessage (Bot API 10.1)."""

from __future__ import annotations

from typing import Any

import pytest

from common.messages import Subject
from common.telegram.pictures import Photo
from common.telegram.small_talk import SmallTalk, Talk
from common.telegram.updates import Asked, Link, Unwelcome
from tests.support.raw_messages import asks, file, photo

PHOTO = {"type": "photo", "photo": photo()}
FOUND = [Photo("500x500", "u500", 250_000)]
VIDEO = file(mime_type="video/mp4", thumbnail=photo((320, 180))[0])
STILL = Photo("320x180", "u320", 57_600, Subject.STILL)


def rich(*blocks: Any) -> list[Asked]:
    return list(asks(rich_message={"blocks": list(blocks)}))


@pytest.mark.parametrize(
    "block",
    [
        PHOTO,
        PHOTO | {"caption": {"text": "seen today", "credit": {"type": "bold", "text": "by Ann"}}},
        {"type": "collage", "blocks": [PHOTO], "caption": {"text": "x"}},
        {"type": "slideshow", "blocks": [{"type": "divider"}, PHOTO]},
        {"type": "blockquote", "blocks": [PHOTO], "credit": "Ann"},
        {"type": "details", "summary": "more", "blocks": [PHOTO]},
        {"type": "list", "items": [{"label": "1.", "blocks": [{"type": "list", "items": [{"blocks": [PHOTO]}]}]}]},
        {"type": "table", "cells": [[{"text": "x"}, {"blocks": [PHOTO]}]]},
        {"type": "of tomorrow", "blocks": [PHOTO]},
        {"type": "of tomorrow", "parts": {"left": PHOTO}},
        {"type": "live_photo", "live_photo": file(photo=photo())},
    ],
)
def test_a_photo_is_found_in_every_kind_of_block_once(block: dict[str, Any]) -> None:
    heading = {"type": "heading", "size": 1, "text": "A dog"}
    assert rich(heading, block, {"type": "paragraph", "text": "and more"}) == FOUND


def test_pictures_keep_their_order_and_moving_ones_are_answered_by_their_still() -> None:
    blocks = [
        {"type": "video", "video": VIDEO},
        PHOTO,
        {"type": "animation", "animation": VIDEO},
        {"type": "document", "document": file(mime_type="image/png")},
        {"type": "audio", "audio": VIDEO},
    ]
    assert rich(*blocks) == [STILL, *FOUND, STILL, Photo("f", "u", 9)]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ({"type": "url", "text": "here", "url": "https://e.org/a"}, "https://e.org/a"),
        ([{"type": "bold", "text": ["see ", {"type": "url", "text": "it", "url": "https://e.org/a"}]}, "."], None),
        ({"type": "url", "text": "https://e.org/a，看", "url": "https://e.org/a，看"}, None),
        ("see https://e.org/a.", None),
        (["see https://", {"type": "italic", "text": "e.org/a"}], None),
    ],
)
@pytest.mark.parametrize("place", ["paragraph", "summary", "caption", "cell", "pullquote", "pre"])
def test_links_are_found_wherever_a_block_has_text(text: Any, url: str | None, place: str) -> None:
    block = {
        "summary": {"type": "details", "summary": text, "blocks": []},
        "caption": {"type": "map", "location": {}, "caption": {"text": text}},
        "cell": {"type": "table", "cells": [[{"text": "left"}, {"text": text}]]},
    }.get(place, {"type": place, "text": text})
    assert rich({"type": "paragraph", "text": "before"}, block, {"type": "footer", "text": "after"}) == [
        Link(url or "https://e.org/a")
    ]


@pytest.mark.parametrize("odd", ["x", 7, None, True, [], [[[]]], {}, {"type": 7, "text": 7, "blocks": 7, "photo": 7}])
def test_an_odd_block_or_text_drops_nothing_else(odd: Any) -> None:
    link = {"type": "url", "text": "here", "url": "https://e.org/a"}
    assert rich(odd, {"type": "paragraph", "text": [odd, link, odd]}, {"type": "list", "items": odd}, PHOTO) == [
        *FOUND,
        Link("https://e.org/a"),
    ]
    assert asks(rich_message=odd) in ([SmallTalk(Talk.WORDS)], [Unwelcome("messages of this kind")])


def test_blocks_as_deep_as_telegram_nests_them_are_read_and_endless_ones_do_no_harm() -> None:
    deep = PHOTO
    for _ in range(16):
        deep = {"type": "list", "items": [{"label": "•", "blocks": [deep]}]}
    assert rich(deep) == FOUND
    text: Any = "https://e.org/a"
    for _ in range(2000):
        deep = {"type": "blockquote", "blocks": [deep]}
        text = [{"type": "bold", "text": text}]
    assert rich(deep, {"type": "paragraph", "text": text}) == [SmallTalk(Talk.WORDS)]
