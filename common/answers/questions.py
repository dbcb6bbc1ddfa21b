"""What people ask about a picture: "is this a lynx?", in the languages that the bot speaks.

It knows no grammar: a few ways to ask, and the exact names of classes. Whatever it does not understand is no question,
and gets the answer that it would get without words.
"""

from __future__ import annotations

import re
from typing import Final

from common.answers import vocabulary
from common.languages.known import ENGLISH

LONGEST: Final = 120
"""Characters of a text that may be such a question."""

_ASKS: Final = {
    "en": r"is (?:this|that|it) (?:an? )?(.+)",
    "de": r"ist (?:das|dies|es) (?:ein |eine |einen )?(.+)",
    "es": r"(?:esto |eso )?es (?:esto |eso )?(?:un |una |unos |unas )?(.+)",
    "fr": r"(?:est-ce que c['’]est|est-ce|c['’]est) (?:un |une |des |du |de la |de l['’])?(.+)",
    "it": r"(?:questo |questa )?(?:è|e['’]) (?:questo |questa )?(?:un |uno |una |un['’])?(.+)",
    "pt": r"(?:isto |isso )?é (?:isto |isso )?(?:um |uma )?(.+)",
    "ru": r"(?:а )?(?:это|разве это|правда ли,? что это) (.+)",
    "uk": r"(?:а )?(?:це|чи це|хіба це) (.+)",
    "tr": r"(?:bu|şu) (?:bir )?(.+?) m[iıuü]",
}
"""By language: how the question begins, and the thing in it."""


def asked_class(text: str, language: str) -> int | None:
    """The class that a text asks about, by its index; None if it asks about none.

    Args:
        text: What somebody wrote to a picture.
        language: What they are answered in. A question in English is understood as well.
    """
    question, mark, _ = text.partition("?")
    if not mark or len(question) > LONGEST:
        return None
    said = " ".join(question.casefold().split()).replace("¿", "")
    for code in dict.fromkeys((language or ENGLISH, ENGLISH)):
        found = re.search(rf"(?<!\w){_ASKS[code]}$", said) if code in _ASKS else None
        if found and (index := _class_called(found[1].strip(), code)) is not None:
            return index
    return None


def _class_called(name: str, language: str) -> int | None:
    names = vocabulary.names(language)
    every = range(len(names.classes))
    return next((index for index in every if names.listed(index).casefold() == name), None)
