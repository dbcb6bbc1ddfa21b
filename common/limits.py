"""How large a file from outside may be, whichever way it comes."""

from __future__ import annotations

from typing import Final

# What the Bot API's getFile serves (core.telegram.org/bots/api#getfile). Links and the playground get the same.
MAX_FILE_BYTES: Final = 20 * 2**20
