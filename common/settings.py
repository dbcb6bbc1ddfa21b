"""All settings: environment variables, or lines of ``.env``; the environment wins.

A table in README.md lists them for people; a test compares the two.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_type_hints
from urllib.parse import urlsplit

from dotenv import dotenv_values

from common import model_names
from common.errors import SettingsError

ROOT: Final = Path(__file__).resolve().parent.parent
PLAYGROUND_TOKEN: Final = "1:playground"  # noqa: S105 -- not a secret: it opens the playground only
TELEGRAM_API: Final = "https://api.telegram.org"

ModelChoice: TypeAlias = str  # one of model_names.MODEL_NAMES
EngineChoice = Literal["auto", "openvino", "torch"]
PrecisionChoice = Literal["auto", "fp32", "int8"]
ProfileChoice = Literal["set", "keep"]
FeedbackChoice = Literal["on", "off"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LONGEST_CONTACT: Final = 200  # characters
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_Parse: TypeAlias = Callable[[str, str], object]  # of a name and its value; raises SettingsError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator can set. Relative paths count from the project's root.

    A setting is one field. Its name in capital letters is the variable's name; the function after its type reads the
    value. README.md and .env.example list it too.
    """

    telegram_token: Annotated[str, _token] = PLAYGROUND_TOKEN
    """From @BotFather; without one the bot talks to the playground."""
    telegram_api_url: Annotated[str, _url] = "http://127.0.0.1:8080"
    """Base URL of the Bot API server."""
    redis_url: Annotated[str | None, _redis_url] = None
    """A Redis server; None for our own, on a socket in ``data_dir``."""
    namespace: Annotated[str, _namespace] = "whatsit"
    """Begins every Redis key and channel."""
    data_dir: Annotated[Path, _path] = ROOT / "run"
    """Files, locks, and our own Redis's data."""
    model: Annotated[ModelChoice, _model] = model_names.AUTO
    """Which model answers."""
    engine: Annotated[EngineChoice, _choice(EngineChoice)] = "auto"
    """What runs it."""
    precision: Annotated[PrecisionChoice, _choice(PrecisionChoice)] = "auto"
    """How it computes, where OpenVINO runs it."""
    classify_threads: Annotated[int | None, _count(1)] = None
    """How many threads run it in each process; None for as many as there are cores for them."""
    classify_processes: Annotated[int, _count(1)] = 1
    """How many processes run it, and share the waiting pictures."""
    models_dir: Annotated[Path, _path] = ROOT / "models"
    """The folder of prepared models."""
    allowed_chats: Annotated[frozenset[int], _chats] = frozenset()
    """Who is served, by chat ids; everybody if the list is empty."""
    admin_chats: Annotated[frozenset[int], _chats] = frozenset()
    """The operator's own chats, by their ids: there, commands for operators count."""
    user_rate: Annotated[int, _count(1)] = 20
    """How many pictures, or other messages, one user may send in a minute."""
    chat_backlog: Annotated[int, _count(1)] = 500
    """How many pictures of one chat may be unanswered; the bot tells the chat when more come."""
    backlog: Annotated[int, _count(1)] = 5000
    """How many pictures of all chats together may be unanswered."""
    send_rate: Annotated[int, _count(1)] = 30
    """How many messages the bot sends in a second, to all chats."""
    cache_ttl_s: Annotated[int, _count(1)] = 24 * 3600
    """How long an answer is kept for the same picture, in seconds."""
    cache_max: Annotated[int, _count(0)] = 10_000
    """How many answers are kept."""
    fetch_allow_networks: Annotated[tuple[Network, ...], _networks] = ()
    """Private networks that links may reach."""
    contact: Annotated[str, _contact] = ""
    """The operator's own addresses, for hosts that want to know who fetches; '' if they stay unnamed."""
    profile: Annotated[ProfileChoice, _choice(ProfileChoice)] = "set"
    """Whether the bot sets its menus of commands and its descriptions at Telegram, or keeps its operator's own."""
    feedback: Annotated[FeedbackChoice, _choice(FeedbackChoice)] = "on"
    """Whether people are asked if an answer was right. What they say is counted, without pictures and names."""
    playground_port: Annotated[int, _port] = 8080
    """Where the chat page listens, on 127.0.0.1."""
    log_level: Annotated[LogLevel, _level] = "INFO"
    """The least severe level that is logged."""

    def __repr__(self) -> str:
        """Without the token and the Redis password, so that no log can show them."""
        return f"Settings(namespace={self.namespace!r}, data_dir={str(self.data_dir)!r}, model={self.model!r})"

    @property
    def uses_playground(self) -> bool:
        """Whether the bot talks to the playground and not to a Bot API server."""
        return self.telegram_token == PLAYGROUND_TOKEN and self.telegram_api_url == playground_url(self.playground_port)

    @property
    def bot_id(self) -> str:
        """The bot's id: the part of its token before the colon."""
        return self.telegram_token.partition(":")[0]

    @property
    def redis_socket(self) -> Path:
        """Where our own Redis listens."""
        return self.data_dir / "redis.sock"

    @property
    def files_dir(self) -> Path:
        """Where the store keeps its files."""
        return self.data_dir / "files"


