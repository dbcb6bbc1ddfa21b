"""Each catalogue has every text, with the same gaps, in its own language, and as long as Telegram allows."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message

from common import words
from common.answers import wording
from common.conversation.preferences import TABLE
from common.languages.known import LANGUAGES
from common.languages.speech import FOLDER, say
from common.languages.texts import Text
from docs import texts
from docs.texts import TRANSLATED

CODE = texts.texts()
CATALOGUES = {code: texts.read(code) for code in TRANSLATED}
GLUE = re.compile(r"[\W\d_]*")
"""A text of gaps and punctuation alone."""
SAME = {"fr": {"stories", "{count} minutes"}, "pt": {"stories"}}
"""Words that a language has from English, or English from it."""
ONE_NUMBER = {code: {0} if code in {"de", "es", "it", "tr"} else set() for code in TRANSLATED}
"""The plural forms that are for the number 1 alone. In Russian, the first one is also for 21."""


def messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def both(code: str) -> Iterator[tuple[Message, Message]]:
    """Each text of the code with its translation."""
    for message in messages(CODE):
        translated = CATALOGUES[code].get(message.id)
        assert translated is not None, f"`make texts` takes this into the catalogues: {message.id!r}"
        yield message, translated


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_has_every_text_and_no_other(code: str) -> None:
    assert [message.id for message, translated in both(code) if not all(forms(translated))] == []
    known = {str(message.id) for message in messages(CODE)}
    assert {str(message.id) for message in messages(CATALOGUES[code])} == known


@pytest.mark.parametrize("code", TRANSLATED)
def test_what_the_bot_reads_is_compiled_from_what_translators_wrote(code: str) -> None:
    for message, translated in both(code):
        if isinstance(message.id, str):
            assert say(Text(message.id), code) == translated.string


@pytest.mark.parametrize("code", TRANSLATED)
def test_each_gap_is_filled_once(code: str) -> None:
    for message, translated in both(code):
        ids = [message.id] if isinstance(message.id, str) else message.id
        wanted = set.union(*map(gaps, ids))
        for form in forms(translated):
            has = [name for _, name, _, _ in string.Formatter().parse(form) if name is not None]
            assert len(has) == len(set(has)), form
            may_lack = {"count"} if len(ids) > 1 else set()
            # A language without short ordinals says the number.
            assert wanted - may_lack <= {*has} | ({"nth"} if "number" in has else set()), form
            assert {*has} <= wanted | {"number"}, form


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_plural_form_for_several_numbers_says_which(code: str) -> None:
    catalogue = CATALOGUES[code]
    for message in messages(catalogue):
        if isinstance(message.id, str):
            continue
        assert len(forms(message)) == catalogue.num_plurals
        for index, form in enumerate(forms(message)):
            assert "{count}" in form or index in ONE_NUMBER[code], form


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_english_is_left(code: str) -> None:
    for message, translated in both(code):
        ids = [message.id] if isinstance(message.id, str) else message.id
        bare = [re.sub(r"{\w+}", "", text) for text in ids]
        if all(GLUE.fullmatch(text) for text in bare):
            continue
        assert not {*forms(translated)} & {*ids} - SAME.get(code, set()), ids


@pytest.mark.parametrize("code", TRANSLATED)
def test_sentences_end_as_in_english_and_have_the_same_lines(code: str) -> None:
    for message, translated in both(code):
        text = message.id if isinstance(message.id, str) else message.id[-1]
        for form in forms(translated):
            assert form == form.strip()
            assert form.count("\n") == text.count("\n"), form
            if text.endswith((".", ":", "?", "…", "↗")):
                assert form.endswith((text[-1], "!", ")")), form
            assert form.count("•") == text.count("•"), form


@pytest.mark.parametrize("code", TRANSLATED)
def test_commands_names_and_formats_stay_as_they_are(code: str) -> None:
    fixed = re.compile(r"/[a-z]+\b|@BotFather|\bhttps?\b|\b(?:JPEG|PNG|WebP|HEIC|GIF|BMP|AVIF)\b|👍|👎|❤")
    for message, translated in both(code):
        text = message.id if isinstance(message.id, str) else message.id[-1]
        for form in forms(translated):
            assert {*fixed.findall(text)} <= {*fixed.findall(form)}, form


@pytest.mark.parametrize("code", TRANSLATED)
def test_help_quotes_what_sentences_begin_with(code: str) -> None:
    """“Perhaps”, as /help explains it, is how such an answer begins."""
    for explained in (words.PROMISED, words.MEASURED):
        lines = say(explained, code).split("\n")[1:4]
        for line, sentence in zip(lines, (wording.SURE, wording.LIKELY, wording.PERHAPS), strict=True):
            beginning = say(sentence, code).partition("{")[0].strip(" :\N{NO-BREAK SPACE}")
            assert beginning.casefold() in line.casefold()


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_button_fits_a_phone(code: str) -> None:
    for setting in TABLE:
        for _, text in setting.values:
            assert len(say(text, code)) <= 36


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {
        f"{code}.{kind}" for code in TRANSLATED for kind in ("po", "mo")
    }
