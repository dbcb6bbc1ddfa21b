"""The bot's own words about itself, by language: its description and its short description."""

from __future__ import annotations

from collections import defaultdict

from playground.errors import ApiError

LIMITS = {"description": 512, "short_description": 120}
"""Characters: https://core.telegram.org/bots/api#setmydescription and #setmyshortdescription."""


class Profile:
    """The texts, by their field's name and their language; '' is the language for all others."""

    def __init__(self) -> None:
        self._texts: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def get(self, field: str, language: str) -> str:
        """The text in just this language; '' if it is not set."""
        return self._texts[field].get(language, "")

    def set(self, field: str, language: str, text: str) -> None:
        """Replace a text; '' deletes it.

        Raises:
            ApiError: 400: it is too long.
        """
        if len(text) > LIMITS[field]:
            raise ApiError(400, f"Bad Request: {field} is too long")
        self._texts[field][language] = text

    def shown(self, field: str, language: str) -> str:
        """What a person with this language sees."""
        return self.get(field, language) or self.get(field, "")
