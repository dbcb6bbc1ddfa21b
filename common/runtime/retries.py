"""When a message that was not finished comes again, and when the runtime buries it."""

from __future__ import annotations

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Retries:
    """The policy for messages that fail, that meet an outage, or whose worker dies.

    Attributes:
        attempts: How often handling a message may fail before it is buried.
        deaths: How many workers may die while they handle a message alone.
        first_delay_s: The delay after the first failure; it doubles with each further one.
        jitter: The delay varies at random by that part of itself, so that messages that failed together do not come
            back together.
        longest_delay_s: The longest delay in an outage.
        longest_outage_s: A message that outages have postponed for longer is buried.
    """

    attempts: int = 5
    deaths: int = 3
    first_delay_s: float = 1.0
    jitter: float = 0.25
    longest_delay_s: float = 60.0
    longest_outage_s: float = 24 * 3600.0

    def after_failure_s(self, failures: int) -> float | None:
        """The delay before the next attempt, after so many failures; None if there is no next attempt."""
        if failures >= self.attempts:
            return None
        varied = random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 -- not a secret
        return self.first_delay_s * 2.0 ** (failures - 1) * varied

    def in_outage_s(self, lasted_s: float) -> float | None:
        """The delay in an outage that has lasted so long: the same time again. None if it has lasted too long."""
        if lasted_s > self.longest_outage_s:
            return None
        return min(self.longest_delay_s, max(self.first_delay_s, lasted_s))
