"""What guests ask for, and how their queries are answered at the Bot API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from common.errors import MethodUnknown, Outage, TelegramRefused
from common.telegram.flood import FloodLimits
from common.telegram.pictures import NoPreview, Photo
from common.telegram.reading import read
from common.telegram.said import Said
from common.telegram.sending import Sending
from common.telegram.updates import Asked, LeftOut, Link, NothingShown, asked, is_addressed
from tests.support.raw_messages import BOT, ME, entity, file, mention, message, photo, texts

TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
LINKS = "@whatsit_bot https://e.org/a https://e.org/b https://e.org/c"


def said(**fields: Any) -> Said:
    raw = message("supergroup", guest_query_id="Q", **fields)
    found = read({"update_id": 1, "guest_message": raw})
    assert isinstance(found, Said)
    return found


def asks(**fields: Any) -> Sequence[Asked]:
    return list(asked(said(**fields), ME))


def caption(text: str = "@whatsit_bot") -> dict[str, Any]:
    return {"caption": text, "caption_entities": [entity("mention", text, "@whatsit_bot")]}


def marked(text: str) -> dict[str, Any]:
    links = [entity("url", text, word) for word in text.split() if word.startswith("https://")]
    return texts(text, entity("mention", text, "@whatsit_bot"), *links)


@pytest.mark.parametrize("replied", [{"photo": photo()}, {"document": file(mime_type="image/png")}])
def test_a_picture_of_the_message_or_of_the_one_replied_to_is_looked_at(replied: dict[str, Any]) -> None:
    (own,) = asks(photo=photo(), **caption())
    (others,) = asks(**mention("@whatsit_bot"), reply_to_message=message("supergroup", message_id=4, **replied))
    (elsewhere,) = asks(**mention("@whatsit_bot"), external_reply={"origin": {"type": "user"}, **replied})
    assert [type(each) for each in (own, others, elsewhere)] == [Photo] * 3


def test_a_guest_has_named_the_bot_even_if_the_text_does_not_say_so() -> None:
    assert is_addressed(said(photo=photo()), ME)
    assert [type(each) for each in asks(photo=photo())] == [Photo]
    assert [type(each) for each in asks(text="what?", reply_to_message=message(photo=photo()))] == [Photo]


def test_of_several_pictures_and_links_the_first_is_looked_at_and_the_others_are_counted() -> None:
    assert asks(**marked(LINKS)) == [Link("https://e.org/a"), LeftOut("picture", 1, 2)]
    many = " ".join(["@whatsit_bot", *(f"https://e.org/{number}" for number in range(9))])
    assert asks(**marked(many)) == [Link("https://e.org/0"), LeftOut("picture", 1, 8)]
    first, left = asks(**marked(LINKS), photo=photo())
    assert (type(first), left) == (Photo, LeftOut("picture", 1, 3))


def test_something_that_can_be_looked_at_goes_before_something_that_cannot() -> None:
    text = "@whatsit_bot https://e.org/a"
    fields = {"caption": text, "caption_entities": marked(text)["entities"]}
    assert asks(video=file(), **fields) == [Link("https://e.org/a"), LeftOut("picture", 1, 1)]
    assert asks(video=file(), **caption()) == [NoPreview("videos")]


@pytest.mark.parametrize(
    "fields",
    [
        mention("@whatsit_bot"),
        mention("@whatsit_bot hello?") | {"reply_to_message": message("supergroup", text="hello")},
        mention("@whatsit_bot") | {"reply_to_message": message("supergroup", voice=file())},
        mention("@whatsit_bot") | {"reply_to_message": message("supergroup", photo=photo(), **{"from": BOT})},
        {"voice": file()} | caption(),
        texts("/start@whatsit_bot"),
        texts("/dead"),
        texts("/block 7 @whatsit_bot"),
    ],
)
def test_with_nothing_to_look_at_it_is_told_how_to_ask_and_there_are_no_commands(fields: dict[str, Any]) -> None:
    assert asks(**fields) == [NothingShown()]


def test_a_command_below_a_photo_looks_at_it() -> None:
    assert isinstance(asks(**texts("/what@whatsit_bot"), reply_to_message=message(photo=photo()))[0], Photo)


def test_another_bot_gets_no_answer() -> None:
    assert asks(photo=photo(), **caption(), **{"from": {"id": 9, "is_bot": True}}) == []


def test_a_guest_s_message_is_in_no_album_no_topic_and_no_private_chat() -> None:
    found = said(
        photo=photo(), media_group_id="A", message_thread_id=3, is_topic_message=True, chat={"id": 9, "type": "private"}
    )
    assert (found.content.album, found.thread_id, found.topic_id, found.is_private) == ("", None, None, False)


def test_a_spoiler_is_known() -> None:
    (own,) = asks(photo=photo(), has_media_spoiler=True)
    assert isinstance(own, Photo)
    assert own.spoiler


class FakeConnection:
    """Notes the calls, and fails with the given errors first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[tuple[str, dict[str, Any], bool]] = []

    async def call(self, method: str, parameters: dict[str, Any], *, limited: bool = False) -> Any:
        self.calls.append((method, parameters, limited))
        if self.errors:
            raise self.errors.pop(0)
        return True


