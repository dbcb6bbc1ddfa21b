"""How long Telegram may take, and how much it may send."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from common.backoff import BACK_OFF_S
from common.limits import MAX_FILE_BYTES


@dataclasses.dataclass(frozen=True)
class TelegramLimits:
    """The limits for requests to Telegram. Tests pass smaller ones.

    Attributes:
        connect_timeout_s: How long it may take to connect to one address.
        answer_timeout_s: How long an answer, or its next piece, may take.
        poll_slack_s: How much longer a long poll may take than requested.
        max_answer_bytes: The largest answer. A hundred updates (the most that getUpdates gives) with the longest
            texts, each in answer to another such message, have 12 MB.
        max_file_bytes: The largest file.
        gather_s: How long to wait for more updates after some have come: docs/decisions/0018.
        unavailable_s: How long Telegram may say that a file is unavailable until the bot believes it.
        ask_again_s: After what time to ask for such a file again at first.
        back_off_s: How long to wait after a failed poll, try after try; the last value for all further tries.
        profile_pause_s: How long the bot does not look at its profile again, however often polling fails.
    """

    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 10.0
    poll_slack_s: float = 10.0
    max_answer_bytes: int = 32 * 2**20
    max_file_bytes: int = MAX_FILE_BYTES
    gather_s: float = 0.02
    unavailable_s: float = 30.0
    ask_again_s: float = 1.0
    back_off_s: Sequence[float] = BACK_OFF_S
    profile_pause_s: float = 5.0


LIMITS: Final = TelegramLimits()
"""The bot's limits."""
