"""The messages between workers: frozen, typed, tagged structs; JSON on the wire.

A message is named for what it asks for, and knows its channel. Readers ignore fields that they do not
know, and new fields have defaults, so that during a rolling upgrade old and new workers understand
each other.

    channel          messages
    receive          AcceptUpdate, DownloadPhoto
    file_check       CheckFile
    fetch_url        FetchUrl
    classify         ClassifyImage
    reply            SendReply, ShowTyping
    garbage_collect  DeleteFiles
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from common.languages.speech import say
from common.languages.texts import Text

FILES = ("original", "input", "whole")
"""The kinds of files that a job may have: the download, the model input, the whole picture for a second look."""


GUEST_WAITS_S = 60.0
"""How long a guest is answered: by then the talk has gone on. Telegram does not say how long a query lives."""


class Subject(enum.StrEnum):
    """What the picture of a job is to what the user sent. By value on the wire; an unknown one is ``PICTURE``."""

    PICTURE = "picture"
    """It is what they sent."""
    STILL = "still"
    """The still picture that Telegram supplies with a moving one."""
    PAGE = "page"
    """The preview picture of a web page that they sent a link to."""

    @classmethod
    def _missing_(cls, value: object) -> Subject:
        return cls.PICTURE  # from a newer worker, during an upgrade


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One update, or one picture in it, on its way to an answer.

    Attributes:
        id: ``<bot id>-<update id>`` for an update, with ``-<index>`` behind it for a picture in it.
            The same update always makes the same ids.
        chat_id: Where the answer goes; None if the update did not say.
        message_id: The message that the answer replies to: the one with the picture, where it is in the same chat.
        thread_id: The topic that it is in, where the chat is a forum.
        topic_id: The topic that it is in, where the chat is a channel's direct messages.
        user_id: Who sent it; None if Telegram does not say.
        accepted_at: When Telegram delivered the update, in Unix seconds.
        run: How often the job was started again from its first message, by the bot or an operator.
        restarts: How often the bot itself has done that since an operator last did.
        quote: The link that the answer is about, where one message has several.
        subject: What the picture is to what the user sent.
        after: The job whose answer goes out before this one's, where a message asks for several.
        album: The album that it is a photo of, by its name in that chat: its answers are one message.
        guest_query: The guest query that it answers; '' if it answers in a chat that the bot is in.
        spoiler: Whether the picture is hidden behind a spoiler, and so is the answer.
        short: Whether the chat wants the sentence alone, without the other guesses.
        language: What it is answered in, by a code of ``common.languages``; '' for English.
        buttons: Whether its chat wants buttons below answers.
        asked: The class that they ask about ("is this a lynx?"), by its index; -1 if they do not.
        others: How many more pictures and links a guest's message has, which the bot does not look at.
    """

    id: str
    chat_id: int | None
    message_id: int | None
    accepted_at: float
    thread_id: int | None = None
    topic_id: int | None = None
    user_id: int | None = None
    run: int = 0
    restarts: int = 0
    quote: str = ""
    subject: Subject = Subject.PICTURE
    after: str = ""
    album: str = ""
    guest_query: str = ""
    spoiler: bool = False
    short: bool = False
    language: str = ""
    buttons: bool = False
    asked: int = -1
    others: int = 0

    def key(self, kind: str) -> str:
        """The store key of this run's file of that ``kind``, one of ``FILES``."""
        return f"{self.id}.{self.run}.{kind}"

    @property
    def files(self) -> tuple[str, ...]:
        """The store keys of all files that this run may have."""
        return tuple(map(self.key, FILES))

    @property
    def chat(self) -> str:
        """Its chat as Redis has it; '' if the update did not say. A guest's is its caller, unlike any chat's id."""
        if self.guest_query:
            return f"g{self.user_id}"
        return "" if self.chat_id is None else str(self.chat_id)

    def is_over(self, now: float) -> bool:
        """Whether nobody waits for its answer any longer: a guest's query lives for ``GUEST_WAITS_S``."""
        return bool(self.guest_query) and now - self.accepted_at > GUEST_WAITS_S


