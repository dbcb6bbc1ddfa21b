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
from common.languages.known import ENGLISH, LANGUAGES, known
from common.languages.texts import Text, joined
from common.messages import SETTINGS, Button, Kind, Words
from common.telegram.updates import Command

SET: Final = "set"
LANGUAGES_LIST: Final = "languages"
FORGET: Final = "forget"
ANSWER_LIMIT_S: Final = 5.0  # an app shows for some 15 s that a press waits

TITLE: Final = Text("The settings of this chat. Press one to change it.")
FOR_ADMINS: Final = Text("Only admins of this group can change them.")
FORGET_THIS: Final = Text("Forget this chat")
REALLY: Final = Text(
    "Forget this chat? I delete its settings, what I noted of albums and hints, and messages that failed. What is "
    "under way is still answered. /privacy says what I keep."
)
FORGET_IT: Final = Text("Forget it")
KEEP_IT: Final = Text("Keep it")
FORGOTTEN: Final = Text("I’ve forgotten this chat.")
KEPT: Final = Text("I’ve kept it.")
NOT_AN_ADMIN: Final = Text("Only admins of this group can change this.")
NOT_KNOWN: Final = Text(
    "Telegram doesn’t tell me whether you are an admin here, so nothing has changed. Please try again later."
)
NO_ANSWER: Final = Text("Telegram doesn’t answer me now, so nothing has changed. Please try again later.")
NOT_DELIVERED: Final = Text(
    "Telegram doesn’t give me every photo. Make me an admin here and press again; or my operator turns privacy mode "
    "off (@BotFather, /setprivacy), and you add me again."
)
FOR_GUESTS: Final = Text("A guest has no settings. Write to me, or add me to a group: then /settings works there.")
LANGUAGE: Final = Text("Language: {language}")
AS_THE_APP: Final = Text("like your app")
WHICH_LANGUAGE: Final = Text("Which language?")
LANGUAGES_IN_A_ROW: Final = 3


@dataclasses.dataclass(frozen=True)
class Setting:
    """A row of the settings.

    Attributes:
        name: Its name in ``Preferences``.
        values: What it can be, with the words of its button. A press sets the one after that which is set.
        default: What it is in private, if the chat has not chosen.
        default_in_groups: The same in groups.
        only_in_groups: Whether it has a meaning in groups only.
    """

    name: str
    values: tuple[tuple[str, Text], ...]
    default: str = "0"
    default_in_groups: str = "0"
    only_in_groups: bool = False

    def words(self, value: str) -> Text:
        """The words of its button while it has that value."""
        return dict(self.values)[value]

    def now(self, preferences: Preferences, *, in_group: bool) -> str:
        """What is set."""
        chosen = getattr(preferences, self.name)
        return str(int(chosen)) if chosen is not None else self._default(in_group=in_group)

    def stored(self, value: str, *, in_group: bool) -> str:
        """How Redis has it: the default is not stored."""
        return "" if value == self._default(in_group=in_group) else value

    def button(self, preferences: Preferences, *, in_group: bool) -> Button:
        """Its button, which says what is set, and sets what comes next."""
        now = self.now(preferences, in_group=in_group)
        values = [value for value, _ in self.values]
        following = values[(values.index(now) + 1) % len(values)]
        return Button.of(self.words(now), data(SET, self.name, following))

    def _default(self, *, in_group: bool) -> str:
        return self.default_in_groups if in_group else self.default


BUTTONS: Final = Setting(
    "buttons",
    (("1", Text("Buttons below answers: yes")), ("0", Text("Buttons below answers: no"))),
    default="1",
)
TABLE: Final = (
    Setting("short", (("0", Text("Answers: with other guesses")), ("1", Text("Answers: one sentence")))),
    BUTTONS,
    Setting(
        "every_photo",
        (("0", Text("Photos: when I’m asked")), ("1", Text("Photos: every one"))),
        only_in_groups=True,
    ),
)
"""The settings that one press changes. The language has a list of its own."""


async def settings(_bot: Bot, asking: Asking, _command: Command) -> Words:
    """The settings as they are."""
    if asking.said.guest_query:
        return Words.of(FOR_GUESTS, Kind.COMMAND)
    return shown(asking.preferences, in_group=not asking.said.is_private)


