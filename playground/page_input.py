"""Reads what the page sends: chats and people, JSON, texts and their entities, numbers.

Each function raises ``Refused``, in words for people, if it cannot read its input.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from playground.chat import Chat
from playground.chats import Chats
from playground.errors import Refused
from playground.formatting import checked_entities, find_entities, utf16_length
from playground.json_types import Json
from playground.parameters import MAX_TEXT

BodyT = TypeVar("BodyT")


def chat_of(request: Request, chats: Chats) -> Chat:
    """The chat of the request's address. 404 if that has no number."""
    try:
        return chats.opened(int(request.path_params["chat_id"]))
    except ValueError:
        raise HTTPException(404) from None


def user_of(chat: Chat, value: object) -> int | None:
    """The id of the person who acts in a group; None for its owner."""
    if value is None or value == "":
        return None
    user_id = whole_number(value, "user")
    if user_id <= 0:
        raise unreadable("user is not a person’s id")
    if chat.kind == "private" and user_id != chat.id:
        msg = "Only in a group can somebody else write."
        raise Refused(msg)
    return user_id


async def json_body(request: Request) -> Json:
    """The request's JSON object."""
    return await body_as(request, dict[str, Any])


async def body_as(request: Request, shape: type[BodyT]) -> BodyT:
    """The request's JSON in the shape of a type."""
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except msgspec.DecodeError as error:
        raise unreadable(error) from None


def entities_of(body: Json) -> list[Json]:
    """The entities that a message's author marked in its text."""
    try:
        return checked_entities(body.get("entities", []))
    except msgspec.ValidationError as error:
        raise unreadable(f"entities: {error}") from None


def check_author(fields: Json) -> None:
    """Make sure that ``from``, if a message has that field, is a user."""
    if not isinstance(fields.get("from", {}), dict):
        raise unreadable("from is not a user")


def whole_number(value: object, name: str) -> int:
    """The number; a refusal calls it ``name``."""
    try:
        return int(str(value))
    except ValueError:
        raise unreadable(f"{name} is not a whole number") from None


def unreadable(reason: object) -> Refused:
    """The refusal of unreadable input."""
    return Refused(f"The playground could not read this: {reason}.")


def text_fields(text: str, entities: list[Json] | None = None, prefix: str = "", limit: int = MAX_TEXT) -> Json:
    """A text and its entities; with the prefix ``caption_``, a caption and its entities."""
    text = text.replace("\r\n", "\n").strip()  # a browser's form has CRLF
    if not text:
        raise Refused("There is nothing to send.")
    if utf16_length(text) > limit:
        msg = f"This text is longer than {limit} characters."
        raise Refused(msg)
    entities = sorted([*(entities or []), *find_entities(text)], key=lambda entity: entity["offset"])
    fields: Json = {prefix.rstrip("_") or "text": text}
    return fields | ({f"{prefix}entities": entities} if entities else {})


def number_in_query(request: Request, name: str) -> int:
    """A number of 0 or more; 0 if it is missing or cannot be read."""
    try:
        return max(int(request.query_params.get(name, "0")), 0)
    except ValueError:
        return 0
