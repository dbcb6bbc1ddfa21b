"""A guest gets one answer, of two lines at most, and within a minute."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from common.conversation.delivery import Delivery
from common.conversation.guest_answers import worded
from common.errors import Expired, TelegramRefused
from common.messages import (
    GUEST_WAITS_S,
    Finding,
    FindingKind,
    Guess,
    Prediction,
    Predictions,
    SendReply,
    Subject,
    Words,
)
from common.telegram.flood import Confirm
from common.telegram.sending import MAX_TEXT_LENGTH
from tests.support import make

TABBY, PUG, LYNX, GOLDEN = 281, 254, 287, 207


class FakeTelegram:
    """Takes a query's answer once, as Telegram does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.answers: dict[str, str] = {}

    async def answer_guest(self, query: str, html: str, confirm: Confirm) -> bool:
        await confirm()
        if self.error:
            raise self.error
        return self.answers.setdefault(query, html) is html


def a_guest_s(**fields: Any) -> Any:
    values = {"chat_id": None, "user_id": 7, "guest_query": "Q", "accepted_at": time.time()}
    return make.job(**(values | fields))


def found(kind: FindingKind, *guesses: tuple[int, float], probability: float = 0.0, **fields: Any) -> Predictions:
    finding = Finding(
        kind=kind,
        guesses=tuple(Guess(*guess) for guess in guesses),
        probability=probability or (guesses[0][1] if guesses else 0.0),
        **fields,
    )
    return Predictions(top=tuple(Prediction(str(index), each) for index, each in guesses), finding=finding)


def said(content: Predictions | Words, **fields: Any) -> list[str]:
    return worded(SendReply(job=a_guest_s(**fields), content=content)).split("\n")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (found(FindingKind.CLASS, (TABBY, 0.97), (PUG, 0.02)), ["I’m sure: <b>a tabby cat</b> (97%)"]),
        (
            found(FindingKind.CLASS, (TABBY, 0.6), (PUG, 0.25), (LYNX, 0.1)),
            ["Perhaps <b>a tabby cat</b> (60%)", "25% pug"],
        ),
        (found(FindingKind.CLASS, (TABBY, 0.6), (PUG, 0.12), (LYNX, 0.1)), ["Perhaps <b>a tabby cat</b> (60%)"]),
        (
            found(FindingKind.UNSURE, (TABBY, 0.34), (PUG, 0.25), (LYNX, 0.1)),
            ["I’m not sure. My best guesses:", "34% tabby cat, 25% pug, 10% lynx"],
        ),
        (
            found(FindingKind.GROUP, (GOLDEN, 0.5), (PUG, 0.4), probability=0.95, group="dog"),
            ["<b>A dog</b> (95%); I can’t tell which"],
        ),
        (
            found(FindingKind.GROUP, (GOLDEN, 0.3), (PUG, 0.25), probability=0.6, group="dog"),
            ["Perhaps <b>a dog</b> (60%)", "30% golden retriever"],
        ),
    ],
)
def test_an_answer_is_its_sentence_and_perhaps_a_line_with_a_clear_second_guess(
    content: Predictions, lines: list[str]
) -> None:
    assert said(content) == lines


def test_what_cannot_be_told_is_two_lines_as_well() -> None:
    first, second = said(found(FindingKind.UNKNOWN, (TABBY, 0.08), (PUG, 0.05)))
    assert first.startswith("I can’t tell what this is. I know 1,000 kinds of things")
    assert second == "If I had to guess: 8% tabby cat, 5% pug"
    assert len(said(found(FindingKind.UNKNOWN))) == 1


def test_who_wants_short_answers_gets_no_second_guess() -> None:
    content = found(FindingKind.CLASS, (TABBY, 0.6), (PUG, 0.25))
    assert said(content, short=True) == ["Perhaps <b>a tabby cat</b> (60%)"]


def test_a_note_says_that_only_the_first_of_several_was_looked_at() -> None:
    content = found(FindingKind.CLASS, (TABBY, 0.6), (PUG, 0.25))
    assert said(content, others=2)[1] == "25% pug. I looked at the first of 3."
    assert said(Words(text="It is not an image."), others=1) == ["It is not an image.", "I looked at the first of 2."]


def test_a_hidden_picture_s_answer_is_hidden_and_words_are_not() -> None:
    content = found(FindingKind.CLASS, (TABBY, 0.6), (PUG, 0.25))
    html = worded(SendReply(job=a_guest_s(spoiler=True), content=content))
    assert html == "<tg-spoiler>Perhaps <b>a tabby cat</b> (60%)\n25% pug</tg-spoiler>"
    assert said(Words(text="No."), spoiler=True) == ["No."]


def test_an_answer_about_a_preview_says_so() -> None:
    content = found(FindingKind.CLASS, (TABBY, 0.97))
    assert said(content, subject=Subject.STILL) == ["From the preview: I’m sure: <b>a tabby cat</b> (97%)"]


def test_words_are_one_line_escaped_and_within_the_limit() -> None:
    assert said(Words(text="a <b>\n\n• c")) == ["a &lt;b&gt; • c"]
    (line,) = said(Words(text="x" * 9000))
    assert len(line) <= MAX_TEXT_LENGTH


async def test_a_guest_s_answer_goes_to_the_query_and_a_repeat_counts_as_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    telegram = FakeTelegram()
    delivery = Delivery(telegram)  # type: ignore[arg-type]
    message = SendReply(job=a_guest_s(), content=Words(text="Hello"))
    await delivery.deliver(message)
    assert (telegram.answers, caplog.messages) == ({"Q": "Hello"}, [])
    await delivery.deliver(SendReply(job=message.job, content=Words(text="again")))
    assert telegram.answers == {"Q": "Hello"}
    assert "was answered before" in caplog.text


async def test_nothing_is_edited_and_no_reaction_given_in_a_guest_s_chat() -> None:
    telegram = FakeTelegram()
    message = SendReply(job=a_guest_s(), content=Words(text="Hello"), edits=5, reaction="❤")
    await Delivery(telegram).deliver(message)  # type: ignore[arg-type]
    assert telegram.answers == {"Q": "Hello"}


async def test_after_a_minute_a_guest_is_not_answered() -> None:
    telegram = FakeTelegram()
    late = SendReply(job=a_guest_s(accepted_at=time.time() - GUEST_WAITS_S - 1), content=Words(text="Hello"))
    with pytest.raises(Expired, match="within 60 s"):
        await Delivery(telegram).deliver(late)  # type: ignore[arg-type]
    assert telegram.answers == {}


async def test_a_minute_that_passes_while_others_are_sent_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1000.0, 1000.0 + GUEST_WAITS_S + 1])
    monkeypatch.setattr("common.conversation.guest_answers.time.time", lambda: next(now))
    telegram = FakeTelegram()
    with pytest.raises(Expired):
        await Delivery(telegram).deliver(SendReply(job=a_guest_s(accepted_at=1000.0), content=Words(text="a")))  # type: ignore[arg-type]
    assert telegram.answers == {}


async def test_a_chat_that_takes_no_answers_of_guests_is_a_refusal() -> None:
    refused = TelegramRefused("Bad Request: CHAT_SEND_INLINE_FORBIDDEN", blocked=True)
    with pytest.raises(TelegramRefused, match="FORBIDDEN"):
        await Delivery(FakeTelegram(refused)).deliver(SendReply(job=a_guest_s(), content=Words(text="a")))  # type: ignore[arg-type]
