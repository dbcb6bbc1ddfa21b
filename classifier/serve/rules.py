"""Makes a finding of a network's scores: what can be said of the picture, and how sure that is.

First the scores become probabilities, by a softmax at the model's temperature (Guo et al. 2017, arXiv:1706.04599).
Classes that people do not tell apart count as one. Then the first kind that fits:

    PRINTED  printed matter has 40 % of the probability, and no class has more
    WORN     what people wear has half of it, and nothing more exact can be said
    UNKNOWN  the picture is unlike those that the model knows, and no class has half of it
    CLASS    a class is worth more than every group; or no group says anything, and the class has half of it
    GROUP    a group is worth more than every class, and has half of the probability
    UNSURE   all others

What an answer is worth is its probability times its reward: DARTS (Deng et al. 2012, "Hedging Your Bets"). The reward
is the answer's information, log2(1000 / its classes), plus a constant: the larger that is, the more groups and the
fewer errors.

Pure Python, since serving does without NumPy: 0.2 ms a picture.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from operator import itemgetter, mul
from typing import Final, NamedTuple

from common.answers import vocabulary
from common.answers.vocabulary import DELICATE_FROM
from common.messages import Finding, FindingKind, Guess
from common.model.records import IMAGENET_CLASSES, ModelRecord

GUESSES: Final = 5
HALF: Final = 0.5
PRINTED_FROM: Final = 0.4
"""Of 104 drawn pages and screens that were dim, tilted or blurred, 63 reach this, and 57 a half. Of 300 photos (NIPS
2017), 4 reach either, 3 of which show printed matter."""
SOME_PRINTED: Final = 0.1
"""Of nothing else, a page that is dim or tilted has at least this, and half together with what has small print."""
UNKNOWN_BELOW: Final = 0.1
"""The best class's probability in a picture that a model without a limit of strangeness does not know."""
CAUTION: Final = 20.0
"""Lambda of DARTS, in bits."""

KIN: Final = 30
"""The name of a group of more classes says little of them: people tell two dogs apart, or an espresso and a pizza."""

_VAGUE: Final = "thing"
"""The group that says nothing."""
_VAGUELY_WORN: Final = ("clothing", "something-worn-on-the-head")
"""Groups that say less than that somebody wears it."""

_Shares = Callable[[Sequence[float]], Sequence[float]]


def probabilities(scores: Sequence[float], temperature: float) -> list[float]:
    """The probabilities of all classes, in the order of the scores. Their sum is 1."""
    top = max(scores)  # minus the largest: exp cannot overflow
    shares = list(map(math.exp, [(score - top) / temperature for score in scores]))
    total = sum(shares)
    return [share / total for share in shares]


def strangeness(scores: Sequence[float]) -> float:
    """How many standard deviations the best score is above the mean of all: few in a strange picture."""
    mean = sum(scores) / len(scores)
    variance = sum(map(mul, scores, scores)) / len(scores) - mean * mean
    return (max(scores) - mean) / math.sqrt(variance) if variance > 0 else 0.0


class _Group(NamedTuple):
    """A group of classes.

    Attributes:
        id: Its id in the vocabulary.
        shares: Takes its classes' probabilities out of those of all classes.
        delicate: Which of its classes are delicate.
        of_clothes: Whether some of its classes are worn.
        reward: What it is worth if it is certain, in bits.
    """

    id: str
    shares: _Shares
    delicate: tuple[int, ...]
    of_clothes: bool
    reward: float


class _Said(NamedTuple):
    """What could be said, and its probability: a group, or the best class if that is None."""

    group: _Group | None
    probability: float


