"""Says a text in a language.

The catalogues are GNU gettext's, read by Python's own ``gettext``: plural forms come with each. One is read when its
language is first spoken, and kept: some 50 kB.
"""

from __future__ import annotations

import functools
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final

from common.languages.known import ENGLISH, LANGUAGES
from common.languages.texts import Text, Value

FOLDER: Final = Path(__file__).parent / "catalogues"


def say(text: Text | str, language: str = ENGLISH) -> str:
    """The text in that language; in English where the catalogue does not have it, as that of a newer worker.

    Args:
        text: The text. A string is the same in every language.
        language: A code of ``LANGUAGES``. Any other is English.
    """
    if isinstance(text, str):
        return text
    if text.parts:
        return text.message.join(say(part, language) for part in text.parts)
    if not text.message:  # gettext would give the catalogue's header
        return ""
    catalogue, count = _catalogue(language), text.values.get("count")
    if text.plural and isinstance(count, int):
        words = catalogue.ngettext(text.message, text.plural, count)
    else:
        words = catalogue.gettext(text.message)
    if not text.values:
        return words
    return words.format_map({name: _said(value, language) for name, value in text.values.items()})


def number(value: int, language: str = ENGLISH) -> str:
    """A whole number, as the language writes it: "1,000"."""
    return f"{value:,}".replace(",", LANGUAGES.get(language, LANGUAGES[ENGLISH]).group)


def percentage(percent: int, language: str = ENGLISH) -> str:
    """A percentage, as the language writes it: "97%"."""
    return LANGUAGES.get(language, LANGUAGES[ENGLISH]).percent.format(percent)


def capital(text: str, language: str = ENGLISH) -> str:
    """The text with a capital letter at its beginning."""
    if language == "tr" and text.startswith("i"):
        return f"İ{text[1:]}"
    return text[:1].upper() + text[1:]


def _said(value: Value, language: str) -> str:
    return number(value, language) if isinstance(value, int) else say(value, language)


@functools.cache
def _catalogue(language: str) -> NullTranslations:
    file = FOLDER / f"{language}.mo"
    if language == ENGLISH or language not in LANGUAGES:
        return NullTranslations()
    with file.open("rb") as catalogue:
        return GNUTranslations(catalogue)
