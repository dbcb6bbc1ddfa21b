"""HTTP to the Bot API: aiohttp underneath python-telegram-bot, for a fifth of its own client's processor time.

Every address contains the bot's token, and aiohttp's errors contain addresses. So none of them leaves this module: our
errors name only their kind, and what the system reported.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.http import HttpProcessingError
from telegram.error import NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData
from yarl import URL

from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.proxy import proxy_towards, trusted

_KEEP_ALIVE_S: Final = 5.0  # less than servers wait, so that they rarely close a connection right before its next use
_PIECE_BYTES: Final = 256 * 2**10
_NO_ANSWER: Final = "this is not an answer of the Bot API"
_AS_JSON: Final = {"Content-Type": "application/json"}

Take: TypeAlias = Callable[[bytes], Awaitable[None]]


class BotApiHttp(BaseRequest):
    """Makes PTB's requests, and downloads files, which PTB would hold in memory as a whole.

    It does not request or accept compressed answers, so that a small answer cannot become a large one. It does not
    follow redirects.

    Args:
        api_url: The Bot API's address. A server that is not nearby is called through the environment's proxy.
        limits: How long an answer may take, and how large it may be.

    Raises:
        SettingsError: The environment names a proxy that does not speak HTTP.
    """

    def __init__(self, api_url: str, limits: TelegramLimits = LIMITS) -> None:
        self._limits = limits
        self._proxy = proxy_towards(api_url)
        self._is_encrypted = "https" in {urlsplit(api_url).scheme, self._proxy.scheme if self._proxy else ""}
        self._client: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """How long an answer, or its next piece, may take."""
        return self._limits.answer_timeout_s

    async def initialize(self) -> None:
        """Open the client. It sends nothing yet."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # a worker has few messages in flight, and they need not wait for a connection
                    keepalive_timeout=_KEEP_ALIVE_S,
                    ssl=trusted() if self._is_encrypted else True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity", "User-Agent": self.USER_AGENT},
                timeout=self._timeout(),
                proxy=self._proxy,
                auto_decompress=False,
            )

    async def shutdown(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,  # not used: what we send fits into the system's buffer
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,  # not used: always as in the limits
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,  # not used: requests do not wait for a connection
    ) -> tuple[int, bytes]:
        """Call the Bot API. Parameters are sent as JSON; files cannot be sent.

        Raises:
            NetworkError: There is no answer, or it is not from the Bot API: a page of a server on the way, for example.
        """
        timeout_s = self._limits.answer_timeout_s if read_timeout is BaseRequest.DEFAULT_NONE else read_timeout
        try:
            body = msgspec.json.encode(request_data.parameters) if request_data else None
            try:
                return await self._ask(method, url, body, timeout_s)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # The server may just have closed the connection, since it was idle. A request that only reads is
                # repeated. But a message may have been sent: its sender has to decide.
                if isinstance(error, aiohttp.ClientConnectorError) or not url.rpartition("/")[2].startswith("get"):
                    raise
                return await self._ask(method, url, body, timeout_s)
        except TelegramError:
            raise
        except Exception as error:  # any error: PTB would quote it, with the address or a proxy's password
            raise NetworkError(_named(error)) from None

    async def _ask(self, method: str, url: str, body: bytes | None, timeout_s: float) -> tuple[int, bytes]:
        most = self._limits.max_answer_bytes
        # A limit for the whole answer, too: a server that drips would otherwise never end.
        timeout = self._timeout(timeout_s, total_s=2 * (self._limits.connect_timeout_s + timeout_s))
        async with self._open.request(
            method, URL(url, encoded=True), data=body, headers=_AS_JSON, timeout=timeout, allow_redirects=False
        ) as response:
            answer = await _up_to(most + 1, response)
            status = response.status
        if len(answer) > most:
            msg = f"an answer of more than {most} bytes"
            raise NetworkError(msg)
        try:
            _judge(status, self.parse_json_payload(answer))
        except TelegramError:
            msg = f"HTTP status {status}, and not an answer of the Bot API"
            raise NetworkError(msg) from None
        return status, answer

    async def download(self, url: str, take: Take) -> int:
        """Hand a file to ``take``, piece by piece, if the HTTP status is 200. Returns the status.

        Raises:
            NetworkError: The file does not come, or breaks off.
        """
        try:
            async with self._open.get(URL(url, encoded=True), allow_redirects=False) as response:
                if response.status == HTTPStatus.OK:
                    while piece := await _up_to(_PIECE_BYTES, response):
                        await take(piece)
                return response.status
        except (aiohttp.ClientError, HttpProcessingError) as error:
            raise NetworkError(_named(error)) from None

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """An answer of the Bot API. A lone surrogate, which JSON can spell and UTF-8 cannot, becomes a "?".

        Raises:
            TelegramError: It is not such an answer.
        """
        try:
            try:
                answer = msgspec.json.decode(payload)
            except ValueError:
                spelt = json.dumps(json.loads(payload.decode(errors="replace")), ensure_ascii=False)
                answer = json.loads(spelt.encode(errors="replace"))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.keys().isdisjoint(("result", "description")):
            raise TelegramError(_NO_ANSWER)
        return answer

    def _timeout(self, answer_s: float | None = None, total_s: float | None = None) -> aiohttp.ClientTimeout:
        # The lookup of a name and the tries of all its addresses may take twice as long as one connection.
        address_s = self._limits.connect_timeout_s
        read_s = self._limits.answer_timeout_s if answer_s is None else answer_s
        return aiohttp.ClientTimeout(total_s, connect=2 * address_s, sock_connect=address_s, sock_read=read_s)

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._client is None:
            raise RuntimeError("the client is not open")
        return self._client


def _judge(status: int, answer: dict[str, Any]) -> None:
    """Make sure that an answer has what PTB needs.

    Raises:
        TelegramError: Something is missing.
    """
    parameters = answer.get("parameters", {})
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    is_sound = "result" in answer if is_success else isinstance(answer.get("description"), str)
    if not is_sound or not isinstance(parameters, dict):
        raise TelegramError(_NO_ANSWER)
    if not all(isinstance(parameters.get(name, 0), int) for name in ("retry_after", "migrate_to_chat_id")):
        raise TelegramError(_NO_ANSWER)


async def _up_to(most: int, response: aiohttp.ClientResponse) -> bytes:
    """The next ``most`` bytes of the body, or what is left of it.

    Raises:
        NetworkError: It is compressed, although we do not ask for that.
    """
    if response.headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}:
        raise NetworkError("a compressed answer, which we did not ask for")
    pieces, size = [], 0
    while size < most and (piece := await response.content.read(most - size)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _named(error: Exception) -> str:
    """What happened, without the address: aiohttp names it, in ``strerror`` too."""
    causes = (getattr(error, name, None) for name in ("certificate_error", "os_error", "status"))
    cause = next(filter(None, causes), None)
    return f"{type(error).__name__}: {cause}" if cause else type(error).__name__
