"""Photos and files that the bot sends: by upload, or again by file id. Links are not fetched here."""

from __future__ import annotations

from playground import uploads
from playground.errors import ApiError, Refused
from playground.files import Files
from playground.json_types import Json
from playground.parameters import Parameters, formatted_caption
from playground.uploads import MAX_ALBUM, Upload

MIN_ALBUM = 2
_KINDS = ("photo", "document")
_ATTACH = "attach://"


async def one(files: Files, kind: str, parameters: Parameters) -> Json:
    """The fields of a message with one photo or document, and its caption.

    Raises:
        ApiError: There is no such file, it is not a photo, or the caption is not valid.
    """
    upload = parameters.files.get(kind) or _upload(files, kind, parameters.text(kind), parameters)
    return await _fields(files, kind, upload) | formatted_caption(parameters)


async def group(files: Files, parameters: Parameters) -> list[Json]:
    """The fields of an album's messages.

    Raises:
        ApiError: As for ``one``, or the album does not have 2 to 10 items.
    """
    items = parameters.value("media", "media")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ApiError(400, "Bad Request: expected an Array of InputMedia")
    if not MIN_ALBUM <= len(items) <= MAX_ALBUM:
        raise ApiError(400, "Bad Request: media group must include 2-10 items")
    contents = []
    for item in items:
        kind = str(item.get("type"))
        if kind not in _KINDS:
            raise ApiError(400, "Bad Request: can't parse InputMedia: media of this kind is not supported here")
        upload = _upload(files, kind, str(item.get("media", "")), parameters)
        contents.append(await _fields(files, kind, upload) | formatted_caption(Parameters(item)))
    uploads.mark_albums(contents)
    return contents


def _upload(files: Files, kind: str, named: str, parameters: Parameters) -> Upload:
    """The file that a parameter names: ``attach://part``, or a file id."""
    if named.startswith(_ATTACH):
        upload = parameters.files.get(named.removeprefix(_ATTACH))
        if upload is None:
            raise ApiError(400, "Bad Request: wrong file identifier/HTTP URL specified")
        return upload
    if not named:
        raise ApiError(400, f"Bad Request: there is no {kind} in the request")
    if "://" in named:
        raise ApiError(400, "Bad Request: failed to get HTTP URL content")
    file = files.get(named)
    if file is None:
        raise ApiError(400, "Bad Request: wrong file identifier/HTTP URL specified")
    if not file.path.startswith(f"{kind}s/"):
        raise ApiError(400, f"Bad Request: can't use this file as {kind.capitalize()}")
    return Upload(file.path.rpartition("/")[2], file.content, file.mime_type)


async def _fields(files: Files, kind: str, upload: Upload) -> Json:
    try:
        return await uploads.fields(files, kind, upload)
    except Refused as error:
        reason = "IMAGE_PROCESS_FAILED" if kind == "photo" else str(error)
        raise ApiError(400, f"Bad Request: {reason}") from error
