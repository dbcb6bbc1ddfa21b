"""Links as browsers read them: what a person, a redirect or a page writes becomes an address that can be asked for.

After WHATWG's URL standard (https://url.spec.whatwg.org/#url-parsing), as far as http and https need it: blanks around
a link and line breaks in it go, backslashes are slashes, a host is mapped (``hosts.py``), and what is not ASCII is
percent-encoded. What is percent-encoded already stays as it is.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin

from urllib3.util import parse_url

from common.web.hosts import ascii_host

_BLANKS: Final = "".join(map(chr, range(0x21)))  # C0 controls and the space
_LINE_BREAKS: Final = str.maketrans("", "", "\t\n\r")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_WEB: Final = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)
_HOST_AND_PORT: Final = re.compile(r"(\[[^\[\]]*\]|[^\[\]:@]+)(?::([0-9]*))?")
_WEB_SCHEME: Final = re.compile(r"(https?):(/*)", re.IGNORECASE)
_ANY_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")


def normalised(link: str) -> str:
    """A whole link in the form that is sent, in ASCII, without its fragment.

    Raises:
        ssrfguard.BlockedAddressError: Its host is an address in disguise.
        ValueError: It is not a link of http or https, or names a user or a password.
    """
    parts = _WEB.match(_cleaned(link))
    host_and_port = _HOST_AND_PORT.fullmatch(parts[2]) if parts else None
    if not parts or not host_and_port:
        msg = "it is not a link of http or https to a host, without user and password"
        raise ValueError(msg)
    scheme = parts[1].lower()
    port = f":{host_and_port[2]}" if host_and_port[2] not in {None, "", _DEFAULT_PORTS[scheme]} else ""
    origin = f"{scheme}://{ascii_host(host_and_port[1])}{port}"
    target = f"{parts[3] or '/'}{parts[4] or ''}"
    return parse_url(origin + _STRAY_PERCENT.sub("%25", target)).url


def followed(target: str, base: str) -> str:
    """Where a redirect leads: its target, from the address that answered with it.

    Args:
        target: As ``as_text`` gives it.
        base: A link from ``normalised``.

    Raises:
        ValueError: It cannot be read.
    """
    link = _cleaned(target)
    scheme = base.partition(":")[0]
    if web := _WEB_SCHEME.match(link):
        rest = link[web.end() :]
        if web[1].lower() == scheme and len(web[2]) <= 1:  # browsers read http:/cat.jpg as /cat.jpg
            return urljoin(base, f"{web[2]}{rest}")
        return f"{web[1]}://{rest}"
    if _ANY_SCHEME.match(link):
        return link
    if link.startswith("//"):
        return f"{scheme}://{link.lstrip('/')}"
    return urljoin(base, link)


def as_text(header: str) -> str:
    """A link from a header that was read as Latin-1. Servers send UTF-8 in it; other bytes are percent-encoded."""
    raw = header.encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], raw).decode()


def _cleaned(link: str) -> str:
    link = link.strip(_BLANKS).translate(_LINE_BREAKS)
    before_query = re.match(r"[^?#]*", link)
    end = before_query.end() if before_query else 0
    return link[:end].replace("\\", "/") + link[end:]
