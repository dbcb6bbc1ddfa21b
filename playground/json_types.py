"""The types of JSON objects: the Bot API's messages and chats, and the page's events."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
