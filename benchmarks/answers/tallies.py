"""How often the bot says something, and is right; and the tables of that."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks import measuring
from classifier.calibration import fit
from classifier.calibration.fit import Told
from common.answers import vocabulary
from common.messages import Finding, FindingKind
from common.model.records import Precision

SAYS: Final = (FindingKind.CLASS, FindingKind.GROUP, FindingKind.PRINTED, FindingKind.WORN)
"""The kinds that say something of the picture."""
CONFIDENT: Final = 0.8


class Answer(NamedTuple):
    """What the bot finds in a labelled photo, and the photo's class."""

    finding: Finding
    truth: int

    @property
    def best_is_right(self) -> bool:
        """Whether the likeliest class is right."""
        return self.finding.best.index == self.truth

    @property
    def is_right(self) -> bool:
        """Whether what it says is right; for a kind that says nothing, whether the likeliest class is."""
        finding, known = self.finding, vocabulary.imagenet()
        match finding.kind:
            case FindingKind.GROUP:
                return any(group.id == finding.group and self.truth in group.classes for group in known.groups)
            case FindingKind.PRINTED:
                return self.truth in known.printed
            case FindingKind.WORN:
                return self.truth in known.worn
            case _:
                return self.best_is_right


@dataclasses.dataclass(frozen=True)
class Tally:
    """The answers to a set of labelled photos."""

    answers: Sequence[Answer]

    @property
    def top_1(self) -> float:
        """How often the likeliest class is right."""
        return _share(self.answers, lambda answer: answer.best_is_right)

    @property
    def top_5(self) -> float:
        """How often one of the five likeliest classes is right."""
        return _share(self.answers, lambda answer: answer.truth in [guess.index for guess in answer.finding.guesses])

    @property
    def said(self) -> Tally:
        """Those that say something."""
        return Tally([answer for answer in self.answers if answer.finding.kind in SAYS])

    @property
    def confident(self) -> Tally:
        """Those that say something at 80 % or more."""
        return Tally([answer for answer in self.said.answers if answer.finding.probability >= CONFIDENT])

    @property
    def right(self) -> float:
        """How often what they say is right."""
        return _share(self.answers, lambda answer: answer.is_right)

    @property
    def best(self) -> list[Told]:
        """The probability of the likeliest class, and whether that is right."""
        return [Told(answer.finding.best.probability, answer.best_is_right) for answer in self.answers]

    @property
    def sayings(self) -> list[Told]:
        """The probability of what is said, and whether that is right."""
        return [Told(answer.finding.probability, answer.is_right) for answer in self.said.answers]

    def of(self, kind: FindingKind) -> Tally:
        """Those of a kind."""
        return Tally([answer for answer in self.answers if answer.finding.kind is kind])


Tallies = Mapping[Precision, Tally]


def summary(tallies: Tallies) -> str:
    """The table of shares."""
    rows: list[tuple[str, Callable[[Tally], str]]] = [
        ("best class right (top-1)", lambda tally: f"{tally.top_1:.1%}"),
        ("right class among five (top-5)", lambda tally: f"{tally.top_5:.1%}"),
        ("says something", lambda tally: f"{len(tally.said.answers) / len(tally.answers):.1%}"),
        ("… and is right", lambda tally: f"{tally.said.right:.1%}"),
        ("says something at 80 % or more", lambda tally: f"{len(tally.confident.answers) / len(tally.answers):.1%}"),
        ("… and is right", lambda tally: f"{tally.confident.right:.1%}"),
        ("calibration error of the best class", lambda tally: f"{fit.calibration_error(tally.best):.1%}"),
        ("calibration error of what it says", lambda tally: f"{fit.calibration_error(tally.sayings):.1%}"),
    ]
    return measuring.table(("", *tallies), [(name, *map(of, tallies.values())) for name, of in rows])


def by_kind(tallies: Tallies) -> str:
    """How often each kind of answer is right; for the last two, whether the likeliest class is."""
    head = ["kind of answer"]
    for precision in tallies:
        head += [f"{precision}: photos", "right"]
    rows = []
    for kind in FindingKind:
        row = [kind.value]
        for tally in tallies.values():
            those = tally.of(kind)
            row += [f"{len(those.answers)}", f"{those.right:.1%}" if those.answers else ""]
        rows.append(row)
    return measuring.table(head, rows)


def reliability(tallies: Tallies, told: Callable[[Tally], Sequence[Told]]) -> str:
    """What is said, on average, and how often it is right, by probability."""
    head = ["probability"]
    for precision in tallies:
        head += [f"{precision}: photos", "says", "right"]
    bins = [{each.low: each for each in fit.reliability(told(tally))} for tally in tallies.values()]
    rows = []
    for low in sorted({low for each in bins for low in each}, reverse=True):
        row = [f"{low:.0%} to {low + 1 / fit.BINS:.0%}"]
        for each in bins:
            found = each.get(low)
            row += [f"{found.answers}", f"{found.said:.1%}", f"{found.right:.1%}"] if found else ["0", "", ""]
        rows.append(row)
    return measuring.table(head, rows)


def others(findings: Mapping[str, Mapping[Precision, Sequence[Finding]]]) -> str:
    """Which share of each kind of other picture got which kind of answer."""
    head = ("pictures", "", "number", *(kind.value for kind in FindingKind), "at 80 % or more", "delicate first")
    rows = [
        (name if number == 0 else "", precision, *_others_row(found))
        for name, versions in findings.items()
        for number, (precision, found) in enumerate(versions.items())
    ]
    return measuring.table(head, rows)


def _others_row(found: Sequence[Finding]) -> list[str]:
    kinds = Counter(finding.kind for finding in found)
    confident = sum(finding.kind in SAYS and finding.probability >= CONFIDENT for finding in found)
    delicate = sum(finding.best.index in vocabulary.imagenet().delicate for finding in found)
    counts = [*(kinds[kind] for kind in FindingKind), confident, delicate]
    return [f"{len(found)}", *(f"{count / len(found):.0%}" if count else "" for count in counts)]


def _share(answers: Sequence[Answer], holds: Callable[[Answer], bool]) -> float:
    return sum(map(holds, answers)) / len(answers) if answers else 0.0
