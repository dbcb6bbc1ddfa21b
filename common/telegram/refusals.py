"""What the Bot API means when it refuses. It has no codes for that, only descriptions, some of them from its servers.

Sources: the Bot API server (github.com/tdlib/telegram-bot-api, ``Client.cpp``), and the errors of Telegram's own API,
which it passes on in capitals (core.telegram.org/api/errors). python-telegram-bot changes the case.
"""

from __future__ import annotations

import html
import logging
import re
from typing import Any, Final

from common.errors import FileTooLarge, FileUnavailable, TelegramRefused

_log = logging.getLogger(__name__)

_TOO_LARGE: Final = re.compile("too (big|large)", re.IGNORECASE)
# Said of a file that does not exist, and of one that Telegram's data centre does not give at the moment.
_UNAVAILABLE: Final = re.compile("temporarily unavailable|file_reference", re.IGNORECASE)
# The chat takes nothing from the bot: it is gone, or its owner wants it so. With a 403, it always means that.
_NOT_WANTED: Final = re.compile(
    r"(chat|user) not found|deactivated|chat was deleted"
    r"|no rights|not enough rights|administrator rights|not a member|kicked|blocked"
    r"|_(forbidden|restricted|private)\b|banned_in|admin_required|peer_id_invalid|topic_closed|payment_required",
    re.IGNORECASE,
)
_GONE: Final = re.compile("message to edit not found|message can't be edited|message_id_invalid", re.IGNORECASE)
_OVER: Final = re.compile("query is too old|query[_ ]id[_ ](is )?invalid", re.IGNORECASE)
# Parts of a message that may be refused, and that a message can do without. The first that fits is left out. A reply
# to a message of a closed topic goes to that topic, so that both go.
_FORMAT: Final = "parse_mode"
_SPARE: Final = (
    (re.compile("entit", re.IGNORECASE), (_FORMAT,)),
    (re.compile("thread|topic|forum", re.IGNORECASE), ("message_thread_id", "direct_messages_topic_id")),
    (re.compile("repl(y|ied)|quote|thread|topic|me?ss?a?ge?_id_invalid", re.IGNORECASE), ("reply_parameters",)),
)


def is_too_large(description: str) -> bool:
    """Whether the refusal is about a file's size."""
    return bool(_TOO_LARGE.search(description))


def is_not_wanted(description: str) -> bool:
    """Whether a message is refused because its chat takes nothing from the bot."""
    return bool(_NOT_WANTED.search(description))


def is_unchanged(refused: TelegramRefused) -> bool:
    """Whether an edit is refused because the message says so already."""
    return "not modified" in str(refused).lower()


def is_gone(refused: TelegramRefused) -> bool:
    """Whether an edit is refused because the message was deleted, or can no longer be changed."""
    return bool(_GONE.search(str(refused)))


def is_over(refused: TelegramRefused) -> bool:
    """Whether a query is refused because it was answered before, or is too old: Telegram says the same of both."""
    return bool(_OVER.search(str(refused)))


def of_file(refused: TelegramRefused) -> TelegramRefused:
    """Why Telegram refuses a file, in one of our errors."""
    description = str(refused)
    if is_too_large(description):
        return FileTooLarge(description)
    return FileUnavailable(description) if _UNAVAILABLE.search(description) else refused


def without_refused(message: dict[str, Any], refused: TelegramRefused) -> dict[str, Any] | None:
    """What is left to send of a message of which Telegram refuses a part; None if it refuses the message.

    Nothing is left out twice, so that calls end: ``message`` has the parameters of sendMessage.
    """
    for part, names in _SPARE:
        present = [name for name in names if name in message]
        if present and part.search(str(refused)):
            # That our HTML cannot be read is a bug.
            level = logging.ERROR if present == [_FORMAT] else logging.INFO
            _log.log(level, "Telegram refuses a message, which goes without %s: %s", " and ".join(present), refused)
            left = {name: value for name, value in message.items() if name not in present}
            return left if _FORMAT in left else left | {"text": _plain(message["text"], message)}
    return None


def _plain(text: str, message: dict[str, Any]) -> str:
    """The text without Telegram's HTML, if it has some."""
    return html.unescape(re.sub("<[^<>]*>", "", text)) if _FORMAT in message else text
