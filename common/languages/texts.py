r"""Texts in no language yet. Each is known by its English words, as in GNU gettext.

    HELLO = Text("Hello!")
    LARGE = Text("The file is larger than {most} MB.")
    LARGE.of(most=20)
    several("{count} picture waits.", "{count} pictures wait.", 3)
    joined(HELLO, LARGE.of(most=20), by="\n\n")

The words stand in the call as they are, so that Babel finds them: ``make texts``.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A text in no language yet.

    Attributes:
        message: Its English words, with gaps: ``{most}``. What stands between the ``parts``, if there are any.
        values: What goes into the gaps: texts, words that are the same in every language, and numbers.
        plural: The English words for a ``count`` other than one, if the words depend on it.
        parts: The texts of which it is made.
    """

    message: str
    values: dict[str, Value] = {}
    plural: str = ""
    parts: tuple[Text | str, ...] = ()

    def of(self, **values: Value) -> Text:
        """The same text with its gaps filled."""
        return msgspec.structs.replace(self, values=values)


Value: TypeAlias = Text | str | int


def several(one: str, many: str, count: int, **values: Value) -> Text:
    """A text whose words depend on a number, which goes into the gap ``{count}``."""
    return Text(one, {"count": count, **values}, many)


def joined(*parts: Text | str, by: str) -> Text:
    """Texts one after another, with ``by`` between them."""
    return Text(by, parts=parts)


def marked(message: str) -> str:
    """The words as they are: a text that is made of them elsewhere is found here."""
    return message
