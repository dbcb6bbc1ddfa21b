"""The cookies of one link: kept for its redirects and its page's picture, and sent only to the host that set them.

Path, Secure and expiry are judged by the standard library. Whatever a cookie's Domain says, no other host gets it, not
even at another port, except that http and https share their cookies on their usual ports, as in browsers.
"""

from __future__ import annotations

from http.cookiejar import CookieJar
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.cookies import extract_cookies_to_jar, get_cookie_header

MOST_SENT_BYTES: Final = 8 * 1024  # what common servers take as a whole head


class Cookies:
    """A jar for each host that a link passes. ``heads.py`` limits what one answer may set."""

    def __init__(self) -> None:
        self._jars: dict[str, CookieJar] = {}

    def keep(self, response: requests.Response) -> None:
        """Keep what an answer sets, and forget what it deletes."""
        jar = self._jars.setdefault(_host(response.request), CookieJar())
        extract_cookies_to_jar(jar, response.request, response.raw)  # type: ignore[no-untyped-call]

    def attach(self, request: requests.PreparedRequest) -> None:
        """Add a host's own cookies to a request to it; nothing if they are too many for one."""
        jar = self._jars.get(_host(request))
        sent = get_cookie_header(jar, request) if jar is not None else None  # type: ignore[no-untyped-call]
        if sent and len(sent) <= MOST_SENT_BYTES:
            request.headers["Cookie"] = sent


def _host(request: requests.PreparedRequest) -> str:
    return urlsplit(str(request.url)).netloc
