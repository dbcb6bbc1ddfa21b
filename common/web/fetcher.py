"""Links to foreign bytes: fetches what is behind a link that a user sent, from public addresses only.

An answer must not reveal whether a name leads into a private network, or what listens there. So a link is judged twice.
First as written: that reveals nothing, and may be answered at once. Then with the addresses of its name, in
``common/web/download.py``. Every failure from then on, until a server answers in HTTP, is refused in one sentence of
the kind ``UNREACHABLE``. The caller gives that sentence to the user after ``FetchLimits.unreachable_after_s``
(``docs/decisions/0008``).
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import re
import time
from collections.abc import Collection, Iterable
from typing import Final

import requests
from ssrfguard import SSRFGuardError

from common.languages.texts import Text
from common.messages import Words
from common.settings import Network
from common.threads import in_daemon_thread
from common.web.download import Download, FetchBudget, Fetched, FetchLimits, prepare, user_agent
from common.web.gate import MAX_URL_LENGTH, PORTS, PORTS_IN_WORDS, Gate, PortRefusedError
from common.web.host_slots import HostSlots
from common.web.names import Lookup, Names
from common.web.visit import Refuse, Visit, any_file, is_unreachable
from common.words import refusal

BAD_LINK: Final = Text(
    "I can’t follow this link. I follow http and https links to public addresses, up to {most} characters long."
).of(most=MAX_URL_LENGTH)
BAD_PORT: Final = Text("I can’t follow this link. I follow links to the ports {ports}: the web’s usual ones.").of(
    ports=PORTS_IN_WORDS
)

_log = logging.getLogger(__name__)


class Fetcher:
    """Fetches what links lead to, several at once.

    Args:
        allow_networks: Networks that links may reach besides public ones, on any port.
        ports: The ports that links may reach at public addresses.
        lookup: Finds the addresses of names. Its answers are judged, too.
        limits: What one link may take.
        contact: The operator's address, for the user agent.

    Raises:
        SettingsError: A network of ``allow_networks`` would open others.
    """

    def __init__(
        self,
        allow_networks: Iterable[Network] = (),
        *,
        ports: Collection[int] = PORTS,
        lookup: Lookup | None = None,
        limits: FetchLimits | None = None,
        contact: str = "",
    ) -> None:
        self._gate = Gate(allow_networks, ports)
        self._lookup = lookup or Names()
        self._limits = limits or FetchLimits()
        self._slots = HostSlots()
        self._user_agent = user_agent(contact)

    async def fetch(self, url: str) -> Fetched | Words:
        """What a link leads to, of any kind, or what to tell the user instead.

        Args:
            url: As the user wrote it. ``example.com/cat.jpg`` is enough: https is tried, and then http.

        Raises:
            HostBusy: The host has no free slot; fetch the link later.
        """
        budget = FetchBudget()
        links = whole_links(url)
        for link in links:
            request = self._request(link)
            if isinstance(request, Words):
                return request
            fetched = await self._attempt(request, budget, is_last=link == links[-1])
            if not is_unreachable(fetched):
                break
        return fetched

    async def preview(self, fetched: Fetched, refuse: Refuse = any_file) -> Fetched | Words:
        """The picture that a link stands for: what it led to, or the preview picture of that web page.

        Args:
            fetched: What the link led to.
            refuse: Judges whether a file is a picture.

        Raises:
            HostBusy: As ``fetch`` does.
        """

        async def ask(link: str, is_last: bool) -> Fetched | Words | None:
            request = self._request(link)
            return None if isinstance(request, Words) else await self._attempt(request, fetched.budget, is_last=is_last)

        return await Visit(ask, refuse).picture(fetched)

    def _request(self, url: str) -> requests.PreparedRequest | Words:
        try:
            if len(url) > MAX_URL_LENGTH:  # before anything parses it
                return refusal(BAD_LINK)
            return prepare(url, self._gate, user_agent=self._user_agent)
        except (requests.RequestException, SSRFGuardError, ValueError) as error:
            _log.info("refused the link %.500r: %.500r", url, error)
            return refusal(BAD_PORT if isinstance(error, PortRefusedError) else BAD_LINK)

    async def _attempt(
        self, request: requests.PreparedRequest, budget: FetchBudget, *, is_last: bool
    ) -> Fetched | Words:
        """Fetch a link. If it is not the last of several, a failure to get an answer takes ``attempt_s``.

        Not less, since the next attempt, at a host that may be the attacker's, would reveal how soon this one failed.
        """
        if is_last:
            return await self._get(request, budget, self._limits)
        until = min(time.monotonic() + self._limits.attempt_s, budget.began + self._limits.answer_s)
        fetched = await self._get(request, budget, dataclasses.replace(self._limits, answer_s=until - budget.began))
        if is_unreachable(fetched):
            await asyncio.sleep(until - time.monotonic())
        return fetched

    async def _get(
        self, request: requests.PreparedRequest, budget: FetchBudget, limits: FetchLimits
    ) -> Fetched | Words:
        download = Download(request, self._gate, self._lookup, self._slots, limits, budget)
        fetched = asyncio.wrap_future(in_daemon_thread(download.run, name="fetch"))
        try:
            # The deadline may move while we wait for it.
            while (left_s := download.deadline - time.monotonic()) > 0:
                if (await asyncio.wait([fetched], timeout=left_s))[0]:
                    return await fetched
            return download.unreachable()
        finally:
            fetched.cancel()
            download.cut()  # so that the thread ends, too


def whole_links(url: str) -> tuple[str, ...]:
    """The addresses to try for a link, in turn: itself; or where a person wrote no scheme, by https and by http."""
    return (url,) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url) else (f"https://{url}", f"http://{url}")
