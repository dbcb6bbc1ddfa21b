"""Words an answer: what a picture shows, as Telegram's HTML (core.telegram.org/bots/api#html-style).

A sentence comes first: a notification shows it, and a screen reader says it. Below it are the other guesses, one a
line, without what the sentence already gives with its percentage.

    I’m sure: an espresso (97%)                     a class; from 80 % "Most likely an espresso", else "Perhaps"
    A dog (93%), perhaps a bull mastiff (45%)       a group; below 80 % "Perhaps a dog"
    A dog at the left, strawberries at the right    two ends, each 80 % or more
    A screenshot or something printed. I know …     printed matter, from 50 %; below, "Perhaps a screenshot …"
    Something to wear, perhaps on somebody: …       clothes
    I’m not sure. My best guesses:                  nothing is likely enough
    I can’t tell what this is. I know …             nothing that the model knows

If the picture is not itself what the user sent, the sentence says so first: "From the preview: most likely an
espresso (86%)".

Chats may want answers short: then it is the sentence alone, and of "My best guesses:" the best one. In an album, each
photo has a line: that, without "I’m sure" and "most likely", which the percentage says, and without what the bot knows.

The first five are sure, unless they begin with "Perhaps": then the guesses are a quotation, which Telegram folds after
three lines. Otherwise they are open lines. Why so, and what happens to delicate classes:
docs/decisions/0019-answers-are-sentences.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple, Protocol

from common.answers.vocabulary import DELICATE_FROM, english, imagenet
from common.messages import Finding, FindingKind, Guess, Place, Prediction, Predictions, Subject

SURE_FROM: Final = 0.95
LIKELY_FROM: Final = 0.80
LISTED_FROM: Final = 0.02
MOST_LISTED: Final = 5
MOST_IF_UNKNOWN: Final = 3
MOST_PERCENT: Final = 99

# In a group, the best class is named if it is this likely, and this many times as likely as the next one.
CLEAR_FROM: Final = 0.20
CLEAR_RATIO: Final = 1.5
# Among clothes, the best class is named from here on.
WORN_FROM: Final = 0.10
LABEL_LENGTH: Final = 100

KNOWN: Final = "I know 1,000 kinds of things: animals, plants, food, vehicles, tools"
UNKNOWN: Final = "I can’t tell what this is."
NOT_KNOWN: Final = f"{KNOWN}; but no people, places, drawings or texts."
IF_I_HAD_TO_GUESS: Final = "If I had to guess:"
_MY_BEST_GUESSES: Final = "My best guesses:"
UNSURE: Final = f"I’m not sure. {_MY_BEST_GUESSES}"
MY_BEST_GUESS: Final = "My best guess:"
THINGS_ONLY: Final = "I know things, I can’t read."
PRINTED: Final = f"A screenshot or something printed. {THINGS_ONLY}"
PERHAPS_PRINTED: Final = f"Perhaps a screenshot or something printed. {THINGS_ONLY}"
LIKELY_PRINTED: Final = 0.5
WORN: Final = "<b>something to wear</b>, perhaps on somebody"
CLOTHES_ONLY: Final = "I know clothes, not people."

LEADS: Final = {Subject.STILL: "From the preview", Subject.PAGE: "This page’s picture"}
"""What an answer begins with, where the picture is not what the user sent."""

_AT: Final = "at the "
_SURE: Final = "I’m sure: "
_LIKELY: Final = "most likely "


class Answer(NamedTuple):
    """What is said: a sentence, and the lines of the other guesses.

    Attributes:
        sentence: As HTML. A second line of it, or a colon at its end, leads to the other guesses.
        lines: The other guesses, as HTML.
        sure: Whether the sentence says enough without them.
    """

    sentence: str
    lines: Sequence[str] = ()
    sure: bool = False


class _Names(Protocol):
    """The names of a model's classes, as HTML."""

    def phrase(self, index: int) -> str:
        """As in a sentence: "an espresso"."""

    def listed(self, index: int) -> str:
        """As in a list: "espresso"."""

    def may_say(self, guess: Guess) -> bool:
        """Whether an answer may name this guess."""


class _ImageNet:
    """Our names of ImageNet's classes."""

    def phrase(self, index: int) -> str:
        return _html(english().phrase(index))

    def listed(self, index: int) -> str:
        return _html(english().listed(index))

    def may_say(self, guess: Guess) -> bool:
        return guess.probability >= DELICATE_FROM or guess.index not in imagenet().delicate


class _Labels:
    """An operator's labels, as they are."""

    def __init__(self, guesses: Sequence[Guess], top: Sequence[Prediction]) -> None:
        named = zip(guesses, top, strict=False)
        self._labels = {guess.index: _html(shortened(each.label, LABEL_LENGTH)) for guess, each in named}

    def phrase(self, index: int) -> str:
        return self._labels[index]

    def listed(self, index: int) -> str:
        return self._labels[index]

    def may_say(self, guess: Guess) -> bool:
        return guess.index in self._labels


