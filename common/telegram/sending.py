"""Sends messages, and what else people see of the bot: edits, reactions, answers to guests and to presses.

Which of these counts for Telegram's flood limits, and what a repeat after a crash does: docs/guarantees.md.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from common.errors import TelegramRefused
from common.messages import Button
from common.telegram import refusals
from common.telegram.connection import ChatMoved, Connection
from common.telegram.flood import Confirm, confirm_sending

MAX_TEXT_LENGTH: Final = 4096  # core.telegram.org/bots/api#sendmessage

Buttons: TypeAlias = Sequence[Sequence[Button]]


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a message goes.

    Attributes:
        chat_id: The chat.
        reply_to: The message that it replies to; None for no reply. It goes out alone if that no longer exists.
        thread_id: The topic of a forum; without the topic if that no longer exists.
        topic_id: The topic of a channel's direct messages; likewise.
    """

    chat_id: int
    reply_to: int | None = None
    thread_id: int | None = None
    topic_id: int | None = None


class Sending:
    """What the bot sends over a connection. Texts are Telegram's HTML.

    Each method may raise ``RateLimited``, ``Outage`` and ``TelegramRefused``, as ``Connection.call`` does.
    """

    def __init__(self, connection: Connection) -> None:
        self._call = connection.call

    async def send(self, target: Target, html: str, buttons: Buttons = (), confirm: Confirm | None = None) -> int:
        """Send a message, and give its id; 0 if the server does not say.

        ``confirm`` is called at the last moment, after the wait for the flood limits. It raises to stop the sending.
        """
        message = {"chat_id": target.chat_id, **_text(html), **_keyboard(buttons)}
        if target.reply_to is not None:
            message["reply_parameters"] = {"message_id": target.reply_to, "allow_sending_without_reply": True}
        if target.thread_id is not None:
            message["message_thread_id"] = target.thread_id
        if target.topic_id is not None:
            message["direct_messages_topic_id"] = target.topic_id
        confirm_sending(confirm)
        try:
            return _id_of(await _send_in_parts(functools.partial(self._call, "sendMessage"), message, confirm))
        except ChatMoved as moved:
            # The group became a supergroup, which has its own message ids: the answer replies to no message.
            return await self.send(Target(moved.chat_id), html, buttons, confirm)

    async def edit(
        self, chat_id: int, message_id: int, html: str, buttons: Buttons = (), confirm: Confirm | None = None
    ) -> None:
        """Change a message of the bot. One that says so already is no error."""
        confirm_sending(confirm)
        where = {"chat_id": chat_id, "message_id": message_id}
        try:
            await self._call("editMessageText", {**where, **_text(html), **_keyboard(buttons)}, limited=True)
        except TelegramRefused as refused:
            if not refusals.is_unchanged(refused):
                raise

    async def edit_buttons(
        self, chat_id: int, message_id: int, buttons: Buttons, confirm: Confirm | None = None
    ) -> None:
        """Change the buttons below a message of the bot, and nothing else. Those that it has already are no error."""
        confirm_sending(confirm)
        where = {"chat_id": chat_id, "message_id": message_id}
        try:
            await self._call("editMessageReplyMarkup", {**where, **_keyboard(buttons)}, limited=True)
        except TelegramRefused as refused:
            if not refusals.is_unchanged(refused):
                raise

    async def react(self, chat_id: int, message_id: int, emoji: str) -> None:
        """React to a message. It does not count for the limits.

        ``emoji`` is one of core.telegram.org/bots/api#reactiontypeemoji. A chat may not allow it.
        """
        reaction = [{"type": "emoji", "emoji": emoji}]
        await self._call("setMessageReaction", {"chat_id": chat_id, "message_id": message_id, "reaction": reaction})

    async def answer_guest(self, query: str, html: str, confirm: Confirm | None = None) -> bool:
        """Answer a guest's query, once. False if it is answered already, or too old: Telegram does not say which.

        ``confirm`` is as in ``send``.
        """

        async def answer(message: dict[str, Any], *, limited: bool) -> None:
            parameters = {"guest_query_id": query, "result": _article(message)}
            await self._call("answerGuestQuery", parameters, limited=limited)

        confirm_sending(confirm)
        try:
            await _send_in_parts(answer, _text(html), confirm)
        except TelegramRefused as refused:
            if not refusals.is_over(refused):
                raise
            return False
        return True

    async def draft(self, chat_id: int, draft_id: int, text: str, thread_id: int | None = None) -> None:
        """Show plain text in a private chat for 30 s, or until the bot's next message there.

        It does not count for the flood limits. The next draft with the same id, which is not 0, takes its place.
        """
        thread = {} if thread_id is None else {"message_thread_id": thread_id}
        await self._call("sendMessageDraft", {"chat_id": chat_id, "draft_id": draft_id, "text": text, **thread})

    async def answer_press(self, query: str, toast: str = "") -> None:
        """End a press of a button; the person reads the ``toast`` for a moment. It does not count for the limits."""
        text = {"text": toast} if toast else {}
        await self._call("answerCallbackQuery", {"callback_query_id": query, **text})

    async def show_typing(self, chat_id: int, thread_id: int | None = None) -> None:
        """Show "typing…" for five seconds, or until a message arrives. It does not count for the flood limits."""
        thread = {} if thread_id is None else {"message_thread_id": thread_id}
        await self._call("sendChatAction", {"chat_id": chat_id, "action": "typing", **thread})


async def _send_in_parts(send: Callable[..., Awaitable[Any]], message: dict[str, Any], confirm: Confirm | None) -> Any:
    """Send a message, without the parts that Telegram refuses of it. A refused message was not sent."""
    limited = True
    while True:
        try:
            return await send(message, limited=limited)
        except TelegramRefused as refused:
            left = refusals.without_refused(message, refused)
            if left is None:
                raise
        # It has waited for the flood limits. If it had to again, it would never get through in a busy group.
        message, limited = left, False
        if confirm:
            await confirm()


def _article(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the result of a query. Telegram wants a title, which nobody sees in guest mode."""
    text = {name: value for name, value in message.items() if name != "text"}
    content = {"message_text": message["text"], **text}
    return {"type": "article", "id": "1", "title": "Whatsit", "input_message_content": content}


def _text(html: str) -> dict[str, Any]:
    return {"text": html, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}


def _keyboard(buttons: Buttons) -> dict[str, Any]:
    rows = [[_button(each) for each in row] for row in buttons]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _button(button: Button) -> dict[str, str]:
    return {"text": button.text, **({"url": button.url} if button.url else {"callback_data": button.data})}


def _id_of(sent: Any) -> int:
    """The id of a sent message. Whatever else a server answers: the message was sent."""
    found = sent.get("message_id") if isinstance(sent, dict) else None
    return found if isinstance(found, int) else 0
