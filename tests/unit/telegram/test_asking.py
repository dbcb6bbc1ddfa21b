"""How people ask where the bot does not look by itself: by a command, by its name, in reply to what they ask about."""

from __future__ import annotations

from typing import Any

import pytest

from common.messages import Subject
from common.telegram.pictures import NoPreview, Photo
from common.telegram.small_talk import SmallTalk, Talk
from common.telegram.updates import Asked, Command, Link, Unwelcome, is_addressed
from tests.support.raw_messages import BOT, ME, asks, entity, file, mention, message, photo, said, texts

PHOTO = Photo("500x500", "u500", 250_000)
ORIGINAL = Photo("500x500", "u500", 250_000, message_id=4)
HINT = Command("what")
COMMANDS = pytest.mark.parametrize("command", ["/what", "/whatsit", "/what@Whatsit_Bot", "/WHATSIT@WHATSIT_BOT"])
CHATS = pytest.mark.parametrize("chat_type", ["private", "group", "supergroup"])
NOTHING: list[dict[str, Any]] = [
    {"text": "hello"},
    {"voice": file(duration=1)},
    {"document": file(mime_type="application/pdf")},
    {"poll": {"id": "1", "question": "?"}},
    {"new_chat_members": [{"id": 7}]},
]


def original(chat_type: str, **fields: Any) -> dict[str, Any]:
    return message(chat_type, message_id=4, **fields)


def command(text: str) -> dict[str, Any]:
    """A text with its marks as Telegram sends them."""
    word = text.split(maxsplit=1)[0]
    return texts(text, entity("bot_command", text, word))


def caption(text: str) -> dict[str, Any]:
    marked = command(text)
    return {"caption": marked["text"], "caption_entities": marked["entities"]}


@COMMANDS
@CHATS
@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"photo": photo()}, [ORIGINAL]),
        ({"photo": photo(), "media_group_id": "9"}, [ORIGINAL]),
        ({"document": file(mime_type="image/png")}, [Photo("f", "u", 9, message_id=4)]),
        ({"sticker": file(is_animated=False, is_video=False)}, [Photo("f", "u", 9, message_id=4)]),
        ({"text": "https://e.org/a"}, [Link("https://e.org/a", 4)]),
        ({"animation": file(mime_type="image/gif")}, [Photo("f", "u", 9, message_id=4)]),
        ({"video": file()}, [NoPreview("videos", 4)]),
        (
            {"photo": photo(), "has_media_spoiler": True},
            [Photo("500x500", "u500", 250_000, Subject.PICTURE, 4, spoiler=True)],
        ),
    ],
)
def test_a_command_asks_about_the_message_that_it_replies_to(
    chat_type: str, command: str, shown: dict[str, Any], found: list[Asked]
) -> None:
    sent = texts(command, entity("bot_command", command, command))
    asked = asks(chat_type, **sent, reply_to_message=original(chat_type, **shown))
    assert asked == found


@CHATS
def test_a_command_asks_about_another_chat_s_message_and_a_quoted_link(chat_type: str) -> None:
    origin = {"type": "channel", "date": 1, "chat": {"id": -9, "type": "channel"}, "message_id": 3}
    assert asks(chat_type, **command("/what@whatsit_bot"), external_reply={"origin": origin, "photo": photo()}) == [
        PHOTO
    ]
    quote = {"text": "http://e.org/b", "position": 15, "is_manual": True}
    whole = original(chat_type, photo=photo(), caption="http://e.org/a http://e.org/b")
    assert asks(chat_type, **command("/what"), reply_to_message=whole, quote=quote) == [Link("http://e.org/b", 4)]


@COMMANDS
@CHATS
def test_a_photo_whose_caption_begins_with_the_command_is_asked_about(chat_type: str, command: str) -> None:
    marked = {"caption": f"{command} is this?", "caption_entities": []}
    assert asks(chat_type, photo=photo(), **marked) == [PHOTO]
    assert asks(chat_type, photo=photo(), media_group_id="9", **marked) == [PHOTO]
    assert is_addressed(said(chat_type, photo=photo(), **marked), ME), "and so the rest of its album is"
    replied = original(chat_type, photo=photo((90, 90)))
    assert asks(chat_type, photo=photo(), **marked, reply_to_message=replied) == [PHOTO], "its own picture counts"


def test_other_words_and_other_commands_in_a_caption_ask_for_nothing_in_a_group() -> None:
    for text in ("so /what", "/whatever", "/help", "/start@whatsit_bot", "/what.jpg", "what"):
        assert asks("group", photo=photo(), caption=text) == []


@CHATS
def test_a_link_behind_the_command_is_asked_about(chat_type: str) -> None:
    text = "/what@whatsit_bot https://e.org/a.jpg"
    marks = (entity("bot_command", text, "/what@whatsit_bot"), entity("url", text, "https://e.org/a.jpg"))
    assert asks(chat_type, **texts(text, *marks)) == [Link("https://e.org/a.jpg")]
    assert asks(chat_type, text=text) == [Link("https://e.org/a.jpg")], "a server that marks nothing"
    below_a_photo = original(chat_type, photo=photo())
    assert asks(chat_type, **texts(text, *marks), reply_to_message=below_a_photo) == [Link("https://e.org/a.jpg")]


