"""What reaches the bot in privacy mode: https://core.telegram.org/bots/features#privacy-mode."""

from __future__ import annotations

import pytest

from playground.json_types import Json
from playground.page_input import text_fields
from playground.privacy import lets_through, mentions

BOT: Json = {"id": 7, "is_bot": True, "username": "whatsit_playground_bot"}


@pytest.mark.parametrize("field", ["text", "caption"])
@pytest.mark.parametrize(
    ("text", "arrives"),
    [
        ("/what", True),
        ("/what@whatsit_playground_bot", True),
        ("/WHAT@WhatSit_Playground_Bot is this?", True),
        ("/what@another_bot", False),
        ("look: /what", False),
        ("🐈 /what", False),
        ("@whatsit_playground_bot what is it?", False),
        ("what is it?", False),
    ],
)
def test_of_texts_and_captions_only_a_command_for_the_bot_arrives(field: str, text: str, arrives: bool) -> None:
    fields = text_fields(text, prefix="" if field == "text" else "caption_")
    assert lets_through({"from": {"id": 1}, **fields}, BOT) is arrives


@pytest.mark.parametrize(("author", "arrives"), [(7, True), (8, False)])
def test_a_reply_arrives_if_it_is_to_the_bot(author: int, arrives: bool) -> None:
    message = {"text": "thanks", "reply_to_message": {"from": {"id": author}, "text": "a cat"}}
    assert lets_through(message, BOT) is arrives


def test_a_service_message_arrives() -> None:
    assert lets_through({"new_chat_members": [BOT]}, BOT)
    assert lets_through({"migrate_to_chat_id": -1001}, BOT)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("🐈 @whatsit_playground_bot", True),
        ("@WHATSIT_playground_bot?", True),
        ("@whatsit_playground_bots", False),
        ("me@whatsit_playground_bot", False),
        ("/what@whatsit_playground_bot", False),
    ],
)
def test_a_mention_is_the_whole_name_in_any_case(text: str, named: bool) -> None:
    assert mentions(text_fields(text), BOT) is named
    assert mentions(text_fields(text, prefix="caption_"), BOT) is named
