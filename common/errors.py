"""Every error that the workers raise on purpose, and what the runtime does with each.

    WhatsitError
    ├── SettingsError    a setting is wrong: one line that names it; nothing starts
    ├── Outage           Telegram, Redis or our disk is down: tried again later, no attempt used
    ├── Deferred         it is only too early: tried again when the error says, no attempt used
    │   ├── RateLimited  Telegram said when to come back
    │   ├── HostBusy     a link's host has all the requests in flight that it may have
    │   ├── TooEarly     the answer is known, and delayed
    │   ├── OutOfTurn    another answer goes out before this one
    │   └── AlbumWaits   an album's message was changed a moment ago, or is being changed
    ├── TelegramRefused  Telegram says no, and will again (400, 403): the handler words it, or ends the job
    │   ├── MethodUnknown     its Bot API server is older than the method
    │   ├── FileTooLarge      the file is larger than a bot may download
    │   ├── FileUnavailable   it does not hand out the file: not now, or never; it does not say which
    │   └── FileOutOfReach    its Bot API server names a file on its own disk, which this machine cannot read
    ├── InputLost        a job's file is missing, broken or another model's: the job restarts
    ├── Expired          nobody waits for the answer any longer: the job ends without one
    ├── LeaseLost        another worker has the message now: this one's work is dropped
    └── Hung             steps of this process hang: it ends, and Supervisor starts a new one

Anything else that a handler raises is a bug or a broken dependency: its traceback is logged, the
message is tried again with a growing delay, and after its last attempt it is buried. An expected
refusal (not an image, a dead link) is not an error but a ``SendReply`` with words for the user.
"""

from __future__ import annotations

import logging
from typing import ClassVar


class WhatsitError(Exception):
    """Base of all errors that the workers raise on purpose."""


class SettingsError(WhatsitError):
    """A setting is wrong. The message names the setting, its value, and what is allowed."""


class Outage(WhatsitError):  # noqa: N818 -- named for what happened, as its users read it
    """Something outside is down, and expected to come back. Costs the message no attempt."""


class Deferred(WhatsitError):  # noqa: N818
    """It is only too early: try again after ``retry_after_s`` seconds. Costs the message no attempt.

    ``log_level`` is that of the line which says so.
    """

    log_level: ClassVar[int] = logging.INFO

    def __init__(self, retry_after_s: float, why: str) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class RateLimited(Deferred):
    """Telegram asked us to wait before the next call."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s, f"Telegram asks to wait {retry_after_s:g} s")


class HostBusy(Deferred):
    """One host has all the links in flight that it may have. Others go first; this one comes back soon."""

    def __init__(self, host: str, retry_after_s: float) -> None:
        super().__init__(retry_after_s, f"{host!r} has no free slot for our requests")


class TooEarly(Deferred):
    """The answer is known, but must wait for ``retry_after_s`` more seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s, "its answer is known, and delayed")


class OutOfTurn(Deferred):
    """Another answer goes out first. Ordinary, and soon over: the log says it to those who look closely."""

    log_level = logging.DEBUG

    def __init__(self, retry_after_s: float, after: str) -> None:
        super().__init__(retry_after_s, f"the answer of {after} goes out first")


class AlbumWaits(Deferred):
    """The message of an album was changed a moment ago, or is being changed. Ordinary, and soon over."""

    log_level = logging.DEBUG

    def __init__(self, retry_after_s: float, album: str) -> None:
        super().__init__(retry_after_s, f"the message of album {album} changes once a second at most")


class TelegramRefused(WhatsitError):  # noqa: N818
    """Telegram says no for good. ``blocked``: the chat takes nothing from the bot, by its own choice.

    For example the user blocked the bot, or the group removed it or does not let it write.
    """

    def __init__(self, description: str, *, blocked: bool = False) -> None:
        super().__init__(description)
        self.blocked = blocked


class MethodUnknown(TelegramRefused):
    """The Bot API server does not have the method: it is older."""


class FileTooLarge(TelegramRefused):
    """The file is larger than a bot may download."""


class FileUnavailable(TelegramRefused):
    """Telegram does not hand out the file. That may pass within seconds, or never: it does not say which."""


class FileOutOfReach(TelegramRefused):
    """The operator's own Bot API server keeps the file where this machine cannot read it.

    The text is for the operator, and names the folder, not the file. ``cause`` tells apart what they have to change.
    """

    def __init__(self, description: str, cause: str) -> None:
        super().__init__(description)
        self.cause = cause


class InputLost(WhatsitError):  # noqa: N818
    """A file that a message names is missing, damaged, or was made for another model."""


class Expired(WhatsitError):  # noqa: N818
    """Nobody waits for the answer any longer, as a guest after a minute. The job ends without one, and is counted."""


class LeaseLost(WhatsitError):  # noqa: N818
    """This worker no longer holds the message: the worker that has it now will finish it."""


class Hung(WhatsitError):  # noqa: N818
    """Several handlers in a row did not end within their limit: something in this process is stuck."""
