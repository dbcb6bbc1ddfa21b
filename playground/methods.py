"""What a method of the Bot API is: its parameters in, its answer out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from playground.parameters import Parameters

Method: TypeAlias = Callable[[Parameters], Awaitable[Any]]
"""Raises ``ApiError`` if the call fails."""
