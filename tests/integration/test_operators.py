"""What operators do in their own chats, on a real Redis; and that nobody else can."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import pytest

from common.channels.channels import Channels, Once
from common.conversation import operators
from common.conversation.buttons import TOO_OLD
from common.errors import Deferred, Outage, TelegramRefused
from common.languages.speech import say
from common.messages import AcceptUpdate, Button, ClassifyImage, DownloadPhoto, Message, SendReply, Words
from common.runtime.loop import Runtime
from common.runtime.retries import Retries
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.telegram.client import Me
from receive import ReceiveWorker
from tests.support import make
from tests.support.conversing import converse

OPERATORS, GROUP, PERSON = 1000, -1000, 7
TOKEN = "123456789:AAExampleExampleExampleExample_-xyz"
AT_ONCE = Retries(attempts=1)


class FakeTelegram:
    """Notes what is told to those who press; or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.toasts: list[tuple[str, str]] = []

    async def answer_press(self, query: str, toast: str = "") -> None:
        self.toasts.append((query, toast))
        if self.error:
            raise self.error


class Failing(Worker[ClassifyImage]):
    channel = "classify"

    def __init__(self, settings: Settings, error: str) -> None:
        super().__init__(settings)
        self.error = error

    async def handle(self, message: ClassifyImage) -> Outputs:
        raise ValueError(self.error)


class Said:
    """A bot that is talked to."""

    def __init__(self, channels: Channels, settings: Settings, error: Exception | None = None) -> None:
        self.telegram = FakeTelegram(error)
        self.settings = dataclasses.replace(settings, admin_chats=frozenset({OPERATORS, GROUP}), telegram_token=TOKEN)
        self._receive = ReceiveWorker(self.settings, self.telegram)  # type: ignore[arg-type]
        self._number = 0
        converse(self._receive, channels, Me(42, "whatsit_bot"))

    async def begins(self, kind: str, content: dict[str, Any]) -> Sequence[Message]:
        self._number += 1
        outputs = await self._receive.handle(
            make.update(f"1-{self._number}", {"update_id": self._number, kind: content})
        )
        return outputs if isinstance(outputs, Sequence) else [outputs] if outputs else []

    async def says(self, text: str, chat: int = OPERATORS, person: int = PERSON, **fields: Any) -> Sequence[Message]:
        message = {"message_id": 5, "chat": _chat(chat), "from": {"id": person}, "text": text} | fields
        return await self.begins("message", message)

    async def answer(self, text: str, chat: int = OPERATORS, **fields: Any) -> Words:
        (message,) = await self.says(text, chat, **fields)
        return _content(message)

    async def presses(self, button: Button, chat: int = OPERATORS) -> Sequence[Message]:
        message = {"message_id": 9, "chat": _chat(chat)}
        query = {"id": f"q{self._number}", "from": {"id": PERSON}, "message": message, "data": button.data}
        return await self.begins("callback_query", query)


def _chat(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}


def _content(message: Message) -> Words:
    assert isinstance(message, SendReply)
    assert isinstance(message.content, Words)
    return message.content


def photo() -> dict[str, Any]:
    return {"photo": [{"file_id": "F", "file_unique_id": "U", "width": 500, "height": 500}]}


async def bury(channels: Channels, settings: Settings, *jobs: str, error: str = "bad\nbytes") -> None:
    """Dead letters of these jobs, each of which begins with its picture's message to classify."""
    for job in jobs:
        receive = Beginning(settings, job)
        await channels.publish([(make.update(job.rpartition("-")[0]), Once("test", job, 60_000))])
        await Runtime(receive, channels, "a", burst=True).run()
        await Runtime(Failing(settings, error), channels, "b", retries=AT_ONCE, burst=True).run()
        await Runtime(Sending(settings), channels, "c", burst=True).run()


class Beginning(Worker[AcceptUpdate]):
    channel = "receive"

    def __init__(self, settings: Settings, job: str) -> None:
        super().__init__(settings)
        self.job = job

    async def handle(self, message: AcceptUpdate) -> Outputs:
        return make.classify(self.job)


class Sending(Worker[SendReply]):
    channel = "reply"

    async def handle(self, message: SendReply) -> Outputs:
        return None


async def test_operators_see_what_could_not_be_handled_and_try_it_again(channels: Channels, settings: Settings) -> None:
    await bury(channels, settings, "1-101-0", "1-102-0")
    bot = Said(channels, settings)
    listed = await bot.answer("/dead")
    assert listed.text.startswith("2 messages could not be handled. I keep each for 7 days.")
    lines = re.findall(r"^\d\. .*$", listed.text, re.MULTILINE)
    assert len(lines) == 2
    assert all("classify, " in line and "chat 7: ValueError: bad\\nbytes" in line for line in lines)
    (first, second), (again,) = listed.buttons
    assert (first.text, second.text, again.text) == ("Retry 1", "Retry 2", "Look again")

    (changed,) = await bot.presses(first)
    assert isinstance(changed, SendReply)
    assert (changed.edits, changed.job.chat_id) == (9, OPERATORS)
    assert _content(changed).text.startswith("1 message could not be handled.")
    assert [toast for _, toast in bot.telegram.toasts] == [operators.AGAIN]
    assert await channels.ledger.live(["1-101-0", "1-102-0"]) == {"1-102-0"}, "the newest is the first"

    (same,) = await bot.presses(first)
    assert bot.telegram.toasts[-1][1] == operators.GONE
    assert _content(same).text == _content(changed).text


