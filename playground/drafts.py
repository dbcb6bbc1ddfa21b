"""Drafts of messages: what a person sees while the bot still prepares its answer.

A chat shows one draft, for 30 seconds or until the bot's next message there. A new one replaces it.
"""

from __future__ import annotations

from playground.chat import Chat
from playground.errors import ApiError
from playground.json_types import Json
from playground.parameters import Parameters, formatted_text

DRAFT_SHOWN_S = 30.0
"""https://core.telegram.org/bots/api#sendmessagedraft"""


def content(parameters: Parameters) -> Json:
    """A draft's id, text and entities. Its text may be empty: then the app shows “Thinking…”.

    Raises:
        ApiError: The text is not valid, or the id is 0.
    """
    text = formatted_text(parameters, may_be_empty=True)
    draft_id = parameters.integer("draft_id")
    if not draft_id:
        raise ApiError(400, "Bad Request: RANDOM_ID_INVALID")
    return {"draft_id": draft_id, "entities": [], **text}


def check_place(chat: Chat) -> None:
    """Make sure that a chat can show drafts.

    Raises:
        ApiError: 400: it is not private.
    """
    if chat.kind != "private":
        raise ApiError(400, "Bad Request: TEXTDRAFT_PEER_INVALID")
