"""What people send while processes are killed: every kind of message that takes another way through the bot."""

from __future__ import annotations

import contextlib
import io
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from PIL import Image

from common import VERSION, words
from common.languages.speech import say
from common.model.records import in_use
from common.settings import ROOT
from tests.chaos.ledger import Said, gist
from tests.support import photos, web_server
from tests.support.bot_api import User
from tests.support.web_server import WebServer

CHATS: Final = 20

NAMES: Final = ("chelsea", "coffee", "rocket")
"""Photos that the model is sure of: a slightly changed one still gets the same answer, and so does one whose job starts
again, which gets no second look. The rocket is the playground's, which is nearer."""

_SENT_BEFORE: Final = 0.3
_SPOT: Final = 4  # pixels
_LONGEST_ALBUM: Final = 10
_FIRST_CHAT: Final = 5001
_TALKATIVE: Final = 0.25  # this share of all messages comes from one chat, whose pictures wait for each other
_GROUP: Final = -5001
_TEACHER: Final = 4001
_TO_THE_GROUP_AT_MOST_EVERY_S: Final = 5.0  # Telegram lets a bot say 20 things a minute in a group
_BOT: Final = "whatsit_playground_bot"
_COMMAND: Final = f"/what@{_BOT}"
_LEARNING_LIMIT_S: Final = 40.0
_LINK_TO_NOBODY: Final = "http://127.0.0.1:9/cat.jpg"  # the answer is delayed for some seconds
_NO_IMAGE: Final = b"Dear diary, today I was taken for a photo."
_WEIGHTS: Final = {
    "photo": 45,
    "link": 14,
    "several links": 7,
    "album": 12,
    "image as a file": 6,
    "photo announced too large": 4,
    "photo in a group": 3,
    "dead link": 2,
    "link to nobody": 2,
    "no image as a photo": 3,
    "voice": 2,
    "text file": 2,
    "text": 2,
    "/start": 2,
    "/about": 2,
}
RESTARTS: Final = "photo announced too large"
"""The bot restarts each job of this kind once: the file is shorter than announced."""

_Sender: TypeAlias = Callable[[User], list[Said]]


