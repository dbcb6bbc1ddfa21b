"""Tests of the judge: a proof that cannot fail proves nothing."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.judgement import Window, explained
from tests.chaos.ledger import Duplicate, Ledger, Said, gist
from tests.chaos.strikes import VICTIMS, Strike, strikes
from tests.chaos.watch import crowds
from tests.support import processes

CAT = "Perhaps an Egyptian cat (49%)\n9% tabby"
SURE_CAT = "Most likely an Egyptian cat (81%)\n9% tabby"
CUP = "I’m not sure. My best guesses:\n18% espresso\n9% cup"
DOG = "At the top left: a dog (93%), perhaps a bull mastiff (45%)"


@pytest.fixture
def ledger() -> Ledger:
    """Two messages: a photo of a cat, and two links of which one shows a cup."""
    ledger = Ledger()
    ledger.say(Said("photo", chat=1, message=1, gists=("Egyptian cat",)))
    ledger.say(Said("several links", chat=1, message=2, gists=("http://x/1 Egyptian cat", "http://x/2 espresso")))
    return ledger


def test_the_gist_of_an_answer_is_its_likeliest_label_behind_its_link_or_else_its_words() -> None:
    assert gist(CAT) == gist(SURE_CAT) == "Egyptian cat"
    assert gist(DOG) == "dog"
    assert gist("A dog (93%); I can’t tell which") == "dog"
    assert gist("I’m sure: corn (97%)") == "corn"
    assert gist("I can’t tell what this is. I know …\nIf I had to guess:\n20% hay\n5% corn") == "hay"
    assert gist(CUP) == "espresso"
    assert gist(f"http://x/1\n{CAT}") == "http://x/1 Egyptian cat"
    assert gist("I don’t accept voice messages.") == "I don’t accept voice messages."


def test_every_answer_once_is_right(ledger: Ledger) -> None:
    assert ledger.outstanding == 3
    ledger.answer(1, 2, f"http://x/2\n{CUP}", at=1.0)
    ledger.answer(1, 1, CAT, at=2.0)
    ledger.answer(1, 2, f"http://x/1\n{CAT}", at=3.0)
    assert ledger.outstanding == 0
    assert not ledger.lost() + ledger.wrong()
    assert not ledger.duplicates()


def test_an_answer_may_come_before_its_message_is_noted(ledger: Ledger) -> None:
    ledger.answer(7, 1, CAT, at=1.0)
    ledger.say(Said("photo", chat=7, message=1, gists=("Egyptian cat",)))
    assert ledger.outstanding == 3
    assert not ledger.wrong()


def test_a_missing_answer_is_lost_though_another_one_came_twice(ledger: Ledger) -> None:
    ledger.answer(1, 1, CAT, at=1.0)
    ledger.answer(1, 2, f"http://x/1\n{CAT}", at=2.0)
    ledger.answer(1, 2, f"http://x/1\n{CAT}", at=3.0)
    assert ledger.outstanding == 1
    (lost,) = ledger.lost()
    assert "http://x/2 espresso" in lost


@pytest.fixture
def of_album() -> Ledger:
    """An album of three photos: a cat, a dog, and the same cat."""
    ledger = Ledger()
    ledger.say(Said("album", chat=1, message=11, gists=("Egyptian cat", "dog", "Egyptian cat"), photos=(11, 12, 13)))
    return ledger


LINES = "1  An Egyptian cat (81%)\n2  A dog (93%), perhaps a pug (45%)\n3  Perhaps an Egyptian cat (49%)"


def test_an_album_is_answered_when_its_newest_message_has_all_lines(of_album: Ledger) -> None:
    said = [SURE_CAT, "1  …\n2  A dog (93%), perhaps a pug (45%)\n3  …", LINES]
    for at, text in enumerate(said):
        assert of_album.outstanding == 1
        assert of_album.lost()
        of_album.answer(1, 11, text, at, by=100)
    assert of_album.outstanding == 0
    assert not of_album.lost() + of_album.wrong() + of_album.duplicates()
    assert (of_album.answers(), of_album.kinds()) == (1, Counter(["album"]))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (LINES, True),
        ("1  …\n2  An Egyptian cat (81%)", True),  # the second photo has not come yet
        (LINES.replace("dog", "cup"), False),
        ("1  A dog (93%), a pug (45%)\n2  A dog (93%), a pug (45%)\n3  …", False),
        ("1  An Egyptian cat (81%)\n2  An Egyptian cat (81%)\n3  A dog (93%), a pug (45%)", False),
    ],
)
def test_a_line_that_is_not_of_the_album_or_in_another_order_is_wrong_at_any_time(
    of_album: Ledger, text: str, right: bool
) -> None:
    of_album.answer(1, 11, text, 1.0, by=100)
    of_album.answer(1, 11, LINES, 2.0, by=100)
    assert bool(of_album.wrong()) is not right


def test_an_album_whose_last_message_lacks_a_line_is_lost_and_each_further_message_is_one_too_many(
    of_album: Ledger,
) -> None:
    of_album.answer(1, 11, LINES, 1.0, by=100)
    of_album.answer(1, 12, "1  An Egyptian cat (81%)\n2  …\n3  …", 2.0, by=101)
    assert of_album.lost()
    assert of_album.duplicates() == [Duplicate(1.0, 2.0)]


def test_an_answer_to_an_album_may_come_before_that_is_noted() -> None:
    ledger = Ledger()
    ledger.answer(1, 11, LINES, 1.0, by=100)
    ledger.say(Said("album", chat=1, message=11, gists=("Egyptian cat", "dog", "Egyptian cat"), photos=(11, 12, 13)))
    assert ledger.outstanding == 0
    assert not ledger.lost() + ledger.wrong() + ledger.duplicates()


def test_an_answer_to_another_message_or_to_no_message_or_with_another_gist_is_wrong(ledger: Ledger) -> None:
    ledger.answer(1, 1, CUP, at=1.0)
    ledger.answer(1, 3, CAT, at=2.0)
    ledger.answer(1, None, CAT, at=3.0)
    assert len(ledger.wrong()) == 3
    assert ledger.outstanding == 3


def test_a_duplicate_has_the_time_of_the_answer_before_it(ledger: Ledger) -> None:
    for at in (1.0, 5.0, 9.0):
        ledger.answer(1, 1, CAT, at)
    assert ledger.duplicates() == [(1.0, 5.0), (5.0, 9.0)]


def test_a_window_explains_as_many_as_it_has_room_for_and_nothing_outside() -> None:
    windows = [Window("wide", 0, 10, 1), Window("narrow", 4, 6, 2)]
    inside, outside = Duplicate(5, 6), Duplicate(11, 12)
    assert explained([inside, inside], windows) == (Counter(narrow=2), [])
    assert explained([inside, inside, inside, inside], windows) == (Counter(narrow=2, wide=1), [inside])
    assert explained([outside], windows) == (Counter(), [outside])


def test_a_window_does_not_explain_a_duplicate_that_came_too_early() -> None:
    killed = Window("killed", 4, 6, 9, again_from=6)
    assert killed.explains(Duplicate(5, 6.5))
    assert not killed.explains(Duplicate(5, 5.5))
    put_off = Window("put off", 4, 6, 9, again_after_s=1)
    assert put_off.explains(Duplicate(5, 6.5))
    assert not put_off.explains(Duplicate(5, 5.5))


def test_the_longest_silence_counts_from_the_beginning_and_to_the_end(ledger: Ledger) -> None:
    for at in (13.0, 14.0):
        ledger.answer(1, 1, CAT, at)
    assert ledger.longest_silence(10.0, 15.0) == 3.0
    assert ledger.longest_silence(12.0, 20.0) == 6.0
    assert ledger.first_after(13.5) == 14.0
    assert ledger.first_after(14.0) is None


def test_the_same_seed_gives_the_same_strikes_and_each_process_is_struck() -> None:
    def first(seed: int) -> list[Strike]:
        return list(itertools.islice(strikes(seed), 100))

    assert first(1) == first(1) != first(2)
    assert {strike.victim for strike in first(1)[: len(VICTIMS)]} == set(VICTIMS)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "run" / "locks").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def holders(checkout: Path) -> Iterator[list[processes.Process]]:
    """Two processes of a checkout that each hold a lock of the same name: the second one replaced the file."""
    code = """
import fcntl, pathlib, sys
path = pathlib.Path("run/locks/reply.lock")
path.unlink(missing_ok=True)
lock = path.open("w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""
    started = []
    for _ in range(2):
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline() == b"locked\n"
        started.append(process)
    yield processes.of_checkout(checkout)
    for process in started:
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_processes_of_a_checkout_are_found_and_so_are_two_that_hold_one_lock(
    checkout: Path, holders: list[processes.Process]
) -> None:
    assert len(holders) == 2
    (crowd,) = crowds(checkout)
    assert crowd.startswith("locks/reply.lock")
