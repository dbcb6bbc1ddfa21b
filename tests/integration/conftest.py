"""Fixtures of the tests that run their own playground."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.bot_api import RunningPlayground, User, running_playground

_chat_ids = itertools.count(2000)


@pytest.fixture(scope="module")
def playground() -> Iterator[RunningPlayground]:
    with running_playground() as playground:
        yield playground


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    """A user in a chat that is already open; the playground has forgotten everything else."""
    with playground.user(next(_chat_ids)) as user:
        user.reset()
        user.history()  # opens the chat
        yield user
