"""The lines of an album's message."""

from __future__ import annotations

import pytest

from common.channels.albums import Turn
from common.conversation.album_answers import WORDS_LENGTH, line_of, worded
from common.languages.speech import say
from common.messages import Finding, FindingKind, Guess, Job, Predictions, SendReply, Words
from common.runtime import apologies
from common.words import APOLOGY
from tests.support import make

JOB = make.job(album="9001")
ESPRESSO = Predictions(
    top=(), finding=Finding(kind=FindingKind.CLASS, probability=0.88, guesses=(Guess(967, 0.88), Guess(281, 0.06)))
)


def of(job: Job, text: str) -> SendReply:
    return SendReply(job=job, content=Words(text=text))


def turn(*lines: tuple[int, str], is_album: bool = True) -> Turn:
    return Turn(1, 0, 51, is_album, lines, 0)


def test_each_photo_has_a_number_and_a_line_or_dots() -> None:
    assert worded(turn((1, "<b>A pug</b> (88%)"), (2, "")), "alone") == "1  <b>A pug</b> (88%)\n2  …"
    assert worded(turn((1, "<b>A pug</b> (88%)"), is_album=False), "alone") == "alone"


def test_what_was_seen_is_one_sentence_also_where_the_chat_wants_others() -> None:
    assert line_of(SendReply(job=JOB, content=ESPRESSO)) == "<b>An espresso</b> (88%)"


def test_the_line_of_a_hidden_photo_is_hidden_and_words_of_our_own_are_not() -> None:
    hidden = make.job(album="9001", spoiler=True)
    assert line_of(SendReply(job=hidden, content=ESPRESSO)) == "<tg-spoiler><b>An espresso</b> (88%)</tg-spoiler>"
    assert line_of(of(hidden, "Sorry")) == "Sorry"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("No <b>.\n\nTry  again.", "No &lt;b&gt;. Try again."),
        ("I can’t look at this. " + "And so on " * 20, "I can’t look at this."),
        ("a" * 500, "a" * (WORDS_LENGTH - 1) + "…"),
        (say(APOLOGY), say(APOLOGY)),
    ],
)
def test_words_of_our_own_are_as_many_whole_sentences_as_fit(said: str, line: str) -> None:
    assert line_of(of(JOB, said)) == line


@pytest.mark.parametrize("notice", [apologies.too_fast(JOB, 20), apologies.busy(JOB, 5940)])
def test_too_fast_and_busy_say_what_happens_to_the_rest_of_the_album(notice: SendReply) -> None:
    assert "I skip this one, and whatever you send" in line_of(notice)
