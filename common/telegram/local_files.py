"""Files on the disk of the operator's own Bot API server: with ``--local`` it names a path, and sends nothing.

The same path must lead to the same file here: the server is on this machine, or its folder is mounted. Where it is not,
no photo can be looked at, and only the operator can change that.

Below the server's folder is one for each bot, whose name is the bot's token: no error names that.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final
from urllib.parse import unquote

from common.errors import FileOutOfReach, FileTooLarge

_URL: Final = "file://"
_OF_WINDOWS: Final = re.compile(r"[a-z]:[\\/]|\\\\", re.IGNORECASE)
_WITHOUT_LOCAL: Final = "run the server without --local"
_CURES: Final = {
    "missing": f"mount that folder here, under the same path, or {_WITHOUT_LOCAL}",
    "forbidden": f"run both as the same user, let the bot's user read that folder, or {_WITHOUT_LOCAL}",
    "foreign": _WITHOUT_LOCAL,
    "unreadable": f"look after that disk, or {_WITHOUT_LOCAL}",
}


def is_local(file_path: str) -> bool:
    """Whether getFile names a file on the server's disk, and not one to be downloaded."""
    return file_path.startswith(("/", _URL)) or bool(_OF_WINDOWS.match(file_path))


def read(file_path: str, max_bytes: int, token: str) -> bytes:
    """The file's content.

    Args:
        file_path: What getFile names.
        max_bytes: The largest file.
        token: The bot's token.

    Raises:
        FileOutOfReach: It is not here, or may not be read.
        FileTooLarge: It has more than ``max_bytes``.
    """
    path = unquote(file_path.removeprefix(_URL)) if file_path.startswith(_URL) else file_path
    if not path.startswith("/"):
        raise _out_of_reach(PureWindowsPath(path), token, "foreign", "a path of another system")
    try:
        content = _read(Path(path), max_bytes + 1)
    except FileNotFoundError as error:
        raise _out_of_reach(PurePosixPath(path), token, "missing", error.strerror) from None
    except PermissionError as error:
        raise _out_of_reach(PurePosixPath(path), token, "forbidden", error.strerror) from None
    except OSError as error:
        raise _out_of_reach(PurePosixPath(path), token, "unreadable", error.strerror) from None
    if len(content) > max_bytes:
        msg = f"the file has more than {max_bytes} bytes"
        raise FileTooLarge(msg)
    return content


def _read(path: Path, most: int) -> bytes:
    if not path.is_file():  # not a folder, nor a pipe, which would block for ever
        raise FileNotFoundError(0, "no such file")
    with path.open("rb") as file:
        return file.read(most)


def _out_of_reach(path: PurePosixPath | PureWindowsPath, token: str, cause: str, why: str | None) -> FileOutOfReach:
    msg = (
        f"the Bot API server keeps files in {_folder(path, token)!r}, where the bot cannot read them ({why}): "
        f"{_CURES[cause]}"
    )
    return FileOutOfReach(msg, cause)


def _folder(path: PurePosixPath | PureWindowsPath, token: str) -> str:
    """The folder to make readable: the server's, if the bot's own folder can be recognised in it; else the file's."""
    spellings = (token, token.replace(":", "~"))  # the latter on Windows
    for folder in (path, *path.parents):
        if any(spelling in folder.name for spelling in spellings):
            return str(folder.parent)
    return str(path.parent)
