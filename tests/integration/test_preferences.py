"""The settings of a chat on a real Redis: who may change them, what each press does, and that the last one stays."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from common.channels.channels import Channels
from common.channels.chats import Preferences
from common.conversation import preferences
from common.conversation.buttons import MAX_TOAST_LENGTH, TOO_OLD, data
from common.errors import Deferred, Outage, TelegramRefused
from common.languages.known import LANGUAGES
from common.languages.speech import say
from common.languages.texts import Text
from common.messages import DownloadPhoto, Message, SendReply, Words
from common.settings import Settings
from common.telegram.client import Me
from common.telegram.flood import Confirm
from common.telegram.sending import Buttons
from receive import ReceiveWorker
from reply import ReplyWorker
from tests.support import make
from tests.support.conversing import converse

GROUP, PRIVATE, BOT = -1000, 7, 42
OWNER, ADMIN, MEMBER, SHY = 1, 2, 3, 4
ADMINS = {OWNER: True, ADMIN: True, MEMBER: False}

SHORT, LONG = data("set", "short", "1"), data("set", "short", "0")
EVERY, ASKED = data("set", "every_photo", "1"), data("set", "every_photo", "0")
FORGET, FORGET_IT, KEEP_IT = data("forget"), data("forget", "1"), data("forget", "0")


class FakeTelegram:
    """Knows who is an admin, or fails; notes toasts and edits."""

    def __init__(self, *, reads_groups: bool = False) -> None:
        self.error: Exception | None = None
        self.hangs = False
        self.slow_for: set[int] = set()
        self.admins = dict(ADMINS)
        self.me = Me(BOT, "whatsit_bot", reads_groups=reads_groups)
        self.toasts: list[tuple[str, str]] = []
        self.shown: list[tuple[str, Buttons]] = []
        self.first_edit = asyncio.Event()
        self.go_on: asyncio.Event | None = None

    async def is_admin(self, chat_id: int, user_id: int) -> bool:
        if self.hangs:
            await asyncio.Event().wait()
        if user_id in self.slow_for:
            await asyncio.sleep(0.2)
        if self.error:
            raise self.error
        if user_id == SHY:
            raise TelegramRefused("Bad Request: member list is inaccessible")
        return self.admins.get(user_id, False)

    async def get_me(self) -> Me:
        return self.me

    async def answer_press(self, query: str, toast: str = "") -> None:
        self.toasts.append((query, toast))

    async def edit(self, chat_id: int, message_id: int, html: str, buttons: Buttons, confirm: Confirm) -> None:
        await confirm()
        if self.go_on and not self.first_edit.is_set():  # the first one is slow
            self.first_edit.set()
            await self.go_on.wait()
        self.shown.append((html, buttons))


class Talk:
    """A bot that people write to."""

    def __init__(self, channels: Channels, settings: Settings, *, reads_groups: bool = False) -> None:
        self.telegram = FakeTelegram(reads_groups=reads_groups)
        self.channels = channels
        self.receive = ReceiveWorker(settings, self.telegram)  # type: ignore[arg-type]
        converse(self.receive, channels, Me(BOT, "whatsit_bot", reads_groups=reads_groups))
        self._numbers = itertools.count(1)

    async def begins(self, raw: dict[str, Any]) -> Sequence[Message]:
        number = next(self._numbers)
        outputs = await self.receive.handle(make.update(f"1-{number}", {"update_id": number, **raw}))
        return outputs if isinstance(outputs, Sequence) else [outputs] if outputs else []

    async def says(
        self, chat: int = GROUP, person: int = MEMBER, language: str = "", **fields: Any
    ) -> Sequence[Message]:
        sender = {"id": person, "language_code": language}
        message = {"message_id": 5, "chat": chat_of(chat), "from": sender, "date": 1} | fields
        return await self.begins({"message": message})

    async def settings(self, chat: int = GROUP, **fields: Any) -> Words:
        (message,) = await self.says(chat, text="/settings@whatsit_bot", **fields)
        return content(message)

    async def presses(
        self, button: str, person: int = ADMIN, chat: int = GROUP, query: str = "", **fields: Any
    ) -> SendReply | None:
        """Press, and give what changes the message."""
        query = query or f"q{next(self._numbers)}"
        message = {"message_id": 9, "chat": chat_of(chat)} | fields
        raw = {"id": query, "from": {"id": person}, "message": message, "data": button}
        outputs = await self.begins({"callback_query": raw})
        assert len(outputs) <= 1
        for output in outputs:
            assert isinstance(output, SendReply)
            return output
        return None

    @property
    def toast(self) -> str:
        return self.telegram.toasts[-1][1]

    async def preferences(self, chat: int = GROUP) -> Preferences:
        return (await self.channels.chats.recall(str(chat), None)).preferences


def chat_of(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}


def content(message: Message | None) -> Words:
    assert isinstance(message, SendReply)
    assert isinstance(message.content, Words)
    return message.content


def rows(content: Words) -> list[list[tuple[str, str]]]:
    return [[(button.text, button.data) for button in row] for row in content.buttons]


@pytest.fixture
def talk(channels: Channels, settings: Settings) -> Talk:
    return Talk(channels, settings)


async def test_the_settings_of_a_private_chat_are_buttons_whose_words_say_what_is_set(talk: Talk) -> None:
    answer = await talk.settings(PRIVATE)
    assert rows(answer) == [
        [("Answers: with other guesses", "1:set:short:1")],
        [("Buttons below answers: yes", "1:set:buttons:0")],
        [("Language: like your app", "1:languages")],
        [("Forget this chat", "1:forget")],
    ]
    changed = await talk.presses(SHORT, chat=PRIVATE)
    assert changed
    assert changed.edits == 9
    assert rows(content(changed))[0] == [("Answers: one sentence", "1:set:short:0")]
    assert talk.toast == "Answers: one sentence"
    assert rows(await talk.settings(PRIVATE)) == rows(content(changed))
    assert await talk.preferences(GROUP) == Preferences(), "each chat has its own"


async def test_everybody_in_a_group_may_read_its_settings_also_in_a_topic(talk: Talk) -> None:
    (message,) = await talk.says(text="/settings", message_thread_id=3, is_topic_message=True)
    assert message.job.thread_id == 3
    assert rows(content(message)) == [
        [("Answers: with other guesses", "1:set:short:1")],
        [("Buttons below answers: no", "1:set:buttons:1")],
        [("Photos: when I’m asked", "1:set:every_photo:1")],
        [("Language: English", "1:languages")],
        [("Forget this chat", "1:forget")],
    ]
    assert "Only admins of this group" in content(message).text


async def test_an_anonymous_admin_reads_the_settings_and_changes_them_by_name(talk: Talk) -> None:
    answer = await talk.settings(sender_chat=chat_of(GROUP), person=1087968824)
    assert rows(answer)
    await talk.presses(SHORT, OWNER)
    assert await talk.preferences() == Preferences(short=True)


@pytest.mark.parametrize("button", [SHORT, EVERY, FORGET, FORGET_IT, KEEP_IT])
async def test_only_admins_of_a_group_change_its_settings(talk: Talk, button: str) -> None:
    await talk.presses(SHORT, OWNER)
    assert await talk.presses(button, MEMBER) is None
    assert talk.toast == "Only admins of this group can change this."
    assert await talk.preferences() == Preferences(short=True)
    talk.telegram.admins[ADMIN] = False
    assert await talk.presses(button, ADMIN) is None, "asked at each press"


@pytest.mark.parametrize(
    ("error", "toast"),
    [
        (Outage("away"), preferences.NO_ANSWER),
        (Deferred(30, "too fast"), preferences.NO_ANSWER),
        (TelegramRefused("Bad Request: member list is inaccessible"), preferences.NOT_KNOWN),
    ],
)
async def test_if_telegram_does_not_say_who_is_an_admin_nothing_changes(
    talk: Talk, error: Exception, toast: Text
) -> None:
    talk.telegram.error = error
    assert await talk.presses(SHORT) is None
    assert talk.toast == say(toast)
    assert await talk.preferences() == Preferences()


async def test_a_silent_telegram_is_not_waited_for_until_the_press_is_over(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preferences, "ANSWER_LIMIT_S", 0.01)
    talk.telegram.hangs = True
    assert await talk.presses(SHORT) is None
    assert talk.toast == say(preferences.NO_ANSWER)
    assert await talk.preferences() == Preferences()


async def test_a_chat_chooses_its_language_and_is_answered_in_it(talk: Talk) -> None:
    offered = content(await talk.presses(data("languages"), chat=PRIVATE))
    assert [text for row in rows(offered) for text, _ in row] == [
        *("English", "Deutsch", "Español", "Français", "Italiano", "Português", "Русский", "Українська", "Türkçe"),
        "Language: like your app",
    ]
    changed = await talk.presses(data("set", "language", "de"), chat=PRIVATE)
    assert changed
    assert await talk.preferences(PRIVATE) == Preferences(language="de")
    assert talk.toast == say(preferences.LANGUAGE.of(language="Deutsch"))
    (hello,) = await talk.says(PRIVATE, text="/start")
    assert hello.job.language == "de"
    await talk.presses(data("set", "language", ""), chat=PRIVATE)
    assert await talk.preferences(PRIVATE) == Preferences()


@pytest.mark.parametrize(("chat", "language"), [(PRIVATE, "ru"), (GROUP, "")])
async def test_without_a_choice_a_person_s_app_decides_and_a_group_is_answered_in_english(
    talk: Talk, chat: int, language: str
) -> None:
    (answer,) = await talk.says(chat, text="/privacy", language="ru-RU")
    assert answer.job.language == language


async def test_in_a_group_its_admins_choose_the_language(talk: Talk) -> None:
    button = data("set", "language", "tr")
    assert await talk.presses(button, MEMBER) is None
    await talk.presses(button, OWNER)
    (answer,) = await talk.says(GROUP, text="/privacy", language="ru")
    assert answer.job.language == "tr"


async def test_a_press_that_is_read_again_changes_nothing_more(talk: Talk) -> None:
    await talk.presses(SHORT, OWNER, query="first")
    await talk.presses(LONG, ADMIN, query="second")
    again = await talk.presses(SHORT, OWNER, query="first")
    assert await talk.preferences() == Preferences()
    assert rows(content(again))[0] == [("Answers: with other guesses", SHORT)], "the message shows what is set"
    await talk.presses(FORGET_IT, OWNER, query="third")
    await talk.presses(SHORT, ADMIN, query="fourth")
    await talk.presses(FORGET_IT, OWNER, query="third")
    assert await talk.preferences() == Preferences(short=True)


async def test_presses_count_in_the_order_in_which_they_came_however_long_telegram_thinks_about_one(talk: Talk) -> None:
    talk.telegram.slow_for = {OWNER}
    first = asyncio.create_task(talk.presses(SHORT, OWNER))
    await asyncio.sleep(0)
    second = asyncio.create_task(talk.presses(LONG, ADMIN))
    await asyncio.gather(first, second)
    assert await talk.preferences() == Preferences()


async def test_presses_in_another_chat_are_not_held_up(talk: Talk) -> None:
    talk.telegram.hangs = True
    slow = asyncio.create_task(talk.presses(SHORT, OWNER))
    await asyncio.sleep(0)
    await talk.presses(SHORT, chat=PRIVATE)
    assert await talk.preferences(PRIVATE) == Preferences(short=True)
    slow.cancel()


async def test_the_same_button_pressed_twice_by_two_people_sets_the_same(talk: Talk) -> None:
    await asyncio.gather(*(talk.presses(SHORT, person) for person in (OWNER, ADMIN, OWNER, ADMIN)))
    assert await talk.preferences() == Preferences(short=True)
    assert [toast for _, toast in talk.telegram.toasts] == ["Answers: one sentence"] * 4
    assert len({query for query, _ in talk.telegram.toasts}) == 4


@pytest.mark.parametrize(
    "button",
    [
        *("1:set", "1:set:", "1:set:short", "1:set:short:2", "1:set:short:1:1", "1:set:language:xx", "2:set:short:1"),
        *("1:forget:2", "1:forget:1:1", "", "x" * 64),
    ],
)
async def test_a_button_of_another_version_is_too_old(talk: Talk, button: str) -> None:
    assert await talk.presses(button, OWNER) is None
    assert talk.toast == say(TOO_OLD)


async def test_a_setting_for_groups_does_not_exist_in_private(talk: Talk) -> None:
    assert await talk.presses(EVERY, chat=PRIVATE) is None
    assert talk.toast == say(TOO_OLD)


async def test_every_photo_needs_privacy_mode_off_and_the_press_says_how(talk: Talk) -> None:
    assert await talk.presses(EVERY) is None
    assert talk.toast == say(preferences.NOT_DELIVERED)
    assert "/setprivacy" in talk.toast
    assert await talk.preferences() == Preferences()
    talk.telegram.admins[BOT] = True
    await talk.presses(EVERY)
    assert await talk.preferences() == Preferences(every_photo=True), "an admin gets all messages of its group"


async def test_privacy_mode_that_was_turned_off_since_the_start_counts(talk: Talk) -> None:
    talk.telegram.me = dataclasses.replace(talk.telegram.me, reads_groups=True)
    await talk.presses(EVERY)
    assert await talk.preferences() == Preferences(every_photo=True)


async def test_with_every_photo_the_bot_looks_without_being_asked_until_it_is_turned_off(
    channels: Channels, settings: Settings
) -> None:
    talk = Talk(channels, settings, reads_groups=True)
    assert not await talk.says(photo=photo())
    await talk.presses(EVERY)
    (download, _) = await talk.says(photo=photo())
    assert isinstance(download, DownloadPhoto)
    talk.telegram.error = None
    await talk.presses(ASKED)
    assert not await talk.says(photo=photo())


async def test_the_job_of_a_chat_with_short_answers_says_so(talk: Talk) -> None:
    await talk.presses(SHORT, chat=PRIVATE)
    (download, _) = await talk.says(PRIVATE, photo=photo())
    assert download.job.short


async def test_forgetting_asks_once_and_can_be_left(talk: Talk) -> None:
    await talk.presses(SHORT)
    question = content(await talk.presses(FORGET))
    assert rows(question) == [[("Forget it", FORGET_IT), ("Keep it", KEEP_IT)]]
    assert await talk.preferences() == Preferences(short=True)
    kept = content(await talk.presses(KEEP_IT))
    assert rows(kept)[0] == [("Answers: one sentence", LONG)]
    assert await talk.preferences() == Preferences(short=True)
    forgotten = content(await talk.presses(FORGET_IT))
    assert rows(forgotten)[0] == [("Answers: with other guesses", SHORT)]
    assert talk.toast == "I’ve forgotten this chat."
    assert await talk.preferences() == Preferences()


async def test_a_press_of_an_admin_who_has_sent_much_in_this_minute_is_shown_all_the_same(talk: Talk) -> None:
    changed = await talk.presses(SHORT, OWNER)
    assert changed
    assert changed.job.user_id is None, "USER_RATE counts by this"


async def test_a_guest_has_no_settings(talk: Talk) -> None:
    message = {"message_id": 5, "chat": chat_of(GROUP), "from": {"id": MEMBER}, "guest_query_id": "g1"}
    outputs = await talk.begins({"guest_message": message | {"text": "/settings@whatsit_bot"}})
    assert [content(output).buttons for output in outputs] in ([], [()])


async def test_whatever_the_order_in_which_presses_are_shown_the_last_one_stays(
    talk: Talk, channels: Channels, settings: Settings
) -> None:
    """The first press's edit is on its way when the second one sets something else and is shown at once."""
    telegram = talk.telegram
    telegram.go_on = asyncio.Event()
    reply = ReplyWorker(settings, telegram)  # type: ignore[arg-type]
    reply.delivery.open(channels)
    slow = asyncio.create_task(deliver(reply, await talk.presses(SHORT)))
    await telegram.first_edit.wait()
    await deliver(reply, await talk.presses(LONG))
    assert first_button(telegram.shown[-1]) == "Answers: with other guesses"
    telegram.go_on.set()
    await slow
    assert [first_button(shown) for shown in telegram.shown] == [
        "Answers: with other guesses",
        "Answers: one sentence",
        "Answers: with other guesses",
    ]


