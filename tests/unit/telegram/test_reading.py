"""Reading a raw update: one odd field breaks nothing but itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.telegram.pictures import Photo
from common.telegram.reading import read
from common.telegram.said import Mark, Said
from common.telegram.updates import asked
from tests.support.raw_messages import ME, asks, entity, file, message, photo, said

FOUND = Photo("500x500", "u500", 250_000)
ODD: list[Any] = ["text", "", 7, -1, 0.5, True, [], [7, None, "x", [], {}], {}, {"x": {"id": "7"}}, None]
SIDE_FIELDS = [
    *("date", "from", "sender_chat", "sender_boost_count", "via_bot", "author_signature", "edit_date", "effect_id"),
    *("message_thread_id", "is_topic_message", "direct_messages_topic", "business_connection_id", "sender_tag"),
    *("forward_origin", "reply_to_message", "external_reply", "quote", "reply_to_story", "reply_markup"),
    *("link_preview_options", "media_group_id", "has_media_spoiler", "show_caption_above_media"),
    *("text", "entities", "caption", "caption_entities", "rich_message", "paid_media", "live_photo"),
    *("animation", "document", "sticker", "video", "video_note", "audio", "voice", "story", "poll", "checklist"),
    *("contact", "dice", "game", "venue", "location", "giveaway", "invoice", "suggested_post_info"),
    *("pinned_message", "new_chat_members", "gift", "web_app_data", "forum_topic_created"),
]


def photos(**fields: Any) -> list[tuple[str, int | None]]:
    return [(item.file_id, item.message_id) for item in asks(**fields) if isinstance(item, Photo)]


@pytest.mark.parametrize("field", SIDE_FIELDS)
def test_beside_an_odd_field_a_photo_is_found(field: str) -> None:
    for value in ODD:
        assert photos(**({"photo": photo()} | {field: value})) == [("500x500", None)], value


@pytest.mark.parametrize("field", SIDE_FIELDS)
def test_beside_an_odd_field_of_the_original_its_photo_is_found(field: str) -> None:
    for value in ODD:
        original = message(message_id=4, photo=photo()) | {field: value}
        assert photos(text="what is this?", reply_to_message=original) == [("500x500", 4)], value


@pytest.mark.parametrize("field", ["chat", "message_id", "photo"])
def test_an_original_that_is_odd_itself_leaves_the_message_s_own_photo(field: str) -> None:
    for value in ODD:
        original = message(message_id=4, photo=photo((640, 640))) | {field: value}
        assert photos(photo=photo(), reply_to_message=original) == [("500x500", None)], value


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_kind_of_chat_is_private_if_its_id_is_a_person_s(value: Any) -> None:
    odd = {"id": 7, "type": value, "first_name": value}
    if not isinstance(value, str) or not value:
        assert asks(photo=photo(), chat=odd) == [FOUND]
        assert asks(photo=photo(), chat=odd | {"id": -7}) == []


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("field", ["file_unique_id", "width", "height", "file_size"])
def test_an_odd_side_field_of_a_photo_size_leaves_the_photo(field: str, value: Any) -> None:
    (found,) = asks(photo=[photo()[0] | {field: value}])
    assert isinstance(found, Photo)
    assert found.file_id == "500x500"


@pytest.mark.parametrize("value", [*ODD, {"file_id": 7}, {"file_id": ""}], ids=repr)
def test_one_odd_photo_size_or_mark_does_not_drop_the_others(value: Any) -> None:
    assert asks(photo=[value, *photo(), value]) == [FOUND]
    caption = "@whatsit_bot?"
    marks = [value, entity("mention", caption, "@whatsit_bot"), {"type": "mention", "offset": value, "length": 1}]
    assert asks("group", photo=photo(), caption=caption, caption_entities=marks) == [FOUND]


@pytest.mark.parametrize(
    "update",
    [
        {"message": "hello"},
        {"message": None},
        {"message": {"message_id": 5}},
        {"message": {"message_id": 5, "chat": {"id": "7", "type": "private"}}},
        {"message": {"message_id": None, "chat": {"id": 7, "type": "private"}}},
        {"message": {"message_id": True, "chat": {"id": 7, "type": "private"}}},
    ],
)
def test_only_a_message_without_its_ids_cannot_be_read(update: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="without its id"):
        read({"update_id": 1} | update)


def test_another_update_brings_no_message() -> None:
    assert read({"update_id": 1, "edited_message": message(photo=photo())}) is None


names = st.sampled_from([*SIDE_FIELDS, "photo", "type", "id", "blocks", "items", "url", "file_id", "thumbnail"])
values = st.recursive(
    st.sampled_from([None, True, 7, -1, 0.5, "", "url", "http://e.org/a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(names, values, max_size=6), st.sampled_from([7, -7]))
def test_whatever_a_message_holds_reading_raises_nothing(fields: dict[str, Any], chat_id: int) -> None:
    found = read({"update_id": 1, "message": {"message_id": 5, "chat": {"id": chat_id}} | fields})
    assert isinstance(found, Said)
    asked(found, ME)


def test_offsets_count_utf_16_code_units_and_odd_ones_do_no_harm() -> None:
    text = "👍👍 @whatsit_bot"

    def marks(offset: Any, length: Any) -> tuple[Mark, ...]:
        return said(text=text, entities=[{"type": "mention", "offset": offset, "length": length}]).content.text.marks

    (mark,) = marks(5, 12)
    assert text[mark.start : mark.end] == "@whatsit_bot"
    assert mark.username == "whatsit_bot"
    (cut,) = marks(5, 10**9)
    assert text[cut.start : cut.end] == "@whatsit_bot"
    (split,) = marks(1, 2)  # from the middle of one 👍 to the middle of the other
    assert text[split.start : split.end] in {"👍", "👍👍"}
    for offset, length in [(-1, 5), (5, 0), (5, -5), (10**9, 1), (None, 1), (1.5, 2), (True, 1)]:
        assert marks(offset, length) == ()


def test_what_is_read_survives_json() -> None:
    raw = message(photo=photo(), caption="👍", document=file(mime_type="image/png"), media_group_id="9")
    assert read({"update_id": 1, "message": json.loads(json.dumps(raw))}) == read({"update_id": 1, "message": raw})


def test_an_original_in_another_chat_is_not_a_message_that_the_answer_can_reply_to() -> None:
    here = said(reply_to_message=message(message_id=4)).reply_to
    there = said(reply_to_message=message(message_id=4, chat={"id": 8, "type": "private"})).reply_to
    assert here
    assert there
    assert (here.message_id, there.message_id) == (4, None)