@COMMANDS
@CHATS
def test_a_command_with_nothing_to_look_at_asks_how_to_ask(chat_type: str, command: str) -> None:
    name = command[1:].partition("@")[0].lower()
    sent = texts(command, entity("bot_command", command, command))
    assert asks(chat_type, **sent) == [Command(name)]
    for shown in NOTHING:
        is_named = chat_type == "private" and shown.keys() & {"voice", "document", "poll"}
        if not is_named:  # else it is refused by its name
            assert asks(chat_type, **sent, reply_to_message=original(chat_type, **shown)) == [Command(name)]


@pytest.mark.parametrize("text", ["/what@other_bot", "/whatsit@OTHER_BOT now", "/what@whatsit_bot2", "/what@whatsit"])
def test_commands_for_another_bot_are_ignored_in_a_group_whatever_else_is_there(text: str) -> None:
    by_bot = original("group", text="A cat", **{"from": BOT})
    assert asks("group", **command(text)) == []
    assert asks("group", **command(text), reply_to_message=original("group", photo=photo())) == []
    assert asks("group", **command(text), reply_to_message=by_bot) == []
    assert asks("group", photo=photo(), **caption(text)) == []
    assert asks("group", photo=photo(), **caption(text), reply_to_message=by_bot) == []
    assert asks("private", photo=photo(), **caption(text)) == [PHOTO], "in private every photo is looked at"


@pytest.mark.parametrize("chat_type", ["group", "supergroup"])
def test_the_bot_s_name_with_nothing_to_look_at_asks_how_to_ask(chat_type: str) -> None:
    assert asks(chat_type, **mention()) == [HINT]
    assert asks(chat_type, **texts("Bot?", entity("text_mention", "Bot?", "Bot", user=BOT))) == [HINT]
    named = {"caption": "@whatsit_bot", "caption_entities": [entity("mention", "@whatsit_bot", "@whatsit_bot")]}
    assert asks(chat_type, voice=file(duration=1), **named) == [HINT]
    for shown in NOTHING:
        assert asks(chat_type, **mention(), reply_to_message=original(chat_type, **shown)) == [HINT]
    for other in ("@whatsit_bot2 hello", "hello", "@other_bot"):
        assert asks(chat_type, **texts(other, entity("mention", other, other.split(maxsplit=1)[0]))) == []
    address = "https://t.me/whatsit_bot"
    assert asks(chat_type, **texts(address, entity("url", address, address))) == [], "it is recommended, not asked"


def test_of_an_album_another_message_may_show_the_picture() -> None:
    named = {"caption": "@whatsit_bot", "caption_entities": [entity("mention", "@whatsit_bot", "@whatsit_bot")]}
    for words in (named, caption("/what")):
        assert asks("group", document=file(mime_type="application/pdf"), media_group_id="9", **words) == []


@pytest.mark.parametrize("chat_type", ["private", "supergroup"])
@pytest.mark.parametrize(
    "head",
    [
        {"photo": photo()},
        {"photo": photo(), "caption": "https://e.org/a", "from": BOT},
        {"text": "https://e.org/a"},
        {"forum_topic_created": {"name": "http://e.org/a", "icon_color": 1}},
    ],
)
def test_in_a_topic_a_message_that_replies_to_its_head_shows_nothing(chat_type: str, head: dict[str, Any]) -> None:
    topic = {"reply_to_message": original(chat_type, **head), "message_thread_id": 4, "is_topic_message": True}
    assert asks(chat_type, **command("/what@whatsit_bot"), **topic) == [HINT]
    if chat_type == "supergroup":
        assert asks(chat_type, **mention(), **topic) == [HINT]
        assert asks(chat_type, text="👍", **topic) == [], "nobody has answered the bot"
    other: dict[str, Any] = {**topic, "reply_to_message": message(chat_type, message_id=8, photo=photo())}
    assert asks(chat_type, **command("/what@whatsit_bot"), **other) == [Photo("500x500", "u500", 250_000, message_id=8)]


def test_a_comment_below_a_channel_s_post_asks_about_the_post() -> None:
    channel = {"id": -9, "type": "channel", "title": "C"}
    post = original(
        "supergroup",
        photo=photo(),
        is_automatic_forward=True,
        sender_chat=channel,
        forward_origin={"type": "channel", "date": 1, "chat": channel, "message_id": 3},
        **{"from": {"id": 777000, "is_bot": False, "first_name": "Telegram"}},
    )
    comment = {"reply_to_message": post, "message_thread_id": 4}
    assert asks("supergroup", **command("/what@whatsit_bot"), **comment) == [ORIGINAL]
    assert asks("supergroup", **mention(), **comment) == [ORIGINAL]
    assert asks("supergroup", text="nice", **comment) == []