async def test_an_edit_that_comes_late_shows_what_is_set_then(
    talk: Talk, channels: Channels, settings: Settings
) -> None:
    reply = ReplyWorker(settings, talk.telegram)  # type: ignore[arg-type]
    reply.delivery.open(channels)
    edits = [await talk.presses(button) for button in (SHORT, LONG, SHORT)]
    for edit in reversed(edits):
        await deliver(reply, edit)
    assert {first_button(shown) for shown in talk.telegram.shown} == {"Answers: one sentence"}


async def deliver(reply: ReplyWorker, message: SendReply | None) -> None:
    assert message
    await reply.handle(message)


def first_button(shown: tuple[str, Buttons]) -> str:
    return shown[1][0][0].text


def photo() -> list[dict[str, Any]]:
    return [{"file_id": "F", "file_unique_id": "U", "width": 500, "height": 500, "file_size": 9}]


@pytest.mark.parametrize("toast", ["NOT_AN_ADMIN", "NOT_KNOWN", "NO_ANSWER", "NOT_DELIVERED", "FORGOTTEN", "KEPT"])
def test_a_toast_is_as_short_as_telegram_allows(toast: str) -> None:
    assert all(len(say(getattr(preferences, toast), code)) <= MAX_TOAST_LENGTH for code in LANGUAGES)


@pytest.mark.parametrize("in_group", [True, False])
def test_each_row_of_the_table_is_a_preference_whose_default_is_not_stored(in_group: bool) -> None:
    for setting in preferences.TABLE:
        now = setting.now(Preferences(), in_group=in_group)
        assert setting.stored(now, in_group=in_group) == ""
        assert {now} < {value for value, _ in setting.values}
        for value, _ in setting.values:
            data("set", setting.name, value)  # or it does not fit into a button
