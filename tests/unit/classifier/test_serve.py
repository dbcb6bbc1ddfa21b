from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from classifier.errors import ModelError
from classifier.serve.classifier import Classifier
from classifier.serve.engines.engine import Engine, Output, Picture
from classifier.serve.second_look import Sight
from common.messages import Finding
from common.model.input import InputSpec
from common.model.records import ModelRecord
from common.settings import Settings

CROP = 4


class MeanColour(Engine):
    """Stands in for an engine: the mean of each channel are the first three logits, then constants."""

    name = "mean colour"

    def __init__(self, constants: Sequence[float] = ()) -> None:
        self.constants = constants

        self.classes = 3 + len(constants)

    def rest(self) -> None:
        pass

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> list[Output]:
        means = [np.frombuffer(pixels, np.uint8).reshape(-1, 3).mean(axis=0) for pixels in pictures]
        return [Output([*mean.tolist(), *self.constants], None) for mean in means]


def classifier(labels: Sequence[str], constants: Sequence[float] = ()) -> Classifier:
    record = ModelRecord(
        model="inception_v3",
        title="Mean colour",
        folder="",
        input=InputSpec(model="m", resize=CROP, crop=CROP, interpolation="bilinear", mean=(0, 0, 0), std=(1, 1, 1)),
        classes=len(labels),
        weights_sha256="",
        weights_source="",
        labels_source="colours.txt",
    )
    return Classifier(record, MeanColour(constants), labels)


def filled(red: int, green: int, blue: int) -> bytes:
    return bytes((red, green, blue)) * CROP**2


def find(model: Classifier, *inputs: bytes | memoryview) -> list[Finding]:
    return model.find([Sight(each) for each in inputs])


def test_guesses_have_probabilities_and_the_likeliest_comes_first() -> None:
    (found,) = find(classifier(["red", "green", "blue"]), filled(1, 3, 2))

    total = math.exp(1) + math.exp(2) + math.exp(3)
    assert [guess.index for guess in found.guesses] == [1, 2, 0]
    assert [guess.probability for guess in found.guesses] == pytest.approx([math.exp(n) / total for n in (3, 2, 1)])


def test_five_classes_are_given_of_more() -> None:
    labels = ["red", "green", "blue", "a", "b", "c"]

    (found,) = find(classifier(labels, constants=[9, 8, 7]), filled(1, 2, 3))

    assert [labels[guess.index] for guess in found.guesses] == ["a", "b", "c", "blue", "green"]


def test_large_logits_do_not_overflow() -> None:
    (found,) = find(classifier(["red", "green", "blue"]), filled(255, 0, 0))

    assert found.guesses[0].index == 0
    assert found.guesses[0].probability == pytest.approx(1)


def test_each_input_gets_its_own_answer_in_the_order_of_the_inputs() -> None:
    found = find(classifier(["red", "green", "blue"]), filled(9, 0, 0), memoryview(filled(0, 9, 0)), filled(0, 0, 9))

    assert [each.guesses[0].index for each in found] == [0, 1, 2]


def test_no_inputs_get_no_answers() -> None:
    assert find(classifier(["red", "green", "blue"])) == []


def test_what_nobody_waits_for_gets_no_answer() -> None:
    given_up = threading.Event()
    given_up.set()

    assert classifier(["red", "green", "blue"]).find([Sight(filled(9, 0, 0))], given_up) == []


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 48 bytes of pixels, not 45"):
        find(classifier(["red", "green", "blue"]), filled(1, 2, 3)[:-3])


def test_the_time_that_others_had_the_model_is_not_counted() -> None:
    model = classifier(["red", "green", "blue"])

    assert model.took_s(asked=10.0, answered=12.0) == 2
    assert model.took_s(asked=11.0, answered=15.0) == 3, "until 12 it was at work on what had been asked before"
    assert model.took_s(asked=20.0, answered=21.0) == 1


def test_without_a_prepared_model_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model is prepared in .*; run: make model"):
        Classifier.open(Settings(models_dir=tmp_path))
