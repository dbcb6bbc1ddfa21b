"""Takes the bot's texts from the code into the catalogues of all languages, and compiles these: ``make texts``.

A text that is new gets an empty translation, and one that is gone is left out. Translators edit the .po files, by hand
or in one of the many programs for them; the bot reads the .mo files, so that it needs no package for that.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from common.languages.known import ENGLISH, LANGUAGES
from common.languages.speech import FOLDER

ROOT: Final = Path(__file__).resolve().parent.parent
CALLS: Final = {"Text": None, "marked": None, "several": (1, 2)}
"""The calls that have texts: in which arguments those are, one and many."""
FILES: Final = [("telegram/rich.py", "ignore"), ("**.py", "python")]  # its Text is what people send
WIDTH: Final = 120
DATE: Final = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)  # version control knows better
UNREVIEWED: Final = "\n# Unreviewed: no native reader has read it yet."
TRANSLATED: Final = [code for code in LANGUAGES if code != ENGLISH]


def texts() -> Catalog:
    """The texts in the code, in the order of its files."""
    found = Catalog()
    rows = extract_from_dir(ROOT / "common", FILES, keywords=CALLS, comment_tags=())
    for _file, _line, message, _comments, _context in rows:
        if message:
            found.add(message)
    return found


def read(code: str) -> Catalog:
    """A language's catalogue; an empty one if there is none yet."""
    file = FOLDER / f"{code}.po"
    if not file.exists():
        return Catalog(locale=code)
    with file.open("rb") as catalogue:
        return read_po(catalogue, locale=code)


def write(code: str, catalogue: Catalog) -> None:
    """Write a language's catalogue, and compile it."""
    with (FOLDER / f"{code}.po").open("wb") as po:
        write_po(po, catalogue, width=WIDTH, no_location=True, ignore_obsolete=True)
    with (FOLDER / f"{code}.mo").open("wb") as mo:
        write_mo(mo, catalogue)


def update(code: str) -> Catalog:
    """A language's catalogue as it should be: with the texts of the code, and its translations of them."""
    catalogue = read(code)
    catalogue.update(texts(), no_fuzzy_matching=True)
    language = LANGUAGES[code]
    head = f"# What Whatsit says, in {language.name}. docs/languages.md says how to edit it."
    catalogue.header_comment = head if language.is_reviewed else head + UNREVIEWED
    catalogue.project, catalogue.version, catalogue.fuzzy = "Whatsit", "1", False
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = ""
    catalogue.creation_date = catalogue.revision_date = DATE
    return catalogue


if __name__ == "__main__":
    for code in TRANSLATED:
        write(code, update(code))
