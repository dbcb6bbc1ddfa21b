"""The whole bot, and a user who chats with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bot_api import User
from tests.support.running_bot import Bot, running_bot

_chats = itertools.count(2001)


@pytest.fixture(scope="module")
def bot_settings() -> dict[str, str]:
    """The settings of a module's bot. A module that wants others has a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def bot(lite2_dir: Path, bot_settings: dict[str, str]) -> Iterator[Bot]:
    """A bot that runs for all tests of a module."""
    with running_bot(lite2_dir, **bot_settings) as bot:
        yield bot


@pytest.fixture
def user(bot: Bot) -> Iterator[User]:
    """A user in their own chat, which is already open. A test's faults end with it."""
    with bot.user(next(_chats)) as user:
        user.history()  # opens the chat
        yield user
        user.faults()
