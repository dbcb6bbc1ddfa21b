"""What people read when they send a command: what the bot knows, how sure it is, and what it keeps."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from common import words
from common.languages.speech import say
from common.model.records import RULES, Calibration, MapGrid, ModelRecord
from tests.support import model_in_use

THINGS = "1,000 kinds of things: animals, plants, food, vehicles, tools; but no people, places, drawings or texts."
OPERATORS = "I know 1,234 kinds of things, which my operator has chosen, and nothing else."
NOT_MEASURED = "Nobody has measured how often my percentages are right."


def record(**fields: Any) -> ModelRecord:
    values: dict[str, Any] = {"title": "EfficientNet-Lite2", "classes": 1000}
    return model_in_use.record(**(values | fields))


CALIBRATION = Calibration(temperature=0.9, measured_on="400 photos", rules=RULES)
MEASURED = record(calibration=msgspec.structs.replace(CALIBRATION, came_with_code=True), maps=MapGrid(0, 1))
BY_OPERATOR = record(calibration=CALIBRATION)
UNMEASURED = record(why="Its official weights are here.", why_precision="It computes in 8 bits (int8).")
OWN = record(classes=1234, labels_source="labels.json")


def said(name: str, model: ModelRecord | None) -> str:
    match name:
        case "start":
            return say(words.start(model))
        case "help":
            return say(words.usage(model, "whatsit_bot"))
        case _:
            return say(words.about("1.2.3", model))


@pytest.mark.parametrize("name", ["start", "about"])
def test_people_are_told_what_the_model_knows(name: str) -> None:
    assert THINGS in said(name, MEASURED)
    assert THINGS not in said(name, OWN)
    assert OPERATORS in said(name, OWN)
    assert "Send me a photo" in said("start", None)


def test_of_what_an_operator_measured_only_their_own_photos_are_promised() -> None:
    assert "62%: of a hundred such answers, about 62 were right on my operator’s photos" in said("help", BY_OPERATOR)
    assert "“I’m sure”: I give it 95% or more" in said("help", BY_OPERATOR)
    assert "How often my percentages are right was measured on my operator’s photos." in said("about", BY_OPERATOR)
    for name in words.COMMANDS:
        assert not re.search(r"I’m right|times in 10|are right$", said(name, BY_OPERATOR), re.MULTILINE)


def test_a_promise_is_made_only_for_a_calibration_that_came_with_the_code() -> None:
    assert "When I say 80% or more, I’m right at least 9 times in 10." in said("about", MEASURED)
    assert "“I’m sure”: I’m right at least 95 times in 100" in said("help", MEASURED)
    for model in (UNMEASURED, OWN, None):
        texts = [said(name, model) for name in words.COMMANDS]
        assert not [
            text for text in texts if re.search("I’m sure|I’m right|are right$", text.replace(NOT_MEASURED, ""))
        ]
    assert NOT_MEASURED in said("about", UNMEASURED)


def test_a_model_without_maps_cannot_zoom_in_and_says_so() -> None:
    assert "I can’t zoom in" in said("about", UNMEASURED)
    assert "zoom" not in said("about", MEASURED)


@pytest.mark.parametrize("model", [MEASURED, BY_OPERATOR, UNMEASURED, OWN, None])
def test_users_read_nothing_of_what_operators_need(model: ModelRecord | None) -> None:
    for name in words.COMMANDS:
        text = said(name, model)
        assert not re.search("int8|fp32|bits|precision|weights|download|Lite2|temperature", text, re.IGNORECASE)
        assert len(text) < 600, "a phone shows about 25 lines"


@pytest.mark.parametrize(
    ("seconds", "time"),
    [
        *((1, "a minute"), (60, "a minute"), (61, "2 minutes"), (3600, "an hour"), (3601, "2 hours")),
        *((86400, "a day"), (86401, "2 days"), (7 * 86400, "7 days")),
    ],
)
def test_a_time_is_told_in_one_unit_and_rounded_up(seconds: int, time: str) -> None:
    assert say(words.lasting(seconds)) == time


@pytest.mark.parametrize("model", [MEASURED, OWN, None])
def test_what_is_kept_is_said_elsewhere(model: ModelRecord | None) -> None:
    assert "/privacy says what I keep" in said("about", model)


def test_a_command_that_does_not_exist_gets_those_that_do() -> None:
    assert "I don’t know the command /sing. I know /start, /help, /about, /privacy, " in say(
        words.unknown_command("sing")
    )