class Rules:
    """Makes findings for one model. Several threads may call it at the same time.

    Args:
        record: The model, with its calibration. One without a calibration, or with one for other rules, counts as not
            measured: its temperature is 1, and no picture is strange.
    """

    def __init__(self, record: ModelRecord) -> None:
        self._imagenet = record.knows_imagenet
        self._measured = record.is_measured
        self._temperature = record.calibration.temperature if self._measured else 1.0
        self._strange_below = record.calibration.strange_below if self._measured else 0.0
        self._kin: list[tuple[int, ...]] = []
        if self._imagenet:
            known = vocabulary.imagenet()
            self._merged, self._delicate = known.merged, known.delicate
            self._printed, self._worn = itemgetter(*known.printed), itemgetter(*known.worn)
            self._lettered = itemgetter(*known.lettered)
            groups = [_group(each, known) for each in known.groups]
            self._kin = [each.classes for each in known.groups if len(each.classes) <= KIN]
            self._groups = sorted(groups, key=lambda group: -group.reward)

    def finding(self, scores: Sequence[float]) -> Finding:
        """What one picture shows, by the scores of all classes."""
        return self.judge(self.probabilities(scores), strange=self.is_strange(scores))

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        """The probabilities of all classes, at the model's temperature."""
        return probabilities(scores, self._temperature)

    def is_strange(self, scores: Sequence[float]) -> bool:
        """Whether these are the scores of a picture that is unlike those that the model knows."""
        return self._strange_below > 0 and strangeness(scores) < self._strange_below

    def are_related(self, one: int, other: int) -> bool:
        """Whether two classes are the same thing, or have a name in common that says much: both are cars."""
        return one == other or any(one in classes and other in classes for classes in self._kin)

    def judge(self, shares: Sequence[float], *, strange: bool) -> Finding:
        """What one picture shows.

        Args:
            shares: The probabilities of all classes.
            strange: Whether the picture is unlike those that the model knows.
        """
        merged = self.merge(shares)
        best = max(merged)
        if not self._imagenet:
            said = _Said(None, best) if best >= HALF else None
            nothing = FindingKind.UNKNOWN if best < UNKNOWN_BELOW else FindingKind.UNSURE
            return self._made(FindingKind.CLASS if said else nothing, merged, said)
        index = merged.index(best)
        kind, said = self._choose(shares, _Said(None, best), index, strange=strange)
        hidden = 0.0
        for each in self._delicate:
            if merged[each] < DELICATE_FROM:
                hidden, merged[each] = hidden + merged[each], 0.0  # nor is it named among the guesses
        if hidden >= HALF and kind is FindingKind.UNSURE:
            return self._made(FindingKind.UNKNOWN, [], None)  # what is left would be beside the point
        return self._made(kind, merged, said)

    def merge(self, shares: Sequence[float]) -> list[float]:
        """The probabilities with classes of the same name as one, by the first of their indices; the others get 0."""
        merged = list(shares)
        if self._imagenet:
            for first, *others in self._merged:
                for other in others:
                    merged[first] += merged[other]
                    merged[other] = 0.0
        return merged

    def _choose(
        self, shares: Sequence[float], best: _Said, index: int, *, strange: bool
    ) -> tuple[FindingKind, _Said | None]:
        """The kind, and what it says: the first that fits."""
        strange = strange and best.probability < HALF
        printed = sum(self._printed(shares))
        if printed >= max(PRINTED_FROM, best.probability):
            return FindingKind.PRINTED, _Said(None, printed)
        said = self._worth_most(shares, best, may_say_best=self._may_say(index, best.probability))
        if (strange or said is None) and printed >= SOME_PRINTED and printed + sum(self._lettered(shares)) >= HALF:
            return FindingKind.PRINTED, _Said(None, min(printed, PRINTED_FROM))
        worn = sum(self._worn(shares))
        if worn >= HALF and (strange or said is None or (said.group and said.group.id in _VAGUELY_WORN)):
            return FindingKind.WORN, _Said(None, worn)
        if strange:
            return FindingKind.UNKNOWN, None
        if said is None:
            is_unknown = not self._strange_below and best.probability < UNKNOWN_BELOW
            return (FindingKind.UNKNOWN if is_unknown else FindingKind.UNSURE), None
        return (FindingKind.GROUP if said.group else FindingKind.CLASS), said

    def _may_say(self, index: int, probability: float) -> bool:
        return probability >= DELICATE_FROM or index not in self._delicate

    def _worth_most(self, shares: Sequence[float], best: _Said, *, may_say_best: bool) -> _Said | None:
        """The group or class that is worth most; None if that says nothing."""
        said = best if may_say_best else _Said(None, 0.0)
        worth = _reward(1) * said.probability
        for group in self._groups:
            if group.reward <= worth:
                break  # nor can the larger ones, which come after it, be worth more
            probability = sum(group.shares(shares))
            if group.reward * probability > worth:
                said, worth = _Said(group, probability), group.reward * probability
        if said.probability >= HALF and _says_something(said, shares):
            return said
        return best if may_say_best and best.probability >= HALF else None

    def _made(self, kind: FindingKind, merged: Sequence[float], said: _Said | None) -> Finding:
        return Finding(
            kind=kind,
            guesses=_likeliest(merged),
            probability=min(said.probability, 1.0) if said else 0.0,  # sums of rounded numbers
            group=said.group.id if said and said.group else "",
            imagenet=self._imagenet,
            measured=self._measured,
        )


def _reward(classes: int) -> float:
    """What an answer of so many classes is worth if it is certain, in bits."""
    return math.log2(IMAGENET_CLASSES / classes) + CAUTION


def _group(group: vocabulary.Group, known: vocabulary.Hierarchy) -> _Group:
    classes = {*group.classes}
    delicate = tuple(classes.intersection(known.delicate))
    of_clothes = not classes.isdisjoint(known.worn)
    return _Group(group.id, itemgetter(*group.classes), delicate, of_clothes, _reward(len(classes)))


def _says_something(said: _Said, shares: Sequence[float]) -> bool:
    """Whether it is the best class, or a group that says something.

    A group that is mostly of delicate classes says too much: of clothes always, of apes and monkeys unless it is sure.
    """
    if said.group is None or said.group.id == _VAGUE:
        return said.group is None
    delicate = sum(shares[each] for each in said.group.delicate)
    is_sure = said.probability >= DELICATE_FROM and not said.group.of_clothes
    return is_sure or delicate < HALF * said.probability


def _likeliest(merged: Sequence[float]) -> tuple[Guess, ...]:
    """The classes with the highest probabilities, highest first; of equal ones, the first class comes first."""
    found: list[Guess] = []
    before, index = -1.0, -1
    for share in heapq.nlargest(GUESSES, merged):
        index = merged.index(share, index + 1 if share == before else 0)
        before = share
        found.append(Guess(index, min(share, 1.0)))
    return tuple(found)
