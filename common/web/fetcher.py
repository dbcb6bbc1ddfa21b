"""Links to foreign bytes: what stands behind a link that a user sent, from public addresses only.

Two things must not be told by an answer: whether a name leads into a private network, and what listens there. So links
are judged twice: as written, which may be answered at once since it reveals nothing, and again with the addresses of
their names, in ``common/web/download.py``. Whatever goes wrong from then on, until a server answers in HTTP, is told in
one sentence at one moment: such words have the kind ``UNREACHABLE``, and whoever gives them to a user waits
until ``Limits.told_after_s`` (``docs/decisions/0008``).
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Final

import requests
from ssrfguard import SSRFGuardError

from common.messages import Words
from common.settings import Network
from common.web.download import Download, FetchBudget, Fetched, Limits, prepare
from common.web.gate import MAX_URL_LENGTH, PORTS, Gate, PortRefusedError
from common.web.host_slots import HostSlots
from common.web.names import Lookup, Names
from common.web.previews import read_page
from common.words import refusal

BAD_LINK: Final = (
    f"I can’t follow this link. I follow http and https links to public addresses, up to {MAX_URL_LENGTH} "
    "characters long."
)
BAD_PORT: Final = (
    f"I can’t follow this link. I follow links to the ports {', '.join(map(str, sorted(PORTS)))}: the web’s usual ones."
)
NO_PREVIEW: Final = (
    "This link leads to a web page, and I could not get a preview picture of it. Please send me the link of the image "
    "itself."
)

_log = logging.getLogger(__name__)


class Fetcher:
    """Fetches what links lead to, several at once.

    Args:
        allow_networks: Networks that links may reach besides public ones, on any port.
        lookup: Who knows the addresses of names. What it answers is still judged.
        limits: What one link may take.

    Raises:
        SettingsError: A network of ``allow_networks`` would open others.
    """

    def __init__(
        self, allow_networks: Iterable[Network] = (), *, lookup: Lookup | None = None, limits: Limits | None = None
    ) -> None:
        self._gate = Gate(allow_networks)
        self._lookup = lookup or Names()
        self._limits = limits or Limits()
        self._places = HostSlots()

    async def fetch(self, url: str) -> Fetched | Words:
        """What a link leads to, whatever its kind, or what to tell the user instead.

        Args:
            url: As the user wrote it; ``example.com/cat.jpg`` will do.

        Raises:
            HostBusy: The host has enough of our links to serve, and this one is to come again.
        """
        return await self._get(with_scheme(url), FetchBudget())

    async def preview(self, page: Fetched) -> Fetched | Words | None:
        """The picture by which a web page wants to be shown, or why there is none; None if this is no web page.

        Raises:
            HostBusy: As ``fetch`` does.
        """
        found = await asyncio.to_thread(read_page, page.body)
        if found is None:
            return None
        if picture := found.picture(page.url):
            got = await self._get(picture, page.trip)
            return got if isinstance(got, Fetched) else Words(text=NO_PREVIEW, kind=got.kind)
        return refusal(NO_PREVIEW)

    async def _get(self, url: str, trip: FetchBudget) -> Fetched | Words:
        try:
            if len(url) > MAX_URL_LENGTH:  # before anybody reads it
                return refusal(BAD_LINK)
            request = prepare(url, self._gate)
        except (requests.RequestException, SSRFGuardError, ValueError) as error:
            _log.info("refused the link %.500r: %.500r", url, error)
            return refusal(BAD_PORT if isinstance(error, PortRefusedError) else BAD_LINK)
        download = Download(request, self._gate, self._lookup, self._places, self._limits, trip)
        fetched = _start(download)
        try:
            # The deadline may be put off while we wait for it.
            while (left_s := download.deadline - time.monotonic()) > 0:
                if (await asyncio.wait([fetched], timeout=left_s))[0]:
                    return await fetched
            return download.unreachable()
        finally:
            fetched.cancel()
            download.cut()  # nobody waits any more: let the thread end, too


def _start(download: Download) -> asyncio.Future[Fetched | Words]:
    """Run a download in a thread of its own, at once, so that its time is not spent on waiting for others.

    A daemon, unlike an executor's: whatever it waits for must not keep the worker from stopping.
    """
    fetched: Future[Fetched | Words] = Future()
    fetched.set_running_or_notify_cancel()  # what runs cannot be cancelled any more, only cut
    threading.Thread(target=_fulfil, args=(fetched, download), name="fetch", daemon=True).start()
    return asyncio.wrap_future(fetched)


def _fulfil(fetched: Future[Fetched | Words], download: Download) -> None:
    try:
        fetched.set_result(download.run())
    except Exception as error:  # for whoever waits
        fetched.set_exception(error)


def with_scheme(url: str) -> str:
    """The link as it stands, or with the ``http://`` that Telegram's apps, too, give to a bare host."""
    return url if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url) else f"http://{url}"
