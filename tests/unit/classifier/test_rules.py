from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.serve import rules
from classifier.serve.rules import Rules
from common.answers import vocabulary
from common.messages import Finding, FindingKind, Guess
from common.model import records
from common.model.records import Calibration, ModelRecord
from tests.support import model_in_use

MEASURED: Final = Calibration(temperature=0.5, strange_below=5.0, measured_on="photos", rules=records.RULES)

# By ImageNet's own order: https://gist.github.com/yrevar/942d3a0ac09ec9e5eb3a
WEB_SITE, MENU, ENVELOPE = 916, 922, 549
BIKINI, BRASSIERE, DIAPER, NIPPLE, MAILLOTS, SWIMMING_TRUNKS = 445, 459, 529, 680, (638, 639), 842
SUIT, JERSEY, GOWN, SNEAKER, WIG = 834, 610, 578, 770, 903
SUNGLASSES = (836, 837)
BEAGLE, BLOODHOUND, BLUETICK, TABBY, TIGER_CAT = 162, 163, 164, 281, 282
LEMON, SNORKEL, SHOVEL = 951, 801, 792


def record(calibration: Calibration = MEASURED, **fields: Any) -> ModelRecord:
    return msgspec.structs.replace(model_in_use.record(classes=1000, calibration=calibration), **fields)


def shares(given: Mapping[int, float], classes: int = 1000) -> list[float]:
    """These probabilities; the other classes share the rest."""
    rest = (1 - sum(given.values())) / (classes - len(given))
    return [given.get(index, rest) for index in range(classes)]


def judged(
    given: Mapping[int, float], *, strange: bool = False, calibration: Calibration = MEASURED, **fields: Any
) -> Finding:
    made = record(calibration, **fields)
    return Rules(made).judge(shares(given, made.classes), strange=strange)


def test_probabilities_are_a_softmax_at_a_temperature() -> None:
    # exp(2 / 0.5) : exp(1 / 0.5) : exp(0 / 0.5)
    total = math.exp(4) + math.exp(2) + 1
    expected = [math.exp(4) / total, math.exp(2) / total, 1 / total]

    assert rules.probabilities([2, 1, 0], 0.5) == pytest.approx(expected)
    assert rules.probabilities([2002, 2001, 2000], 0.5) == pytest.approx(expected)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=40), st.floats(0.05, 20))
def test_probabilities_are_a_distribution_in_the_order_of_the_scores(scores: list[float], temperature: float) -> None:
    found = rules.probabilities(scores, temperature)

    assert sum(found) == pytest.approx(1)
    assert found[scores.index(max(scores))] == max(found)


def test_strangeness_is_the_best_score_s_distance_from_the_mean_in_standard_deviations() -> None:
    # Mean 1, variance (3 · 1 + 9) / 4 = 3.
    assert rules.strangeness([0, 0, 0, 4]) == pytest.approx(3 / math.sqrt(3))
    assert rules.strangeness([7, 7, 7]) == 0


def test_a_class_that_is_worth_most_is_said() -> None:
    found = judged({BEAGLE: 0.8, TABBY: 0.1})

    assert found.kind is FindingKind.CLASS
    assert found.probability == pytest.approx(0.8)
    assert found.guesses[:2] == (Guess(BEAGLE, 0.8), Guess(TABBY, 0.1))
    assert len(found.guesses) == 5
    assert (found.group, found.imagenet, found.measured) == ("", True, True)


def test_classes_that_only_share_a_group_are_said_by_the_group() -> None:
    found = judged({BEAGLE: 0.35, BLOODHOUND: 0.3, BLUETICK: 0.25})

    hounds = next(group for group in vocabulary.imagenet().groups if group.id == found.group)
    assert found.kind is FindingKind.GROUP
    assert {BEAGLE, BLOODHOUND, BLUETICK} <= {*hounds.classes}
    assert len(hounds.classes) < 100  # a hound or a hunting dog, and not only an animal
    assert found.probability >= 0.9
    assert found.guesses[0].index == BEAGLE


def test_a_class_with_half_of_the_probability_is_said_where_its_group_says_nothing() -> None:
    # "A thing" is worth more than either: it has 0.99 of the probability.
    assert judged({LEMON: 0.01, SNORKEL: 0.51, SHOVEL: 0.48}).kind is FindingKind.CLASS
    assert judged({LEMON: 0.02, SNORKEL: 0.49, SHOVEL: 0.48}).kind is FindingKind.UNSURE


