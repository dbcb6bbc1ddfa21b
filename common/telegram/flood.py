"""Telegram's flood limits: how many messages may be sent, to all chats and to one group."""

from __future__ import annotations

import contextvars
import datetime
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeAlias

from aiolimiter import AsyncLimiter
from telegram.error import RetryAfter
from telegram.ext import AIORateLimiter

# Telegram allows 20 messages a minute in one group, and 30 a second in all (SEND_RATE): core.telegram.org/bots/faq
GROUP_MESSAGES_PER_MINUTE: Final = 20
GROUPS_REMEMBERED: Final = 1000

Confirm: TypeAlias = Callable[[], Awaitable[None]]

_Call: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]
_confirm: contextvars.ContextVar[Confirm | None] = contextvars.ContextVar("confirm", default=None)


def confirm_sending(confirm: Confirm | None) -> None:
    """Confirm the next message of this task at the last moment, after the wait for the flood limits.

    ``confirm`` raises to stop the sending.
    """
    _confirm.set(confirm)


class FloodLimits(AIORateLimiter):
    """Messages wait until the limit for all chats allows them. A group over its own limit is postponed instead.

    To wait here for a group, up to a minute, would block answers to all other chats.
    """

    def __init__(self, rate_per_s: int) -> None:
        super().__init__(overall_max_rate=rate_per_s, group_max_rate=0, max_retries=0)
        self._groups: dict[int, AsyncLimiter] = {}

    async def process_request(
        self,
        callback: _Call,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Any:
        """Make the request once the limits allow it and its sender confirms it.

        Raises:
            RetryAfter: The group has reached its limit.
        """
        data = {"chat_id": 0, **data}  # PTB counts nothing without a chat, and an answer to a guest has no chat
        chat_id = data["chat_id"]
        if isinstance(chat_id, int) and chat_id < 0:
            group = self._group(chat_id)
            if not group.has_capacity():
                raise RetryAfter(datetime.timedelta(seconds=group.time_period / group.max_rate))
            await group.acquire()
        return await super().process_request(_confirmed(callback), args, kwargs, endpoint, data, rate_limit_args)

    def _group(self, chat_id: int) -> AsyncLimiter:
        if len(self._groups) > GROUPS_REMEMBERED:
            used = {id_: group for id_, group in self._groups.items() if not group.has_capacity(group.max_rate)}
            self._groups = used
        return self._groups.setdefault(chat_id, AsyncLimiter(GROUP_MESSAGES_PER_MINUTE, 60))


def _confirmed(call: _Call) -> _Call:
    async def confirmed(*args: Any, **kwargs: Any) -> Any:
        if confirm := _confirm.get():
            await confirm()
        return await call(*args, **kwargs)

    return confirmed
