"""The temperature and the limit of strangeness that fit a model's scores; and how right its probabilities are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from classifier.serve import rules

TEMPERATURES: Final = (0.1, 10.0)
"""From the lowest to the highest that is looked for."""
KEPT: Final = 0.98
"""The share of the photos whose best class is right that are not strange."""
BINS: Final = 10

_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_CLOSE: Final = 1e-3
_NEAR: Final = 0.01


class Scored(NamedTuple):
    """A labelled photo.

    Attributes:
        scores: What the model gives it: the logits of all classes.
        truth: Its class.
    """

    scores: Sequence[float]
    truth: int


class Told(NamedTuple):
    """An answer with a probability.

    Attributes:
        probability: How sure it says it is.
        right: Whether it is right.
    """

    probability: float
    right: bool


class Bin(msgspec.Struct, frozen=True):
    """The answers with probabilities from ``low`` up to ``high`` (the last bin: with it).

    Attributes:
        low: The lowest probability.
        high: The highest probability.
        answers: How many answers there are.
        said: Their mean probability.
        right: The share of them that is right.
    """

    low: float
    high: float
    answers: int
    said: float
    right: float


def temperature(photos: Sequence[Scored], merged: Sequence[Sequence[int]]) -> float:
    """The temperature at which the right classes are likeliest (Guo et al. 2017, arXiv:1706.04599).

    That is the least mean of -log p(truth), a convex function of 1 / temperature, found by golden-section search.

    Args:
        photos: Photos to fit on.
        merged: Classes that count as one.
    """
    same = {index: classes for classes in merged for index in classes}

    def loss(log_temperature: float) -> float:
        heat = math.exp(log_temperature)
        return sum(_surprise(scores, same.get(truth, (truth,)), heat) for scores, truth in photos)

    low, high = map(math.log, TEMPERATURES)
    return math.exp(_least(loss, low, high))


def at_limit(found: float) -> float | None:
    """The limit of ``TEMPERATURES`` that a temperature has run into: the one that fits is beyond it; else None."""
    return next((limit for limit in TEMPERATURES if math.isclose(found, limit, rel_tol=_NEAR)), None)


def strange_below(photos: Iterable[Scored], told: Iterable[Told]) -> float:
    """The strangeness that ``KEPT`` of the photos with right answers reach; 0 if no answer is right."""
    right = sorted(rules.strangeness(photo.scores) for photo, answer in zip(photos, told, strict=True) if answer.right)
    return right[math.floor(len(right) * (1 - KEPT))] if right else 0.0


def reliability(told: Iterable[Told], bins: int = BINS) -> list[Bin]:
    """How sure the answers say they are, and how often they are right, by probability; without empty bins."""
    filled: list[list[Told]] = [[] for _ in range(bins)]
    for answer in told:
        filled[min(int(answer.probability * bins), bins - 1)].append(answer)
    return [_bin(number / bins, (number + 1) / bins, those) for number, those in enumerate(filled) if those]


def calibration_error(told: Sequence[Told]) -> float:
    """The mean difference between what answers say and how often they are right: ECE (Guo et al. 2017), 10 bins."""
    return sum(each.answers * abs(each.said - each.right) for each in reliability(told)) / len(told) if told else 0.0


def share_right(told: Iterable[Told]) -> float:
    """The share of the answers that is right; 0 if there are no answers."""
    return _mean(answer.right for answer in told)


def _bin(low: float, high: float, told: Sequence[Told]) -> Bin:
    said = _mean(answer.probability for answer in told)
    return Bin(low=low, high=high, answers=len(told), said=said, right=share_right(told))


def _mean(values: Iterable[float]) -> float:
    given = [*values]
    return sum(given) / len(given) if given else 0.0


def _surprise(scores: Sequence[float], classes: Sequence[int], heat: float) -> float:
    """-log of the probability of these classes together."""
    top = max(scores)
    everything = math.log(sum(map(math.exp, [(score - top) / heat for score in scores])))
    best = max(scores[index] for index in classes)  # of these: exp of a score far below the top is 0
    these = math.log(sum(math.exp((scores[index] - best) / heat) for index in classes)) + (best - top) / heat
    return everything - these


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is least: golden-section search (Kiefer 1953)."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > _CLOSE:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