def test_unsure_says_nothing_and_keeps_the_guesses() -> None:
    found = judged({SNORKEL: 0.3, SHOVEL: 0.3, LEMON: 0.2})

    assert (found.kind, found.probability, found.group) == (FindingKind.UNSURE, 0, "")
    assert [guess.index for guess in found.guesses[:3]] == [SHOVEL, SNORKEL, LEMON]  # of equal ones the first class


def test_printed_matter_counts_together() -> None:
    found = judged({WEB_SITE: 0.2, MENU: 0.15, ENVELOPE: 0.06, TABBY: 0.4})

    assert found.kind is FindingKind.PRINTED
    assert found.probability == pytest.approx(0.41, abs=0.01)
    assert judged({WEB_SITE: 0.2, MENU: 0.19, TABBY: 0.3}, strange=True).kind is FindingKind.UNKNOWN
    assert judged({WEB_SITE: 0.2, MENU: 0.22, TABBY: 0.55}).kind is FindingKind.CLASS
    assert judged({MENU: 0.9}).kind is FindingKind.PRINTED


def test_a_dim_page_is_printed_by_what_has_small_print_if_some_of_it_is_printed() -> None:
    # 720 is a pill bottle, 769 a ruler, 922 a menu
    dim = judged({720: 0.3, 922: 0.2, 769: 0.1})
    assert dim.kind is FindingKind.PRINTED
    assert dim.probability == pytest.approx(0.2, abs=0.01)
    assert judged({720: 0.45, 769: 0.2}).kind is not FindingKind.PRINTED, "nothing of it is printed"
    assert judged({720: 0.6, 922: 0.2}).kind is FindingKind.CLASS, "a class that is clear stays one"


def test_clothes_of_all_kinds_are_worn() -> None:
    found = judged({SUIT: 0.3, JERSEY: 0.3, SNEAKER: 0.2, TABBY: 0.1})

    assert found.kind is FindingKind.WORN
    assert found.probability == pytest.approx(0.8, abs=0.02)
    assert found.guesses[0].index == JERSEY


def test_a_garment_that_is_worth_most_is_said_by_its_name() -> None:
    assert judged({JERSEY: 0.8, SUIT: 0.1}).kind is FindingKind.CLASS


def test_a_strange_picture_is_unknown_if_no_class_has_half() -> None:
    found = judged({BEAGLE: 0.49, BLOODHOUND: 0.4}, strange=True)

    assert (found.kind, found.probability) == (FindingKind.UNKNOWN, 0)
    assert judged({BEAGLE: 0.5, LEMON: 0.2}, strange=True).kind is FindingKind.CLASS
    assert judged({BEAGLE: 0.49, BLOODHOUND: 0.4}, strange=False).kind is FindingKind.GROUP


def test_clothes_in_a_strange_picture_are_worn() -> None:
    assert judged({SUIT: 0.3, JERSEY: 0.3, SNEAKER: 0.2}, strange=True).kind is FindingKind.WORN


@pytest.mark.parametrize("index", [BIKINI, BRASSIERE, DIAPER, MAILLOTS[0]])
def test_delicate_clothes_are_not_named_under_90_percent(index: int) -> None:
    found = judged({index: 0.89, TABBY: 0.05})

    assert found.kind is FindingKind.WORN
    assert index not in [guess.index for guess in found.guesses]
    assert judged({index: 0.91}).guesses[0].index == index
    assert judged({index: 0.91}).kind is FindingKind.CLASS


def test_a_delicate_thing_that_is_not_worn_is_not_named_either() -> None:
    found = judged({NIPPLE: 0.85, TABBY: 0.05})

    assert found.kind is FindingKind.UNKNOWN
    assert found.guesses == (), "what is left would be beside the point"
    beside = judged({NIPPLE: 0.4, TABBY: 0.3, 282: 0.1})
    assert TABBY in [guess.index for guess in beside.guesses]
    assert NIPPLE not in [guess.index for guess in beside.guesses]


def test_a_group_that_is_mostly_delicate_is_only_worn() -> None:
    assert judged({BIKINI: 0.4, MAILLOTS[0]: 0.3, MAILLOTS[1]: 0.25}).kind is FindingKind.WORN
    assert judged({BRASSIERE: 0.5, BIKINI: 0.45}).kind is FindingKind.WORN


