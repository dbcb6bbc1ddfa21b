"""The playground's Bot API, as python-telegram-bot and plain HTTP clients see it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Conflict, Forbidden
from telegram.request import HTTPXRequest

from tests.support.bot_api import DIRECT, TOKEN, RunningPlayground, User


@pytest.fixture
async def bot(playground: RunningPlayground, user: User) -> AsyncIterator[Bot]:
    url, requests = playground.url, [HTTPXRequest(httpx_kwargs=DIRECT) for _ in range(2)]
    async with Bot(
        TOKEN,
        base_url=f"{url}/bot",
        base_file_url=f"{url}/file/bot",
        request=requests[0],
        get_updates_request=requests[1],
    ) as bot:
        yield bot


@pytest.fixture
async def http(playground: RunningPlayground, user: User) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{playground.url}/bot{TOKEN}/", **DIRECT) as http:
        yield http


async def received(bot: Bot) -> list[Message]:
    """The messages that wait for the bot."""
    return [update.message for update in await bot.get_updates(timeout=0) if update.message]


def jpeg(width: int, height: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


async def test_the_bot_learns_who_it_is(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (1, True, "whatsit_playground_bot")


@pytest.mark.parametrize("way", ["params", "data", "json", "files"])
async def test_parameters_come_by_query_form_json_and_multipart(http: httpx.AsyncClient, user: User, way: str) -> None:
    values = {"chat_id": str(user.chat_id), "text": "hello ✓"}
    parameters: Any = {name: (None, value) for name, value in values.items()} if way == "files" else values
    answer = await http.request("GET" if way == "params" else "POST", "sendMessage", **{way: parameters})
    assert answer.json()["result"]["text"] == "hello ✓"


async def test_the_names_of_methods_are_not_case_sensitive(http: httpx.AsyncClient) -> None:
    assert (await http.get("getme")).json()["ok"]


async def test_an_unknown_method_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("getCoffee")
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found: method not found"}


async def test_a_wrong_token_is_unauthorized(playground: RunningPlayground) -> None:
    async with httpx.AsyncClient(base_url=playground.url, **DIRECT) as http:
        answer = await http.get("/bot2:other/getMe")
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_an_update_stays_until_an_offset_above_it_confirms_it(bot: Bot, user: User) -> None:
    user.send_text("one")
    user.send_text("two")
    first, second = await bot.get_updates(timeout=0)
    assert second.update_id == first.update_id + 1
    assert [update.update_id for update in await bot.get_updates(timeout=0)] == [first.update_id, second.update_id]
    assert [update.update_id for update in await bot.get_updates(offset=second.update_id, timeout=0)] == [
        second.update_id
    ]
    assert not await bot.get_updates(offset=second.update_id + 1, timeout=0)
    assert not await bot.get_updates(timeout=0)


async def test_a_negative_offset_forgets_all_but_the_last_updates(bot: Bot, user: User) -> None:
    for text in "abc":
        user.send_text(text)
    await bot.get_updates(offset=-1, timeout=0)
    assert [message.text for message in await received(bot)] == ["c"]


async def test_an_offset_from_before_the_ids_began_again_confirms_nothing(bot: Bot, user: User) -> None:
    user.send_text("hello")
    (update,) = await bot.get_updates(timeout=0)
    assert len(await bot.get_updates(offset=update.update_id + 1000, timeout=0)) == 1


async def test_no_more_updates_come_than_the_limit(bot: Bot, user: User) -> None:
    for text in "abc":
        user.send_text(text)
    assert len(await bot.get_updates(limit=2, timeout=0)) == 2


async def test_a_long_poll_ends_with_the_first_update(bot: Bot, user: User) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.to_thread(user.wait_for_bot)
    await asyncio.to_thread(user.send_text, "hello")
    (update,) = await asyncio.wait_for(poll, 5)
    assert update.message is not None
    assert update.message.text == "hello"


async def test_a_second_poller_ends_the_first_with_a_conflict(bot: Bot, http: httpx.AsyncClient, user: User) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.to_thread(user.wait_for_bot)
    second = asyncio.create_task(http.get("getUpdates", params={"timeout": 20}, timeout=25))
    with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that only one bot"):
        await asyncio.wait_for(first, 5)
    await asyncio.to_thread(user.send_text, "hello")
    assert len((await second).json()["result"]) == 1


async def test_a_killed_poller_takes_no_update_with_it(playground: RunningPlayground, bot: Bot, user: User) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.to_thread(user.wait_for_bot)
    poll.cancel()
    await asyncio.wait([poll])
    user.send_text("hello")
    assert len(await bot.get_updates(timeout=5)) == 1


async def test_a_webhook_excludes_polling(bot: Bot, user: User) -> None:
    user.send_text("dropped")
    await bot.set_webhook("https://example.com/hook")
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates(timeout=0)
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("https://example.com/hook", 1)
    await bot.delete_webhook(drop_pending_updates=True)
    assert not await bot.get_updates(timeout=0)


async def test_setting_a_webhook_ends_a_waiting_poll(bot: Bot, user: User) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.to_thread(user.wait_for_bot)
    await bot.set_webhook("https://example.com/hook")
    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await asyncio.wait_for(poll, 5)


async def test_allowed_updates_are_remembered_and_hold_for_later_updates_only(bot: Bot, user: User) -> None:
    message = user.send_text("one")
    await bot.get_updates(timeout=0, allowed_updates=["message"])
    user.edit(message["message_id"], {"text": "1"})
    user.send_text("two")
    updates = await bot.get_updates(timeout=0)
    assert [update.message and update.message.text for update in updates] == ["one", "two"]


async def test_html_becomes_text_and_entities(bot: Bot, user: User) -> None:
    sent = await bot.send_message(
        user.chat_id,
        "<b>tabby cat</b> 5 &lt; 6 🐈 <code>x</code>",
        parse_mode=ParseMode.HTML,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert sent.text == "tabby cat 5 < 6 🐈 x"
    assert [(e.type, sent.parse_entity(e)) for e in sent.entities] == [("bold", "tabby cat"), ("code", "x")]
    assert sent.link_preview_options == LinkPreviewOptions(is_disabled=True)
    assert user.answers()[0]["text"] == sent.text


async def test_bad_html_is_refused_with_telegram_s_words(bot: Bot, user: User) -> None:
    with pytest.raises(BadRequest, match=r"(?i)can't parse entities: unsupported start tag .p. at byte offset 3"):
        await bot.send_message(user.chat_id, "é <p>", parse_mode=ParseMode.HTML)
    assert not user.answers()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "Message text is empty"), (" \n", "Message text is empty"), ("x" * 4097, "Message is too long")],
)
async def test_a_text_has_1_to_4096_characters(bot: Bot, user: User, text: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=rf"(?i){reason}"):
        await bot.send_message(user.chat_id, text)


async def test_4096_characters_count_after_parsing(bot: Bot, user: User) -> None:
    sent = await bot.send_message(user.chat_id, f"<b>{'&amp;' * 4096}</b>", parse_mode=ParseMode.HTML)
    assert sent.text == "&" * 4096


async def test_an_answer_quotes_the_message_that_it_replies_to(bot: Bot, user: User) -> None:
    question = user.send_text("what is this?")
    sent = await bot.send_message(user.chat_id, "a cat", reply_parameters=ReplyParameters(question["message_id"]))
    legacy = await bot.send_message(user.chat_id, "a cat", reply_to_message_id=question["message_id"])
    for message in (sent, legacy):
        assert message.reply_to_message is not None
        assert message.reply_to_message.text == "what is this?"


async def test_a_reply_to_nothing_is_refused_unless_it_may_go_without(bot: Bot, user: User) -> None:
    with pytest.raises(BadRequest, match=r"(?i)message to be replied not found"):
        await bot.send_message(user.chat_id, "a cat", reply_parameters=ReplyParameters(999))
    sent = await bot.send_message(
        user.chat_id, "a cat", reply_parameters=ReplyParameters(999, allow_sending_without_reply=True)
    )
    assert sent.reply_to_message is None


async def test_a_chat_where_nobody_wrote_is_not_found(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(31337, "hello")


async def test_somebody_who_blocked_the_bot_gets_nothing(bot: Bot, user: User) -> None:
    user.set_chat(blocked=True)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(user.chat_id, "hello")
    with pytest.raises(Forbidden):
        await bot.send_chat_action(user.chat_id, ChatAction.TYPING)


async def test_an_unknown_chat_action_is_refused(bot: Bot, user: User) -> None:
    assert await bot.send_chat_action(user.chat_id, ChatAction.TYPING)
    with pytest.raises(BadRequest, match=r"(?i)wrong parameter action in request"):
        await bot.send_chat_action(user.chat_id, "sleeping")


async def test_a_message_can_be_edited(bot: Bot, user: User) -> None:
    sent = await bot.send_message(user.chat_id, "wait…")
    await bot.edit_message_text("done", user.chat_id, sent.message_id)
    assert user.answers()[0]["text"] == "done"
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_text("done", user.chat_id, sent.message_id)


async def test_a_photo_comes_in_the_sizes_that_telegram_makes(bot: Bot, user: User) -> None:
    user.send_photo(jpeg(2000, 1000), caption="what is it?")
    (message,) = await received(bot)
    assert message.caption == "what is it?"
    sizes = [(size.width, size.height) for size in message.photo]
    assert sizes == [(90, 45), (320, 160), (800, 400), (1280, 640)]
    for size in message.photo:
        content = await (await size.get_file()).download_as_bytearray()
        assert len(content) == size.file_size
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.size) == ("JPEG", (size.width, size.height))


async def test_a_document_comes_as_it_was_sent(bot: Bot, user: User) -> None:
    user.send_document(b"%PDF-1.7 \x00\xff", "report.pdf")
    (message,) = await received(bot)
    document = message.document
    assert document is not None
    assert (document.file_name, document.mime_type, document.file_size) == ("report.pdf", "application/pdf", 11)
    assert await (await document.get_file()).download_as_bytearray() == b"%PDF-1.7 \x00\xff"


async def test_a_photo_may_be_no_image_at_all_when_a_test_wants_it(bot: Bot, user: User) -> None:
    user.send_photo_bytes_raw(b"just text", announced_bytes=5000)
    (message,) = await received(bot)
    (size,) = message.photo
    assert size.file_size == 5000
    assert await (await size.get_file()).download_as_bytearray() == b"just text"


async def test_a_file_over_20_mb_is_too_big_to_download(bot: Bot, user: User) -> None:
    user.send_document(b"x", "video.mp4", announced_bytes=(20 << 20) + 1)
    (message,) = await received(bot)
    assert message.document is not None
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await message.document.get_file()


async def test_an_unknown_file_id_is_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)wrong file_id or the file is temporarily unavailable"):
        await bot.get_file("AgADgone")


async def test_an_address_that_getfile_never_gave_is_not_found(playground: RunningPlayground, user: User) -> None:
    user.send_document(b"x", "secret.txt")
    async with httpx.AsyncClient(base_url=playground.url, **DIRECT) as http:
        answer = await http.get(f"/file/bot{TOKEN}/documents/file_1.txt")
    assert answer.status_code == 404


async def test_anything_else_can_be_sent_raw(bot: Bot, user: User) -> None:
    user.send_raw({"location": {"latitude": 48.2, "longitude": 16.4}})
    user.send_raw(
        {
            "sticker": {
                "file_id": "x",
                "file_unique_id": "y",
                "width": 512,
                "height": 512,
                "is_animated": False,
                "is_video": False,
                "type": "regular",
            }
        }
    )
    user.send_voice()
    place, sticker, voice = await received(bot)
    assert place.location is not None
    assert sticker.sticker is not None
    assert voice.voice is not None


async def test_an_album_shares_its_group_and_captions_its_first_photo(bot: Bot, user: User) -> None:
    user.send_album([jpeg(50, 50), jpeg(60, 60)], caption="two")
    first, second = await received(bot)
    assert first.media_group_id == second.media_group_id
    assert first.media_group_id
    assert (first.caption, second.caption) == ("two", None)


async def test_links_are_marked_in_utf_16_units(bot: Bot, user: User) -> None:
    user.send_text("🐈 see example.com/cat.jpg, or https://example.org/a_(b).png.")
    (message,) = await received(bot)
    links = message.parse_entities(["url"]).values()
    assert list(links) == ["example.com/cat.jpg", "https://example.org/a_(b).png"]


async def test_groups_edits_and_channels_come_in_their_own_updates(bot: Bot, playground: RunningPlayground) -> None:
    with playground.user(-1001) as member, playground.user(-1002) as channel:
        member.set_privacy(on=False)
        member.set_chat(type="supergroup", title="Friends")
        message = member.send_text("@whatsit_playground_bot look")
        member.edit(message["message_id"], {"text": "never mind"})
        channel.set_chat(type="channel")
        channel.send_text("news")
    written, edited, posted = await bot.get_updates(timeout=0)
    assert written.message is not None
    assert written.message.chat.type == "supergroup"
    assert list(written.message.parse_entities(["mention"]).values()) == ["@whatsit_playground_bot"]
    assert edited.edited_message is not None
    assert edited.edited_message.text == "never mind"
    assert posted.channel_post is not None
    assert posted.channel_post.sender_chat is not None


BUTTONS = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Yes", callback_data="y")], [InlineKeyboardButton("More", url="https://example.com/")]]
)


async def test_the_bot_sends_a_photo_and_sends_it_again_by_its_id(bot: Bot, user: User) -> None:
    sent = await bot.send_photo(
        user.chat_id, jpeg(500, 400), caption="<b>grey</b>", parse_mode=ParseMode.HTML, reply_markup=BUTTONS
    )
    assert sent.caption == "grey"
    assert [entity.type for entity in sent.caption_entities] == ["bold"]
    assert sent.reply_markup == BUTTONS
    again = await bot.send_photo(user.chat_id, sent.photo[-1].file_id)
    assert (again.photo[-1].width, again.photo[-1].height) == (500, 400)
    assert len(user.answers()) == 2


async def test_the_bot_sends_a_file(bot: Bot, user: User) -> None:
    sent = await bot.send_document(user.chat_id, b"a,b", filename="table.csv")
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("table.csv", 3)


async def test_the_bot_sends_an_album(bot: Bot, user: User) -> None:
    sent = await bot.send_media_group(
        user.chat_id, [InputMediaPhoto(jpeg(50, 50), caption="two"), InputMediaPhoto(jpeg(60, 60))]
    )
    assert [message.photo[-1].width for message in sent] == [50, 60]
    assert sent[0].media_group_id == sent[1].media_group_id
    assert (sent[0].caption, sent[1].caption) == ("two", None)


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (b"no picture", "image_process_failed"),
        ("https://example.com/cat.jpg", "failed to get HTTP URL content"),
        ("AgADgone", "wrong file identifier/HTTP URL specified"),
    ],
)
async def test_what_is_not_a_photo_is_refused(bot: Bot, user: User, photo: bytes | str, reason: str) -> None:
    with pytest.raises(BadRequest, match=f"(?i){reason}"):
        await bot.send_photo(user.chat_id, photo)
    assert not user.answers()


async def test_an_album_has_two_items_at_least(bot: Bot, user: User) -> None:
    with pytest.raises(BadRequest, match=r"(?i)media group must include 2-10 items"):
        await bot.send_media_group(user.chat_id, [InputMediaPhoto(jpeg(50, 50))])


async def test_an_edit_without_buttons_takes_them_away(bot: Bot, user: User) -> None:
    sent = await bot.send_message(user.chat_id, "Was I right?", reply_markup=BUTTONS)
    assert user.answers()[0]["reply_markup"]["inline_keyboard"][0][0] == {"text": "Yes", "callback_data": "y"}
    await bot.edit_message_reply_markup(user.chat_id, sent.message_id)
    assert "reply_markup" not in user.answers()[0]
    assert user.answers()[0]["text"] == "Was I right?"


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        ({"text": "Yes"}, "text buttons are unallowed"),
        ({"text": "Yes", "callback_data": "x" * 65}, "button_data_invalid"),
    ],
)
async def test_a_button_that_does_nothing_or_too_much_is_refused(
    http: httpx.AsyncClient, user: User, button: dict[str, str], reason: str
) -> None:
    call = {"chat_id": user.chat_id, "text": "?", "reply_markup": {"inline_keyboard": [[button]]}}
    answer = await http.post("sendMessage", json=call)
    assert answer.status_code == 400
    assert reason in answer.json()["description"].lower()


async def test_a_pressed_button_reaches_a_bot_that_asked_for_buttons_and_is_answered_once(bot: Bot, user: User) -> None:
    sent = await bot.send_message(user.chat_id, "Was I right?", reply_markup=BUTTONS)
    await bot.get_updates(timeout=0, allowed_updates=["message"])
    assert not user.press(sent.message_id, "y")
    await bot.get_updates(timeout=0, allowed_updates=["message", "callback_query"])
    assert user.press(sent.message_id, "y")
    (update,) = await bot.get_updates(timeout=0)
    query = update.callback_query
    assert query is not None
    assert query.message is not None
    assert (query.data, query.message.message_id) == ("y", sent.message_id)
    await bot.answer_callback_query(query.id, "Thank you")
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query(query.id)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"chat_id": "--5"}, "chat not found"),
        ({"chat_id": "9" * 5000}, "chat not found"),
        ({"entities": {"type": "bold"}}, "can't parse entities"),
        ({"entities": ["bold"]}, "can't parse entities"),
        ({"entities": [{"type": "bold", "length": 1}]}, "can't parse entities"),
        ({"entities": '[{"type": "bold", "offset": NaN, "length": 1}]'}, "can't parse entities"),
        ({"reply_parameters": {"message_id": [1]}}, "can't parse reply parameters"),
        ({"reply_parameters": {"message_id": "first"}}, "can't parse reply parameters"),
    ],
)
async def test_a_malformed_call_fails_as_with_telegram(
    http: httpx.AsyncClient, user: User, call: dict[str, Any], words: str
) -> None:
    answer = await http.post("sendMessage", json={"chat_id": user.chat_id, "text": "hello", **call})
    failure = answer.json()
    assert (answer.status_code, failure["ok"], failure["error_code"]) == (400, False, 400)
    assert failure["description"].startswith(f"Bad Request: {words}")
    assert not user.answers()


async def test_a_broken_form_fails_as_with_telegram(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    answer = await http.post("sendMessage", content=b"no form", headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


async def test_numbers_may_come_as_text(http: httpx.AsyncClient, user: User) -> None:
    original = user.send_text("hello")
    sent = await http.post(
        "sendMessage",
        json={
            "chat_id": str(user.chat_id),
            "text": "hello",
            "reply_parameters": {"message_id": str(original["message_id"])},
            "entities": [{"type": "bold", "offset": "0", "length": "5"}],
        },
    )
    message = sent.json()["result"]
    assert message["reply_to_message"]["message_id"] == original["message_id"]
    assert message["entities"] == [{"type": "bold", "offset": 0, "length": 5}]
    edited = await http.post(
        "editMessageText",
        json={"chat_id": user.chat_id, "message_id": str(message["message_id"]), "text": "hi"},
    )
    assert edited.json()["result"]["text"] == "hi"


async def test_kinds_of_updates_that_are_not_names_are_ignored(http: httpx.AsyncClient, user: User) -> None:
    user.send_text("hello")
    answer = await http.post("getUpdates", json={"allowed_updates": [["message"], "message"]})
    assert len(answer.json()["result"]) == 1
