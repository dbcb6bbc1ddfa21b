"""What becomes of a download that Telegram refuses."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from common import words
from common.errors import Deferred, FileOutOfReach, FileTooLarge, FileUnavailable, TelegramRefused
from common.languages.texts import Text
from common.logs import _Redacting, secrets
from common.messages import CheckFile, DownloadPhoto, Kind, SendReply, Words
from common.settings import Settings
from common.store import Store
from common.telegram import downloads
from common.telegram.downloads import Downloads
from common.telegram.transport import Take
from tests.support import make

PHOTO = DownloadPhoto(job=make.job(), file_id="F", file_unique_id="U", announced_bytes=9)
NOT_NOW = "Wrong file_id or the file is temporarily unavailable"


class FakeTelegram:
    """Gives what it is told to, one after the other; the last is repeated."""

    def __init__(self, *gives: bytes | Exception) -> None:
        self.gives = list(gives)

    async def download(self, file_id: str, take: Take) -> None:
        given = self.gives.pop(0) if len(self.gives) > 1 else self.gives[0]
        if isinstance(given, Exception):
            raise given
        await take(given)


def of(tmp_path: Path, *gives: bytes | Exception) -> Downloads:
    return Downloads(FakeTelegram(*gives), Store(tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "text", "kind"),
    [
        (FileTooLarge("File is too big"), words.TOO_LARGE, Kind.REFUSAL),
        (TelegramRefused("Invalid file_id"), words.NO_DOWNLOAD, Kind.REFUSAL),
        (FileOutOfReach("…", "missing"), words.NOT_IN_REACH, Kind.APOLOGY),
    ],
)
async def test_each_refusal_has_its_words(tmp_path: Path, error: Exception, text: Text, kind: Kind) -> None:
    said = await of(tmp_path, error).download(PHOTO)
    assert said == SendReply(job=PHOTO.job, content=Words.of(text, kind))


async def test_a_file_that_is_unavailable_is_asked_for_again_less_and_less_often_for_half_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.time", lambda: now)
    unavailable = of(tmp_path, FileUnavailable(NOT_NOW))
    message = await unavailable.download(PHOTO)
    assert isinstance(message, DownloadPhoto), "at once, with the time of the first refusal"
    assert message.unavailable_since == 1000.0
    delays = []
    said = None
    while said is None:
        try:
            said = await unavailable.download(message)
        except Deferred as later:
            delays.append(later.retry_after_s)
            now += later.retry_after_s
    assert delays == [1, 1, 2, 4, 8, 16]
    assert said == SendReply(job=PHOTO.job, content=Words.of(words.NO_DOWNLOAD, Kind.REFUSAL))


async def test_a_file_that_becomes_available_is_checked_like_any_other(tmp_path: Path) -> None:
    twice = of(tmp_path, FileUnavailable(NOT_NOW), FileUnavailable(NOT_NOW), b"a picture")
    message = await twice.download(PHOTO)
    assert isinstance(message, DownloadPhoto)
    with pytest.raises(Deferred):
        await twice.download(message)
    key = "1-10-0.0.original"
    assert await twice.download(message) == CheckFile(job=PHOTO.job, key=key, announced_bytes=9, file_unique_id="U")
    assert Store(tmp_path).read(key) == b"a picture"


async def test_a_disk_out_of_reach_is_one_warning_while_it_lasts_and_one_line_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, downloads.__name__)
    out_of_reach = FileOutOfReach("the Bot API server keeps files in '/srv': mount that folder here", "missing")
    forbidden = FileOutOfReach("the Bot API server keeps files in '/srv': let the bot read it", "forbidden")
    there = of(tmp_path, out_of_reach, out_of_reach, forbidden, b"a picture", b"a picture")
    for _ in range(5):
        await there.download(PHOTO)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [str(out_of_reach), str(forbidden)]
    assert caplog.text.count("can be read again") == 1


def test_a_warning_about_a_path_does_not_show_the_token() -> None:
    settings = Settings(telegram_token="123456:AAHiddenHiddenHidden")
    log, text = logging.getLogger("out of reach"), io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(_Redacting(secrets(settings)))
    log.addHandler(handler)
    try:
        log.warning("in '/srv/123456:AAHiddenHiddenHidden' and '/srv/123456~AAHiddenHiddenHidden'")
    finally:
        log.removeHandler(handler)
    assert "in '/srv/***' and '/srv/123456~***'" in text.getvalue()