class Step(msgspec.Struct, frozen=True, array_like=True):
    """What one stage took: time in the channel, then in the handler, in milliseconds."""

    stage: str
    waited_ms: float
    took_ms: float


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of all messages.

    A job is always in exactly one message, which ``carries_job``. Others (a typing sign, a deletion)
    do not carry it, and may be lost without harm to it. ``stage`` names the step in trail and log.
    """

    channel: ClassVar[str]
    stage: ClassVar[str]
    carries_job: ClassVar[bool] = True

    job: Job
    trail: tuple[Step, ...] = ()

    @property
    def carried_job(self) -> str:
        """The id of the job that the message carries; '' if it carries none."""
        return self.job.id if self.carries_job else ""


class AcceptUpdate(Message, frozen=True, kw_only=True, tag=True):
    """Read one raw update from Telegram, as the Bot API sent it."""

    channel: ClassVar[str] = "receive"
    stage: ClassVar[str] = "accept"

    update: dict[str, Any]


class DownloadPhoto(Message, frozen=True, kw_only=True, tag=True):
    """Download a photo from Telegram.

    Attributes:
        file_id: Telegram's permanent name for the file (its URL lives for an hour only).
        file_unique_id: The same for the same file from every sender.
        announced_bytes: The size that Telegram announced, or None.
        unavailable_since: Since when Telegram says that it is unavailable, in Unix seconds; 0 if it does not.
    """

    channel: ClassVar[str] = "receive"
    stage: ClassVar[str] = "download"

    file_id: str
    file_unique_id: str = ""
    announced_bytes: int | None = None
    unavailable_since: float = 0.0


class FindingKind(enum.StrEnum):
    """The kind of a finding. By value on the wire; an unknown one is ``UNSURE``."""

    CLASS = "class"
    GROUP = "group"
    PRINTED = "printed"
    WORN = "worn"
    UNKNOWN = "unknown"
    UNSURE = "unsure"

    @classmethod
    def _missing_(cls, value: object) -> FindingKind:
        return cls.UNSURE  # from a newer worker, during an upgrade


class Place(enum.StrEnum):
    """Where in the picture a thing is. By value on the wire; an unknown one is ``MIDDLE``."""

    MIDDLE = "middle"
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"

    @classmethod
    def _missing_(cls, value: object) -> Place:
        return cls.MIDDLE


class Guess(msgspec.Struct, frozen=True, array_like=True):
    """A class by its index in the model, and its probability (0 to 1)."""

    index: int
    probability: float


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model found in a picture, without words.

    Attributes:
        kind: Which kind of sentence says it.
        guesses: The likeliest classes, best first. Classes with the same name are one, by the first of their indices.
        probability: Of what the kind says: of the best class, of the group, of all printed matter or clothes; 0 for
            ``UNKNOWN`` and ``UNSURE``.
        group: The group's id, for ``GROUP``.
        place: Where in the picture it is.
        other: What the other end shows, if both ends are sure and differ. It has a place of its own.
        imagenet: Whether the indices are those of ImageNet's 1,000 classes, and not of an operator's labels.
        measured: Whether the probabilities were measured to be right as often as they say.
        views: How many views of the picture decided: 1 for the centre alone.
    """

    kind: FindingKind
    guesses: tuple[Guess, ...]
    probability: float = 0.0
    group: str = ""
    place: Place = Place.MIDDLE
    other: Finding | None = None
    imagenet: bool = True
    measured: bool = True
    views: int = 1

    @property
    def best(self) -> Guess:
        """The likeliest class; -1 with a probability of 0 where no class may be named."""
        return self.guesses[0] if self.guesses else Guess(-1, 0.0)


class Prediction(msgspec.Struct, frozen=True, array_like=True):
    """A class by its label, and its probability (0 to 1)."""

    label: str
    probability: float


class Predictions(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the model sees.

    Attributes:
        top: The likeliest classes, best first, by label: the same as in ``finding.guesses``. Operators' own labels are
            read from here.
        model: The model's name, for people.
        model_ms: The model's own time for this image (in a batch: its share of the batch's time); 0 for a stored
            answer.
        finding: What that means.
    """

    top: tuple[Prediction, ...]
    model: str = ""
    model_ms: float = 0.0
    finding: Finding

    @classmethod
    def of(cls, finding: Finding, labels: Sequence[str], model: str, model_ms: float = 0.0) -> Predictions:
        """A finding with the labels of its classes.

        Args:
            finding: What was found.
            labels: The labels of all classes, by index.
            model: As in the attributes.
            model_ms: As in the attributes.
        """
        top = tuple(Prediction(labels[guess.index], guess.probability) for guess in finding.guesses)
        return cls(top=top, model=model, model_ms=model_ms, finding=finding)


class CheckFile(Message, frozen=True, kw_only=True, tag=True):
    """Make sure that a download is whole and an image, and write the model input.

    Attributes:
        key: The download in the store.
        announced_bytes: The size that Telegram announced, or None.
        file_unique_id: As in ``DownloadPhoto``.
        first_look: The answer from the picture's centre, when ``classify`` wants to see the whole picture.
    """

    channel: ClassVar[str] = "file_check"
    stage: ClassVar[str] = "check"

    key: str
    announced_bytes: int | None = None
    file_unique_id: str = ""
    first_look: Predictions | None = None


class FetchUrl(Message, frozen=True, kw_only=True, tag=True):
    """Fetch an image from a link, and write the model input. ``url`` is as the user wrote it."""

    channel: ClassVar[str] = "fetch_url"
    stage: ClassVar[str] = "fetch"

    url: str


class ClassifyImage(Message, frozen=True, kw_only=True, tag=True):
    """Say what a picture shows.

    Attributes:
        key: The model input in the store; the whole picture in a second look.
        file_unique_id: As in ``DownloadPhoto``; '' for a link.
        original: The picture's file in the store, for a second look; '' where there is none.
        first_look: As in ``CheckFile``.
    """

    channel: ClassVar[str] = "classify"
    stage: ClassVar[str] = "classify"

    key: str
    file_unique_id: str = ""
    original: str = ""
    first_look: Predictions | None = None


class Kind(enum.StrEnum):
    """The kind of a text for the user, for log and counters. By value on the wire; an unknown one is a ``NOTICE``."""

    NOTICE = "notice"
    COMMAND = "command"
    REFUSAL = "refusal"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    TOO_FAST = "too fast"
    APOLOGY = "apology"

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        return cls.NOTICE  # from a newer worker, during an upgrade


class Button(msgspec.Struct, frozen=True, array_like=True):
    """A button below a message.

    Attributes:
        text: Its words in English, as workers of before 0.6.0 show them.
        data: What the bot is told when it is pressed, in 1 to 64 bytes; '' for one that opens a link.
        means: Its words.
        url: The link that it opens; the bot does not learn of that.
    """

    text: str
    data: str = ""
    means: Text | str = ""
    url: str = ""

    @classmethod
    def of(cls, means: Text | str, data: str = "", url: str = "") -> Button:
        """A button with those words. A string is the same in every language."""
        return cls(say(means), data, means, url)

    def said(self, language: str) -> str:
        """Its words in that language."""
        return say(self.means, language) if self.means else self.text


SETTINGS = "settings"
"""What ``Words.shows`` calls a chat's settings."""
BUTTONS = "buttons"
"""What ``Words.shows`` is for an edit that leaves the text as it is, and changes the buttons below it."""


