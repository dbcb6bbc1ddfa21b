"""A receive worker that is ready without having asked Telegram who it is."""

from __future__ import annotations

from common.channels.answers import Answers
from common.channels.channels import Channels
from common.conversation.bot import Bot
from common.conversation.conversation import Conversation
from common.telegram.client import Me
from receive import ReceiveWorker


def converse(receive: ReceiveWorker, channels: Channels, me: Me) -> None:
    """Give it what ``open`` would."""
    receive.answers = Answers(channels, receive.settings)
    receive.conversation = Conversation(Bot(receive.settings, channels, receive.telegram, me))
