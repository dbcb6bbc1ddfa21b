"""The answer to /settings: one message with buttons, which changes with each press.

Everybody in a group may read it, and its admins may change it. A button carries the value that it sets, and not "the
other one": pressed twice, or by two people at once, it does the same. Whoever presses last decides.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable
from typing import Final

from common.channels.chats import Preferences
from common.conversation.bot import Asking, Bot
from common.conversation.buttons import TOO_OLD, Press, Response, data
from common.errors import Deferred, Outage, TelegramRefused
from common.messages import SETTINGS, Button, Kind, Words
from common.telegram.updates import Command

SET: Final = "set"
FORGET: Final = "forget"
ANSWER_LIMIT_S: Final = 5.0  # an app shows for some 15 s that a press waits

TITLE: Final = "The settings of this chat. Press one to change it."
FOR_ADMINS: Final = "Only admins of this group can change them."
FORGET_THIS: Final = "Forget this chat"
REALLY: Final = (
    "Forget this chat? I delete its settings, what I noted of albums and hints, and messages that failed. What is "
    "under way is still answered. /privacy says what I keep."
)
FORGET_IT: Final = "Forget it"
KEEP_IT: Final = "Keep it"
FORGOTTEN: Final = "I’ve forgotten this chat."
KEPT: Final = "I’ve kept it."
NOT_AN_ADMIN: Final = "Only admins of this group can change this."
NOT_KNOWN: Final = (
    "Telegram doesn’t tell me whether you are an admin here, so nothing has changed. Please try again later."
)
NO_ANSWER: Final = "Telegram doesn’t answer me now, so nothing has changed. Please try again later."
NOT_DELIVERED: Final = (
    "Telegram doesn’t give me every photo. Make me an admin here and press again; or my operator turns privacy mode "
    "off (@BotFather, /setprivacy), and you add me again."
)
FOR_GUESTS: Final = "A guest has no settings. Write to me, or add me to a group: then /settings works there."


@dataclasses.dataclass(frozen=True)
class Setting:
    """A row of the settings.

    Attributes:
        name: Its name in ``Preferences``.
        values: What it can be, with the words of its button. The first is the default; a press sets the next one.
        only_in_groups: Whether it has a meaning in groups only.
    """

    name: str
    values: tuple[tuple[str, str], ...]
    only_in_groups: bool = False

    def words(self, value: str) -> str:
        """The words of its button while it has that value."""
        return dict(self.values)[value]

    def button(self, preferences: Preferences) -> Button:
        """Its button, which says what is set, and sets what comes next."""
        now = str(int(getattr(preferences, self.name)))
        values = [value for value, _ in self.values]
        following = values[(values.index(now) + 1) % len(values)]
        return Button(self.words(now), data(SET, self.name, following))


TABLE: Final = (
    Setting("short", (("0", "Answers: with other guesses"), ("1", "Answers: one sentence"))),
    Setting("every_photo", (("0", "Photos: when I’m asked"), ("1", "Photos: every one")), only_in_groups=True),
)


async def settings(_bot: Bot, asking: Asking, _command: Command) -> Words:
    """The settings as they are."""
    if asking.said.guest_query:
        return Words(text=FOR_GUESTS, kind=Kind.COMMAND)
    return shown(asking.preferences, in_group=not asking.said.is_private)


def shown(preferences: Preferences, *, in_group: bool) -> Words:
    """The message of the settings."""
    rows = [(setting.button(preferences),) for setting in TABLE if in_group or not setting.only_in_groups]
    buttons = (*rows, (Button(FORGET_THIS, data(FORGET)),))
    text = f"{TITLE} {FOR_ADMINS}" if in_group else TITLE
    return Words(text=text, kind=Kind.COMMAND, buttons=buttons, shows=SETTINGS)


async def change(bot: Bot, press: Press) -> Response:
    """Set what the button says."""
    in_group = not press.pressed.is_private
    found = _meant(press, in_group=in_group)
    if found is None:
        return Response(TOO_OLD)
    setting, value = found
    if refused := await _refused(bot, press, setting, value):
        return Response(refused)
    stored = "" if value == setting.values[0][0] else value
    preferences = await bot.channels.chats.prefer(press.chat, setting.name, stored, press.pressed.query)
    return Response(setting.words(value), shown(preferences, in_group=in_group))


async def forget(bot: Bot, press: Press) -> Response:
    """Ask whether to forget the chat; then do it, or leave it."""
    if press.details not in ([], ["0"], ["1"]):
        return Response(TOO_OLD)
    if refused := await _refused(bot, press):
        return Response(refused)
    in_group = not press.pressed.is_private
    match press.details:
        case ["1"]:
            await bot.channels.chats.forget(press.chat, press.pressed.query)
            now = (await bot.channels.chats.recall(press.chat, None)).preferences
            return Response(FORGOTTEN, shown(now, in_group=in_group))
        case ["0"]:
            return Response(KEPT, shown(press.preferences, in_group=in_group))
    answers = (Button(FORGET_IT, data(FORGET, "1")), Button(KEEP_IT, data(FORGET, "0")))
    return Response(words=Words(text=REALLY, kind=Kind.COMMAND, buttons=(answers,)))


def _meant(press: Press, *, in_group: bool) -> tuple[Setting, str] | None:
    """The setting and the value that a button names; None if there is no such row here, or value."""
    for setting in TABLE:
        for value, _ in setting.values:
            if press.details == [setting.name, value] and (in_group or not setting.only_in_groups):
                return setting, value
    return None


async def _refused(bot: Bot, press: Press, setting: Setting | None = None, value: str = "") -> str:
    """Why a press may not do what it says, in words for a toast; '' if it may."""
    chat_id, person = press.pressed.chat_id, press.pressed.sender_id
    if press.pressed.is_private or chat_id is None:
        return ""
    if person is None:
        return NOT_AN_ADMIN
    try:
        if not await _soon(bot.telegram.is_admin(chat_id, person)):
            return NOT_AN_ADMIN
        if setting and setting.name == "every_photo" and value == "1" and not await _soon(_gets_all(bot, chat_id)):
            return NOT_DELIVERED
    except TelegramRefused:  # for example in a group that hides its members
        return NOT_KNOWN
    except (Deferred, Outage, TimeoutError):
        return NO_ANSWER
    return ""


async def _gets_all(bot: Bot, chat_id: int) -> bool:
    """Whether Telegram delivers all messages of a group: with privacy mode off, or since the bot is an admin.

    Asked now: the operator may have switched it since the bot was started.
    """
    return (
        bot.me.reads_groups
        or await bot.telegram.is_admin(chat_id, bot.me.id)
        or (await bot.telegram.get_me()).reads_groups
    )


async def _soon(answer: Awaitable[bool]) -> bool:
    """An answer of Telegram, while the person who pressed still waits.

    Raises:
        TimeoutError: It takes too long.
    """
    async with asyncio.timeout(ANSWER_LIMIT_S):
        return await answer
