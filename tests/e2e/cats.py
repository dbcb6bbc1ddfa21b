"""Photos of a cat that a user sends, and their answers."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.support import photos
from tests.support.bot_api import User

CAT: Final = photos.jpeg("chelsea")


def send(user: User, number: int) -> list[int]:
    """Send cats. Gives the ids of the messages."""
    return [user.send_photo(CAT)["message_id"] for _ in range(number)]


def answered(user: User) -> Counter[int]:
    """How often each message got an answer that says what it shows."""
    answers = [answer for answer in user.answers() if "cat" in answer["text"].split("\n")[0]]
    return Counter(answer["reply_to_message"]["message_id"] for answer in answers)


@contextlib.contextmanager
def sending(user: User, every_s: float) -> Iterator[list[int]]:
    """Send photos for as long as the context lasts; gives the growing list of the messages' ids."""
    sent: list[int] = []
    over = threading.Event()

    def send_on() -> None:
        while not over.wait(every_s):
            sent.extend(send(user, 1))

    thread = threading.Thread(target=send_on)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()