class Words(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Plain text for the user; ``reply`` escapes it.

    Attributes:
        text: The text in English, for logs, operators, and workers of before 0.6.0.
        means: The text; '' from such a worker.
        kind: Its kind.
        buttons: Rows of them.
        shows: What it shows that may have changed when an edit is sent, which then shows that as it is: ``SETTINGS``;
            or ``BUTTONS``; '' for nothing.
    """

    text: str
    means: Text | str = ""
    kind: Kind = Kind.NOTICE
    buttons: tuple[tuple[Button, ...], ...] = ()
    shows: str = ""

    @classmethod
    def of(
        cls,
        means: Text | str,
        kind: Kind = Kind.NOTICE,
        buttons: tuple[tuple[Button, ...], ...] = (),
        shows: str = "",
    ) -> Words:
        """Words that are said in the job's language. A string is the same in every language."""
        return cls(text=say(means), means=means, kind=kind, buttons=buttons, shows=shows)

    def said(self, language: str) -> str:
        """The text in that language."""
        return say(self.means, language) if self.means else self.text


class SendReply(Message, frozen=True, kw_only=True, tag=True):
    """Answer the user.

    Attributes:
        content: What to say.
        files: Store keys that the job still has, deleted once the answer is sent.
        ready_at: Since when it waits for the answer that goes out before it, in Unix seconds; 0 if it does not.
        edits: The message of ours that it changes, by its id in the job's chat; 0 for a new message.
        reaction: The emoji to react with to the job's message. The content says the same to a worker of an older
            version, which knows no reactions.
    """

    channel: ClassVar[str] = "reply"
    stage: ClassVar[str] = "reply"

    content: Predictions | Words
    files: tuple[str, ...] = ()
    ready_at: float = 0.0
    edits: int = 0
    reaction: str = ""


class ShowTyping(Message, frozen=True, kw_only=True, tag=True):
    """Show "typing…" in the job's chat. Useless when it is a few seconds old.

    Attributes:
        at: When it was requested, in Unix seconds.
    """

    channel: ClassVar[str] = "reply"
    stage: ClassVar[str] = "typing"
    carries_job: ClassVar[bool] = False

    at: float = 0.0


class DeleteFiles(Message, frozen=True, kw_only=True, tag=True):
    """Delete files after their last use. A missing one is not an error."""

    channel: ClassVar[str] = "garbage_collect"
    stage: ClassVar[str] = "delete"
    carries_job: ClassVar[bool] = False

    keys: tuple[str, ...]


AnyMessage = AcceptUpdate | DownloadPhoto | CheckFile | FetchUrl | ClassifyImage | SendReply | ShowTyping | DeleteFiles

CHANNELS = ("receive", "file_check", "fetch_url", "classify", "reply", "garbage_collect")

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """The message as JSON."""
    return _encoder.encode(message)


def decode(body: bytes) -> AnyMessage:
    """The message in a JSON text.

    Raises:
        msgspec.DecodeError: It is not JSON, not a message that we know, or lacks a field.
    """
    try:
        return _decoder.decode(body)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
