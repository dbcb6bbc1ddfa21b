"""Failures on demand, so that tests can see how a bot handles them.

A test posts rules to ``/api/faults``; each new list replaces the one before and starts the random numbers
again. For each call the first matching rule decides; the same calls in the same order fail in the same way.

    [{"method": "sendMessage", "do": "error", "status": 429, "retry_after_s": 2, "times": 3},
     {"method": "file", "do": "cut_body", "keep": 0.5, "times": 1},
     {"method": "*", "do": "drop_before", "probability": 0.1, "seed": 7}]

    do           what happens
    error        an answer with ``status`` (429 with ``retry_after_s``); the call is not done
    drop_before  the connection breaks; the call is not done
    drop_after   the call is done, and then the connection breaks without an answer
    cut_body     the headers announce the whole answer, a share ``keep`` (0 to 1) comes, the connection breaks
    delay        the call waits ``delay_s`` before it is done
    drip         the answer comes in ten pieces over ``delay_s``
    wrong_size   getFile announces ``extra_bytes`` more (or fewer) than the file has
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Annotated, Any, Literal

import msgspec

DOWNLOAD = "file"
"""The name of a download among the methods, in rules and counters."""


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One kind of failure.

    Attributes:
        method: A method's name, ``file`` for downloads, or ``*`` for all.
        do: What happens: see the module.
        skip: How many matching calls succeed first.
        times: How often it happens; None for always.
        probability: The probability that a matching call (after ``skip``) fails.
        seed: The seed of this rule's random numbers.
    """

    method: str
    do: Literal["error", "drop_before", "drop_after", "cut_body", "delay", "drip", "wrong_size"]
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    retry_after_s: int | None = None
    delay_s: float = 0.0
    keep: float = 0.5
    extra_bytes: int = -1


class _Armed:
    """A rule, and how often it has happened."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.happened = 0
        self._skipped = 0
        self._random = random.Random(rule.seed)  # noqa: S311 -- repeatable on purpose

    def strikes(self, method: str) -> bool:
        rule = self.rule
        if rule.method.lower() not in {"*", method.lower()} or self.happened == rule.times:
            return False
        if self._skipped < rule.skip:
            self._skipped += 1
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        self.happened += 1
        return True


class Faults:
    """The rules in force, and how often each method was called."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._calls: Counter[str] = Counter()

    def arm(self, body: bytes) -> None:
        """Replace all rules by those in a JSON list.

        Raises:
            msgspec.ValidationError: It is not a list of rules; the message says where.
        """
        self._armed = [_Armed(rule) for rule in msgspec.json.decode(body, type=list[Rule])]

    def reset(self) -> None:
        """Drop all rules, and set all counters to 0."""
        self._armed.clear()
        self._calls.clear()

    def take(self, method: str) -> Rule | None:
        """Count a call, and return the rule that makes it fail, if any."""
        self._calls[method] += 1
        return next((armed.rule for armed in self._armed if armed.strikes(method)), None)

    def report(self) -> dict[str, Any]:
        """Calls by method, and for each rule how often it applied."""
        return {
            "calls": dict(self._calls),
            "rules": [{**msgspec.to_builtins(armed.rule), "happened": armed.happened} for armed in self._armed],
        }
