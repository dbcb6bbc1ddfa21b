"""Downloads what a user sent, and judges what Telegram says instead: to be tried again, or to be told the user."""

from __future__ import annotations

import logging
import time

import msgspec

from common import words
from common.errors import Deferred, FileOutOfReach, FileTooLarge, FileUnavailable, TelegramRefused
from common.languages.texts import Text
from common.messages import CheckFile, DownloadPhoto, Kind, SendReply, Words
from common.problem import Problem
from common.store import Store
from common.telegram.client import Telegram
from common.telegram.limits import LIMITS, TelegramLimits

_log = logging.getLogger(__name__)


class Downloads:
    """Downloads from Telegram into the store.

    Args:
        telegram: Where the files are.
        store: Where they go.
        limits: How long a file may be unavailable, and after what time to ask for it again.
    """

    def __init__(self, telegram: Telegram, store: Store, limits: TelegramLimits = LIMITS) -> None:
        self._telegram = telegram
        self._store = store
        self._limits = limits
        self._reach = Problem(_log, over="… and files of the Bot API server can be read again")

    async def download(self, message: DownloadPhoto) -> CheckFile | DownloadPhoto | SendReply:
        """The message that follows a download: a check of the file, the same download again, or words for the user.

        Raises:
            Deferred: Telegram does not hand out the file at the moment.
            Outage: As of ``Telegram``.
        """
        key = message.job.key("original")
        try:
            async with self._store.writing(key) as add:
                await self._telegram.download(message.file_id, add)
        except FileUnavailable as error:
            return self._again(message, error)
        except FileOutOfReach as error:
            self._reach.report(str(error), error.cause)
            return _said(message, error, words.NOT_IN_REACH, Kind.APOLOGY)
        except FileTooLarge as error:
            return _said(message, error, words.TOO_LARGE)
        except TelegramRefused as error:
            return _said(message, error, words.NO_DOWNLOAD)
        self._reach.clear()
        size, name = message.announced_bytes, message.file_unique_id
        return CheckFile(job=message.job, key=key, announced_bytes=size, file_unique_id=name)

    def _again(self, message: DownloadPhoto, error: FileUnavailable) -> DownloadPhoto | SendReply:
        """The same download again, at once and then after growing delays, until that has lasted too long.

        The message notes since when, and the job keeps it if the worker dies.
        """
        if not message.unavailable_since:
            _log.info("job=%s: %s; once more", message.job.id, error)
            return msgspec.structs.replace(message, unavailable_since=time.time())
        lasted_s = abs(time.time() - message.unavailable_since)  # the clock may have been set meanwhile
        if lasted_s < self._limits.unavailable_s:
            raise Deferred(max(self._limits.ask_again_s, lasted_s), f"Telegram does not hand out the file: {error}")
        return _said(message, error, words.NO_DOWNLOAD)


def _said(message: DownloadPhoto, error: TelegramRefused, text: Text, kind: Kind = Kind.REFUSAL) -> SendReply:
    _log.info("job=%s: Telegram refuses the download: %s", message.job.id, error)
    return SendReply(job=message.job, content=Words.of(text, kind))