def worded(predictions: Predictions, subject: Subject = Subject.PICTURE, *, short: bool = False) -> str:
    """The answer as Telegram's HTML.

    Args:
        predictions: What was found.
        subject: What the picture is to what the user sent.
        short: Whether to leave the other guesses out.
    """
    sentence, guesses, sure = answer(predictions, subject)
    if not guesses:
        return sentence
    if short:
        return _alone(sentence, guesses)
    lines = "\n".join(guesses)
    return f"{sentence}\n<blockquote expandable>{lines}</blockquote>" if sure else f"{sentence}\n{lines}"


def answer(predictions: Predictions, subject: Subject = Subject.PICTURE) -> Answer:
    """What the answer says, for whatever form it gets."""
    said = _answer(predictions)
    return said._replace(sentence=_led(subject, said.sentence))


def line(predictions: Predictions, subject: Subject = Subject.PICTURE) -> str:
    """The answer as a line of an album's message, as Telegram's HTML."""
    said = _answer(predictions)
    sentence = said.sentence.removeprefix(_SURE).removeprefix(_LIKELY)
    alone = _alone(sentence, said.lines) if said.lines else sentence
    for known in (NOT_KNOWN, CLOTHES_ONLY, THINGS_ONLY):
        alone = alone.removesuffix(f" {known}")
    return _led(subject, alone)


def _answer(predictions: Predictions) -> Answer:
    finding = predictions.finding
    if finding.imagenet:
        return _of_imagenet(finding)
    return _of_labels(finding, _Labels(finding.guesses, predictions.top))


def _alone(sentence: str, lines: Sequence[str]) -> str:
    """The sentence without its lines: one that only leads to them gives the first one."""
    sentence, _, _ = sentence.partition("\n")
    if not sentence.endswith(_MY_BEST_GUESSES):
        return sentence
    percent, _, thing = lines[0].partition(" ")
    return f"{sentence.removesuffix(_MY_BEST_GUESSES)}{MY_BEST_GUESS} {thing} ({percent})"


