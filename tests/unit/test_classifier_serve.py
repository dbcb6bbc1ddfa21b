from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from classifier.errors import ModelError
from classifier.serve import Classifier
from common.model_input import InputSpec
from common.model_record import ModelRecord
from common.settings import Settings

CROP = 4


class MeanColour:
    """Stands in for an engine: the mean of each channel are the first three logits, then constants."""

    name = "mean colour"

    def __init__(self, constants: Sequence[float] = ()) -> None:
        self.constants = constants

    def rest(self) -> None:
        pass

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        means = images.mean(axis=(1, 2), dtype=np.float32)
        constants = np.tile(np.array(self.constants, np.float32), (len(images), 1))
        return np.concatenate([means, constants], axis=1)


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


def test_each_input_gets_its_own_answer_in_the_order_of_the_inputs() -> None:
    inputs: list[bytes | memoryview] = [filled(9, 0, 0), memoryview(filled(0, 9, 0)), filled(0, 0, 9)]

    predictions = classifier(["red", "green", "blue"]).predict(inputs)

    assert [prediction[0].label for prediction in predictions] == ["red", "green", "blue"]


def test_no_inputs_get_no_answers() -> None:
    assert classifier(["red", "green", "blue"]).predict([]) == []


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot reshape"):
        classifier(["red", "green", "blue"]).predict([filled(1, 2, 3)[:-3]])


def test_without_a_prepared_model_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model is prepared in .*; run: python -m classifier.prepare"):
        Classifier.open(Settings(models_dir=tmp_path))
