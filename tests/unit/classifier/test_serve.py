from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import ModelError
from classifier.int8.comparison import probabilities
from classifier.serve.classifier import Classifier, likeliest
from classifier.serve.engines.engine import Engine, Picture
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

    def scores(self, pictures: Sequence[Picture], given_up: threading.Event | None = None) -> list[list[float]]:
        means = [np.frombuffer(pixels, np.uint8).reshape(-1, 3).mean(axis=0) for pixels in pictures]
        return [[*mean.tolist(), *self.constants] for mean in means]


def classifier(labels: Sequence[str], constants: Sequence[float] = ()) -> Classifier:
    record = ModelRecord(
        model="inception_v3",
        title="Mean colour",
        folder="",
        input=InputSpec(model="m", resize=CROP, crop=CROP, interpolation="bilinear", mean=(0, 0, 0), std=(1, 1, 1)),
        classes=len(labels),
        weights_sha256="",
        weights_source="",
    )
    return Classifier(record, MeanColour(constants), labels)


def filled(red: int, green: int, blue: int) -> bytes:
    return bytes((red, green, blue)) * CROP**2


def test_predictions_are_probabilities_and_the_likeliest_comes_first() -> None:
    (prediction,) = classifier(["red", "green", "blue"]).predict([filled(1, 3, 2)])

    total = math.exp(1) + math.exp(2) + math.exp(3)
    assert [p.label for p in prediction] == ["green", "blue", "red"]
    assert [p.probability for p in prediction] == pytest.approx([math.exp(n) / total for n in (3, 2, 1)])


def test_five_classes_are_given_of_more() -> None:
    labels = ["red", "green", "blue", "a", "b", "c"]

    (prediction,) = classifier(labels, constants=[9, 8, 7]).predict([filled(1, 2, 3)])

    assert [p.label for p in prediction] == ["a", "b", "c", "blue", "green"]


def test_large_logits_do_not_overflow() -> None:
    (prediction,) = classifier(["red", "green", "blue"], []).predict([filled(255, 0, 0)])

    assert prediction[0].label == "red"
    assert prediction[0].probability == pytest.approx(1)


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=50),
    st.sampled_from([0.0, 501.0, -501.0, 1e6, -1e6]),
    st.integers(1, 6),
)
def test_the_likeliest_are_those_that_numpy_finds(scores: list[float], shift: float, number: int) -> None:
    logits = np.array(scores, np.float32) + np.float32(shift)
    sure = probabilities(logits)
    expected = np.argsort(-logits, kind="stable")[:number]  # of equal ones, the first comes first

    found = likeliest(logits.tolist(), number)

    assert [index for index, _ in found] == expected.tolist()
    assert [share for _, share in found] == pytest.approx(sure[expected].tolist())


def test_each_input_gets_its_own_answer_in_the_order_of_the_inputs() -> None:
    inputs: list[bytes | memoryview] = [filled(9, 0, 0), memoryview(filled(0, 9, 0)), filled(0, 0, 9)]

    predictions = classifier(["red", "green", "blue"]).predict(inputs)

    assert [prediction[0].label for prediction in predictions] == ["red", "green", "blue"]


def test_no_inputs_get_no_answers() -> None:
    assert classifier(["red", "green", "blue"]).predict([]) == []


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 48 bytes of pixels, not 45"):
        classifier(["red", "green", "blue"]).predict([filled(1, 2, 3)[:-3]])


def test_the_time_that_others_had_the_model_is_not_counted() -> None:
    model = classifier(["red", "green", "blue"])

    assert model.took_s(asked=10.0, answered=12.0) == 2
    assert model.took_s(asked=11.0, answered=15.0) == 3, "until 12 it was at work on what had been asked before"
    assert model.took_s(asked=20.0, answered=21.0) == 1


def test_without_a_prepared_model_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model is prepared in .*; run: make model"):
        Classifier.open(Settings(models_dir=tmp_path))
