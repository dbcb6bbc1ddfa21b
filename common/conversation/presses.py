"""What a press of a button does. Whatever this version does not understand is too old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final
from weakref import WeakValueDictionary

from common.conversation import below, operators, preferences
from common.conversation.bot import Bot
from common.conversation.buttons import TOO_OLD, VERSION, Press, Respond, Response
from common.conversation.preferences import language_of
from common.errors import Deferred, Outage, TelegramRefused
from common.languages.known import known
from common.languages.speech import say
from common.messages import BUTTONS, AcceptUpdate, Job, Message, SendReply, Words
from common.telegram.said import Pressed

_log = logging.getLogger(__name__)


class Presses:
    """Does what the presses of a bot's buttons ask for."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._in_turn: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def press(self, accepted: AcceptUpdate, pressed: Pressed) -> Sequence[Message]:
        """Do what a button says, tell the person who pressed it, and give the job that changes the message.

        The presses of one chat count in the order in which they came, although several updates are read at a time and
        Telegram may be asked who pressed.

        Raises:
            Outage: Redis is away. Nothing was done.
        """
        async with self._in_turn.setdefault(pressed.chat_id or 0, asyncio.Lock()):
            response, language = await self._response(pressed)
        await self._tell(pressed, say(response.toast, language))
        content = response.words
        if response.buttons is not None:
            content = Words(text="", shows=BUTTONS, buttons=response.buttons)
        if content is None or pressed.chat_id is None or pressed.message_id is None:
            return ()
        job = Job(
            id=f"{accepted.job.id}-0",
            chat_id=pressed.chat_id,
            message_id=None,
            thread_id=pressed.thread_id,
            language=language,
            topic_id=pressed.topic_id,
            # Without who pressed it: whatever they set must be shown, even if they have sent much in this minute.
            accepted_at=accepted.job.accepted_at,
        )
        return [SendReply(job=job, content=content, edits=pressed.message_id)]

    async def _response(self, pressed: Pressed) -> tuple[Response, str]:
        """What a press does, and the language to tell it in."""
        version, _, carried = pressed.data.partition(":")
        name, *details = carried.split(":")
        respond = _RESPONSES.get(name) if version == VERSION else None
        if pressed.chat_id is None:
            return Response(TOO_OLD), known(pressed.language)
        bot, chat = self._bot, str(pressed.chat_id)
        remembered = await bot.channels.chats.recall(chat, pressed.sender_id)
        language = language_of(remembered.preferences, pressed.language if pressed.is_private else "")
        if remembered.is_blocked and not operators.is_operator(bot.settings, pressed.chat_id):
            return Response(), language
        if respond is None:
            return Response(TOO_OLD), language
        return await respond(bot, Press(pressed, chat, details, remembered.preferences, language)), language

    async def _tell(self, pressed: Pressed, toast: str) -> None:
        """End the press, once, and before any job of it begins. Best effort: an app gives up waiting by itself."""
        try:
            await self._bot.telegram.answer_press(pressed.query, toast)
        except (Deferred, Outage, TelegramRefused) as error:  # refused: it is answered already, or too old
            _log.debug("a press cannot be answered: %s", error)


_RESPONSES: Final[Mapping[str, Respond]] = {
    operators.RETRY: operators.retry,
    operators.LOOK: operators.look_again,
    below.RIGHT: below.right,
    below.WRONG: below.wrong,
    below.IS: below.is_,
    preferences.SET: preferences.change,
    preferences.LANGUAGES_LIST: preferences.choose_language,
    preferences.FORGET: preferences.forget,
}