async def test_an_update_that_is_read_again_starts_the_job_once(channels: Channels, settings: Settings) -> None:
    await bury(channels, settings, "1-101-0")
    bot = Said(channels, settings)
    ((retry,), _) = (await bot.answer("/dead")).buttons
    for _ in range(2):
        await bot.presses(retry)
    started = await channels.redis.xlen(channels.keys.stream("classify"))
    assert started == 1
    assert await channels.dead_letters.count() == 0
    assert (await bot.answer("/dead")).text == operators.NO_DEAD_LETTERS


async def test_the_list_is_short_and_holds_no_secret(channels: Channels, settings: Settings) -> None:
    jobs = [f"1-{number}-0" for number in range(101, 111)]
    await bury(channels, settings, *jobs, error=f"GET /bot{TOKEN}/getMe " + "x" * 500)
    listed = await Said(channels, settings).answer("/dead")
    assert "And 2 older" in listed.text
    assert TOKEN not in listed.text
    assert len(listed.text) < 4096
    assert [len(row) for row in listed.buttons] == [4, 4, 1]
    assert all(len(button.data.encode()) <= 64 for row in listed.buttons for button in row)


@pytest.mark.parametrize("text", ["/dead", "/block 7", "/unblock 7", "/blocked", "/dead@whatsit_bot"])
async def test_elsewhere_these_commands_are_unknown_ones(channels: Channels, settings: Settings, text: str) -> None:
    bot = Said(channels, settings)
    assert "I don’t know the command" in (await bot.answer(text, PERSON)).text
    assert not await bot.says(text, -5, person=OPERATORS), "an operator in another group is nobody special there"
    assert not await channels.chats.blocked()


async def test_a_button_for_operators_does_nothing_in_another_chat(channels: Channels, settings: Settings) -> None:
    await bury(channels, settings, "1-101-0")
    bot = Said(channels, settings)
    ((retry,), (look,)) = (await bot.answer("/dead")).buttons
    for button in (retry, look):
        assert not await bot.presses(button, PERSON)
    assert [toast for _, toast in bot.telegram.toasts] == [say(TOO_OLD)] * 2
    assert await channels.dead_letters.count() == 1


@pytest.mark.parametrize("chat", [OPERATORS, GROUP])
async def test_a_blocked_person_is_not_answered_in_any_chat_and_then_is_again(
    channels: Channels, settings: Settings, chat: int
) -> None:
    bot = Said(channels, dataclasses.replace(settings, allowed_chats=frozenset({PERSON, -5})))
    assert "I don’t answer 7 from now on." in (await bot.answer("/block 7", chat)).text
    assert "7 is blocked already." in (await bot.answer("/block 7", chat)).text
    assert (await bot.answer("/blocked", chat)).text.split("\n")[1:] == ["• 7"]
    assert not await bot.says("/help", PERSON)
    assert not await bot.says("", PERSON, **photo())
    assert not await bot.says("/help", -5), "in a group, too"
    guest = {"message_id": 5, "chat": _chat(-9), "from": {"id": PERSON}, "guest_query_id": "Q"} | photo()
    assert not await bot.begins("guest_message", guest), "and as a guest"

    assert "I answer 7 again." in (await bot.answer("/unblock 7", chat)).text
    assert isinstance((await bot.says("", PERSON, **photo()))[0], DownloadPhoto)
    assert (await bot.answer("/blocked", chat)).text == operators.NOBODY


async def test_a_blocked_group_is_silent_and_a_press_there_does_nothing(channels: Channels, settings: Settings) -> None:
    bot = Said(channels, settings)
    await bot.answer("/block -5")
    assert not await bot.says("/help", -5)
    assert not await bot.presses(Button("x", "1:dead"), -5)
    assert bot.telegram.toasts == [("q2", "")], "the press ends all the same"


async def test_operators_cannot_lock_themselves_out(channels: Channels, settings: Settings) -> None:
    bot = Said(channels, dataclasses.replace(settings, allowed_chats=frozenset({-5})))
    assert (await bot.answer(f"/block {GROUP}")).text == operators.NOT_OURS
    await bot.answer(f"/block {PERSON}")
    assert (await bot.answer("/unblock 7")).text == "I answer 7 again.", "they are served in their own chat"


@pytest.mark.parametrize("rest", ["", " ", " you", " 7 8", " @name", " 123456789012345678901"])
async def test_without_an_id_the_answer_asks_for_one(channels: Channels, settings: Settings, rest: str) -> None:
    bot = Said(channels, settings)
    assert (await bot.answer(f"/block{rest}")).text == "Which one? Write the id of a chat or a person: /block 123456789"
    assert not await channels.chats.blocked()


@pytest.mark.parametrize("error", [Outage("down"), Deferred(1.0, "later"), TelegramRefused("query is too old")])
async def test_a_press_that_telegram_does_not_let_us_answer_has_its_effect(
    channels: Channels, settings: Settings, error: Exception
) -> None:
    await bury(channels, settings, "1-101-0")
    bot = Said(channels, settings, error)
    ((retry,), _) = (await bot.answer("/dead")).buttons
    (changed,) = await bot.presses(retry)
    assert _content(changed).text == operators.NO_DEAD_LETTERS
