"""The buttons below an answer, on a real Redis: what they carry, what presses count, and what may be forged."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from common import words
from common.answers.vocabulary import imagenet
from common.channels.channels import Channels
from common.channels.verdicts import VERDICTS
from common.conversation import below
from common.conversation.buttons import MAX_DATA_BYTES, TOO_OLD
from common.languages.known import LANGUAGES
from common.languages.speech import say
from common.messages import Finding, FindingKind, Guess, Job, Predictions, SendReply
from common.settings import Settings
from common.telegram.client import Me
from common.telegram.flood import Confirm
from common.telegram.sending import Buttons, Target
from receive import ReceiveWorker
from reply import ReplyWorker
from tests.support import make
from tests.support.conversing import converse

CHAT, BOT, ANSWER = 7, 42, 99
LYNX, TABBY, TIGER_CAT, EGYPTIAN, ESPRESSO, BULLDOG = 287, 281, 282, 285, 967, 245
CAT = Finding(
    kind=FindingKind.CLASS,
    guesses=(Guess(TABBY, 0.83), Guess(TIGER_CAT, 0.08), Guess(EGYPTIAN, 0.04), Guess(LYNX, 0.01)),
    probability=0.83,
)
DOG = Finding(kind=FindingKind.GROUP, group="dog", guesses=(Guess(BULLDOG, 0.1), Guess(254, 0.09)), probability=0.93)


def found(finding: Finding) -> Predictions:
    return Predictions.of(finding, [str(index) for index in range(1000)], "a model")


class FakeTelegram:
    """Notes what is sent, and what becomes of its buttons."""

    def __init__(self) -> None:
        self.toasts: list[str] = []
        self.buttons: list[list[tuple[str, str]]] = []

    async def send(self, target: Target, html: str, buttons: Buttons = (), confirm: Confirm | None = None) -> int:
        self._note(buttons)
        return ANSWER

    async def edit_buttons(self, chat_id: int, message_id: int, buttons: Buttons, confirm: Confirm) -> None:
        await confirm()
        self._note(buttons)

    def _note(self, buttons: Buttons) -> None:
        self.buttons.append([(button.text, button.data or button.url) for row in buttons for button in row])

    async def answer_press(self, query: str, toast: str = "") -> None:
        self.toasts.append(toast)


class Talk:
    """A bot, its answers, and those who press the buttons below."""

    def __init__(self, channels: Channels, settings: Settings) -> None:
        self.telegram, self.channels = FakeTelegram(), channels
        self.receive = ReceiveWorker(settings, self.telegram)  # type: ignore[arg-type]
        converse(self.receive, channels, Me(BOT, "whatsit_bot"))
        self.reply = ReplyWorker(settings, self.telegram)  # type: ignore[arg-type]
        self.reply.delivery.open(channels)
        self._numbers = itertools.count(1)

    async def answers(self, finding: Finding, **job: Any) -> list[tuple[str, str]]:
        """Answer, and give the buttons."""
        of = make.job("1-1-0", chat_id=CHAT, **{"buttons": True, **job})
        await self.reply.handle(SendReply(job=of, content=found(finding)))
        return self.telegram.buttons[-1]

    async def presses(self, carried: str, language: str = "", message_id: int = ANSWER) -> None:
        number = next(self._numbers)
        message = {"message_id": message_id, "chat": {"id": CHAT, "type": "private"}}
        person = {"id": CHAT, "language_code": language}
        raw = {"id": f"q{number}", "from": person, "message": message, "data": carried}
        update = make.update(f"1-{number}", {"update_id": number, "callback_query": raw})
        outputs: Any = await self.receive.handle(update)
        for output in outputs if isinstance(outputs, Sequence) else [outputs]:
            assert isinstance(output, SendReply)
            await self.reply.handle(output)

    def carried(self, text: str) -> str:
        return dict(self.telegram.buttons[-1])[text]


@pytest.fixture
def talk(channels: Channels, settings: Settings) -> Talk:
    return Talk(channels, settings)


async def test_below_an_answer_one_reads_on_and_says_whether_it_was_right(talk: Talk) -> None:
    assert await talk.answers(CAT) == [
        ("Learn more ↗", "https://en.wikipedia.org/w/index.php?search=tabby%20cat"),
        ("👍 Right", "1:right:281:"),
        ("👎 Wrong", "1:wrong:281::282.285.287"),
    ]


async def test_right_is_counted_once_and_the_question_goes(talk: Talk) -> None:
    await talk.answers(CAT)
    right = talk.carried("👍 Right")
    await asyncio.gather(*(talk.presses(right) for _ in range(20)))
    assert await talk.channels.verdicts.counted() == {("281", "281"): 1}
    assert talk.telegram.toasts == ["Thanks."] * 20
    assert [text for text, _ in talk.telegram.buttons[-1]] == ["Learn more ↗"]
    key = talk.channels.keys.judged(CHAT, ANSWER)
    assert 0 < await talk.channels.redis.pttl(key) <= VERDICTS.message_ms


async def test_wrong_offers_the_next_guesses_and_counts_what_would_have_been_right(talk: Talk) -> None:
    await talk.answers(CAT)
    await talk.presses(talk.carried("👎 Wrong"))
    offered = talk.telegram.buttons[-1]
    assert [text for text, _ in offered] == [
        "Learn more ↗",
        "tiger-striped cat",
        "short-haired cat",
        "lynx",
        "Something else",
    ]
    assert await talk.channels.verdicts.counted() == {}, "nothing is said yet"
    await talk.presses(talk.carried("lynx"))
    await talk.presses(dict(offered)["Something else"])
    assert await talk.channels.verdicts.counted() == {("281", "287"): 1}, "once a message"
    await talk.presses(dict(offered)["Something else"], message_id=100)
    assert await talk.channels.verdicts.counted() == {("281", "287"): 1, ("281", ""): 1}


async def test_of_a_group_people_say_whether_that_was_right_and_read_on_about_it(talk: Talk) -> None:
    assert await talk.answers(DOG, language="de") == [
        (say(words.LEARN_MORE, "de"), "https://de.wikipedia.org/w/index.php?search=Hund"),
        (say(words.RIGHT, "de"), "1:right:gdog:"),
        (say(words.WRONG, "de"), "1:wrong:gdog::245.254"),
    ]
    await talk.presses(talk.carried(say(words.RIGHT, "de")), language="de")
    assert await talk.channels.verdicts.counted() == {("gdog", "gdog"): 1}


async def test_an_animal_goes_by_its_latin_name_in_every_language(talk: Talk) -> None:
    lynx = Finding(kind=FindingKind.CLASS, guesses=(Guess(LYNX, 0.9),), probability=0.9)
    for code in LANGUAGES:
        (_, url), *_ = await talk.answers(lynx, language=code)
        assert url == f"https://{code}.wikipedia.org/w/index.php?search=Lynx"


@pytest.mark.parametrize(
    "finding",
    [
        Finding(kind=FindingKind.UNSURE, guesses=(Guess(TABBY, 0.3),)),
        Finding(kind=FindingKind.PRINTED, guesses=(Guess(916, 0.6),), probability=0.9),
        Finding(kind=FindingKind.UNKNOWN, guesses=()),
        Finding(kind=FindingKind.CLASS, guesses=(Guess(445, 0.6),), probability=0.6),
        Finding(kind=FindingKind.CLASS, guesses=(Guess(0, 0.9),), probability=0.9, imagenet=False),
    ],
    ids=["unsure", "printed", "unknown", "delicate", "an operator's label"],
)
async def test_an_answer_that_names_nothing_has_no_buttons(talk: Talk, finding: Finding) -> None:
    assert await talk.answers(finding) == []


async def test_a_chat_that_wants_no_buttons_gets_no_buttons(talk: Talk) -> None:
    assert await talk.answers(CAT, buttons=False) == []


@pytest.mark.parametrize("finding", [CAT, DOG])
async def test_with_feedback_off_nobody_is_asked_and_nothing_is_counted(
    channels: Channels, settings: Settings, finding: Finding
) -> None:
    talk = Talk(channels, dataclasses.replace(settings, feedback="off"))
    assert [text for text, _ in await talk.answers(finding)] == ["Learn more ↗"]
    await talk.presses("1:right:281:")
    assert talk.telegram.toasts == [say(TOO_OLD)]
    assert await channels.verdicts.counted() == {}


@pytest.mark.parametrize(
    "carried",
    [
        *("1:right", "1:right:281", "1:right:1000:281", "1:right:-1:281", "1:right:gcats:281", "1:right:281:x"),
        *("1:wrong:281:281", "1:wrong:281:281:5000", "1:wrong:281:281:1..2", "1:is:281:281", "1:is:281:281:x"),
        *("2:right:281:281", "1:right:²:281", "1:right:0281:", "1:right:٢٨١:"),
    ],
)
async def test_what_is_forged_or_of_another_version_counts_nothing(talk: Talk, carried: str) -> None:
    await talk.presses(carried)
    assert talk.telegram.toasts == [say(TOO_OLD)]
    assert await talk.channels.verdicts.counted() == {}


def test_every_answer_s_buttons_fit() -> None:
    for group in imagenet().groups:
        guesses = tuple(Guess(index, 0.1) for index in range(999, 993, -1))
        finding = Finding(kind=FindingKind.GROUP, group=group.id, guesses=guesses, probability=0.95)
        job = Job(id="1", chat_id=7, message_id=5, accepted_at=0, buttons=True)
        for row in below.rows(found(finding), job, asks=True):
            assert all(len(button.data.encode()) <= MAX_DATA_BYTES for button in row)
