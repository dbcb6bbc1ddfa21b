"""Host names as browsers read them: percent-decoded, mapped by UTS 46, and in ASCII (Punycode).

WHATWG's "host parsing" (https://url.spec.whatwg.org/#host-parsing) with ``beStrict`` false. So emoji, underscores and
hyphens at the ends of labels are names. Two things are stricter here: only letters, digits, hyphens and underscores
may remain in ASCII, as no others are in use on the web; and letters that stand for an address or for ``localhost`` are
refused, whatever the operator has opened. ``gate.py`` judges the result.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from idna import uts46_remap
from ssrfguard import BlockedAddressError

LONGEST_NAME: Final = 253  # RFC 1035, 2.3.4: 255 bytes, of which two are not characters of the name
LONGEST_LABEL: Final = 63

# Browsers and getaddrinfo read a host that ends like a number as an IPv4 address: 0x7f.1, 127.1 (WHATWG URL, 3.5).
ENDS_LIKE_A_NUMBER: Final = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$", re.IGNORECASE)

_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_FULL_STOPS: Final = re.compile("[.。．｡]")  # all that UTS 46 reads as one
_LOCALHOST: Final = "localhost"


def ascii_host(written: str) -> str:
    """A link's host in the form that is looked up and sent. An IPv6 address in brackets stays as it is.

    Raises:
        ssrfguard.BlockedAddressError: It is an address or ``localhost``, in letters that stand for others.
        ValueError: It is not a host name.
    """
    if written.startswith("["):
        return written.lower()
    decoded = unquote(written, errors="strict")
    name = _mapped(decoded)
    labels = name.removesuffix(".").split(".")
    if len(name.removesuffix(".")) > LONGEST_NAME or not all(map(_is_label, labels)):
        msg = f"{written[:LONGEST_NAME]!r} is not a host name"
        raise ValueError(msg)
    if _is_disguised(decoded.lower(), name, labels[-1]):
        raise BlockedAddressError(name, "it is written in letters that stand for others")
    return name


def _mapped(name: str) -> str:
    if name.isascii():
        return name.lower()
    return ".".join(map(_punycode, uts46_remap(name, std3_rules=False).split(".")))


def _punycode(label: str) -> str:
    if (
        label.isascii() or len(label) > LONGEST_LABEL
    ):  # it only gets longer, and encoding takes the square of its length
        return label
    return f"xn--{label.encode('punycode').decode()}"


def _is_label(label: str) -> bool:
    return len(label) <= LONGEST_LABEL and bool(_LABEL.fullmatch(label))


def _is_disguised(written: str, name: str, last_label: str) -> bool:
    if ENDS_LIKE_A_NUMBER.search(name):
        return written != name
    last_written = _FULL_STOPS.split(written.rstrip(".。．｡"))[-1]
    return last_label == _LOCALHOST and last_written != _LOCALHOST
