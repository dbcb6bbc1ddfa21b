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

Below the name of a class that few people know, a line says what that is. This is English; other languages say the same
in sentences that need no article: docs/languages.md.

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

from common.answers import vocabulary
from common.answers.vocabulary import DELICATE_FROM, imagenet
from common.languages.known import ENGLISH
from common.languages.speech import capital, percentage, say
from common.languages.texts import Text
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
LIKELY_PRINTED: Final = 0.5

# Sentences begin with a small letter if that is what they have within another one, and get their capital letter last.
# Things come as in a dictionary in most languages: a sentence must not need their case or article.
SURE: Final = Text("I’m sure: {thing} ({percent})")
LIKELY: Final = Text("most likely {thing} ({percent})")
PERHAPS: Final = Text("perhaps {thing} ({percent})")
SAID: Final = Text("{thing} ({percent})")
WHICH_IS_UNCLEAR: Final = Text("{thing} ({percent}); I can’t tell which")
NOT_KNOWN: Final = Text(
    "I know 1,000 kinds of things: animals, plants, food, vehicles, tools; but no people, places, drawings or texts."
)
UNKNOWN: Final = Text("I can’t tell what this is.")
IF_I_HAD_TO_GUESS: Final = Text("If I had to guess:")
UNSURE: Final = Text("I’m not sure. My best guesses:")
UNSURE_ALONE: Final = Text("I’m not sure. My best guess: {thing} ({percent})")
PRINTED: Final = Text("a screenshot or something printed")
PERHAPS_PRINTED: Final = Text("perhaps a screenshot or something printed")
THINGS_ONLY: Final = Text("I know things, I can’t read.")
SOMETHING_TO_WEAR: Final = Text("something to wear")
WORN: Final = Text("{clothes}, perhaps on somebody")
WORN_WHICH: Final = Text("{clothes}, perhaps on somebody: {which}")
CLOTHES_ONLY: Final = Text("I know clothes, not people.")

# To "is this a lynx?"
YES: Final = Text("yes, {thing} ({percent})")
NO_RATHER: Final = Text("no, rather {thing} ({percent}); {asked} {asked_percent}.")

LEADS: Final = {Subject.STILL: Text("From the preview"), Subject.PAGE: Text("This page’s picture")}
"""What an answer begins with, where the picture is not what the user sent."""
LED: Final = Text("{beginning}: {rest}")
LED_TO_PLACE: Final = Text("{beginning}, {rest}")
ENUMERATED: Final = Text("{first}, {second}")

AT: Final = {
    Place.LEFT: Text("at the left"),
    Place.RIGHT: Text("at the right"),
    Place.TOP: Text("at the top"),
    Place.BOTTOM: Text("at the bottom"),
    Place.TOP_LEFT: Text("at the top left"),
    Place.TOP_RIGHT: Text("at the top right"),
    Place.BOTTOM_LEFT: Text("at the bottom left"),
    Place.BOTTOM_RIGHT: Text("at the bottom right"),
}
"""Where something is: before a colon, or behind the thing."""
THING_AT: Final = Text("{thing} {place}")
END: Final = {
    Place.LEFT: Text("left"),
    Place.RIGHT: Text("right"),
    Place.TOP: Text("top"),
    Place.BOTTOM: Text("bottom"),
    Place.TOP_LEFT: Text("top left"),
    Place.TOP_RIGHT: Text("top right"),
    Place.BOTTOM_LEFT: Text("bottom left"),
    Place.BOTTOM_RIGHT: Text("bottom right"),
}
"""The same in brackets."""


class Answer(NamedTuple):
    """What is said: a sentence, and the lines of the other guesses.

    Attributes:
        sentence: As HTML. It may have a second line, which leads to the other guesses.
        lines: The other guesses, as HTML.
        sure: Whether the sentence says enough without them.
        alone: The sentence for an answer without the lines, as HTML.
        announces: Whether the sentence ends with words that the lines must follow.
        line: The shortest form, for a line of an album's message, as HTML.
    """

    sentence: str
    lines: Sequence[str] = ()
    sure: bool = False
    alone: str = ""
    announces: bool = False
    line: str = ""


class _Names(Protocol):
    """The names of a model's classes, as HTML.

    Attributes:
        language: The language of the answer.
    """

    language: str

    def phrase(self, index: int) -> str:
        """As in a sentence: "an espresso"."""

    def listed(self, index: int) -> str:
        """As in a list: "espresso"."""

    def may_say(self, guess: Guess) -> bool:
        """Whether an answer may name this guess."""