def sending(*errors: Exception) -> tuple[Sending, FakeConnection]:
    connection = FakeConnection(*errors)
    return Sending(connection), connection  # type: ignore[arg-type]


async def test_an_answer_is_an_article_without_buttons_and_counts_for_the_flood_limits() -> None:
    bot, connection = sending()
    assert await bot.answer_guest("Q", "<b>a</b>")
    ((method, parameters, limited),) = connection.calls
    assert (method, limited, parameters["guest_query_id"]) == ("answerGuestQuery", True, "Q")
    result = parameters["result"]
    assert (result["type"], 1 <= len(result["id"]) <= 64, bool(result["title"])) == ("article", True, True)
    content = {"message_text": "<b>a</b>", "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
    assert result["input_message_content"] == content
    assert "reply_markup" not in result


@pytest.mark.parametrize("refused", [TOO_OLD, "Bad Request: QUERY_ID_INVALID"])
async def test_a_query_that_was_answered_or_is_too_old_counts_as_done(refused: str) -> None:
    bot, _ = sending(TelegramRefused(refused))
    assert not await bot.answer_guest("Q", "a")


async def test_another_refusal_and_an_outage_are_errors() -> None:
    for error in (TelegramRefused("Bad Request: CHAT_SEND_INLINE_FORBIDDEN"), Outage("down")):
        bot, _ = sending(error)
        with pytest.raises(type(error)):
            await bot.answer_guest("Q", "a")


async def test_html_that_is_refused_goes_as_plain_text_without_another_wait() -> None:
    confirmed = []

    async def confirm() -> None:
        confirmed.append(1)

    bot, connection = sending(TelegramRefused("Bad Request: can't parse entities: unsupported start tag"))
    assert await bot.answer_guest("Q", "<b>a</b> &lt;", confirm)
    (_, _, first), (_, parameters, second) = connection.calls
    assert parameters["result"]["input_message_content"]["message_text"] == "a <"
    assert (first, second, confirmed) == (True, False, [1])


async def test_an_answer_without_a_chat_waits_for_the_limit_of_all_chats_and_of_no_group() -> None:
    limits = FloodLimits(1)
    assert limits._base_limiter is not None
    done = []

    async def call(*_: Any, **__: Any) -> bool:
        done.append(1)
        return True

    await limits.process_request(call, (), {}, "answerGuestQuery", {"guest_query_id": "Q"}, None)
    assert done == [1]
    assert not limits._base_limiter.has_capacity(), "the one message of this second is sent"
    assert limits._groups == {}


async def test_a_draft_is_plain_text_with_its_topic_and_does_not_count() -> None:
    bot, connection = sending()
    await bot.draft(7, 5, "You are next: about 4 seconds.")
    await bot.draft(7, 5, "a", 3)
    assert connection.calls == [
        ("sendMessageDraft", {"chat_id": 7, "draft_id": 5, "text": "You are next: about 4 seconds."}, False),
        ("sendMessageDraft", {"chat_id": 7, "draft_id": 5, "text": "a", "message_thread_id": 3}, False),
    ]


def test_an_unknown_method_is_a_refusal_of_its_own() -> None:
    assert issubclass(MethodUnknown, TelegramRefused)