def shown(preferences: Preferences, *, in_group: bool) -> Words:
    """The message of the settings."""
    rows = [
        (setting.button(preferences, in_group=in_group),) for setting in TABLE if in_group or not setting.only_in_groups
    ]
    rows.append((Button.of(_language(preferences.language, in_group=in_group), data(LANGUAGES_LIST)),))
    rows.append((Button.of(FORGET_THIS, data(FORGET)),))
    text = joined(TITLE, FOR_ADMINS, by=" ") if in_group else TITLE
    return Words.of(text, Kind.COMMAND, tuple(rows), SETTINGS)


def language_of(preferences: Preferences, app: str) -> str:
    """What a chat is answered in: what it has chosen, else the language of the app, if there is one; '' for English.

    Args:
        preferences: What the chat prefers.
        app: The language of the sender's app, as an IETF tag; '' where several people read the answer.
    """
    return preferences.language or known(app)


async def change(bot: Bot, press: Press) -> Response:
    """Set what the button says."""
    in_group = not press.pressed.is_private
    found = _meant(press, in_group=in_group)
    if found is None:
        return Response(TOO_OLD)
    if refused := await _refused(bot, press, found):
        return Response(refused)
    preferences = await bot.channels.chats.prefer(press.chat, found.name, found.stored, press.pressed.query)
    return Response(found.words, shown(preferences, in_group=in_group))


async def choose_language(bot: Bot, press: Press) -> Response:
    """Show the languages, each in itself."""
    if press.details:
        return Response(TOO_OLD)
    if refused := await _refused(bot, press):
        return Response(refused)
    in_group = not press.pressed.is_private
    buttons = [Button.of(each.name, data(SET, "language", code)) for code, each in LANGUAGES.items()]
    rows = [tuple(buttons[i : i + LANGUAGES_IN_A_ROW]) for i in range(0, len(buttons), LANGUAGES_IN_A_ROW)]
    if not in_group:
        rows.append((Button.of(_language("", in_group=False), data(SET, "language", "")),))
    return Response(words=Words.of(WHICH_LANGUAGE, Kind.COMMAND, tuple(rows)))


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
    answers = (Button.of(FORGET_IT, data(FORGET, "1")), Button.of(KEEP_IT, data(FORGET, "0")))
    return Response(words=Words.of(REALLY, Kind.COMMAND, (answers,)))


@dataclasses.dataclass(frozen=True)
class _Choice:
    """What a button sets: a preference, the value as Redis has it, and the words for that."""

    name: str
    stored: str
    words: Text


def _meant(press: Press, *, in_group: bool) -> _Choice | None:
    """What a button sets; None if there is no such setting here, or value."""
    match press.details:
        case ["language", code] if code in LANGUAGES or not code:
            return _Choice("language", code, _language(code, in_group=in_group))
    for setting in TABLE:
        for value, words in setting.values:
            if press.details == [setting.name, value] and (in_group or not setting.only_in_groups):
                return _Choice(setting.name, setting.stored(value, in_group=in_group), words)
    return None


def _language(code: str, *, in_group: bool) -> Text:
    """The words of the button while that language is set. In a group, English is what is set if nothing is."""
    if not code and not in_group:
        return LANGUAGE.of(language=AS_THE_APP)
    return LANGUAGE.of(language=LANGUAGES[code or ENGLISH].name)


async def _refused(bot: Bot, press: Press, choice: _Choice | None = None) -> Text | str:
    """Why a press may not do what it says, in words for a toast; '' if it may."""
    chat_id, person = press.pressed.chat_id, press.pressed.sender_id
    if press.pressed.is_private or chat_id is None:
        return ""
    if person is None:
        return NOT_AN_ADMIN
    try:
        if not await _soon(bot.telegram.is_admin(chat_id, person)):
            return NOT_AN_ADMIN
        wants_every_photo = choice and choice.name == "every_photo" and choice.stored
        if wants_every_photo and not await _soon(_gets_all(bot, chat_id)):
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
