"""Answers to people who ask the bot in a chat that it is not in: https://core.telegram.org/bots/api#answerguestquery."""

from __future__ import annotations

from playground.errors import ApiError
from playground.json_types import Json
from playground.parameters import Parameters, formatted_text, keyboard_fields

MAX_ID_BYTES = 64
"""https://core.telegram.org/bots/api#inlinequeryresultarticle"""


def answer(parameters: Parameters) -> Json:
    """The fields of the message that answers: the content of an InlineQueryResultArticle with a text.

    Raises:
        ApiError: 400: it is another kind of result, or not valid.
    """
    result = parameters.value("result", "inline query result")
    if not isinstance(result, dict):
        raise _unreadable("expected an Object")
    if result.get("type") != "article":
        raise _unreadable(f'type "{result.get("type", "")}" is unsupported for the inline query result')
    if not 0 < len(str(result.get("id", "")).encode()) <= MAX_ID_BYTES:
        raise ApiError(400, "Bad Request: RESULT_ID_INVALID")
    if not result.get("title"):
        raise ApiError(400, "Bad Request: ARTICLE_TITLE_EMPTY")
    content = result.get("input_message_content")
    if not isinstance(content, dict):
        raise _unreadable("input message content is not specified")
    return _fields(content) | keyboard_fields(Parameters(result))


def _fields(content: Json) -> Json:
    fields = formatted_text(Parameters({**content, "text": content.get("message_text")}))
    preview = content.get("link_preview_options")
    return fields | ({"link_preview_options": preview} if preview else {})


def _unreadable(reason: str) -> ApiError:
    return ApiError(400, f"Bad Request: can't parse inline query result: {reason}")
