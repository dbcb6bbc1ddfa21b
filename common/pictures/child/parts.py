"""What is not the picture does not decide whether it is read (``docs/decisions/0026``).

Texts, profiles, comments and the like may be broken, long or many: browsers show such a picture. So only the parts that
make the picture reach Pillow, and what says how it is turned.
"""

from __future__ import annotations

from common.pictures.child import bmp, gif, headers, jpeg, png, riff
from common.pictures.protocol import Refusal


def own_parts(content: bytes) -> bytes:
    """A file with only its picture's own parts; the same object if it has no others.

    Takes time in proportion to the file's length, and at most twice its memory. Of a file that is cut off, it leaves
    enough for Pillow to see that.

    Raises:
        Refused: The file has too many parts.
    """
    if content.startswith(headers.JPEG):
        return jpeg.own_parts(content)
    if content.startswith(png.SIGNATURE):
        return png.own_parts(content)
    if content.startswith(gif.SIGNATURES):
        return gif.own_parts(content)
    if content.startswith(bmp.SIGNATURE):
        return bmp.own_parts(content)
    if riff.is_one(content):
        return riff.own_parts(content)
    return content


def why_unreadable(content: bytes) -> Refusal:
    """Why a file that Pillow cannot read is refused."""
    why = headers.why_unreadable(content)
    if why is Refusal.DAMAGED and content.startswith(headers.JPEG):
        return jpeg.why_unreadable(content)
    if why is Refusal.DAMAGED and content.startswith(bmp.SIGNATURE):
        return bmp.why_unreadable(content)
    return why
