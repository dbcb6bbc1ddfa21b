"""The languages that the bot speaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
ENGLISH: Final = "en"


@dataclasses.dataclass(frozen=True)
class Language:
    """How a language calls itself, and how it writes numbers: as in Unicode's CLDR, to which a test holds them.

    Attributes:
        name: Its name in itself.
        percent: A percentage.
        group: What stands between thousands.
        is_right_to_left: Whether it is written from right to left.
        is_reviewed: Whether native readers have read all of it.
    """

    name: str
    percent: str = "{}%"
    group: str = "."
    is_right_to_left: bool = False
    is_reviewed: bool = False


LANGUAGES: Final[Mapping[str, Language]] = {
    "en": Language("English", group=",", is_reviewed=True),
    "de": Language("Deutsch", percent=f"{{}}{NO_BREAK}%"),
    "es": Language("Español", percent=f"{{}}{NO_BREAK}%"),
    "fr": Language("Français", percent=f"{{}}{NO_BREAK}%", group="\N{NARROW NO-BREAK SPACE}"),
    "it": Language("Italiano"),
    "pt": Language("Português"),
    "ru": Language("Русский", percent=f"{{}}{NO_BREAK}%", group=NO_BREAK),
    "uk": Language("Українська", group=NO_BREAK),
    "tr": Language("Türkçe", percent="%{}"),
}
"""By their ISO 639-1 codes. Anything else is English."""


def known(tag: str) -> str:
    """The code of the language that an IETF tag means ("pt-BR": RFC 5646); '' if the bot does not speak it."""
    code = tag.replace("_", "-").partition("-")[0].lower()
    return code if code in LANGUAGES else ""
