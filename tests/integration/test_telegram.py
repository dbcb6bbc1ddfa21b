"""The seam to Telegram against the playground and its faults: each fault becomes an error that the workers handle."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import gzip
import logging
import os
import re
import socket
import ssl
import struct
import subprocess
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from common.errors import (
    FileOutOfReach,
    FileTooLarge,
    FileUnavailable,
    LeaseLost,
    Outage,
    RateLimited,
    TelegramRefused,
)
from common.limits import MAX_FILE_BYTES
from common.settings import Settings
from common.telegram.client import Me, Telegram
from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.sending import Target
from tests.support.bot_api import TOKEN, RunningPlayground, User

SECRET = "AAHiddenHiddenHidden"
JPEG = b"\xff\xd8\xff" + b"x" * 3000


@pytest.fixture
def user(playground: RunningPlayground) -> Iterator[User]:
    with playground.user() as user:
        user.reset()
        yield user


@pytest.fixture
async def telegram(playground: RunningPlayground) -> AsyncIterator[Telegram]:
    client = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url))
    await client.open()
    yield client
    await client.close()


async def file_id_of(telegram: Telegram, content: bytes, user: User, **options: Any) -> str:
    user.send_photo_bytes_raw(content, **options)
    (update,) = await telegram.get_updates(0, 0)
    file_id: str = update["message"]["photo"][-1]["file_id"]
    return file_id


async def test_updates_come_raw_and_are_confirmed_by_the_next_offset(telegram: Telegram, user: User) -> None:
    user.send_text("hello")
    (update,) = await telegram.get_updates(0, 0)
    assert update["message"]["text"] == "hello"
    assert await telegram.get_updates(0, 0) == [update], "not confirmed yet"
    assert await telegram.get_updates(update["update_id"] + 1, 0) == []
    assert await telegram.get_updates(0, 0) == []


async def test_the_bot_knows_itself_and_offers_its_commands(telegram: Telegram, user: User) -> None:
    me = await telegram.get_me()
    assert (me.id, me.username) == (1, "whatsit_playground_bot")
    await telegram.set_commands({"help": "What you can send"})
    assert user.bot()["commands"] == [{"command": "help", "description": "What you can send"}]


async def test_an_answer_replies_to_its_message_or_stands_alone_when_that_is_gone(
    telegram: Telegram, user: User
) -> None:
    sent = user.send_text("hello")
    await telegram.send(Target(user.chat_id, sent["message_id"]), "<b>a</b> &lt;")
    await telegram.send(Target(user.chat_id, 999), "b")
    first, second = user.answers()
    assert (first["text"], first["reply_to_message"]["message_id"]) == ("a <", sent["message_id"])
    assert "reply_to_message" not in second


async def test_an_answer_that_is_no_longer_ours_is_not_sent(telegram: Telegram, user: User) -> None:
    async def lost() -> None:
        raise LeaseLost("taken over")

    with pytest.raises(LeaseLost):
        await telegram.send(Target(user.chat_id), "x", confirm=lost)
    await telegram.send(Target(user.chat_id), "y")
    assert [answer["text"] for answer in user.answers()] == ["y"]


async def downloaded(telegram: Telegram, file_id: str) -> bytes:
    pieces: list[bytes] = []

    async def take(piece: bytes) -> None:
        pieces.append(piece)

    await telegram.download(file_id, take)
    return b"".join(pieces)


async def test_a_file_comes_whole(telegram: Telegram, user: User) -> None:
    assert await downloaded(telegram, await file_id_of(telegram, JPEG, user)) == JPEG


@pytest.mark.parametrize(
    "fault", [{"do": "cut_body"}, {"do": "drop_before", "times": 2}, {"do": "error", "status": 502}]
)
async def test_a_download_that_breaks_off_is_an_outage(telegram: Telegram, user: User, fault: dict[str, Any]) -> None:
    file_id = await file_id_of(telegram, JPEG, user)
    user.faults({"method": "file", "times": 1} | fault)
    with pytest.raises(Outage):
        await downloaded(telegram, file_id)
    assert await downloaded(telegram, file_id) == JPEG


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_file_that_is_no_longer_there_is_refused(telegram: Telegram, user: User, status: int) -> None:
    file_id = await file_id_of(telegram, JPEG, user)
    user.faults({"method": "file", "times": 1, "do": "error", "status": status})
    with pytest.raises(TelegramRefused, match="no file under the path"):
        await downloaded(telegram, file_id)


async def test_a_file_that_is_larger_than_was_said_is_refused_before_it_has_come(
    playground: RunningPlayground, user: User
) -> None:
    settings = Settings(telegram_token=TOKEN, telegram_api_url=playground.url)
    telegram = Telegram(settings, TelegramLimits(max_file_bytes=len(JPEG) - 1))
    await telegram.open()
    with pytest.raises(TelegramRefused, match="more than"):
        await downloaded(telegram, await file_id_of(telegram, JPEG, user))
    await telegram.close()


async def test_no_more_messages_are_sent_in_a_second_than_are_set(playground: RunningPlayground, user: User) -> None:
    slow = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url, send_rate=2))
    await slow.open()
    began = time.monotonic()
    for text in "abcd":
        await slow.send(Target(user.chat_id), text)
    took_s = time.monotonic() - began
    await slow.close()
    assert took_s > 0.9, "two at once, and then one each half second"
    assert len(user.answers()) == 4


async def test_an_unknown_file_is_refused(telegram: Telegram) -> None:
    with pytest.raises(TelegramRefused):
        await downloaded(telegram, "nonsense")


async def test_a_group_over_its_limit_is_put_off_and_does_not_delay_others(
    playground: RunningPlayground, telegram: Telegram
) -> None:
    with playground.user(-1001) as group, playground.user(1001) as person:
        group.send_text("hello")
        for _ in range(20):
            await telegram.send(Target(group.chat_id), "x")
        with pytest.raises(RateLimited) as error:
            await telegram.send(Target(group.chat_id), "x")
        assert error.value.retry_after_s == 3
        await telegram.show_typing(group.chat_id)
        await telegram.send(Target(person.chat_id), "x")


async def test_flood_control_says_how_long_to_wait(telegram: Telegram, user: User) -> None:
    user.faults({"method": "sendMessage", "do": "error", "status": 429, "retry_after_s": 7, "times": 1})
    with pytest.raises(RateLimited) as error:
        await telegram.send(Target(user.chat_id), "x")
    assert error.value.retry_after_s == 7


@pytest.mark.parametrize("fault", [{"do": "error", "status": 500}, {"do": "drop_before"}, {"do": "drop_after"}])
async def test_a_send_that_may_have_failed_is_an_outage(telegram: Telegram, user: User, fault: dict[str, Any]) -> None:
    user.faults({"method": "sendMessage", "times": 1} | fault)
    with pytest.raises(Outage):
        await telegram.send(Target(user.chat_id), "x")


async def test_a_user_who_blocked_the_bot_is_distinguished_from_a_bad_request(telegram: Telegram, user: User) -> None:
    with pytest.raises(TelegramRefused) as bad:
        await telegram.send(Target(user.chat_id), "<b>")
    assert not bad.value.blocked
    user.set_chat(blocked=True)
    with pytest.raises(TelegramRefused) as blocked:
        await telegram.send(Target(user.chat_id), "x")
    assert blocked.value.blocked


async def test_two_pollers_and_a_wrong_token_each_get_one_clear_line(
    playground: RunningPlayground, telegram: Telegram, user: User
) -> None:
    user.reset()  # an update that waits would end the first poll
    first = asyncio.create_task(telegram.get_updates(0, 20))
    other = Telegram(Settings(telegram_token=TOKEN, telegram_api_url=playground.url))
    await other.open()
    await asyncio.wait([first], timeout=0.3)  # it is waiting by now
    second = asyncio.create_task(other.get_updates(0, 1))
    with pytest.raises(Outage, match="another program polls with the same TELEGRAM_TOKEN"):
        await first
    await second
    await other.close()

    stranger = Telegram(Settings(telegram_token="2:wrong", telegram_api_url=playground.url))
    await stranger.open()
    with pytest.raises(Outage, match="does not know this TELEGRAM_TOKEN"):
        await stranger.get_me()
    await stranger.close()


async def test_a_server_that_is_not_there_is_an_outage_and_no_log_line_holds_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    client = Telegram(Settings(telegram_token="123:SECRET", telegram_api_url="http://127.0.0.1:9"))
    await client.open()
    with pytest.raises(Outage) as outage:
        await client.get_me()
    await client.close()
    assert "SECRET" not in str(outage.value) + caplog.text


# A server that misbehaves


@dataclasses.dataclass(frozen=True)
class Said:
    """One answer, byte for byte, and what happens to the connection then: it stays, closes cleanly, or is reset."""

    content: bytes
    then: Literal["stay", "close", "reset"] = "stay"


class ScriptedServer:
    """Answers each request with the next answer, whichever client asks what; the last answer is repeated."""

    def __init__(self, *answers: Said) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                self.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
                said = self.answers[min(len(self.requests), len(self.answers)) - 1]
                writer.write(said.content)
                await writer.drain()
                if said.then == "reset":
                    on, seconds = 1, 0
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, seconds)
                    )
                if said.then != "stay":
                    break
        writer.close()

    async def close_what_is_idle(self) -> None:
        for writer in self.connections:
            writer.close()
            await writer.wait_closed()
        await asyncio.to_thread(int)  # returns through the selector, which has informed the client by then


@contextlib.asynccontextmanager
async def serving(*answers: Said, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[ScriptedServer, int]]:
    script = ScriptedServer(*answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield script, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in script.connections:
            writer.close()


@contextlib.asynccontextmanager
async def client_of(url: str | int, limits: TelegramLimits = LIMITS) -> AsyncIterator[Telegram]:
    """A client whose token is a secret; for a server on this machine, or under a name."""
    address = f"http://127.0.0.1:{url}" if isinstance(url, int) else url
    client = Telegram(Settings(telegram_token=f"123:{SECRET}", telegram_api_url=address), limits)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def http_of(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body


ME = http_of(b'{"ok":true,"result":{"id":7,"username":"x_bot"}}')
FILE = http_of(b'{"ok":true,"result":{"file_path":"photos/1.jpg"}}')
OK = http_of(b'{"ok":true,"result":true}')


async def test_calls_and_downloads_share_a_connection() -> None:
    async with (
        serving(Said(ME), Said(FILE), Said(http_of(JPEG)), Said(OK)) as (server, port),
        client_of(port) as client,
    ):
        assert await client.get_me() == Me(7, "x_bot")
        assert await downloaded(client, "x") == JPEG
        await client.send(Target(1), "a")
    assert len(server.requests) == 4
    assert len(server.connections) == 1


async def test_a_connection_that_the_server_closed_while_it_was_idle_costs_nothing() -> None:
    async with serving(Said(ME), Said(OK)) as (server, port), client_of(port) as client:
        await client.get_me()
        await server.close_what_is_idle()
        await client.send(Target(1), "a")
        assert [request.split()[1].rpartition(b"/")[2] for request in server.requests] == [b"getMe", b"sendMessage"]


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_connection_that_ends_under_a_request_costs_a_question_nothing_and_doubles_no_message(
    end: Literal["close", "reset"],
) -> None:
    gone = Said(b"", end)
    async with (
        serving(Said(ME), gone, Said(FILE), gone, Said(http_of(JPEG))) as (server, port),
        client_of(port) as client,
    ):
        await client.get_me()
        assert await downloaded(client, "x") == JPEG
        assert len(server.requests) == 5, "getFile twice, and the file twice"
    async with serving(Said(ME), gone, Said(OK)) as (server, port), client_of(port) as client:
        await client.get_me()
        with pytest.raises(Outage):
            await client.send(Target(1), "a")
        assert len(server.requests) == 2


async def test_a_connection_that_closes_at_any_moment_does_not_reveal_the_token() -> None:
    outages = []
    async with serving(Said(OK, "close")) as (_, port), client_of(port) as client:
        for number in range(200):
            try:
                await client.show_typing(1)
            except Outage as outage:
                outages += traceback.format_exception(outage)
            for _ in range(number % 4):
                await asyncio.sleep(0)
    assert outages, "no request met the end of its connection"
    assert SECRET not in "".join(outages)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("200 OK", b'{"ok":false,"description":"no"}'),
        ("400 Bad Request", b'{"ok":false,"description":"x","parameters":[1]}'),
        ("403 Forbidden", b'{"ok":false,"description":5}'),
        ("429 Too Many Requests", b'{"ok":false,"description":"x","parameters":{"retry_after":"x"}}'),
    ],
)
async def test_an_answer_that_makes_no_sense_is_an_outage(status: str, answer: bytes) -> None:
    async with serving(Said(http_of(answer, status=status))) as (_, port), client_of(port) as client:
        with pytest.raises(Outage, match="not an answer of the Bot API"):
            await client.show_typing(1)


async def test_an_answer_that_drips_for_ever_ends_by_the_limit_for_all_of_it() -> None:
    limits = TelegramLimits(connect_timeout_s=0.1, poll_slack_s=0.2)
    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with client_of(server.sockets[0].getsockname()[1], limits) as client:
        with pytest.raises(Outage, match="TimeoutError"):
            await client.get_updates(0, 0)
        await ended.wait()
    server.close()


async def test_a_server_that_ends_every_connection_is_an_outage() -> None:
    async with serving(Said(b"", "close")) as (server, port), client_of(port) as client:
        with pytest.raises(Outage, match="Telegram cannot be reached: ServerDisconnectedError"):
            await client.get_updates(0, 0)
        assert len(server.requests) == 2


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("half", [ME[:-9], ME[:20], chunked(b"x" * 50)[:-9]])
async def test_an_answer_that_is_cut_short_is_an_outage_and_doubles_no_message(
    end: Literal["close", "reset"], half: bytes
) -> None:
    async with serving(Said(half, end)) as (server, port), client_of(port) as client:
        with pytest.raises(Outage):
            await client.send(Target(1), "a")
        assert len(server.requests) == 1


async def test_a_server_that_never_answers_is_an_outage_in_time() -> None:
    limits = TelegramLimits(answer_timeout_s=0.1, poll_slack_s=0.1)
    answers = Said(b""), Said(FILE), Said(http_of(JPEG)[:-9])
    async with serving(*answers) as (_, port), client_of(port, limits) as client, asyncio.timeout(5):
        with pytest.raises(Outage, match="SocketTimeoutError"):
            await client.get_updates(0, 0)
        with pytest.raises(Outage, match="SocketTimeoutError"):
            await downloaded(client, "x")


async def test_a_server_that_accepts_no_connection_is_an_outage_in_time_and_the_token_stays_secret() -> None:
    limits = TelegramLimits(connect_timeout_s=0.1)
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            guest = stack.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(full.getsockname())
        async with client_of(full.getsockname()[1], limits) as client:
            with pytest.raises(Outage, match=r"^Telegram cannot be reached: ConnectionTimeoutError$") as outage:
                await client.get_me()
    assert SECRET not in "".join(traceback.format_exception(outage.value))


NOT_FROM_THE_BOT_API = {
    "no HTTP": b"\x16\x03\x01 what\r\n\r\n",
    "a page": http_of(b"<html>log in first</html>"),
    "a page that forbids": http_of(b"<html>by order of the proxy</html>", status="403 Forbidden"),
    "a page that finds nothing": http_of(b"<html></html>", status="404 Not Found"),
    "a page that fails": http_of(b"<html>" + b"x" * 100_000, status="502 Bad Gateway"),
    "a status of its own": http_of(b"", status="799 x"),
    "nothing": http_of(b""),
    "a list": http_of(b"[]"),
    "an empty object": http_of(b"{}"),
    "depths": http_of(b"[" * 100_000),
    "half of JSON": http_of(b'{"ok":true,"result":{'),
    "a chunk of no length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "a thousand headers": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000 + b"\r\n",
    "a length below zero": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "compressed": http_of(gzip.compress(ME), "Content-Encoding: gzip"),
    "a redirect": http_of(b"", "Location: http://127.0.0.1:9/elsewhere", status="302 Found"),
    "a lasting redirect": http_of(b"", "Location: /bot/getMe", status="308 Permanent Redirect"),
}


@pytest.mark.parametrize("answer", NOT_FROM_THE_BOT_API.values(), ids=NOT_FROM_THE_BOT_API)
async def test_an_answer_that_is_not_from_the_bot_api_is_an_outage_in_a_short_line_and_ends_no_job(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(Said(answer, "close")) as (server, port), client_of(port) as client:
        with pytest.raises(Outage) as outage:
            await client.send(Target(1), "a")
        assert len(server.requests) == 1
    shown = "".join(traceback.format_exception(outage.value))
    assert SECRET not in shown + caplog.text
    assert len(str(outage.value)) < 200


@pytest.mark.parametrize("length", ["announced", "not announced"])
async def test_an_answer_may_not_fill_the_memory(length: str) -> None:
    limits = TelegramLimits(max_answer_bytes=100_000)
    body = b'{"result":"' + b"x" * 200_000 + b'"}'
    answer = http_of(body) if length == "announced" else chunked(body[:70_000], body[70_000:])
    async with serving(Said(answer)) as (_, port), client_of(port, limits) as client:
        with pytest.raises(Outage, match="more than 100000 bytes"):
            await client.get_me()


@pytest.mark.parametrize(
    "answer",
    [
        http_of(gzip.compress(JPEG), "Content-Encoding: gzip"),
        http_of(b"", "Location: /file/elsewhere", status="302 Found"),
        chunked(JPEG)[:-3000],
        chunked(b"", JPEG).replace(b"0\r\n\r\nbb", b"zz"),
    ],
    ids=["compressed", "redirected", "cut short", "broken"],
)
async def test_a_file_that_comes_altered_or_incomplete_is_an_outage(answer: bytes) -> None:
    async with serving(Said(FILE), Said(answer, "close")) as (server, port), client_of(port) as client:
        with pytest.raises(Outage):
            await downloaded(client, "x")
        assert len(server.requests) == 2


async def test_a_large_file_comes_in_pieces_and_only_up_to_the_limit() -> None:
    pieces: list[int] = []

    async def take(piece: bytes) -> None:
        pieces.append(len(piece))

    large, endless = Said(http_of(b"x" * 10**6)), Said(chunked(*[b"x" * 2**20] * 30))
    async with serving(Said(FILE), large, Said(FILE), endless) as (_, port), client_of(port) as client:
        await client.download("x", take)
        assert pieces == [2**18, 2**18, 2**18, 10**6 - 3 * 2**18]
        pieces.clear()
        with pytest.raises(TelegramRefused, match="more than"):
            await client.download("x", take)
    assert sum(pieces) == MAX_FILE_BYTES


# Ways to Telegram


async def test_telegram_is_reached_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Said(ME)) as (proxy, port):
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "elsewhere.example")
        async with client_of("http://telegram.example") as client:
            assert await client.get_me() == Me(7, "x_bot")
    (request,) = proxy.requests
    assert request.startswith(b"POST http://telegram.example/bot123:")
    assert b"\r\nProxy-Authorization: Basic " + base64.b64encode(b"user:pass") in request


async def test_a_proxy_does_not_see_the_token_of_an_encrypted_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Said(http_of(b"no", status="403 Forbidden"))) as (proxy, port):
        monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{port}")
        for name in ("HTTPS_PROXY", "https_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        async with client_of("https://telegram.example") as client:
            with pytest.raises(Outage, match="Telegram cannot be reached: ClientHttpProxyError") as outage:
                await client.send(Target(1), "a")
    (request,) = proxy.requests
    assert request.startswith(b"CONNECT telegram.example:443 ")
    assert SECRET.encode() not in request
    assert SECRET not in "".join(traceback.format_exception(outage.value))


async def test_no_proxy_leads_back_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(Said(ME)) as (_, port), client_of(port) as client:
        assert await client.get_me() == Me(7, "x_bot")


async def test_a_server_that_cannot_prove_its_name_does_not_get_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl on the PATH")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    async with serving(Said(ME), tls=context) as (server, port):
        async with client_of(f"https://localhost:{port}") as client:
            with pytest.raises(Outage, match="self-signed certificate"):
                await client.get_me()
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with client_of(f"https://localhost:{port}") as client:
            assert await client.get_me() == Me(7, "x_bot")


# Refusals that are not the end


def refused(description: str, status: str = "400 Bad Request") -> Said:
    return Said(http_of(msgspec.json.encode({"ok": False, "description": description}), status=status))


def parts_of(request: bytes) -> Any:
    return msgspec.json.decode(request.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused("Bad Request: wrong file_id or the file is temporarily unavailable"), FileUnavailable),
        (refused("Bad Request: FILE_REFERENCE_EXPIRED"), FileUnavailable),
        (refused("Bad Request: file is too big"), FileTooLarge),
        (refused("Request Entity Too Large", "413 Request Entity Too Large"), FileTooLarge),
        (refused("Bad Request: invalid file_id"), TelegramRefused),
        (refused("Forbidden: no", "403 Forbidden"), TelegramRefused),
    ],
)
async def test_why_telegram_does_not_hand_out_a_file_is_told_apart(answer: Said, error: type[Exception]) -> None:
    async with serving(answer) as (_, port), client_of(port) as client:
        with pytest.raises(TelegramRefused) as found:
            await downloaded(client, "x")
    assert type(found.value) is error


async def test_a_path_that_has_expired_may_be_asked_for_again_and_one_that_is_too_large_may_not() -> None:
    for status, error in (("404 Not Found", FileUnavailable), ("413 x", FileTooLarge), ("502 Bad Gateway", Outage)):
        gone = Said(http_of(b"", status=status))
        async with serving(Said(FILE), gone) as (_, port), client_of(port) as client:
            with pytest.raises(error):
                await downloaded(client, "x")


WHOLE = {"chat_id", "text", "parse_mode", "link_preview_options", "reply_parameters", "message_thread_id"}


@pytest.mark.parametrize(
    ("refusals", "left_out"),
    [
        (["Bad Request: message thread not found"], {"message_thread_id"}),
        (["Bad Request: TOPIC_DELETED"], {"message_thread_id"}),
        (["Bad Request: TOPIC_CLOSED", "Bad Request: TOPIC_CLOSED"], {"message_thread_id", "reply_parameters"}),
        (["Bad Request: message to be replied not found"], {"reply_parameters"}),
        (["Bad Request: REPLY_MESSAGE_ID_INVALID"], {"reply_parameters"}),
        (
            ["Bad Request: message to be replied not found", "Bad Request: message thread not found"],
            {"message_thread_id", "reply_parameters"},
        ),
        (['Bad Request: can\'t parse entities: Unsupported start tag "topic" at byte offset 0'], {"parse_mode"}),
    ],
)
async def test_what_telegram_refuses_of_an_answer_is_left_out_and_the_answer_goes(
    refusals: list[str], left_out: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    confirmed: list[int] = []

    async def confirm() -> None:
        confirmed.append(1)

    async with serving(*map(refused, refusals), Said(OK)) as (server, port), client_of(port) as client:
        await client.send(Target(-1, 5, 77), "<b>a &amp; b</b>", confirm=confirm)
    *_, last = map(parts_of, server.requests)
    assert len(server.requests) == len(confirmed) == len(refusals) + 1
    assert last.keys() == WHOLE - left_out
    assert last["text"] == ("a & b" if "parse_mode" in left_out else "<b>a &amp; b</b>")
    assert {record.levelname for record in caplog.records} == {"ERROR" if "parse_mode" in left_out else "INFO"}


async def test_an_answer_whose_topic_is_gone_gets_through_in_a_group_that_is_at_its_limit() -> None:
    gone = refused("Bad Request: message thread not found")
    async with serving(*[Said(OK)] * 19, gone, Said(OK)) as (server, port), client_of(port) as client:
        for _ in range(20):
            await client.send(Target(-1, None, 77), "a")
    assert len(server.requests) == 21


@pytest.mark.parametrize(
    ("description", "wanted"),
    [
        ("Bad Request: chat not found", True),
        ("Bad Request: have no rights to send a message", True),
        ("Bad Request: not enough rights to send text messages to the chat", True),
        ("Bad Request: CHAT_WRITE_FORBIDDEN", True),
        ("Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", True),
        ("Bad Request: CHAT_RESTRICTED", True),
        ("Bad Request: need administrator rights in the channel chat", True),
        ("Bad Request: USER_BANNED_IN_CHANNEL", True),
        ("Bad Request: message is too long", False),
        ("Bad Request: message text is empty", False),
        ("Bad Request: chat_id is empty", False),
        ("Bad Request: message thread not found", False),
    ],
)
async def test_a_chat_that_takes_nothing_from_the_bot_is_told_apart_from_a_message_that_is_wrong(
    description: str, wanted: bool
) -> None:
    async with serving(refused(description)) as (server, port), client_of(port) as client:
        with pytest.raises(TelegramRefused) as found:
            await client.send(Target(1), "a")
    assert found.value.blocked is wanted
    assert len(server.requests) == 1


async def test_an_answer_in_a_channels_direct_messages_names_its_topic_and_a_sign_needs_no_topic() -> None:
    async with serving(Said(OK)) as (server, port), client_of(port) as client:
        await client.send(Target(-1, 5, topic_id=31), "a")
        await client.show_typing(-1)
    answer, sign = map(parts_of, server.requests)
    assert answer["direct_messages_topic_id"] == 31
    assert "message_thread_id" not in answer
    assert sign == {"chat_id": -1, "action": "typing"}


async def test_a_reaction_is_one_emoji_and_does_not_count_as_a_message() -> None:
    async with serving(*[Said(OK)] * 41) as (server, port), client_of(port) as client:
        for _ in range(21):
            await client.react(-1, 5, "❤")
        for _ in range(20):  # all that Telegram allows in a minute: the next one would be put off
            await client.send(Target(-1), "a")
    expected = {"chat_id": -1, "message_id": 5, "reaction": [{"type": "emoji", "emoji": "❤"}]}
    assert parts_of(server.requests[0]) == expected
    assert len(server.requests) == 41


# A Bot API server on this machine, with --local


def named(path: Path | str) -> Said:
    return Said(http_of(msgspec.json.encode({"ok": True, "result": {"file_path": str(path)}})))


@pytest.mark.parametrize("prefix", ["", "file://"])
async def test_a_file_on_the_servers_own_disk_is_read_there(tmp_path: Path, prefix: str) -> None:
    file = tmp_path / "file_1.jpg"
    file.write_bytes(JPEG)
    async with serving(named(f"{prefix}{file}")) as (server, port), client_of(port) as client:
        assert await downloaded(client, "x") == JPEG
    assert len(server.requests) == 1


async def test_a_file_on_the_servers_own_disk_has_the_limit_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "file_1.jpg").write_bytes(JPEG)
    limits = TelegramLimits(max_file_bytes=len(JPEG) - 1)
    async with serving(named(tmp_path / "file_1.jpg")) as (_, port), client_of(port, limits) as client:
        with pytest.raises(FileTooLarge):
            await downloaded(client, "x")


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (lambda folder: folder / f"123:{SECRET}" / "photos" / "x.jpg", "mount that folder here"),
        (lambda folder: folder / "x.jpg", "mount that folder here"),
        (lambda folder: folder, "mount that folder here"),
        (pipe, "mount that folder here"),
    ],
    ids=["no folder", "no file", "a folder", "a pipe"],
)
async def test_a_file_on_a_disk_that_is_not_here_is_for_the_operator_to_change(
    tmp_path: Path, path: Callable[[Path], Path], says: str
) -> None:
    file = path(tmp_path)
    async with serving(named(file)) as (_, port), client_of(port) as client:
        with pytest.raises(FileOutOfReach, match=says) as found:
            await downloaded(client, "x")
    assert repr(str(tmp_path if file != tmp_path else tmp_path.parent)) in str(found.value)
    assert SECRET not in "".join(traceback.format_exception(found.value))


@pytest.mark.parametrize("path", [rf"C:\bot\123~{SECRET}\photos\x.jpg", rf"\\nas\bot\123~{SECRET}\x.jpg"])
async def test_a_file_on_a_windows_disk_is_for_the_operator_to_change(path: str) -> None:
    async with serving(named(path)) as (_, port), client_of(port) as client:
        with pytest.raises(FileOutOfReach, match="run the server without --local") as found:
            await downloaded(client, "x")
    assert "bot" in str(found.value)
    assert SECRET not in str(found.value)
