"""What a Telegram message asks for: messages as the Bot API documents them, read through python-telegram-bot."""

from __future__ import annotations

from typing import Any

import pytest
import telegram

from common.telegram.client import Me
from common.telegram.updates import Asked, Command, Link, Photo, Unwelcome, asked

ME = Me(42, "whatsit_bot")
SIZES = [(90, 67), (320, 240), (800, 600), (1280, 960)]


def message(chat_type: str = "private", **fields: Any) -> telegram.Message:
    raw = {
        "message_id": 5,
        "date": 1_700_000_000,
        "chat": {"id": -7 if "group" in chat_type else 7, "type": chat_type},
        "from": {"id": 7, "is_bot": False, "first_name": "A"},
    }
    read = telegram.Message.de_json(raw | fields, None)
    assert read
    return read


def read(chat_type: str = "private", **fields: Any) -> list[Asked]:
    return list(asked(message(chat_type, **fields), ME))


def photo(*sizes: tuple[int, int]) -> list[dict[str, Any]]:
    return [
        {"file_id": f"{w}x{h}", "file_unique_id": f"u{w}", "width": w, "height": h, "file_size": w * h}
        for w, h in sizes
    ]


def entity(kind: str, text: str, part: str, **fields: Any) -> dict[str, Any]:
    """An entity with offset and length in UTF-16 code units, as the Bot API counts them."""
    offset = len(text[: text.index(part)].encode("utf-16-le")) // 2
    return {"type": kind, "offset": offset, "length": len(part.encode("utf-16-le")) // 2} | fields


def file(**fields: Any) -> dict[str, Any]:
    return {"file_id": "f", "file_unique_id": "u", "file_size": 9} | fields


def test_the_smallest_size_that_is_large_enough_for_the_model_is_taken() -> None:
    assert read(photo=photo(*SIZES)) == [Photo("800x600", "u800", 480_000)]


def test_of_a_small_photo_the_largest_size_is_taken() -> None:
    assert read(photo=photo((90, 67), (320, 240))) == [Photo("320x240", "u320", 76_800)]


def test_an_image_sent_as_a_file_is_a_picture() -> None:
    assert read(document=file(mime_type="image/png")) == [Photo("f", "u", 9)]
    assert read(document=file(file_name="HOLIDAY.JPG")) == [Photo("f", "u", 9)]


def test_a_sticker_that_does_not_move_is_a_picture() -> None:
    still = file(type="regular", width=512, height=512, is_animated=False, is_video=False)
    assert read(sticker=still) == [Photo("f", "u", 9)]
    assert read(sticker=still | {"is_animated": True}) == [Unwelcome("moving stickers")]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"voice": file(duration=1)}, "voice messages"),
        ({"video": file(duration=1, width=1, height=1)}, "videos"),
        ({"video_note": file(duration=1, length=1)}, "video messages"),
        ({"audio": file(duration=1)}, "audio files"),
        ({"animation": file(duration=1, width=1, height=1), "document": file(mime_type="image/gif")}, "animations"),
        ({"document": file(mime_type="application/pdf")}, "files of this kind"),
        ({"location": {"latitude": 1.0, "longitude": 1.0}}, "locations"),
        ({"contact": {"phone_number": "1", "first_name": "A"}}, "contacts"),
        ({"dice": {"emoji": "🎲", "value": 1}}, "dice"),
        ({"text": "hello"}, "text without a link"),
    ],
)
def test_what_the_bot_cannot_look_at_is_named(fields: dict[str, Any], what: str) -> None:
    assert read(**fields) == [Unwelcome(what)]


def test_service_messages_are_ignored_and_unknown_kinds_are_politely_refused() -> None:
    assert read(pinned_message={"message_id": 1, "date": 0, "chat": {"id": 7, "type": "private"}}) == []
    assert read(new_kind={"x": 1}) == [Unwelcome("messages of this kind")]


def test_other_bots_are_ignored_but_not_those_that_stand_for_people() -> None:
    sender: Any = {"from": {"id": 8, "is_bot": True, "first_name": "B"}}
    assert read(text="https://example.com/a.jpg", **sender) == []
    as_channel = {"sender_chat": {"id": -9, "type": "channel", "title": "C"}}
    assert read("group", text="/help", **sender, **as_channel) == [Command("help")]


def test_what_a_channel_forwards_to_its_group_is_ignored() -> None:
    assert read("supergroup", text="/help", is_automatic_forward=True) == []


