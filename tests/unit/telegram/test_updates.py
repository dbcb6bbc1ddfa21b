"""What a Telegram message asks for, from raw updates as the Bot API documents them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from common.telegram.pictures import NoPreview, Photo
from common.telegram.small_talk import SmallTalk, Talk
from common.telegram.updates import Asked, Command, LeftOut, Link, Unwelcome
from tests.support.raw_messages import BOT, asks, entity, file, mention, message, photo, said, texts

TALK = SmallTalk(Talk.WORDS)
HINT = Command("what")
PHOTO = Photo("500x500", "u500", 250_000)
ORIGINAL = Photo("500x500", "u500", 250_000, message_id=4)
GROUPS = pytest.mark.parametrize("chat_type", ["group", "supergroup"])
CHATS = pytest.mark.parametrize("chat_type", ["private", "supergroup"])


def original(chat_type: str, **fields: Any) -> dict[str, Any]:
    return message(chat_type, message_id=4, **fields)


def question(chat_type: str) -> dict[str, Any]:
    """What is addressed to the bot, and shows nothing itself."""
    return texts("what is this?") if chat_type == "private" else mention()


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"voice": file(duration=1)}, "voice messages"),
        ({"audio": file(duration=1)}, "audio files"),
        ({"document": file(mime_type="application/pdf")}, "files of this kind"),
        ({"location": {"latitude": 1.0, "longitude": 1.0}}, "locations"),
        ({"venue": {"title": "A"}, "location": {"latitude": 1.0, "longitude": 1.0}}, "places"),
        ({"contact": {"phone_number": "1", "first_name": "A"}}, "contacts"),
        ({"dice": {"emoji": "🎲", "value": 1}}, "dice"),
        ({"poll": {"id": "1", "question": "?"}}, "polls"),
        ({"checklist": {"title": "A", "tasks": []}}, "messages of this kind"),
        ({"new_kind": {"x": 1}}, "messages of this kind"),
    ],
)
def test_what_the_bot_cannot_look_at_is_named_in_private_and_ignored_in_groups(
    fields: dict[str, Any], what: str
) -> None:
    assert asks(**fields) == [Unwelcome(what)]
    assert asks("supergroup", **fields) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": 7, "type": "private"}}},
        {"new_chat_members": [{"id": 7}]},
        {"forum_topic_closed": {}},
        {"video_chat_started": {}},
        {"community_chat_added": {"x": 1}},
        {"suggested_post_paid": {"x": 1}},
        {"gift": {"x": 1}, "reply_to_message": message(photo=photo())},
    ],
)
def test_service_messages_are_ignored(fields: dict[str, Any]) -> None:
    assert asks(**fields) == []


def test_other_bots_are_ignored_but_not_those_that_stand_for_people() -> None:
    sender: Any = {"from": {"id": 8, "is_bot": True, "first_name": "B"}}
    assert asks(text="https://example.com/a.jpg", **sender) == []
    as_channel = {"sender_chat": {"id": -9, "type": "channel", "title": "C"}}
    assert asks("group", text="/help", **sender, **as_channel) == [Command("help")]
    anonymous = {"sender_chat": {"id": -7, "type": "group", "title": "G"}}
    assert asks("group", photo=photo(), caption="@whatsit_bot", **sender, **anonymous) == [], "no mention is marked"
    caption = {"caption": "@whatsit_bot", "caption_entities": [entity("mention", "@whatsit_bot", "@whatsit_bot")]}
    assert asks("group", photo=photo(), **caption, **sender, **anonymous) == [PHOTO]


def test_what_a_channel_forwards_to_its_group_is_ignored() -> None:
    assert asks("supergroup", text="/help", is_automatic_forward=True) == []


def test_links_are_found_by_telegram_s_marks_anywhere_in_the_text() -> None:
    text = "👍 look: example.com/cat.jpg and this"
    marks = [entity("url", text, "example.com/cat.jpg"), entity("text_link", text, "this", url="https://e.org/b")]
    assert asks(**texts(text, *marks)) == [Link("example.com/cat.jpg"), Link("https://e.org/b")]


def test_links_in_a_caption_come_after_the_photo() -> None:
    caption = "https://e.org/a.png"
    found = asks(photo=photo(), caption=caption, caption_entities=[entity("url", caption, caption)])
    assert found == [PHOTO, Link(caption)]


@pytest.mark.parametrize(
    "url", ["tg://user?id=99", "mailto:ann@e.org", "tel:+123", "https://t.me/ann", "t.me/c/1/2", "https://ann.t.me"]
)
def test_a_person_or_a_chat_linked_below_a_photo_is_not_a_second_question(url: str) -> None:
    mark = entity("text_link", "by Ann", "Ann", url=url)
    assert asks(photo=photo(), caption="by Ann", caption_entities=[mark]) == [PHOTO]


def test_alone_a_post_at_telegram_is_a_link_and_a_person_is_not() -> None:
    assert asks(text="https://t.me/durov/42") == [Link("https://t.me/durov/42")]
    assert asks(**texts("Ann", entity("text_link", "Ann", "Ann", url="tg://user?id=99"))) == [TALK]
    typed = texts("ftp://e.org/a.jpg", entity("url", "ftp://e.org/a.jpg", "ftp://e.org/a.jpg"))
    assert asks(**typed) == [Link("ftp://e.org/a.jpg")], "fetch_url says why not"


@pytest.mark.parametrize(("different", "left_out"), [(5, 0), (6, 1), (7, 2)])
def test_five_different_links_are_looked_at_and_the_others_are_counted(different: int, left_out: int) -> None:
    text = " ".join(f"https://e.org/{i % different}" for i in range(2 * different))
    rest = [LeftOut("link", 5, left_out)] if left_out else []
    assert asks(text=text) == [*(Link(f"https://e.org/{i}") for i in range(5)), *rest]


def test_ten_pictures_of_a_rich_message_are_looked_at_and_the_others_are_counted() -> None:
    blocks = [{"type": "photo", "photo": photo((500, 500 + i))} for i in range(12)]
    *pictures, last = asks(rich_message={"blocks": [{"type": "slideshow", "blocks": blocks}]})
    assert [found.file_id for found in pictures if isinstance(found, Photo)] == [f"500x{500 + i}" for i in range(10)]
    assert last == LeftOut("picture", 10, 2)


def command(text: str, chat_type: str = "private") -> list[Asked]:
    return list(asks(chat_type, **texts(text, entity("bot_command", text, text.split(maxsplit=1)[0]))))


def test_commands_are_understood_with_and_without_the_bot_s_name() -> None:
    assert command("/help") == [Command("help")]
    assert command("/About@Whatsit_Bot now") == [Command("about", "now")]
    assert command("/help@other_bot", "group") == []
    assert command("/ban 5", "group") == [], "another bot's"
    assert command("/ban@whatsit_bot", "group") == [Command("ban")]
    assert command("/ban") == [Command("ban")]
    assert asks(text="/etc/passwd") == [TALK]
    assert asks(text="/start") == [Command("start")], "a server that marks nothing"
    assert asks(photo=photo(), caption="/start") == [PHOTO]


@GROUPS
def test_in_a_group_only_what_is_meant_for_the_bot_counts(chat_type: str) -> None:
    caption = "@Whatsit_bot what is it?"
    named = {"caption": caption, "caption_entities": [entity("mention", caption, "@Whatsit_bot")]}
    answer = {"reply_to_message": message(chat_type, **{"from": BOT})}

    assert asks(chat_type, photo=photo()) == []
    assert asks(chat_type, text="https://e.org/a.png") == []
    assert asks(chat_type, voice=file(duration=1)) == []
    assert command("/help", chat_type) == [Command("help")]
    assert asks(chat_type, text="haha nice", **answer) == []
    assert asks(chat_type, photo=photo(), **named) == [PHOTO]
    assert asks(chat_type, photo=photo(), **answer) == [PHOTO]
    assert asks(chat_type, text="what is it?", reply_to_message=original(chat_type, photo=photo())) == []


@GROUPS
@pytest.mark.parametrize(
    "mark",
    [
        {"type": "text_mention", "user": BOT},
        {"type": "text_link", "url": "tg://user?id=42"},
        {"type": "text_link", "url": "https://t.me/Whatsit_Bot"},
        {"type": "text_link", "url": "https://telegram.me/whatsit_bot?start=1"},
        {"type": "text_link", "url": "tg://resolve?domain=whatsit_bot"},
    ],
)
def test_the_bot_is_mentioned_by_a_tapped_name_and_by_a_link_to_it(chat_type: str, mark: dict[str, Any]) -> None:
    mark = {"offset": 0, "length": 3} | mark
    assert asks(chat_type, photo=photo(), caption="Bot?", caption_entities=[mark]) == [PHOTO]
    assert asks(chat_type, text="Bot?", entities=[mark], reply_to_message=original(chat_type, photo=photo())) == [
        ORIGINAL
    ]


@pytest.mark.parametrize(
    "mark",
    [
        {"type": "text_mention", "user": {"id": 43}},
        {"type": "text_link", "url": "tg://user?id=421"},
        {"type": "text_link", "url": "https://t.me/whatsit_bot_fans"},
        {"type": "text_link", "url": "https://e.org/t.me/whatsit_bot"},
    ],
)
def test_others_are_not_the_bot(mark: dict[str, Any]) -> None:
    mark = {"offset": 0, "length": 3} | mark
    assert asks("group", photo=photo(), caption="Bot?", caption_entities=[mark]) == []


def test_a_link_to_the_bot_itself_is_not_a_question() -> None:
    text = "https://t.me/whatsit_bot what is this?"
    address = entity("url", text, "https://t.me/whatsit_bot")
    asked_about = original("group", photo=photo())
    assert asks("group", **texts(text, address), reply_to_message=asked_about) == [ORIGINAL]
    assert asks("group", **texts(text, address)) == []


@CHATS
@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"photo": photo()}, [ORIGINAL]),
        ({"document": file(mime_type="image/png")}, [Photo("f", "u", 9, message_id=4)]),
        ({"sticker": file(is_animated=False, is_video=False)}, [Photo("f", "u", 9, message_id=4)]),
        ({"text": "https://e.org/a"}, [Link("https://e.org/a", 4)]),
        ({"photo": photo(), "caption": "https://e.org/a"}, [ORIGINAL, Link("https://e.org/a", 4)]),
        ({"rich_message": {"blocks": [{"type": "collage", "blocks": [{"photo": photo()}]}]}}, [ORIGINAL]),
        ({"video": file()}, [NoPreview("videos", 4)]),
    ],
)
def test_somebody_can_ask_about_the_message_that_they_reply_to_and_the_answer_hangs_on_that(
    chat_type: str, shown: dict[str, Any], found: list[Asked]
) -> None:
    assert asks(chat_type, **question(chat_type), reply_to_message=original(chat_type, **shown)) == found


@pytest.mark.parametrize("shown", [{"text": "hello"}, {"voice": file()}, {"document": file(mime_type="text/plain")}])
def test_where_the_original_shows_nothing_the_answer_is_about_the_question(shown: dict[str, Any]) -> None:
    if "text" in shown:  # a voice message or a file is refused by its name
        assert asks(**question("private"), reply_to_message=original("private", **shown)) == [TALK]
    assert asks("group", **question("group"), reply_to_message=original("group", **shown)) == [HINT]


def test_what_a_message_shows_itself_is_asked_about_and_not_what_it_replies_to() -> None:
    assert asks(text="https://e.org/a", reply_to_message=original("private", photo=photo((90, 90)))) == [
        Link("https://e.org/a")
    ]


@CHATS
@pytest.mark.parametrize(
    "answer",
    [
        texts("http://e.org/cat.jpg\nA cat (93%)", entity("url", "http://e.org/cat.jpg", "http://e.org/cat.jpg")),
        texts("e.org answered 404.", entity("url", "e.org answered 404.", "e.org")),
        {"photo": photo()},
    ],
)
def test_the_bot_s_own_answers_are_not_a_question(chat_type: str, answer: dict[str, Any]) -> None:
    by_bot = original(chat_type, **answer, **{"from": BOT})
    nothing: list[Asked] = [TALK if chat_type == "private" else HINT]
    quote = {"text": "http://e.org/cat.jpg", "position": 0, "is_manual": True}
    assert asks(chat_type, text="haha nice", reply_to_message=by_bot) == ([TALK] if chat_type == "private" else [])
    assert asks(chat_type, **question(chat_type), reply_to_message=by_bot, quote=quote) == nothing
    assert asks(chat_type, text="and http://e.org/b?", reply_to_message=by_bot) == [Link("http://e.org/b")]
    elsewhere = {"origin": {"type": "user", "date": 1, "sender_user": BOT}, "photo": photo()}
    assert asks(chat_type, **question(chat_type), external_reply=elsewhere) == nothing


@CHATS
def test_the_head_of_a_topic_is_not_asked_about_and_who_opened_it_is_not_answered(chat_type: str) -> None:
    head = original(chat_type, forum_topic_created={"name": "http://e.org/a", "icon_color": 1}, **{"from": BOT})
    topic = {"reply_to_message": head, "message_thread_id": 4, "is_topic_message": True}
    assert asks(chat_type, text="hello", **topic) == ([TALK] if chat_type == "private" else [])
    assert asks("supergroup", photo=photo(), **topic) == []
    assert asks("supergroup", **mention("@whatsit_bot http://e.org/a"), **topic) == [Link("http://e.org/a")]


@CHATS
def test_a_picture_in_another_chat_is_asked_about_and_the_answer_hangs_on_the_question(chat_type: str) -> None:
    origin = {"type": "channel", "date": 1, "chat": {"id": -9, "type": "channel"}, "message_id": 3}
    video = file(thumbnail=photo((320, 180))[0])
    pictures: list[tuple[dict[str, Any], str]] = [({"photo": photo()}, "500x500"), ({"video": video}, "320x180")]
    for shown, file_id in pictures:
        (found,) = asks(chat_type, **question(chat_type), external_reply={"origin": origin, "message_id": 3} | shown)
        assert isinstance(found, Photo)
        assert (found.file_id, found.message_id) == (file_id, None)
    quote = {"text": "see http://e.org/a", "entities": [entity("url", "see http://e.org/a", "http://e.org/a")]}
    assert asks(chat_type, **question(chat_type), external_reply={"origin": origin}, quote=quote) == [
        Link("http://e.org/a")
    ]
    assert asks(chat_type, **question(chat_type), external_reply={"photo": photo()}, quote=quote) == [
        PHOTO,
        Link("http://e.org/a"),
    ], "Telegram chose the quote: it is the caption"


@CHATS
def test_of_a_quoted_part_its_links_are_asked_about_and_without_links_the_whole_message(chat_type: str) -> None:
    whole = original(chat_type, photo=photo(), caption="http://e.org/a http://e.org/b good")
    one = {"text": "http://e.org/b", "position": 15, "is_manual": True}
    assert asks(chat_type, **question(chat_type), reply_to_message=whole, quote=one) == [Link("http://e.org/b", 4)]
    words = {"text": "good", "position": 30, "is_manual": True}
    assert asks(chat_type, **question(chat_type), reply_to_message=whole, quote=words) == [
        ORIGINAL,
        Link("http://e.org/a", 4),
        Link("http://e.org/b", 4),
    ]
    assert asks(chat_type, **question(chat_type), quote=one) == [Link("http://e.org/b")], "the original is deleted"


@GROUPS
def test_a_rich_message_can_mention_the_bot(chat_type: str) -> None:
    def blocks(text: Any) -> dict[str, Any]:
        return {"blocks": [{"type": "paragraph", "text": text}, {"type": "photo", "photo": photo()}]}

    mentioned = {"type": "bold", "text": {"type": "mention", "text": "@Whatsit_bot", "username": "Whatsit_bot"}}
    tapped = {"type": "text_mention", "text": "Bot", "user": BOT}
    for text in (["what is this, ", mentioned], tapped):
        assert asks(chat_type, rich_message=blocks(text)) == [PHOTO]
    assert asks(chat_type, rich_message=blocks("what is this?")) == []


def test_the_photos_of_an_album_know_it() -> None:
    assert asks(photo=photo(), media_group_id="9") == [PHOTO]
    assert said(photo=photo(), media_group_id="9").content.album == "9"
    reply = {**mention(), "reply_to_message": original("group", photo=photo(), media_group_id="9")}
    assert asks("group", **reply) == [ORIGINAL]
    replied_to = said("group", **reply).reply_to
    assert replied_to and replied_to.content.album == "9"


@CHATS
def test_a_reply_to_another_chat_counts_in_a_topic_where_every_message_replies_to_the_head(chat_type: str) -> None:
    head = original(chat_type, forum_topic_created={"name": "Cats", "icon_color": 1})
    for topic in ({"message_thread_id": 4, "is_topic_message": True}, {"message_thread_id": 4}):
        fields = {"reply_to_message": head, "external_reply": {"photo": photo()}} | topic
        assert asks(chat_type, **question(chat_type), **fields) == [PHOTO]
    post = original(chat_type, photo=photo((90, 90)))
    comment = {"reply_to_message": post, "external_reply": {"photo": photo()}, "message_thread_id": 4}
    assert asks(chat_type, **question(chat_type), **comment) == [PHOTO], "not what the thread is about"


@CHATS
def test_of_a_text_in_another_chat_the_link_that_telegram_previews_is_asked_about(chat_type: str) -> None:
    elsewhere = {"origin": {"type": "hidden_user"}, "link_preview_options": {"url": "https://e.org/a"}}
    assert asks(chat_type, **question(chat_type), external_reply=elsewhere) == [Link("https://e.org/a")]
    plain = {"text": "see the link below", "position": 0}
    assert asks(chat_type, **question(chat_type), external_reply=elsewhere, quote=plain) == [Link("https://e.org/a")]
    chosen = {"text": "http://e.org/b", "position": 0, "is_manual": True}
    chosen |= {"entities": [entity("url", "http://e.org/b", "http://e.org/b")]}
    assert asks(chat_type, **question(chat_type), external_reply=elsewhere, quote=chosen) == [Link("http://e.org/b")]
    for odd in ({"url": 7}, {"is_disabled": True}, "https://e.org/a"):
        reply: Any = {"link_preview_options": odd}
        assert not links_of(asks(chat_type, **question(chat_type), external_reply=reply))


@pytest.mark.parametrize(
    "origin",
    [{"forward_origin": {"type": "user", "date": 1, "sender_user": BOT}}, {"forward_from": BOT, "forward_date": 1}],
)
def test_the_bot_s_own_answers_ask_for_nothing_even_if_they_are_forwarded(origin: dict[str, Any]) -> None:
    said = texts("http://e.org/cat.jpg\nA cat (93%)", entity("url", "http://e.org/cat.jpg", "http://e.org/cat.jpg"))
    assert not links_of(asks(**said, **origin))
    assert not links_of(asks(text="what is this?", reply_to_message=original("private", **said, **origin)))
    somebody: Any = {"forward_origin": {"type": "user", "date": 1, "sender_user": {"id": 8}}}
    assert asks(**said, **somebody) == [Link("http://e.org/cat.jpg")]


def links_of(found: Sequence[Asked]) -> list[Asked]:
    return [item for item in found if isinstance(item, Link)]