class _ImageNet:
    """Our names of ImageNet's classes."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._names = vocabulary.names(language)

    def phrase(self, index: int) -> str:
        return _html(self._names.phrase(index))

    def listed(self, index: int) -> str:
        return _html(self._names.listed(index))

    def group(self, group_id: str) -> str:
        return _html(self._names.group(group_id))

    def may_say(self, guess: Guess) -> bool:
        return guess.probability >= DELICATE_FROM or guess.index not in imagenet().delicate


class _Labels:
    """An operator's labels, as they are."""

    def __init__(self, guesses: Sequence[Guess], top: Sequence[Prediction], language: str) -> None:
        self.language = language
        named = zip(guesses, top, strict=False)
        self._labels = {guess.index: _html(shortened(each.label, LABEL_LENGTH)) for guess, each in named}

    def phrase(self, index: int) -> str:
        return self._labels[index]

    def listed(self, index: int) -> str:
        return self._labels[index]

    def may_say(self, guess: Guess) -> bool:
        return guess.index in self._labels


def worded(
    predictions: Predictions,
    subject: Subject = Subject.PICTURE,
    language: str = ENGLISH,
    *,
    short: bool = False,
    asked: int = -1,
) -> str:
    """The answer as Telegram's HTML.

    Args:
        predictions: What was found.
        subject: What the picture is to what the user sent.
        language: What to say it in.
        short: Whether to leave the other guesses out.
        asked: The class that the user asks about, by its index; -1 if they do not.
    """
    said = answer(predictions, subject, language, asked)
    if short:
        return said.alone
    note = _note(predictions.finding, language)
    if not said.lines:
        return f"{said.alone}{note}"
    lines = "\n".join(said.lines)
    lines = f"<blockquote expandable>{lines}</blockquote>" if said.sure else lines
    return f"{said.sentence}{note}\n{lines}"


def answer(
    predictions: Predictions, subject: Subject = Subject.PICTURE, language: str = ENGLISH, asked: int = -1
) -> Answer:
    """What the answer says, for whatever form it gets. The arguments are those of ``worded``."""
    finding = predictions.finding
    if finding.imagenet:
        names = _ImageNet(language)
        said = _of_imagenet(finding, names)
        if asked >= 0 and (sentence := _to_question(finding, asked, names)):
            said = said._replace(sentence=sentence)
    else:
        said = _of_labels(finding, _Labels(finding.guesses, predictions.top, language))
    alone = said.alone or said.sentence.partition("\n")[0]
    forms = (said.sentence, alone, said.line or alone)
    is_placed = said.sentence.startswith(tuple(_text(each, language) for each in AT.values()))
    sentence, alone, line = (_led(subject, each, language, is_placed=is_placed) for each in forms)
    return said._replace(sentence=sentence, alone=alone, line=line)


def line(predictions: Predictions, subject: Subject = Subject.PICTURE, language: str = ENGLISH) -> str:
    """The answer as a line of an album's message, as Telegram's HTML."""
    return answer(predictions, subject, language).line


class Named(NamedTuple):
    """What an answer names.

    Attributes:
        said: The class by its index, or the group by its id.
        about: What to read on about: the same, or the class that is likeliest in the group.
        others: The classes of the other guesses that an answer may name, best first.
    """

    said: int | str
    about: int | str
    others: Sequence[int]


def named(finding: Finding) -> Named | None:
    """The one thing that an answer names; None if it names nothing, or two things, or an operator's own label."""
    if not finding.imagenet:
        return None
    names = _ImageNet(ENGLISH)
    ends = [end for end in _ends(finding) if _may_name(end, names)]
    if not ends or (len(ends) > 1 and all(end.probability >= LIKELY_FROM for end in ends)):
        return None
    (end, *_) = ends
    said = about = end.guesses[0].index if end.kind is FindingKind.CLASS else end.group
    if end.kind is FindingKind.GROUP and (best := _clear_best(end, names)):
        about = best.index
    others = [guess.index for guess in end.guesses if guess.index != said and names.may_say(guess)]
    return Named(said, about, others)


def _note(finding: Finding, language: str) -> str:
    """What the class is that the answer names, in a line of its own, where many people do not know it."""
    found = named(finding)
    note = vocabulary.names(language).notes.get(found.said) if found and isinstance(found.said, int) else None
    return f"\n<i>{_html(note)}</i>" if note else ""


