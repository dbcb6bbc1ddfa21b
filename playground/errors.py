"""Refusals: to the bot, in Telegram's words, and to people."""

from __future__ import annotations


class ApiError(Exception):
    """A Bot API call failed.

    Attributes:
        code: The HTTP status, which is also ``error_code`` in the answer.
        description: The words of Telegram's own server.
        retry_after_s: For 429: how long to wait.
    """

    def __init__(self, code: int, description: str, retry_after_s: int | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.retry_after_s = retry_after_s


class Refused(Exception):  # noqa: N818 -- named for what happened, as its readers see it
    """The page asked for something that Telegram's own apps would refuse. The message is for people."""


class NoPhoto(Refused):
    """This cannot be a photo, but it can be sent as a file; the message says so."""