def shortened(text: str, length: int) -> str:
    """The text, cut to that many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _of_labels(finding: Finding, labels: _Labels) -> Answer:
    if finding.kind is FindingKind.CLASS and finding.guesses and labels.may_say(finding.guesses[0]):
        return _class(finding, labels)
    lines = _lines(finding.guesses, labels)
    if finding.kind is FindingKind.UNKNOWN:
        return _unknown(UNKNOWN, lines)
    return Answer(UNSURE, lines) if lines else Answer(UNKNOWN)


def _of_imagenet(finding: Finding) -> Answer:
    names = _ImageNet()
    ends = [end for end in _ends(finding) if _may_name(end, names)]
    if len(ends) > 1 and all(end.probability >= LIKELY_FROM for end in ends):
        return _both_ends(ends, names)
    if ends:
        (named, *_) = ends
        return _class(named, names) if named.kind is FindingKind.CLASS else _group(named, names)
    lines = _lines(finding.guesses, names)
    if finding.kind is FindingKind.PRINTED:
        is_likely = finding.probability >= LIKELY_PRINTED
        return Answer(PRINTED if is_likely else PERHAPS_PRINTED, lines, sure=is_likely)
    if _is_worn(finding):
        return _worn(finding, names)
    if finding.kind is FindingKind.UNKNOWN or not lines:
        return _unknown(f"{UNKNOWN} {NOT_KNOWN}", lines)
    return Answer(UNSURE, lines)


def _ends(finding: Finding) -> Sequence[Finding]:
    """What was found that has a name: nothing, a class or a group, or one at either end."""
    named = (FindingKind.CLASS, FindingKind.GROUP)
    return [end for end in (finding, finding.other) if end and end.kind in named] if finding.kind in named else []


def _may_name(finding: Finding, names: _Names) -> bool:
    """Whether a sentence may name what was found: a class or a group that is not delicate, or almost certain."""
    if finding.kind is FindingKind.CLASS:
        return bool(finding.guesses) and names.may_say(finding.guesses[0])
    members = _members(finding.group)
    return bool(members) and (finding.probability >= DELICATE_FROM or not members <= {*imagenet().delicate})


def _is_worn(finding: Finding) -> bool:
    """Whether clothes were found, or a class or a group of clothes that no sentence may name."""
    match finding.kind:
        case FindingKind.WORN:
            return True
        case FindingKind.CLASS:
            return bool(finding.guesses) and finding.guesses[0].index in imagenet().worn
        case FindingKind.GROUP:
            members = _members(finding.group)
            return bool(members) and members <= {*imagenet().worn}
        case _:
            return False


def _class(finding: Finding, names: _Names) -> Answer:
    best, probability = finding.guesses[0], finding.probability
    likely = probability >= LIKELY_FROM
    if not likely:
        lead = "perhaps "
    elif finding.place is not Place.MIDDLE:
        lead = ""
    else:
        lead = _SURE if finding.measured and probability >= SURE_FROM else _LIKELY
    sentence = f"{lead}<b>{names.phrase(best.index)}</b> ({_percent(probability)})"
    lines = _lines(finding.guesses, names, given=best)
    return Answer(_placed(sentence, finding.place), lines, sure=likely)


def _group(finding: Finding, names: _Names) -> Answer:
    group = f"<b>{_html(english().group(finding.group))}</b> ({_percent(finding.probability)})"
    if finding.probability < LIKELY_FROM:
        return Answer(_placed(f"perhaps {group}", finding.place), _lines(finding.guesses, names))
    best = _clear_best(finding, names)
    which = f", {_perhaps(best, names)}" if best else "; I can’t tell which"
    lines = _lines(finding.guesses, names, given=best)
    return Answer(_placed(f"{group}{which}", finding.place), lines, sure=True)


def _clear_best(finding: Finding, names: _Names) -> Guess | None:
    """The best class of the group, if it is likely enough, and clearly likelier than the next one."""
    members = _members(finding.group)
    best, following, *_ = [*(guess for guess in finding.guesses if guess.index in members), None, None]
    if best is None or best.probability < CLEAR_FROM or not names.may_say(best):
        return None
    return best if following is None or best.probability >= CLEAR_RATIO * following.probability else None


def _both_ends(ends: Sequence[Finding], names: _Names) -> Answer:
    """Both things without a percentage; the lines give it, and say at which end."""
    in_order = sorted(ends, key=lambda end: list(Place).index(end.place))
    things = [f"<b>{_thing(end, names)}</b>{_at(end.place)}" for end in in_order]
    guesses = [(guess, end) for end in in_order for guess in end.guesses]
    best_first = sorted(guesses, key=lambda each: -each[0].probability)
    lines = [f"{line}{_end(end)}" for guess, end in best_first for line in _lines([guess], names)]
    return Answer(", ".join(things), lines[:MOST_LISTED], sure=True)


def _thing(finding: Finding, names: _Names) -> str:
    if finding.kind is FindingKind.GROUP:
        return _html(english().group(finding.group))
    return names.phrase(finding.guesses[0].index)


def _worn(finding: Finding, names: _Names) -> Answer:
    worn = (guess for guess in finding.guesses if guess.index in imagenet().worn and names.may_say(guess))
    best = next((guess for guess in worn if guess.probability >= WORN_FROM), None)
    which = f": {_perhaps(best, names)}" if best else ""
    return Answer(f"{WORN}{which}. {CLOTHES_ONLY}", _lines(finding.guesses, names, given=best), sure=True)


def _perhaps(guess: Guess, names: _Names) -> str:
    """The best of a group: a small group can be likelier than a class that is likely itself."""
    how = "most likely" if guess.probability >= LIKELY_FROM else "perhaps"
    return f"{how} {names.phrase(guess.index)} ({_percent(guess.probability)})"


def _unknown(sentence: str, lines: Sequence[str]) -> Answer:
    return Answer(f"{sentence}\n{IF_I_HAD_TO_GUESS}" if lines else sentence, lines[:MOST_IF_UNKNOWN])


def _lines(guesses: Sequence[Guess], names: _Names, given: Guess | None = None) -> list[str]:
    """A line for each guess that is likely enough, but for the one that the sentence gives with its percentage."""
    listed = (each for each in guesses if each.probability >= LISTED_FROM and each != given and names.may_say(each))
    return [f"{_percent(each.probability)} {names.listed(each.index)}" for each in listed][:MOST_LISTED]


def _members(group: str) -> frozenset[int]:
    """The classes of the group; nothing for a group of a newer worker."""
    return next((frozenset(each.classes) for each in imagenet().groups if each.id == group), frozenset())


def _percent(probability: float) -> str:
    """Rounded, but not up to where a stronger word begins; and never 100 %."""
    percent = min(MOST_PERCENT, round(probability * 100))
    reached = percent / 100
    return f"{percent - 1 if reached in (LIKELY_FROM, SURE_FROM) and probability < reached else percent}%"


def _placed(sentence: str, place: Place) -> str:
    return sentence if place is Place.MIDDLE else f"{_AT}{place}: {sentence}"


def _led(subject: Subject, sentence: str) -> str:
    """The sentence with its beginning: "From the preview: perhaps …", or "From the preview, at the left: perhaps …"."""
    lead = LEADS.get(subject)
    if not lead:
        return _capital(sentence)
    return f"{lead}{', ' if sentence.startswith(_AT) else ': '}{_small(sentence)}"


def _at(place: Place) -> str:
    return "" if place is Place.MIDDLE else f" at the {place}"


def _end(finding: Finding) -> str:
    return "" if finding.place is Place.MIDDLE else f" ({finding.place})"


def _capital(html: str) -> str:
    """With a capital letter at its beginning, which may be bold."""
    start = len("<b>") if html.startswith("<b>") else 0
    return html[:start] + html[start : start + 1].upper() + html[start + 1 :]


def _small(html: str) -> str:
    """With a small letter at its beginning, unless that is "I", or a name, which is bold."""
    return html if html.startswith(("I ", "I’", "<b>")) else html[:1].lower() + html[1:]


def _html(text: str) -> str:
    return escape(text, quote=False)