class Load:
    """Sends random messages, and knows the right answer to each.

    Args:
        seed: Of the random choices.
        playground_url: Where the chats are.
        web: Serves the files of the links.
        models_dir: Where the model in use is.
        close: Closes what this object opens.
    """

    def __init__(
        self, seed: int, playground_url: str, web: WebServer, models_dir: Path, close: contextlib.ExitStack
    ) -> None:
        self._random = random.Random(f"{seed} load")  # noqa: S311 -- repeatable on purpose
        self._web = web
        self._models_dir = models_dir
        self._pictures = {name: _sample(name) for name in NAMES}
        self._jpegs = {name: _jpeg(picture) for name, picture in self._pictures.items()}
        for name, content in self._jpegs.items():
            web.answers[f"/{name}.jpg"] = web_server.content(content, "image/jpeg")
        chats = range(_FIRST_CHAT, _FIRST_CHAT + CHATS)
        self._users = [close.enter_context(User(playground_url, chat)) for chat in chats]
        self._group = close.enter_context(User(playground_url, _GROUP))
        self._group.set_privacy(on=False)  # the group asks by a mention
        self._teacher = close.enter_context(User(playground_url, _TEACHER))
        self._to_the_group_at = 0.0
        self._gists: dict[str, str] = {}
        self._senders: dict[str, _Sender] = {
            "photo": self._photo,
            "link": self._link,
            "several links": self._several_links,
            "album": self._album,
            "image as a file": self._file,
            RESTARTS: self._announced_too_large,
            "photo in a group": self._photo_in_a_group,
            "dead link": lambda user: self._link_without_image("dead link", user, web.url("/gone.jpg")),
            "link to nobody": lambda user: self._link_without_image("link to nobody", user, _LINK_TO_NOBODY),
            "no image as a photo": self._no_image,
            "voice": self._voice,
            "text file": self._text_file,
            "text": lambda user: self._text("text", user, "Thank you!", say(words.WELCOME)),
            "/start": lambda user: self._command(user, "start"),
            "/about": lambda user: self._command(user, "about"),
        }

    def learn(self) -> None:
        """Send each thing once while no process is killed: this gives the right answers."""
        user = self._teacher
        asked = {
            **{f"photo {name}": user.send_photo(content) for name, content in self._jpegs.items()},
            **{f"file {name}": user.send_text(self._web.url(f"/{name}.jpg")) for name in NAMES},
            "dead link": user.send_text(self._web.url("/gone.jpg")),
            "link to nobody": user.send_text(_LINK_TO_NOBODY),
            "no image": user.send_photo_bytes_raw(_NO_IMAGE),
        }
        said = {
            answer["reply_to_message"]["message_id"]: gist(answer["text"])
            for answer in user.wait_for_answers(len(asked), _LEARNING_LIMIT_S)
        }
        self._gists = {what: said[sent["message_id"]] for what, sent in asked.items()}
        assert len(set(self._gists.values())) == len(NAMES) + 3, f"pictures cannot be told apart: {self._gists}"
        assert "404" in self._gists["dead link"]
        assert "not an image" in self._gists["no image"]

    def send(self) -> list[Said]:
        """Send the next random message, or album."""
        (kind,) = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        return self.send_one(kind, self._user())

    def send_one_of_each(self) -> list[Said]:
        """Send a message of each kind."""
        return [said for kind in _WEIGHTS for said in self.send_one(kind, self._user())]

    def send_one(self, kind: str, user: User) -> list[Said]:
        """Send a message of that kind."""
        return self._senders[kind](user)

    def _user(self) -> User:
        talkative, *others = self._users
        return talkative if self._random.random() < _TALKATIVE else self._random.choice(others)

    def _picture(self, *, unique: bool = False) -> tuple[str, bytes]:
        """A picture's name and content: at random the same file again, or one that was never sent."""
        name = self._random.choice(NAMES)
        if not unique and self._random.random() < _SENT_BEFORE:
            return name, self._jpegs[name]
        picture = self._pictures[name].copy()
        # A spot in the middle, where the model looks, too faint to change the answer.
        left, top = (self._random.randrange(side // 3, side * 2 // 3) for side in picture.size)
        lighter_by = self._random.randint(8, 40)
        box = (left, top, left + _SPOT, top + _SPOT)
        picture.paste(picture.crop(box).point(lambda value: value + lighter_by), box)
        return name, _jpeg(picture)

    def _photo(self, user: User) -> list[Said]:
        name, content = self._picture()
        sent = user.send_photo(content)
        return [Said("photo", user.chat_id, sent["message_id"], (self._gists[f"photo {name}"],))]

    def _photo_in_a_group(self, user: User) -> list[Said]:
        now = time.monotonic()
        if now < self._to_the_group_at + _TO_THE_GROUP_AT_MOST_EVERY_S:
            return self._photo(user)
        self._to_the_group_at = now
        name, content = self._picture()
        sent = self._group.send_photo(content, _COMMAND)
        return [Said("photo in a group", self._group.chat_id, sent["message_id"], (self._gists[f"photo {name}"],))]

    def _album(self, user: User) -> list[Said]:
        pictures = [self._picture() for _ in range(self._random.choice((2, 3, 4, _LONGEST_ALBUM)))]
        sent = user.send_album([content for _, content in pictures])
        photos = tuple(message["message_id"] for message in sent)
        gists = tuple(self._gists[f"photo {name}"] for name, _ in pictures)
        return [Said("album", user.chat_id, photos[0], gists, photos)]

    def _file(self, user: User) -> list[Said]:
        name, content = self._picture()
        sent = user.send_document(content, f"{name}.jpg")
        return [Said("image as a file", user.chat_id, sent["message_id"], (self._gists[f"file {name}"],))]

    def _announced_too_large(self, user: User) -> list[Said]:
        name, content = self._picture(unique=True)  # a picture with a stored answer is not downloaded
        sent = user.send_photo_bytes_raw(content, len(content) + 1000)
        return [Said(RESTARTS, user.chat_id, sent["message_id"], (self._gists[f"file {name}"],))]

    def _link(self, user: User) -> list[Said]:
        name = self._random.choice(NAMES)
        text = f"What is on {self._web.url(f'/{name}.jpg')} ?"
        return self._text("link", user, text, self._gists[f"file {name}"])

    def _link_without_image(self, kind: str, user: User, url: str) -> list[Said]:
        return self._text(kind, user, url, self._gists[kind])

    def _several_links(self, user: User) -> list[Said]:
        names = self._random.sample(NAMES, self._random.randint(2, len(NAMES)))
        links = {self._web.url(f"/{name}.jpg"): self._gists[f"file {name}"] for name in names}
        return self._text("several links", user, " ".join(links), *(f"{url} {gist}" for url, gist in links.items()))

    def _no_image(self, user: User) -> list[Said]:
        sent = user.send_photo_bytes_raw(_NO_IMAGE)
        return [Said("no image as a photo", user.chat_id, sent["message_id"], (self._gists["no image"],))]

    def _voice(self, user: User) -> list[Said]:
        sent = user.send_voice()
        return [Said("voice", user.chat_id, sent["message_id"], (say(words.unwelcome("voice messages")),))]

    def _text_file(self, user: User) -> list[Said]:
        sent = user.send_document(b"Dear diary,", "diary.txt")
        return [Said("text file", user.chat_id, sent["message_id"], (say(words.unwelcome("files of this kind")),))]

    def _command(self, user: User, name: str) -> list[Said]:
        model = in_use(self._models_dir)
        answers = {"start": words.start(model), "help": words.usage(model, _BOT)}
        said = answers.get(name) or words.about(VERSION, model)
        return self._text(f"/{name}", user, f"/{name}", say(said))

    @staticmethod
    def _text(kind: str, user: User, text: str, *gists: str) -> list[Said]:
        sent = user.send_text(text)
        return [Said(kind, user.chat_id, sent["message_id"], gists)]


def _sample(name: str) -> Image.Image:
    if name != "rocket":
        return photos.photo(name)
    with Image.open(ROOT / "playground" / "static" / "samples" / "rocket.jpg") as image:
        return image.convert("RGB")


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=92)
    return content.getvalue()
