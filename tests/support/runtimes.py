"""The runtime's policies for tests: milliseconds instead of seconds."""

from __future__ import annotations

from typing import Final

from common.runtime.retries import Retries

SOON: Final = Retries(first_delay_s=0.001, longest_delay_s=0.001)
