"""No secret reaches the log, whatever code writes it there."""

from __future__ import annotations

import logging

import pytest

from common import logs
from common.settings import Settings

TOKEN = "123456789:AAExampleExampleExample"


@pytest.fixture
def settings() -> Settings:
    return Settings(telegram_token=TOKEN, redis_url="redis://:pa55word@host:6379/0")


def test_token_and_password_are_hidden_in_messages_and_tracebacks(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(settings)
    try:
        raise ConnectionError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ConnectionError:
        logging.getLogger("x").exception("cannot reach %s", settings.redis_url)
    logged = capsys.readouterr().err
    assert "Traceback" in logged
    assert "AAExample" not in logged
    assert "pa55word" not in logged
    assert "/bot***/getMe" in logged


def test_httpx_which_logs_whole_urls_is_silenced_even_when_we_debug() -> None:
    logs.set_up(Settings(telegram_token=TOKEN, log_level="DEBUG"))
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)


def test_a_password_is_hidden_however_it_is_spelt_and_a_short_one_hides_no_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up(Settings(telegram_token="123456:e", redis_url="redis://:p%40ssword@host"))
    logging.getLogger("x").info("p%40ssword p@ssword receive is ready")
    assert capsys.readouterr().err.endswith("*** *** receive is ready\n")


def test_what_comes_from_outside_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Settings())
    forged = "x\n2026-01-01T00:00:00.000Z INFO    all is well\r\x1b[31m\u2028\u202e"
    log = logging.getLogger("test")
    log.info("said: %s", forged)
    try:
        raise ValueError(forged)
    except ValueError:
        log.exception("failed")
    lines = capsys.readouterr().err.split("\n")
    at_the_margin = [line for line in lines if line and not line.startswith("    ")]
    assert [line.split(maxsplit=2)[2][:5] for line in at_the_margin] == ["said:", "faile"]
    assert all(line.isprintable() for line in lines)
    assert r"x\n2026" in at_the_margin[0]
