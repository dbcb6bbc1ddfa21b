"""A decoder without its own process, for tests of the code around it."""

from __future__ import annotations

from common.pictures.child import images
from common.pictures.decoder import Decoder
from common.pictures.protocol import Cut, Refusal, Whole


class InProcessDecoder(Decoder):
    """Gives the real decoder's results, at once (see tests/hostile/test_decoder.py)."""

    def start(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def decode(self, content: bytes, cut: Cut | Whole, name: str) -> bytes | Refusal:
        """Decode here."""
        if isinstance(cut, Whole):
            return images.decode_to_whole(content, cut)
        return images.decode_to_pixels(content, cut)
