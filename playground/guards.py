"""Who may call the playground, and how large a request may be."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.failures import too_large
from playground.files import MAX_PHOTO_BYTES, MAX_UPLOAD_BYTES
from playground.uploads import MAX_ALBUM

MAX_FORM_BYTES = MAX_UPLOAD_BYTES + MAX_ALBUM * MAX_PHOTO_BYTES
"""The largest request with files."""
MAX_BODY_BYTES = 1 << 20
"""The largest other request. The longest accepted text has some 16 kB."""

_NAMES = frozenset({"127.0.0.1", "localhost"})
_DEFAULT_PORT = 80
_READS = frozenset({"GET", "HEAD"})


class Bounded:
    """Reads a request only up to its limit, whether its headers announce the size or not.

    Uvicorn reads the rest and drops it, so that the client reaches the answer. This class is inside Starlette, whose
    own outermost layer would turn the exception into a 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it: the page in words, the bot with 413."""
        headers = Headers(scope=scope)
        has_files = headers.get("content-type", "").lower().startswith("multipart/form-data")
        limit = MAX_FORM_BYTES if has_files else MAX_BODY_BYTES
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > limit:
                raise TooLarge
            return message

        try:
            if int(headers.get("content-length", "0")) > limit:
                raise TooLarge
            await self._app(scope, counted, send)
        except TooLarge:
            await too_large(scope["path"])(scope, receive, send)


class TooLarge(Exception):  # noqa: N818 -- named for what the request is
    """A request is larger than it may be."""


class LocalOnly:
    """Accepts requests from this machine, but not those that another site's page makes the browser send.

    The token is public and the server is on this machine, so the browser's headers are the guard: ``Host`` against
    foreign names that lead here (DNS rebinding), ``Origin`` and ``Sec-Fetch-Site`` against other sites' forms, scripts
    and images. Clients that are not browsers do not send the last two, and are accepted.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        if port == _DEFAULT_PORT:  # clients leave it out
            self._hosts |= _NAMES
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 403."""
        if scope["type"] == "http" and (reason := self._objection(scope)):
            refusal = JSONResponse({"ok": False, "error_code": 403, "description": reason}, status_code=403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return f"Forbidden: call the playground by one of the names {', '.join(sorted(self._hosts))}"
        foreign = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
        a_link_to_the_page = scope["path"] == "/" and scope["method"] in _READS
        if headers.get("origin", next(iter(self._origins))) not in self._origins:
            return "Forbidden: not from another site"
        return "Forbidden: not from another site" if foreign and not a_link_to_the_page else ""
