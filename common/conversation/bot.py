"""What the bot is and has: all that its answers may depend on."""

from __future__ import annotations

import dataclasses

from common.channels.channels import Channels
from common.channels.chats import DEFAULTS, Preferences
from common.settings import Settings
from common.telegram.client import Me, Telegram
from common.telegram.said import Said


@dataclasses.dataclass(frozen=True)
class Bot:
    """The bot.

    Attributes:
        settings: What its operator chose.
        channels: What it keeps in Redis.
        telegram: Its connection to Telegram.
        me: Who it is there.
    """

    settings: Settings
    channels: Channels
    telegram: Telegram
    me: Me

    def serves(self, who: int | None) -> bool:
        """Whether the bot serves a chat; or a guest, whose chats it is not in. It always serves its operators."""
        allowed = self.settings.allowed_chats
        return not allowed or who in allowed or who in self.settings.admin_chats


@dataclasses.dataclass(frozen=True)
class Asking:
    """A message that asks for words.

    Attributes:
        said: The message.
        update: The id of the update's job, for what may happen once only.
        chat: The chat, as in ``Job.chat``.
        preferences: What the chat prefers.
        language: What it is answered in; '' for English.
    """

    said: Said
    update: str
    chat: str
    preferences: Preferences = DEFAULTS
    language: str = ""
