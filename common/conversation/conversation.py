"""What begins with an update: the first message of each job."""

from __future__ import annotations

from collections.abc import Sequence

from common.conversation import greeting, jobs
from common.conversation.bot import Asking, Bot
from common.conversation.operators import is_operator
from common.conversation.preferences import language_of
from common.conversation.presses import Presses
from common.messages import AcceptUpdate, Message
from common.telegram.reading import read
from common.telegram.said import Membership, Pressed, Said
from common.telegram.small_talk import SmallTalk
from common.telegram.updates import Asked, Command, NotServed, asked, is_addressed, is_ignored, would_ask


class Conversation:
    """The bot's side of all conversations."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._presses = Presses(bot)

    async def first_messages(self, accepted: AcceptUpdate) -> Sequence[Message]:
        """The first message of each job that begins with an update.

        An update may be read again, if the worker dies before it is handed on: it begins the same jobs again, and
        changes nothing more.

        Raises:
            ValueError: The update lacks an id that cannot be done without.
            Outage: Redis is away. Nothing may begin yet.
        """
        match read(accepted.update):
            case Said() as said:
                return await self._heard(accepted, said)
            case Pressed() as pressed:
                return await self._presses.press(accepted, pressed)
            case Membership() as membership:
                return await greeting.greet(self._bot, accepted, membership)
            case None:
                return ()

    async def _heard(self, accepted: AcceptUpdate, said: Said) -> Sequence[Message]:
        """What a message asks for, and perhaps what waited in the same album."""
        if said.moves_to is not None:
            await greeting.note_move(self._bot, accepted, said.moves_to)
        found, shown = asked(said, self._bot.me), would_ask(said)
        if is_ignored(said) or not (found or shown or said.content.album):
            return ()
        chat = f"g{said.sender_id}" if said.guest_query else str(said.chat_id)
        remembered = await self._bot.channels.chats.recall(chat, said.sender_id)
        if remembered.is_blocked and not is_operator(self._bot.settings, _who_is_served(said)):
            return ()
        addressed = is_addressed(said, self._bot.me)
        if not self._serves(said):
            found = _where_not_served(said, found)
        elif remembered.preferences.every_photo and not addressed and shown:
            found, addressed = shown, True
        language = language_of(remembered.preferences, "" if in_group(said) else said.language)
        asking = Asking(said, accepted.job.id, chat, remembered.preferences, language)
        if said.content.album and self._serves(said):
            return await self._join(accepted, asking, found if addressed else shown, addressed=addressed)
        return await self._begin(accepted, asking, found)

    async def _join(
        self, accepted: AcceptUpdate, asking: Asking, found: Sequence[Asked], *, addressed: bool
    ) -> Sequence[Message]:
        started = await self._begin(accepted, asking, found)
        said = asking.said
        where = (said.chat_id, said.content.album, said.message_id)
        return await self._bot.channels.albums.join(accepted, *where, started, addressed=addressed)

    async def _begin(self, accepted: AcceptUpdate, asking: Asking, found: Sequence[Asked]) -> Sequence[Message]:
        return await jobs.first_messages(self._bot, accepted, asking, found)

    def _serves(self, said: Said) -> bool:
        """Whether the bot serves this chat; of a guest's question, its caller."""
        return self._bot.serves(_who_is_served(said))


def in_group(said: Said) -> bool:
    """Whether several people read the answer, whose language is not the sender's alone."""
    return not (said.is_private or said.guest_query)


def _who_is_served(said: Said) -> int | None:
    """The chat; of a guest's question its caller, since the chat may have the id of another one."""
    return said.sender_id if said.guest_query else said.chat_id


def _where_not_served(said: Said, found: Sequence[Asked]) -> Sequence[Asked]:
    """One sentence for what is asked. What the bot keeps may be asked anywhere; a group's small talk gets nothing."""
    for_all = [item for item in found if isinstance(item, Command) and item.name == "privacy"]
    asks = [item for item in found if said.is_private or not isinstance(item, SmallTalk)]
    return for_all or ([NotServed()] if asks else ())