def playground_url(port: int) -> str:
    """The playground's address on this machine."""
    return f"http://127.0.0.1:{port}"


def load(environ: Mapping[str, str] | None = None, env_file: Path = ROOT / ".env") -> Settings:
    """The settings that apply now.

    Args:
        environ: The environment; ``os.environ`` by default.
        env_file: A file of ``NAME=value`` lines, for what the environment leaves unset.

    Raises:
        SettingsError: A value is wrong. The message names the setting and what is allowed.
    """
    environ = os.environ if environ is None else environ
    values = _in_file(env_file)
    values |= {name: value for name, value in environ.items() if value}
    given: dict[str, Any] = {
        field: parse(name, values[name]) for name, (field, parse) in _PARSERS.items() if name in values
    }
    if "telegram_api_url" not in given:
        port = given.get("playground_port", Settings.playground_port)
        given["telegram_api_url"] = TELEGRAM_API if "telegram_token" in given else playground_url(port)
    return Settings(**given)


def _in_file(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8") as file:
            return {name: value for name, value in dotenv_values(stream=file).items() if value}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _namespace(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value):
        raise _wrong(name, value, "may hold letters, digits, _ . - (at most 64)")
    return value


def _token(name: str, value: str) -> str:
    if not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", value):
        # The value stays out of the message: it is a secret, even if it is damaged.
        msg = f"{name} is not a bot token: @BotFather gives one like 123456789:AAE…"
        raise SettingsError(msg)
    return value


def _redis_url(name: str, value: str) -> str:
    if not re.match(r"(rediss?|unix)://.", value):
        msg = f"{name} must begin with redis://, rediss:// or unix://"  # may hold a password: not quoted
        raise SettingsError(msg)
    try:
        _ = urlsplit(value).port
    except ValueError:  # whose text quotes parts of the password
        msg = f"{name} is not a valid URL: special characters in its password must be written as %40 and the like"
        raise SettingsError(msg) from None
    return value


def _url(name: str, value: str) -> str:
    if not re.fullmatch(r"https?://\S+", value):
        raise _wrong(name, value, "must begin with http:// or https://, and have no spaces")
    try:
        parts = urlsplit(value)
        fits = bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise SettingsError(f"{name} must name a server, like http://127.0.0.1:8081")  # may hold a password: not quoted
    return value.rstrip("/")


def _path(_name: str, value: str) -> Path:
    return ROOT / Path(value).expanduser()


def _choice(literal: Any) -> Callable[[str, str], str]:
    """One of the values of a ``Literal``."""
    allowed = get_args(literal)

    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise _wrong(name, value, f"is not one of: {', '.join(allowed)}")
        return value

    return parse


def _model(name: str, value: str) -> str:
    if value not in model_names.MODEL_NAMES:
        raise _wrong(name, value, model_names.why_wrong(value))
    return value


def _port(name: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 2**16:
        raise _wrong(name, value, "must be a port number from 1 to 65535")
    return int(value)


def _count(least: int) -> Callable[[str, str], int]:
    def parse(name: str, value: str) -> int:
        if not value.isdecimal() or int(value) < least:
            raise _wrong(name, value, f"must be a whole number from {least} on")
        return int(value)

    return parse


def _chats(name: str, value: str) -> frozenset[int]:
    try:
        return frozenset(int(part) for part in value.split(",") if part.strip())
    except ValueError:
        raise _wrong(name, value, "must be chat ids like 123456789,-1001234567890, separated by commas") from None


def _networks(name: str, value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise _wrong(name, value, f"must be networks like 10.0.0.0/8, separated by commas ({error})") from None


def _contact(name: str, value: str) -> str:
    """Addresses as a comment of a user agent may hold them (RFC 9110, 10.1.5): in ASCII, without parentheses."""
    addresses = [_address(part.strip()) for part in value.split(",")]
    contact = "; ".join(filter(None, addresses))
    if None in addresses or len(contact) > LONGEST_CONTACT:
        rule = (
            f"must be a web page (https://…), an e-mail address or a Telegram name (@name); at most {LONGEST_CONTACT} "
        )
        raise _wrong(name, value, f"{rule}characters, several separated by commas")
    return contact


def _address(written: str) -> str | None:
    if re.fullmatch(r"@[A-Za-z][A-Za-z0-9_]{3,31}", written):
        return f"https://t.me/{written[1:]}"
    if re.fullmatch(r"t\.me/[A-Za-z0-9_+/-]+", written):
        return f"https://{written}"
    page = r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~%!$&'*+=:@/?#-]*)?"
    mail = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
    return written if re.fullmatch(f"{page}|{mail}", written) else None


def _level(name: str, value: str) -> str:
    return _choice(LogLevel)(name, value.upper())


def _wrong(name: str, value: str, rule: str) -> SettingsError:
    return SettingsError(f"{name}={value!r} {rule}")


def _parsers() -> dict[str, tuple[str, _Parse]]:
    """For each variable the field of ``Settings`` that it sets, and what reads its value."""
    hints = get_type_hints(Settings, include_extras=True)
    return {
        field.name.upper(): (field.name, hints[field.name].__metadata__[0]) for field in dataclasses.fields(Settings)
    }


_PARSERS: Final = _parsers()
NAMES: Final = tuple(_PARSERS)
