"""Which file shows what was sent: the photo in the right size, the image file, or a still of what moves.

The name of a file does not decide before its bytes are seen: phones and bridges send JPEGs as
``application/octet-stream``, as ``photo.jfif``, or without a name. ``file_check`` finds out what it really is.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Final

from common.languages.texts import marked
from common.limits import MAX_FILE_BYTES
from common.messages import Subject
from common.telegram.said import Content, File, Medium

# A model sees at most 299 pixels, cut from a picture whose short side is 342: 400 leaves room to scale down.
MIN_SHORT_SIDE: Final = 400

# The suffix is what websites leave behind the ending: photo.jpg_large, photo.jpg-orig, photo.jpg:small.
_IMAGE_ENDING = re.compile(
    r"(?:jpe?g|jpe|jfif|jfi|jif|pjpeg|pjp|a?png|webp|gif|bmp|dib|avifs?|hei[cf]s?|hif|tiff?)"
    r"(?:[_:-](?:large|orig|small|medium|thumb|\d+))?$"
)
_IMAGE_TYPE = re.compile(r"image(?:/|$)|(?:application/)?(?:x-)?(?:jpe?g|png|gif|webp|bmp|avif|hei[cf]|tiff?)$")
_VAGUE_TYPE = re.compile(r"(?:\w+/)?(?:x-)?(?:octet-stream|binary|unknown|(?:force-)?download)$|\*/\*$|[^/]*$")
_VIDEO_ENDINGS: Final = frozenset({"3gp", "avi", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "webm", "wmv"})
_OTHER_ENDINGS: Final = _VIDEO_ENDINGS | {
    *("csv", "doc", "docx", "epub", "fb2", "htm", "html", "ics", "json", "md", "odp", "ods", "odt", "pdf", "ppt"),
    *("pptx", "rtf", "srt", "tgs", "txt", "vcf", "xls", "xlsx", "xml", "css", "js", "py", "bat", "cmd", "sh"),
    *("7z", "bz2", "gz", "jar", "rar", "tar", "tgz", "torrent", "xz", "zip", "apk", "deb", "dll", "dmg", "exe", "iso"),
    *("msi", "rpm", "otf", "ttf", "woff", "woff2", "aac", "flac", "m4a", "mid", "mp3", "oga", "ogg", "opus", "wav"),
}
_MOVING: Final = {
    "animation": marked("GIFs"),
    "document": marked("videos"),
    "sticker": marked("moving stickers"),
    "video": marked("videos"),
    "video_note": marked("video messages"),
}


@dataclasses.dataclass(frozen=True)
class Photo:
    """A picture to look at.

    Attributes:
        file_id: Telegram's name for the file, to download it.
        file_unique_id: The same for the same file from every sender.
        file_bytes: Its size, or None.
        subject: Whether it is what was sent, or a still of that.
        message_id: The message in this chat that shows it, if that is not the asking one.
        spoiler: Whether it is hidden until it is tapped.
    """

    file_id: str
    file_unique_id: str
    file_bytes: int | None
    subject: Subject = Subject.PICTURE
    message_id: int | None = None
    spoiler: bool = False


@dataclasses.dataclass(frozen=True)
class NoPreview:
    """Something that moves, without a still picture. ``what`` names it for the user: "videos"."""

    what: str
    message_id: int | None = None


def pictures(content: Content) -> Iterator[Photo | NoPreview]:
    """What the media of a message show. Files that are surely something else are left out."""
    for medium in content.media:
        if found := _picture(medium):
            if isinstance(found, Photo) and content.spoiler:
                found = dataclasses.replace(found, spoiler=True)
            yield found


def _picture(medium: Medium) -> Photo | NoPreview | None:
    if medium.kind == "photo":
        return _photo(_big_enough(medium.files), Subject.PICTURE)
    file = medium.files[0] if medium.files else None
    if file and _is_picture(medium, file):
        return _photo(file, Subject.PICTURE)
    if medium.kind == "document" and not (file and _is_video(file)):
        return None
    if medium.stills:
        return _photo(_big_enough(medium.stills), Subject.STILL)
    return NoPreview(_MOVING[medium.kind])


def _is_picture(medium: Medium, file: File) -> bool:
    """Whether the file itself can be looked at."""
    match medium.kind:
        case "sticker":
            return not medium.moves
        case "animation":  # most are videos without sound; a GIF that is too large to download has its still
            return file.mime_type.startswith("image/") and not (
                medium.stills and (file.file_bytes or 0) > MAX_FILE_BYTES
            )
        case "document":
            return may_be_image(file.name, file.mime_type)
        case _:
            return False


def _is_video(file: File) -> bool:
    return file.mime_type.startswith("video/") or _ending(file.name) in _VIDEO_ENDINGS


def may_be_image(name: str, mime_type: str) -> bool:
    """Whether a file may be an image, as far as its name and type tell. It is not if either names another kind.

    Args:
        name: As the sender's app says, or ''.
        mime_type: Likewise, in lower case.
    """
    if _IMAGE_ENDING.match(_ending(name)) or _IMAGE_TYPE.match(mime_type):
        return True
    return bool(_VAGUE_TYPE.match(mime_type)) and _ending(name) not in _OTHER_ENDINGS


def _ending(name: str) -> str:
    """What stands behind the last dot of a name, in lower case; '' if it has no dot."""
    return name.lower().rstrip(". ").rpartition(".")[2] if "." in name else ""


def _big_enough(sizes: Sequence[File]) -> File:
    """The smallest size that is large enough for the model, else the largest."""
    by_size = sorted(sizes, key=lambda size: size.width * size.height)
    return next((size for size in by_size if min(size.width, size.height) >= MIN_SHORT_SIDE), by_size[-1])


def _photo(file: File, subject: Subject) -> Photo:
    return Photo(file.file_id, file.file_unique_id, file.file_bytes, subject)