def test_links_are_found_by_telegram_s_entities_anywhere_in_the_text() -> None:
    text = "👍 look: example.com/cat.jpg and this"
    entities = [entity("url", text, "example.com/cat.jpg"), entity("text_link", text, "this", url="https://e.org/b")]
    assert read(text=text, entities=entities) == [Link("example.com/cat.jpg"), Link("https://e.org/b")]


def test_links_in_a_caption_come_after_the_photo() -> None:
    caption = "https://e.org/a.png"
    found = read(photo=photo((500, 500)), caption=caption, caption_entities=[entity("url", caption, caption)])
    assert found == [Photo("500x500", "u500", 250_000), Link(caption)]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://e.org/a.png!", "https://e.org/a.png"),
        ("(http://127.0.0.1:8000/x.jpg)", "http://127.0.0.1:8000/x.jpg"),
        ("example.com/cat.jpg, please", "example.com/cat.jpg"),
        ("127.0.0.1:9/x.jpg", "127.0.0.1:9/x.jpg"),
        ("(see https://e.org/a_(b))", "https://e.org/a_(b)"),
    ],
)
def test_links_are_found_even_where_the_server_marks_no_entities(text: str, url: str) -> None:
    assert read(text=text) == [Link(url)]


@pytest.mark.parametrize("text", ["end of sentence.Next one", "me@example.com/x", "1.5/2", "and/or"])
def test_what_only_resembles_a_link_is_text(text: str) -> None:
    assert read(text=text) == [Unwelcome("text without a link")]


def test_links_of_both_spellings_stand_side_by_side_without_entities() -> None:
    found = read(text="https://e.org/a.jpg,http://e.org/b.jpg and e.org/c.jpg")
    assert found == [Link("https://e.org/a.jpg"), Link("http://e.org/b.jpg"), Link("e.org/c.jpg")]


def test_at_most_five_different_links_of_a_message_count() -> None:
    text = " ".join(f"https://e.org/{i % 6}" for i in range(12))
    assert read(text=text) == [Link(f"https://e.org/{i}") for i in range(5)]


def command(text: str, chat_type: str = "private") -> list[Asked]:
    return read(chat_type, text=text, entities=[entity("bot_command", text, text.split(maxsplit=1)[0])])


def test_commands_are_understood_with_and_without_the_bot_s_name() -> None:
    assert command("/help") == [Command("help")]
    assert command("/About@Whatsit_Bot now") == [Command("about")]
    assert command("/help@other_bot", "group") == []
    assert command("/ban 5", "group") == [], "another bot's"
    assert command("/ban@whatsit_bot", "group") == [Command("ban")]
    assert command("/ban") == [Command("ban")]
    assert read(text="/etc/passwd") == [Unwelcome("text without a link")]
    assert read(text="/start") == [Command("start")], "a server that marks no entities"


@pytest.mark.parametrize("chat_type", ["group", "supergroup"])
def test_in_a_group_only_what_is_meant_for_the_bot_counts(chat_type: str) -> None:
    caption = "@Whatsit_bot what is it?"
    picture = {"photo": photo((500, 500))}
    found = [Photo("500x500", "u500", 250_000)]
    mention = {"caption": caption, "caption_entities": [entity("mention", caption, "@Whatsit_bot")]}
    answer = {
        "reply_to_message": message(chat_type, **{"from": {"id": 42, "is_bot": True, "first_name": "W"}}).to_dict()
    }

    assert read(chat_type, **picture) == []
    assert read(chat_type, text="https://e.org/a.png") == []
    assert read(chat_type, voice=file(duration=1)) == []
    assert command("/help", chat_type) == [Command("help")]
    assert read(chat_type, text="haha nice", **answer) == []
    assert read(chat_type, **picture, **mention) == found
    assert read(chat_type, **picture, **answer) == found


@pytest.mark.parametrize(
    ("original", "found"),
    [
        ({"photo": photo((500, 500))}, [Photo("500x500", "u500", 250_000)]),
        ({"text": "https://e.org/a"}, [Link("https://e.org/a")]),
        ({"text": "hello"}, []),
    ],
)
def test_in_a_group_somebody_can_ask_about_the_message_that_they_answer(
    original: dict[str, Any], found: list[Asked]
) -> None:
    text = "@whatsit_bot what is this?"
    mention = [entity("mention", text, "@whatsit_bot")]
    assert read("group", text=text, entities=mention, reply_to_message=message("group", **original).to_dict()) == found