def test_apes_and_monkeys_are_said_only_if_that_is_sure() -> None:
    # 365 to 369 are apes, 366 a gorilla; 834 is a suit, 457 a bow tie
    assert judged({366: 0.92}).kind is FindingKind.CLASS
    sure = judged({366: 0.4, 367: 0.3, 365: 0.25})
    assert (sure.kind, sure.group) == (FindingKind.GROUP, "ape")
    unsure = judged({366: 0.5, 367: 0.3, 834: 0.1, 457: 0.1})
    assert unsure.kind not in {FindingKind.CLASS, FindingKind.GROUP}
    assert {366, 367}.isdisjoint(guess.index for guess in unsure.guesses)


def test_classes_with_the_same_name_count_as_one() -> None:
    found = judged({SUNGLASSES[0]: 0.3, SUNGLASSES[1]: 0.5, WIG: 0.1})

    assert found.kind is FindingKind.CLASS
    assert found.guesses[0].index == SUNGLASSES[0]
    assert found.guesses[0].probability == pytest.approx(0.8)
    assert SUNGLASSES[1] not in [guess.index for guess in found.guesses]


def test_scores_are_judged_at_the_model_s_temperature_and_limit_of_strangeness() -> None:
    scores = [0.0] * 1000
    scores[BEAGLE], scores[TABBY] = 6.0, 5.0
    odd = [0.01 * (index % 100) for index in range(1000)]  # the best is 1.7 deviations above the mean

    found = Rules(record()).finding(scores)

    assert found.guesses[0].index == BEAGLE
    assert found.guesses[0].probability == pytest.approx(rules.probabilities(scores, 0.5)[BEAGLE])
    assert Rules(record()).finding(odd).kind is FindingKind.UNKNOWN


@pytest.mark.parametrize(
    "calibration",
    [Calibration(), Calibration(temperature=0.5, strange_below=5, measured_on="photos", rules=records.RULES + 1)],
    ids=["not measured", "measured for other rules"],
)
def test_a_model_that_nobody_measured_has_temperature_1_and_no_strange_pictures(calibration: Calibration) -> None:
    scores = [0.0] * 1000
    scores[BEAGLE], scores[BLOODHOUND] = 6.0, 5.9
    strange = [0.01 * (index % 100) for index in range(1000)]
    strange[SNORKEL] = 5.5  # 13 % at temperature 1

    found = Rules(record(calibration)).finding(scores)

    assert found.measured is False
    assert found.guesses[0].probability == pytest.approx(rules.probabilities(scores, 1)[BEAGLE])
    assert Rules(record(calibration)).finding(strange).kind is FindingKind.UNSURE


def test_a_model_that_nobody_measured_does_not_know_a_picture_without_any_likely_class() -> None:
    calibration = Calibration()

    assert judged({SNORKEL: 0.09, LEMON: 0.05}, calibration=calibration).kind is FindingKind.UNKNOWN
    assert judged({SNORKEL: 0.11, LEMON: 0.05}, calibration=calibration).kind is FindingKind.UNSURE
    dogs = {index: 0.95 / 15 for index in range(BEAGLE, BEAGLE + 15)}
    assert judged(dogs, calibration=calibration).kind is FindingKind.GROUP


@pytest.mark.parametrize("fields", [{"labels_source": "own.txt"}, {"classes": 3}], ids=["own labels", "three classes"])
def test_own_classes_are_said_from_a_half_and_never_merged(fields: Mapping[str, Any]) -> None:
    likely = judged({0: 0.5}, strange=True, **fields)
    unlikely = judged({1: 0.49, 2: 0.48}, strange=True, **fields)

    assert (likely.kind, likely.guesses[0], likely.imagenet) == (FindingKind.CLASS, Guess(0, 0.5), False)
    assert (unlikely.kind, unlikely.probability) == (FindingKind.UNSURE, 0)


def test_own_labels_of_a_thousand_classes_have_delicate_names_of_imagenet_s_indices() -> None:
    found = judged({BIKINI: 0.6, SUNGLASSES[1]: 0.3}, labels_source="own.txt")

    assert [guess.index for guess in found.guesses[:2]] == [BIKINI, SUNGLASSES[1]]


@given(st.dictionaries(st.integers(0, 999), st.floats(-20, 20), max_size=30))
def test_every_finding_is_in_bounds(given_scores: dict[int, float]) -> None:
    found = Rules(record()).finding([given_scores.get(index, 0.0) for index in range(1000)])

    assert 0 <= found.probability <= 1
    assert [*found.guesses] == sorted(found.guesses, key=lambda guess: -guess.probability)
    assert (found.group != "") == (found.kind is FindingKind.GROUP)