def shortened(text: str, length: int) -> str:
    """The text, cut to that many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _of_labels(finding: Finding, labels: _Labels) -> Answer:
    if finding.kind is FindingKind.CLASS and finding.guesses and labels.may_say(finding.guesses[0]):
        return _class(finding, labels)
    if finding.kind is FindingKind.UNKNOWN:
        return _unknown(finding, labels)
    return _unsure(finding, labels) or Answer(_text(UNKNOWN, labels.language))


def _of_imagenet(finding: Finding, names: _ImageNet) -> Answer:
    ends = [end for end in _ends(finding) if _may_name(end, names)]
    if len(ends) > 1 and all(end.probability >= LIKELY_FROM for end in ends):
        return _both_ends(ends, names)
    if ends:
        (named, *_) = ends
        return _class(named, names) if named.kind is FindingKind.CLASS else _group(named, names)
    if finding.kind is FindingKind.PRINTED:
        is_likely = finding.probability >= LIKELY_PRINTED
        said = _text(PRINTED if is_likely else PERHAPS_PRINTED, names.language)
        sentence = f"{said}. {_text(THINGS_ONLY, names.language)}"
        return Answer(sentence, _lines(finding.guesses, names), sure=is_likely, line=f"{said}.")
    if _is_worn(finding):
        return _worn(finding, names)
    is_unknown = finding.kind is FindingKind.UNKNOWN
    return (None if is_unknown else _unsure(finding, names)) or _unknown(finding, names, NOT_KNOWN)


def _to_question(finding: Finding, asked: int, names: _ImageNet) -> str:
    """The answer to "is this a lynx?"; '' if the usual one says as much: nothing is named, or a group that it is in."""
    found = named(finding)
    if found is None or not names.may_say(Guess(asked, _probability(finding, asked))):
        return ""
    language = names.language
    (end, *_) = [end for end in _ends(finding) if _may_name(end, names)]
    thing = f"<b>{_thing(end, names)}</b>"
    if found.said in _same(asked):
        return _with_percent(YES if end.probability >= LIKELY_FROM else PERHAPS, thing, end.probability, language)
    if isinstance(found.said, str) and asked in _members(found.said):
        return ""
    return _filled(
        NO_RATHER,
        language,
        thing=thing,
        percent=_percent(end.probability, language),
        asked=names.phrase(asked),
        asked_percent=_percent(_probability(finding, asked), language),
    )


def _probability(finding: Finding, index: int) -> float:
    """That of a class; 0 if it is not among the guesses."""
    return next((guess.probability for guess in finding.guesses if guess.index in _same(index)), 0.0)


def _same(index: int) -> tuple[int, ...]:
    """The classes that mean the same thing as this one."""
    return next((pair for pair in imagenet().merged if index in pair), (index,))


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
        text = PERHAPS
    elif finding.place is not Place.MIDDLE:
        text = SAID
    else:
        text = SURE if finding.measured and probability >= SURE_FROM else LIKELY
    thing, language = f"<b>{names.phrase(best.index)}</b>", names.language
    sentence = _placed(_with_percent(text, thing, probability, language), finding.place, language)
    short = _placed(_with_percent(SAID, thing, probability, language), finding.place, language)
    lines = _lines(finding.guesses, names, given=best)
    return Answer(sentence, lines, sure=likely, line=short if likely else "")


def _group(finding: Finding, names: _ImageNet) -> Answer:
    language, probability = names.language, finding.probability
    group = f"<b>{names.group(finding.group)}</b>"
    if probability < LIKELY_FROM:
        sentence = _with_percent(PERHAPS, group, probability, language)
        return Answer(_placed(sentence, finding.place, language), _lines(finding.guesses, names))
    best = _clear_best(finding, names)
    if best:
        which = _perhaps(best, names)
        sentence = _filled(ENUMERATED, language, first=_with_percent(SAID, group, probability, language), second=which)
    else:
        sentence = _with_percent(WHICH_IS_UNCLEAR, group, probability, language)
    return Answer(_placed(sentence, finding.place, language), _lines(finding.guesses, names, given=best), sure=True)


def _clear_best(finding: Finding, names: _Names) -> Guess | None:
    """The best class of the group, if it is likely enough, and clearly likelier than the next one."""
    members = _members(finding.group)
    best, following, *_ = [*(guess for guess in finding.guesses if guess.index in members), None, None]
    if best is None or best.probability < CLEAR_FROM or not names.may_say(best):
        return None
    return best if following is None or best.probability >= CLEAR_RATIO * following.probability else None


def _both_ends(ends: Sequence[Finding], names: _ImageNet) -> Answer:
    """Both things without a percentage; the lines give it, and say at which end."""
    first, second = sorted(ends, key=lambda end: list(Place).index(end.place))
    things = {
        "first": _at(f"<b>{_thing(first, names)}</b>", first.place, names.language),
        "second": _at(f"<b>{_thing(second, names)}</b>", second.place, names.language),
    }
    guesses = [(guess, end) for end in (first, second) for guess in end.guesses]
    best_first = sorted(guesses, key=lambda each: -each[0].probability)
    lines = [f"{line}{_end(end, names)}" for guess, end in best_first for line in _lines([guess], names)]
    return Answer(_filled(ENUMERATED, names.language, **things), lines[:MOST_LISTED], sure=True)


def _thing(finding: Finding, names: _ImageNet) -> str:
    if finding.kind is FindingKind.GROUP:
        return names.group(finding.group)
    return names.phrase(finding.guesses[0].index)


def _worn(finding: Finding, names: _Names) -> Answer:
    worn = (guess for guess in finding.guesses if guess.index in imagenet().worn and names.may_say(guess))
    best = next((guess for guess in worn if guess.probability >= WORN_FROM), None)
    clothes = f"<b>{_text(SOMETHING_TO_WEAR, names.language)}</b>"
    if best:
        said = _filled(WORN_WHICH, names.language, clothes=clothes, which=_perhaps(best, names))
    else:
        said = _filled(WORN, names.language, clothes=clothes)
    sentence = f"{said}. {_text(CLOTHES_ONLY, names.language)}"
    return Answer(sentence, _lines(finding.guesses, names, given=best), sure=True, line=f"{said}.")


def _perhaps(guess: Guess, names: _Names) -> str:
    """The best of a group: a small group can be likelier than a class that is likely itself."""
    text = LIKELY if guess.probability >= LIKELY_FROM else PERHAPS
    return _with_percent(text, names.phrase(guess.index), guess.probability, names.language)


def _unknown(finding: Finding, names: _Names, known: Text | None = None) -> Answer:
    """``known`` says what the model knows instead."""
    unknown = _text(UNKNOWN, names.language)
    sentence = f"{unknown} {_text(known, names.language)}" if known else unknown
    lines = _lines(finding.guesses, names)[:MOST_IF_UNKNOWN]
    if not lines:
        return Answer(sentence, line=unknown)
    return Answer(f"{sentence}\n{_text(IF_I_HAD_TO_GUESS, names.language)}", lines, announces=True, line=unknown)


def _unsure(finding: Finding, names: _Names) -> Answer | None:
    """The likeliest guesses; None if there are no such."""
    listed = _listed(finding.guesses, names)
    if not listed:
        return None
    best = listed[0]
    alone = _with_percent(UNSURE_ALONE, names.listed(best.index), best.probability, names.language)
    return Answer(_text(UNSURE, names.language), _lines(finding.guesses, names), alone=alone, announces=True)


def _lines(guesses: Sequence[Guess], names: _Names, given: Guess | None = None) -> list[str]:
    """A line for each guess that is likely enough, but for the one that the sentence gives with its percentage."""
    listed = _listed(guesses, names, given)[:MOST_LISTED]
    return [f"{_percent(each.probability, names.language)} {names.listed(each.index)}" for each in listed]


def _listed(guesses: Sequence[Guess], names: _Names, given: Guess | None = None) -> list[Guess]:
    return [each for each in guesses if each.probability >= LISTED_FROM and each != given and names.may_say(each)]


def _members(group: str) -> frozenset[int]:
    """The classes of the group; nothing for a group of a newer worker."""
    return next((frozenset(each.classes) for each in imagenet().groups if each.id == group), frozenset())


def _percent(probability: float, language: str) -> str:
    """Rounded, but not up to where a stronger word begins; and never 100 %."""
    percent = min(MOST_PERCENT, round(probability * 100))
    reached = percent / 100
    falls_short = reached in (LIKELY_FROM, SURE_FROM) and probability < reached
    return percentage(percent - 1 if falls_short else percent, language)


def _placed(sentence: str, place: Place, language: str) -> str:
    if place is Place.MIDDLE:
        return sentence
    return _filled(LED, language, beginning=_text(AT[place], language), rest=sentence)


def _at(thing: str, place: Place, language: str) -> str:
    if place is Place.MIDDLE:
        return thing
    return _filled(THING_AT, language, thing=thing, place=_text(AT[place], language))


def _end(finding: Finding, names: _Names) -> str:
    return "" if finding.place is Place.MIDDLE else f" ({_text(END[finding.place], names.language)})"


def _led(subject: Subject, sentence: str, language: str, *, is_placed: bool) -> str:
    """The sentence with its beginning: "From the preview: perhaps …", or "From the preview, at the left: perhaps …"."""
    if subject in LEADS:
        beginning = _text(LEADS[subject], language)
        sentence = _filled(LED_TO_PLACE if is_placed else LED, language, beginning=beginning, rest=sentence)
    return _capital(sentence, language)


def _capital(html: str, language: str) -> str:
    """With a capital letter at its beginning, which may be bold."""
    start = len("<b>") if html.startswith("<b>") else 0
    return html[:start] + capital(html[start:], language)


def _with_percent(text: Text, thing: str, probability: float, language: str) -> str:
    return _filled(text, language, thing=thing, percent=_percent(probability, language))


def _filled(text: Text, language: str, **html: str) -> str:
    """A text with HTML in its gaps."""
    return _text(text, language).format_map(html)


def _text(text: Text, language: str) -> str:
    return _html(say(text, language))


def _html(text: str) -> str:
    return escape(text, quote=False)
