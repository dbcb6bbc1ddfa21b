"""A Bot API call's parameters, and how several methods read them in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from playground.chat import Chat
from playground.errors import ApiError
from playground.formatting import checked_entities, find_entities, parse_html, utf16_length
from playground.json_types import Json
from playground.quotations import settled
from playground.uploads import Upload

MAX_TEXT = 4096
"""After entities parsing: https://core.telegram.org/bots/api#sendmessage. Counted in UTF-16 units here."""
MAX_CAPTION = 1024
MAX_CALLBACK_DATA_BYTES = 64
"""https://core.telegram.org/bots/api#inlinekeyboardbutton"""


class Parameters:
    """A call's parameters. From a query or a form all are text, from JSON some are not.

    Attributes:
        files: The call's uploads, by the name of their part of the form.
    """

    def __init__(self, values: Mapping[str, Any], files: Mapping[str, Upload] | None = None) -> None:
        self._values = values
        self.files: Mapping[str, Upload] = files or {}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """A text; '' if it is missing."""
        value = self._values.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number. Anything else counts as missing, as with Telegram."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """A truth value: true, yes or 1."""
        return self.text(name).lower() in {"true", "yes", "1"}

    def value(self, name: str, what: str) -> Any:
        """A JSON value, as itself or as text; None if it is missing.

        Raises:
            ApiError: It is not JSON; ``what`` names it in the description.
        """
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return msgspec.json.decode(value) if value else None
        except msgspec.DecodeError:
            raise ApiError(400, f"Bad Request: can't parse {what} JSON object") from None


def formatted_text(parameters: Parameters, *, may_be_empty: bool = False) -> Json:
    """The fields ``text`` and ``entities`` of a message."""
    text, entities = _formatted(parameters, "text", "entities")
    if not text and not may_be_empty:
        raise ApiError(400, "Bad Request: message text is empty")
    if utf16_length(text) > MAX_TEXT:
        raise ApiError(400, "Bad Request: message is too long")
    return {"text": text, "entities": entities} if entities else {"text": text}


def formatted_caption(parameters: Parameters) -> Json:
    """The fields ``caption`` and ``caption_entities`` of a message; {} if there is no caption."""
    text, entities = _formatted(parameters, "caption", "caption_entities")
    if utf16_length(text) > MAX_CAPTION:
        raise ApiError(400, "Bad Request: message caption is too long")
    if not text:
        return {}
    return {"caption": text, "caption_entities": entities} if entities else {"caption": text}


def reply_fields(chat: Chat, parameters: Parameters) -> Json:
    """The field ``reply_to_message``, if the call asks for it."""
    reply, message_id = parameters, parameters.integer("reply_to_message_id")
    if "reply_parameters" in parameters:
        value = parameters.value("reply_parameters", "reply parameters") or {}
        if not isinstance(value, dict):
            raise ApiError(400, "Bad Request: object expected as reply parameters")
        reply = Parameters(value)
        message_id = reply.integer("message_id")
        if not message_id and value.get("message_id"):
            raise ApiError(400, 'Bad Request: can\'t parse reply parameters: Field "message_id" must be of type Number')
    if not message_id:
        return {}
    fields = chat.reply_to(message_id)
    if not fields and not reply.flag("allow_sending_without_reply"):
        raise ApiError(400, "Bad Request: message to be replied not found")
    return fields


def keyboard_fields(parameters: Parameters) -> Json:
    """The field ``reply_markup``: an inline keyboard. Other markup is not part of a message, and is not shown here."""
    markup = parameters.value("reply_markup", "reply keyboard markup")
    if markup is not None and not isinstance(markup, dict):
        raise ApiError(400, "Bad Request: object expected as reply markup")
    rows = (markup or {}).get("inline_keyboard") or []
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ApiError(400, 'Bad Request: field "inline_keyboard" must be of type Array of Arrays')
    for button in (button for row in rows for button in row):
        _check_button(button)
    rows = [row for row in rows if row]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _check_button(button: object) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise ApiError(400, 'Bad Request: can\'t parse inline keyboard button: Field "text" must be of type String')
    if len(button) == 1:
        raise ApiError(
            400,
            "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        )
    if "callback_data" in button and not 0 < len(str(button["callback_data"]).encode()) <= MAX_CALLBACK_DATA_BYTES:
        raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")


def _formatted(parameters: Parameters, name: str, entities_name: str) -> tuple[str, list[Json]]:
    source = parameters.text(name)
    mode = parameters.text("parse_mode").lower()
    if mode == "html":
        text, entities = parse_html(source)
    elif mode:
        raise ApiError(400, "Bad Request: unsupported parse_mode")  # Markdown is not supported here
    else:
        text = source.strip()
        try:
            entities = checked_entities(parameters.value(entities_name, "entities") or [])
        except msgspec.ValidationError as error:
            raise ApiError(400, f"Bad Request: can't parse entities: {error}") from None
    return text, settled(entities + _outside(find_entities(text), entities))


def _outside(found: list[Json], given: list[Json]) -> list[Json]:
    """Of the entities found in the text, those that do not overlap the bot's own links and code."""
    own = [entity for entity in given if entity.get("type") in {"text_link", "code", "pre"}]
    return [
        entity
        for entity in found
        if not any(
            entity["offset"] < other["offset"] + other["length"]
            and other["offset"] < entity["offset"] + entity["length"]
            for other in own
        )
    ]
