"""How the Bot API fails while processes are killed."""

from __future__ import annotations

import random
from typing import Final

LONGEST_DELAY_S: Final = 0.2
LOST_OK: Final[dict[str, object]] = {"do": "drop_after"}
"""On sendMessage: the answer is in the chat, and the bot does not get the OK."""


def faults(seed: int) -> list[dict[str, object]]:
    """How the Bot API fails during the storm.

    All delays are short. A message that was in flight when its worker died goes into quarantine. If handling it alone
    took a second, its worker could die three times in that time, and the message would rightly be buried as poison.
    """
    chance = random.Random(f"{seed} faults")  # noqa: S311 -- repeatable on purpose
    error, busy = {"do": "error", "status": 500}, {"do": "error", "status": 429, "retry_after_s": 1}
    shares: list[tuple[str, dict[str, object], float]] = [
        ("getMe", error, 0.2),
        ("getMyCommands", error, 0.2),
        ("setMyCommands", error, 0.2),
        ("getUpdates", error, 0.03),
        ("getUpdates", {"do": "drop_before"}, 0.02),
        ("getUpdates", {"do": "drop_after"}, 0.03),
        ("getUpdates", {"do": "cut_body"}, 0.02),
        ("getFile", error, 0.03),
        ("getFile", busy, 0.02),
        ("getFile", {"do": "drop_before"}, 0.02),
        ("getFile", {"do": "wrong_size"}, 0.03),
        ("file", {"do": "cut_body"}, 0.04),
        ("file", {"do": "drop_before"}, 0.02),
        ("file", {"do": "delay", "delay_s": 0.2}, 0.04),
        ("sendMessage", error, 0.03),
        ("sendMessage", busy, 0.02),
        ("sendMessage", {"do": "drop_before"}, 0.03),
        ("sendMessage", LOST_OK, 0.02),
        ("sendMessage", {"do": "delay", "delay_s": LONGEST_DELAY_S}, 0.04),
        ("editMessageText", error, 0.03),
        ("editMessageText", busy, 0.02),
        ("editMessageText", {"do": "drop_before"}, 0.03),
        ("editMessageText", {"do": "drop_after"}, 0.03),
        ("editMessageText", {"do": "delay", "delay_s": LONGEST_DELAY_S}, 0.04),
        ("sendChatAction", error, 0.05),
        ("sendChatAction", {"do": "drop_after"}, 0.05),
    ]
    return [
        {"method": method, **what, "probability": share, "seed": chance.randrange(2**31)}
        for method, what, share in shares
    ]
