"""The buttons below an answer: read on about the thing, and say whether that was right.

    Learn more ↗
    👍 Right  👎 Wrong

A press of Wrong offers the next guesses, and Something else. What is right is counted, once a message, without picture
or person; then those buttons go. A button carries what it needs: what was said, and the other guesses.

    1:right:<said>:<about>              1:wrong:<said>:<about>:<other>.<other>…
    1:is:<said>:<about>:<right>

``said`` is a class by its index, or a group by its id behind a "g"; ``about``, what to read on about, likewise, or ''
if it is the same.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, TypeAlias
from urllib.parse import quote

from common import words
from common.answers import vocabulary
from common.answers.vocabulary import CLASSES, imagenet
from common.answers.wording import named
from common.conversation.bot import Bot
from common.conversation.buttons import TOO_OLD, Press, Response, data
from common.languages.known import ENGLISH
from common.messages import Button, Job, Predictions

RIGHT: Final = "right"
WRONG: Final = "wrong"
IS: Final = "is"
MOST_OTHERS: Final = 4
IN_A_ROW: Final = 2
_GROUP: Final = "g"

Rows: TypeAlias = tuple[tuple[Button, ...], ...]


def rows(predictions: Predictions, job: Job, *, asks: bool) -> Rows:
    """The buttons below an answer; none if it names nothing, or its chat wants no buttons.

    Args:
        predictions: What was found.
        job: The answer's job.
        asks: Whether people are asked if it was right.
    """
    found = named(predictions.finding) if job.buttons else None
    if found is None:
        return ()
    said, about = _thing(found.said), _thing(found.about) if found.about != found.said else ""
    verdict = (
        Button.of(words.RIGHT, data(RIGHT, said, about)),
        Button.of(words.WRONG, data(WRONG, said, about, ".".join(map(str, found.others[:MOST_OTHERS])))),
    )
    return (_learn_more(about or said, job.language), *([verdict] if asks else []))


async def right(bot: Bot, press: Press) -> Response:
    """Count that an answer was right."""
    match press.details:
        case [said, about] if _is_known(said, about or said) and bot.settings.feedback == "on":
            return await _counted(bot, press, said, about, said)
    return Response(TOO_OLD)


async def wrong(bot: Bot, press: Press) -> Response:
    """Ask what would have been right."""
    match press.details:
        case [said, about, listed] if (
            _is_known(said, about or said, *_others(listed)) and bot.settings.feedback == "on"
        ):
            names = vocabulary.names(press.language)
            guesses = [Button.of(names.listed(int(other)), data(IS, said, about, other)) for other in _others(listed)]
            offered = (*guesses, Button.of(words.SOMETHING_ELSE, data(IS, said, about, "")))
            in_rows = (offered[start : start + IN_A_ROW] for start in range(0, len(offered), IN_A_ROW))
            return Response(words.WHAT_IS_IT, buttons=(_learn_more(about or said, press.language), *in_rows))
    return Response(TOO_OLD)


async def is_(bot: Bot, press: Press) -> Response:
    """Count what would have been right."""
    match press.details:
        case [said, about, really] if (
            _is_known(said, about or said, *filter(None, [really])) and bot.settings.feedback == "on"
        ):
            return await _counted(bot, press, said, about, really)
    return Response(TOO_OLD)


async def _counted(bot: Bot, press: Press, said: str, about: str, really: str) -> Response:
    chat_id, message_id = press.pressed.chat_id, press.pressed.message_id
    if chat_id is None or message_id is None:
        return Response(TOO_OLD)
    await bot.channels.verdicts.count(chat_id, message_id, said, really)
    return Response(words.THANKS, buttons=(_learn_more(about or said, press.language),))


def _learn_more(about: str, language: str) -> tuple[Button, ...]:
    """The button to Wikipedia's search, which leads to the article of that name if there is one.

    Animals go by their Latin names, which are right in every language.
    """
    names = vocabulary.names(language)
    if about.startswith(_GROUP):
        term = names.group_listed(about[1:])
    else:
        term = vocabulary.latin().get(int(about)) or names.listed(int(about))
    url = f"https://{language or ENGLISH}.wikipedia.org/w/index.php?search={quote(term)}"
    return (Button.of(words.LEARN_MORE, url=url),)


def _thing(found: int | str) -> str:
    return str(found) if isinstance(found, int) else f"{_GROUP}{found}"


def _others(listed: str) -> Sequence[str]:
    return listed.split(".") if listed else []


def _is_known(*things: str) -> bool:
    """Whether there are such classes and groups: what a button carries may be forged, or of another version."""
    return _things().issuperset(things)


@functools.cache
def _things() -> frozenset[str]:
    return frozenset(map(str, range(CLASSES))) | {f"{_GROUP}{group.id}" for group in imagenet().groups}
