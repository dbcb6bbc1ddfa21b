"""The runtime's time limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from common.channels.wakeups import BACK_OFF_S


@dataclasses.dataclass(frozen=True)
class RuntimeLimits:
    """The runtime's time limits.

    On SIGTERM, handlers have ``grace_s``; what they have in flight then is handed back. If Redis is away at that
    moment, it has ``give_up_s`` more to come back. All of that, and one last command, fits into Supervisor's
    stopwaitsecs of 30.

    Attributes:
        claim_idle_s: A worker may claim a message that a sibling has not refreshed for so long.
        refresh_s: How often messages in flight are refreshed.
        grace_s: How long handlers have to end on a stop.
        give_up_s: How long a stop waits for Redis after that.
        last_start_before_end_s: In these last seconds of the grace time nothing is sent: the stop could interrupt it,
            and it would be sent again. Telegram has 10 s to answer.
        hangs_in_a_row: A step that hangs in a thread cannot be ended from outside. After so many in a row (one that
            does not hang counts against one that does), the process ends and a new one starts.
        back_off_s: How long to wait for Redis, try after try; the last value for all further tries.
    """

    claim_idle_s: float = 50.0
    refresh_s: float = 10.0
    grace_s: float = 15.0
    give_up_s: float = 5.0
    last_start_before_end_s: float = 10.0
    hangs_in_a_row: int = 3
    back_off_s: Sequence[float] = BACK_OFF_S
