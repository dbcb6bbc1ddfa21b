from __future__ import annotations

from pathlib import Path

import pytest

from common import settings
from common.errors import SettingsError

NO_FILE = Path("/nonexistent")


def test_precision_and_threads_are_chosen_by_the_bot_unless_they_are_set() -> None:
    plain = settings.load({}, NO_FILE)
    assert (plain.precision, plain.classify_threads) == ("auto", None)

    chosen = settings.load({"PRECISION": "int8", "CLASSIFY_THREADS": "3"}, NO_FILE)
    assert (chosen.precision, chosen.classify_threads) == ("int8", 3)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PRECISION", "int4", "PRECISION='int4' is not one of: auto, fp32, int8"),
        ("CLASSIFY_THREADS", "0", "CLASSIFY_THREADS='0' must be a whole number from 1 on"),
        ("CLASSIFY_THREADS", "two", "CLASSIFY_THREADS='two' must be a whole number from 1 on"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load({name: value}, NO_FILE)

    assert str(error.value) == said
