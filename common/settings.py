"""All settings: environment variables, or lines of ``.env``; the environment wins.

One table in README.md lists them for people; a test holds the two together.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values

from common.errors import SettingsError

ROOT: Final = Path(__file__).resolve().parent.parent
PLAYGROUND_TOKEN: Final = "1:playground"  # noqa: S105 -- no secret: it opens the playground alone
TELEGRAM_API: Final = "https://api.telegram.org"

ModelChoice = Literal["auto", "inception_v3", "efficientnet_lite2"]
EngineChoice = Literal["auto", "openvino", "torch"]
PrecisionChoice = Literal["auto", "fp32", "int8"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator can set. Relative paths count from the project's root.

    Attributes:
        telegram_token: From @BotFather; without one the bot talks to the playground.
        telegram_api_url: Base URL of the Bot API server.
        redis_url: A Redis server; None for our own, on a socket in ``data_dir``.
        namespace: Begins every Redis key and channel.
        data_dir: Files, locks, and our own Redis's data.
        model: Which model answers.
        engine: What runs it.
        precision: How it computes, where OpenVINO runs it.
        classify_threads: How many threads run it in each process; None for as many as there are cores for them.
        classify_processes: How many processes run it, and share what waits.
        models_dir: Where prepared models lie.
        allowed_chats: Who is served, by chat ids; everybody if none is named.
        user_rate: How many pictures, or other messages, one user may send in a minute.
        chat_backlog: How many pictures of one chat may be on their way; the chat is told when more come.
        backlog: How many in all may be.
        send_rate: How many messages the bot sends in a second, in all.
        cache_ttl_s: How long an answer is kept for the same picture, in seconds.
        cache_max: How many answers are kept.
        fetch_allow_networks: Private networks that links may reach.
        playground_port: Where the chat page listens, on 127.0.0.1.
        log_level: The least severe level that is logged.
    """

    telegram_token: str = PLAYGROUND_TOKEN
    telegram_api_url: str = "http://127.0.0.1:8080"
    redis_url: str | None = None
    namespace: str = "whatsit"
    data_dir: Path = ROOT / "run"
    model: ModelChoice = "auto"
    engine: EngineChoice = "auto"
    precision: PrecisionChoice = "auto"
    classify_threads: int | None = None
    classify_processes: int = 1
    models_dir: Path = ROOT / "models"
    allowed_chats: frozenset[int] = frozenset()
    user_rate: int = 20
    chat_backlog: int = 500
    backlog: int = 5000
    send_rate: int = 30
    cache_ttl_s: int = 24 * 3600
    cache_max: int = 10_000
    fetch_allow_networks: tuple[Network, ...] = ()
    playground_port: int = 8080
    log_level: LogLevel = "INFO"

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
    """The settings in force.

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
        field: parse(name, values[name]) for name, (field, parse) in _SETTINGS.items() if name in values
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


def _text(pattern: str, rule: str) -> Callable[[str, str], str]:
    def parse(name: str, value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise _wrong(name, value, rule)
        return value

    return parse


def _token(name: str, value: str) -> str:
    if not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", value):
        # The value stays out of the message: it is a secret, be it a damaged one.
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
        msg = f"{name} is no valid URL: special characters in its password must be written as %40 and the like"
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


def _choice(allowed: tuple[str, ...]) -> Callable[[str, str], str]:
    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise _wrong(name, value, f"is not one of: {', '.join(allowed)}")
        return value

    return parse


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


def _level(name: str, value: str) -> str:
    return _choice(get_args(LogLevel))(name, value.upper())


def _wrong(name: str, value: str, rule: str) -> SettingsError:
    return SettingsError(f"{name}={value!r} {rule}")


_SETTINGS: Final[Mapping[str, tuple[str, Callable[[str, str], object]]]] = {
    "TELEGRAM_TOKEN": ("telegram_token", _token),
    "TELEGRAM_API_URL": ("telegram_api_url", _url),
    "REDIS_URL": ("redis_url", _redis_url),
    "NAMESPACE": (
        "namespace",
        _text(r"[A-Za-z0-9_.-]{1,64}", "may hold letters, digits, _ . - (at most 64)"),
    ),
    "DATA_DIR": ("data_dir", _path),
    "MODEL": ("model", _choice(get_args(ModelChoice))),
    "ENGINE": ("engine", _choice(get_args(EngineChoice))),
    "PRECISION": ("precision", _choice(get_args(PrecisionChoice))),
    "CLASSIFY_THREADS": ("classify_threads", _count(1)),
    "CLASSIFY_PROCESSES": ("classify_processes", _count(1)),
    "MODELS_DIR": ("models_dir", _path),
    "ALLOWED_CHATS": ("allowed_chats", _chats),
    "USER_RATE": ("user_rate", _count(1)),
    "CHAT_BACKLOG": ("chat_backlog", _count(1)),
    "BACKLOG": ("backlog", _count(1)),
    "SEND_RATE": ("send_rate", _count(1)),
    "CACHE_TTL_S": ("cache_ttl_s", _count(1)),
    "CACHE_MAX": ("cache_max", _count(0)),
    "FETCH_ALLOW_NETWORKS": ("fetch_allow_networks", _networks),
    "PLAYGROUND_PORT": ("playground_port", _port),
    "LOG_LEVEL": ("log_level", _level),
}
NAMES: Final = tuple(_SETTINGS)
