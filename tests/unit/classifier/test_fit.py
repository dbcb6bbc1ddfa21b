"""The arithmetic of a calibration, on numbers that are made by hand or drawn from a known temperature."""

from __future__ import annotations

import math
import random

import pytest

from classifier.calibration import fit
from classifier.calibration.fit import Bin, Scored, Told
from classifier.serve import rules

PAIRS = ((0, 1),)


def drawn(photos: int, classes: int, heat: float, seed: int) -> list[Scored]:
    """Scores whose true classes are as likely as a softmax at that temperature says."""
    lot = random.Random(seed)  # noqa: S311 -- nothing secret
    found = []
    for _ in range(photos):
        scores = [lot.gauss(0, 3) for _ in range(classes)]
        (truth,) = lot.choices(range(classes), rules.probabilities(scores, heat))
        found.append(Scored(scores, truth))
    return found


@pytest.mark.parametrize("heat", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_within_3_percent(heat: float) -> None:
    assert fit.temperature(drawn(6000, 20, heat, seed=7), merged=()) == pytest.approx(heat, rel=0.03)


@pytest.mark.parametrize(("scores", "limit"), [([3.0, 0.0], 0.1), ([0.0, 3.0], 10.0)])
def test_a_temperature_that_runs_into_a_limit_is_known(scores: list[float], limit: float) -> None:
    # always right fits the coldest, and always wrong the hottest
    assert fit.at_limit(fit.temperature([Scored(scores, 0)] * 20, merged=())) == limit


@pytest.mark.parametrize("found", [0.12, 0.72, 9.5])
def test_a_temperature_between_the_limits_is_not_at_one(found: float) -> None:
    assert fit.at_limit(found) is None


def test_merged_classes_are_right_together() -> None:
    # The truth is one of two classes with the same score. Each alone is right half the time, both together always:
    # the fit for both goes to the coldest temperature, and the fit for one stays where they have half each.
    photos = [Scored([3.0, 3.0, 0.0], truth) for truth in (0, 1)] * 10

    assert fit.temperature(photos, PAIRS) == pytest.approx(fit.TEMPERATURES[0], rel=0.01)


def test_scores_far_below_the_best_do_not_break_the_fit() -> None:
    photos = [Scored([0.0, 5000.0, 0.0], truth) for truth in (0, 1, 1)]

    assert fit.temperature(photos, merged=()) == pytest.approx(fit.TEMPERATURES[1], rel=0.01)


def test_reliability_compares_what_is_said_with_what_is_right() -> None:
    told = [Told(0.92, True), Told(0.98, False), Told(0.55, True), Told(0.5, False), Told(1.0, True)]

    assert fit.reliability(told) == [
        Bin(0.5, 0.6, answers=2, said=pytest.approx(0.525), right=0.5),  # type: ignore[arg-type]
        Bin(0.9, 1.0, answers=3, said=pytest.approx(2.9 / 3), right=pytest.approx(2 / 3)),  # type: ignore[arg-type]
    ]


def test_the_calibration_error_is_the_mean_distance_of_the_bins_by_their_answers() -> None:
    # (2 · |0.525 − 0.5| + 3 · |2.9 / 3 − 2 / 3|) / 5 = (0.05 + 0.9) / 5
    told = [Told(0.92, True), Told(0.98, False), Told(0.55, True), Told(0.5, False), Told(1.0, True)]

    assert fit.calibration_error(told) == pytest.approx(0.19)
    assert fit.calibration_error([]) == 0
    assert fit.share_right(told) == 0.6


def test_the_limit_of_strangeness_keeps_98_percent_of_the_right_answers() -> None:
    # One score of 1 + n among equal ones: the more of those, the more deviations it is above the mean.
    photos = [Scored([0.0] * (10 + number) + [1.0], 0) for number in range(100)]
    told = [Told(0.9, True) for _ in photos]

    limit = fit.strange_below(photos, told)

    strange = [photo for photo in photos if rules.strangeness(photo.scores) < limit]
    assert len(strange) == 2
    assert limit == pytest.approx(math.sqrt(12))  # one score of 1 among 12 of 0: (1 − p) / √(p · (1 − p)), p = 1 / 13


def test_wrong_answers_say_nothing_about_strangeness() -> None:
    photos = [Scored([0.0, 0.0, 1.0], 0), Scored([0.0] * 20 + [1.0], 20)]

    assert fit.strange_below(photos, [Told(0.9, False), Told(0.9, True)]) == pytest.approx(math.sqrt(20))
    assert fit.strange_below(photos, [Told(0.9, False), Told(0.9, False)]) == 0
