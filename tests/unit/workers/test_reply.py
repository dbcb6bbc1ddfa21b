"""How answers are worded, and what happens if Telegram does not accept them."""

from __future__ import annotations

import logging
from html import unescape
from typing import Any

import pytest

from common.conversation.delivery import QUOTE_LENGTH, worded
from common.errors import Outage, RateLimited, TelegramRefused
from common.messages import (
    DeleteFiles,
    Finding,
    FindingKind,
    Guess,
    Prediction,
    Predictions,
    SendReply,
    ShowTyping,
    Step,
    Subject,
    Words,
)
from common.settings import Settings
from common.telegram.flood import Confirm
from common.telegram.sending import MAX_TEXT_LENGTH, Buttons, Target
from reply import ReplyWorker
from tests.support import make

FOUND = Finding(
    kind=FindingKind.CLASS,
    probability=0.616,
    guesses=(Guess(281, 0.616), Guess(254, 0.25), Guess(287, 0.03), Guess(673, 0.001)),
)
TOP = (
    Prediction("tabby", 0.616),
    Prediction("Egyptian cat", 0.25),
    Prediction("lynx", 0.03),
    Prediction("mouse <computer>", 0.001),
)


class FakeTelegram:
    """Remembers the messages to send, or fails with the given error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[tuple[int, str, int | None]] = []
        self.topics: list[tuple[int | None, int | None]] = []
        self.typing: list[int] = []
        self.reactions: list[tuple[int, int, str]] = []

    async def send(self, target: Target, html: str, _buttons: Buttons, _confirm: Confirm) -> int:
        if self.error:
            raise self.error
        self.topics.append((target.thread_id, target.topic_id))
        self.sent.append((target.chat_id, html, target.reply_to))
        return len(self.sent)

    async def react(self, chat_id: int, message_id: int, emoji: str) -> None:
        if self.error:
            raise self.error
        self.reactions.append((chat_id, message_id, emoji))

    async def show_typing(self, chat_id: int, thread_id: int | None = None) -> None:
        if self.error:
            raise self.error
        self.typing.append(chat_id)


def worker(error: Exception | None = None) -> tuple[ReplyWorker, FakeTelegram]:
    fake = FakeTelegram(error)
    return ReplyWorker(Settings(), fake), fake  # type: ignore[arg-type]


def answer(found: Finding = FOUND, quote: str = "") -> SendReply:
    content = Predictions(top=TOP, model_ms=20.0, finding=found)
    return SendReply(job=make.job(quote=quote), content=content, files=("1-10-0.0.input",))


def test_an_answer_is_a_sentence_with_the_other_guesses_below() -> None:
    assert worded(answer()) == "Perhaps <b>a tabby cat</b> (62%)\n25% pug\n3% lynx"


def test_a_chat_that_wants_short_answers_gets_the_sentence_alone() -> None:
    content = Predictions(top=TOP, finding=FOUND)
    assert worded(SendReply(job=make.job(short=True), content=content)) == "Perhaps <b>a tabby cat</b> (62%)"


def test_what_is_quoted_is_escaped_and_cut() -> None:
    html = worded(answer(quote="http://e.org/<b>&" + "x" * 500))
    first = html.split("\n")[0]
    assert first.startswith("<i>http://e.org/&lt;b&gt;&amp;xxx")
    assert len(unescape(first)) == len("<i></i>") + QUOTE_LENGTH
    assert html.split("\n")[1] == "Perhaps <b>a tabby cat</b> (62%)"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (Subject.PICTURE, "Perhaps <b>a tabby cat</b> (62%)"),
        (Subject.STILL, "From the preview: perhaps <b>a tabby cat</b> (62%)"),
        (Subject.PAGE, "This page’s picture: perhaps <b>a tabby cat</b> (62%)"),
    ],
)
def test_an_answer_about_a_preview_says_so_behind_the_link_that_it_is_about(subject: Subject, said: str) -> None:
    content = Predictions(top=TOP, finding=FOUND)
    alone = SendReply(job=make.job(subject=subject), content=content)
    one_of_several = SendReply(job=make.job(subject=subject, quote="http://e.org/a"), content=content)
    assert worded(alone).split("\n")[0] == said
    assert worded(one_of_several).split("\n")[:2] == ["<i>http://e.org/a</i>", said]


@pytest.mark.parametrize("subject", [Subject.STILL, Subject.PAGE])
def test_words_about_a_preview_stay_as_they_are(subject: Subject) -> None:
    assert worded(SendReply(job=make.job(subject=subject), content=Words(text="No."))) == "No."


async def test_an_answer_goes_to_the_topic_of_its_question() -> None:
    replies, telegram = worker()
    await replies.handle(SendReply(job=make.job(thread_id=3), content=Words(text="a")))
    await replies.handle(SendReply(job=make.job(topic_id=31), content=Words(text="a")))
    assert telegram.topics == [(3, None), (None, 31)]


def test_words_are_escaped() -> None:
    assert worded(make.reply(text="a <b> & c")) == "a &lt;b&gt; &amp; c"


async def test_an_answer_goes_to_the_user_s_message_and_leaves_its_files_to_be_deleted() -> None:
    replies, telegram = worker()
    assert await replies.handle(answer()) == DeleteFiles(job=make.job(), keys=("1-10-0.0.input",))
    ((chat, _, reply_to),) = telegram.sent
    assert (chat, reply_to) == (7, 5)


@pytest.mark.parametrize("blocked", [True, False])
async def test_a_refusal_by_telegram_ends_the_job_and_is_not_called_an_answer(
    blocked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    replies, _ = worker(TelegramRefused("Forbidden: bot was blocked by the user", blocked=blocked))
    assert isinstance(await replies.handle(answer()), DeleteFiles)
    assert [record.levelname for record in caplog.records] == ["INFO" if blocked else "ERROR"]
    assert "answered" not in caplog.text.replace("cannot be answered", "")


def test_a_long_text_is_cut_before_it_is_escaped() -> None:
    html = worded(make.reply(text="<" * 5000))
    assert html == "&lt;" * (len(html) // 4)
    assert len(unescape(html)) <= MAX_TEXT_LENGTH


async def test_an_outage_leaves_the_answer_for_later() -> None:
    replies, _ = worker(Outage("down"))
    with pytest.raises(Outage):
        await replies.handle(answer())


async def test_a_typing_sign_that_comes_late_or_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    replies, telegram = worker()
    for at in (1000.0, 994.0):
        assert await replies.handle(ShowTyping(job=make.job(), at=at)) is None
    assert telegram.typing == [7]
    failing, _ = worker(Outage("down"))
    assert await failing.handle(ShowTyping(job=make.job(), at=1000.0)) is None


def test_the_answer_to_a_hidden_picture_is_hidden_as_a_whole_and_words_of_our_own_are_not() -> None:
    hidden = SendReply(job=make.job(spoiler=True, quote="http://e.org/a"), content=answer().content)
    assert worded(hidden) == (
        "<tg-spoiler><i>http://e.org/a</i>\nPerhaps <b>a tabby cat</b> (62%)\n25% pug\n3% lynx</tg-spoiler>"
    )
    assert worded(SendReply(job=make.job(spoiler=True), content=Words(text="Sorry"))) == "Sorry"


def heart(**fields: Any) -> SendReply:
    return SendReply(job=make.job(**fields), content=Words(text="❤"), reaction="❤")


async def test_a_reaction_goes_to_the_message_and_nothing_is_said() -> None:
    replies, telegram = worker()
    await replies.handle(heart())
    assert (telegram.reactions, telegram.sent) == ([(7, 5, "❤")], [])
    await replies.handle(heart(message_id=None))
    assert (len(telegram.reactions), telegram.sent) == (1, []), "a message that nobody can react to"


@pytest.mark.parametrize("error", [TelegramRefused("REACTION_INVALID"), Outage("down"), RateLimited(30)])
async def test_a_reaction_that_fails_is_left_out(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    replies, _ = worker(error)
    assert await replies.handle(heart()) is None
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


async def test_a_job_without_a_chat_ends_silently() -> None:
    replies, telegram = worker()
    assert await replies.handle(SendReply(job=make.job(chat_id=None), content=Words(text="sorry"))) is None
    assert telegram.sent == []


async def test_one_log_line_has_the_times_of_all_steps(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    replies, _ = worker()
    message = answer()
    trail = (Step("accept", 1, 2), Step("classify", 0, 21.4))
    await replies.handle(SendReply(job=message.job, content=message.content, trail=trail))
    (line,) = caplog.messages
    assert line.startswith("job=1-10-0 answered (answer: class 0.62, 1 view) total=")
    assert "accept=1+2 classify=0+21 send=" in line
    assert line.endswith("model=20.0")


async def test_the_log_says_if_the_picture_was_a_preview(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    replies, _ = worker()
    await replies.handle(SendReply(job=make.job(subject=Subject.PAGE), content=answer().content))
    assert "answered (answer: class 0.62, 1 view) of a page total=" in caplog.text


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (Finding(kind=FindingKind.UNKNOWN, guesses=(), views=3), "answer: unknown, 3 views"),
        (Finding(kind=FindingKind.GROUP, guesses=(), group="dog", probability=0.931), "answer: group 0.93, 1 view"),
    ],
)
async def test_the_log_says_what_kind_of_thing_was_found_and_not_which(
    found: Finding, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    replies, _ = worker()
    await replies.handle(answer(found))
    assert f"answered ({kind}) total=" in caplog.text
    assert "dog" not in caplog.text
