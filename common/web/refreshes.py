"""Refreshes: pages that lead on to another address by themselves, and how soon.

In ``<meta http-equiv="refresh" content="0; url=/cat.jpg">``, or in a header of that name. Read as the HTML standard
does (WHATWG HTML, 4.2.5.3, "shared declarative refresh steps").
"""

from __future__ import annotations

import re
from typing import Final

LONGEST_WAIT_S: Final = 10  # "you will be redirected in 5 seconds"; what waits for minutes only reloads itself

_SPACE: Final = r"[\t\n\f\r ]*+"
_REFRESH: Final = re.compile(
    rf"{_SPACE}(?P<wait>[0-9]++|(?=\.))[0-9.]*+(?=[\t\n\f\r ;,]){_SPACE}[;,]?+{_SPACE}"
    rf"(?:url{_SPACE}={_SPACE})?+(?:'(?P<single>[^']*+)|\"(?P<double>[^\"]*+)|(?P<plain>.*+))",
    re.IGNORECASE | re.DOTALL,
)


def refresh_target(refresh: str) -> str:
    """Where a refresh leads, as it is written; '' if it leads to no other address, or later than users would wait."""
    found = _REFRESH.match(refresh)
    if not found or float(found["wait"] or 0) > LONGEST_WAIT_S:
        return ""
    return next(filter(None, found.group("single", "double", "plain")), "").strip()