@CHATS
def test_a_command_below_an_answer_of_the_bot_asks_about_its_picture_where_the_server_says_which(
    chat_type: str,
) -> None:
    answer = original(chat_type, text="A cat (93%)", **{"from": BOT})
    assert asks(chat_type, **command("/what"), reply_to_message=answer) == [HINT], "as Telegram does"
    whole = answer | {"reply_to_message": message(chat_type, message_id=3, photo=photo())}
    asked = Photo("500x500", "u500", 250_000, message_id=3)
    assert asks(chat_type, **command("/what"), reply_to_message=whole) == [asked]
    assert asks(chat_type, text="haha", reply_to_message=whole) == (
        [SmallTalk(Talk.WORDS)] if chat_type == "private" else []
    )
    ours = answer | {"reply_to_message": message(chat_type, message_id=3, photo=photo(), **{"from": BOT})}
    assert asks(chat_type, **command("/what"), reply_to_message=ours) == [HINT]


@pytest.mark.parametrize("words", ["what is this?", "/what", "?", "thanks", "👍", "hello https"])
def test_in_private_any_reply_to_a_photo_looks_at_it(words: str) -> None:
    assert asks(text=words, reply_to_message=original("private", photo=photo())) == [ORIGINAL]


def test_a_recording_whose_caption_is_the_command_is_refused_by_its_name_in_private() -> None:
    assert asks(voice=file(duration=1), **caption("/what")) == [Unwelcome("voice messages")]
    assert asks("group", voice=file(duration=1), **caption("/what")) == [HINT]


@pytest.mark.parametrize(
    ("shown", "what"),
    [
        ({"voice": file(duration=1)}, "voice messages"),
        ({"audio": file(duration=1)}, "audio files"),
        ({"document": file(mime_type="application/pdf", file_name="a.pdf")}, "files of this kind"),
        ({"location": {"latitude": 1, "longitude": 2}}, "locations"),
        ({"story": {"id": 3, "chat": {"id": 9}}}, "stories"),
    ],
)
@pytest.mark.parametrize("question", [{"text": "what is it?"}, command("/what")])
def test_in_private_a_question_about_what_the_bot_cannot_look_at_is_refused_by_its_name(
    shown: dict[str, Any], what: str, question: dict[str, Any]
) -> None:
    assert asks(**question, reply_to_message=original("private", **shown)) == [Unwelcome(what)]
    elsewhere = {"origin": {"type": "user"}, **shown}
    assert asks(**question, external_reply=elsewhere) == [Unwelcome(what)]


def test_thanks_below_such_a_message_are_thanks_and_a_group_reads_how_to_ask() -> None:
    below: dict[str, Any] = {"reply_to_message": original("private", voice=file(duration=1))}
    assert asks(text="Thank you!", **below) == [SmallTalk(Talk.THANKS)]
    assert asks(**command("/help"), **below) == [Command("help")]
    in_group: dict[str, Any] = {"reply_to_message": original("group", voice=file(duration=1))}
    assert asks("group", **command("/what@whatsit_bot"), **in_group) == [HINT]
    ours: dict[str, Any] = {"reply_to_message": original("private", voice=file(duration=1), **{"from": BOT})}
    assert asks(text="what is it?", **ours) == [SmallTalk(Talk.WORDS)]


@pytest.mark.parametrize("chat_type", ["private", "group", "supergroup"])
def test_a_start_with_a_payload_is_a_start(chat_type: str) -> None:
    assert asks(chat_type, **command("/start@whatsit_bot abc_123-x")) == [Command("start", "abc_123-x")]


def test_in_a_group_small_talk_is_left_alone_but_for_applause() -> None:
    answer = original("group", text="A cat (93%)", **{"from": BOT})
    for text in ("thanks!", "Danke schön", "@whatsit_bot thank you", "❤️", "👍🏽"):
        assert asks("group", text=text, reply_to_message=answer) == [SmallTalk(Talk.APPLAUSE)]
        assert asks("group", text=text) == []
        assert asks("group", text=text, reply_to_message=original("group", text="A cat?")) == []
    for text in ("nice", "example . com/cat.jpg", "really?"):
        assert asks("group", text=text, reply_to_message=answer) == []


def test_in_private_all_words_get_an_answer() -> None:
    answer = original("private", text="A cat (93%)", **{"from": BOT})
    for text, alone, below in (
        ("thanks!", Talk.THANKS, Talk.APPLAUSE),
        ("👍", Talk.WORDS, Talk.APPLAUSE),
        ("nice", Talk.WORDS, Talk.WORDS),
        ("example . com/cat.jpg", Talk.BROKEN_LINK, Talk.BROKEN_LINK),
        ("/what hxxp://e.org/a", Talk.BROKEN_LINK, Talk.BROKEN_LINK),
    ):
        assert asks(text=text) == [SmallTalk(alone)]
        assert asks(text=text, reply_to_message=answer) == [SmallTalk(below)]
