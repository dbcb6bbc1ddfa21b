"""The page's own files, and the headers that keep foreign code out of it."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from playground.failures import Endpoint

_STATIC = Path(__file__).with_name("static")
_SHOWN = sorted(
    str(path.relative_to(_STATIC)) for path in _STATIC.rglob("*") if path.suffix in {".css", ".js", ".svg", ".jpg"}
)
_PAGE_HEADERS = {
    # Nothing from other servers, no inline script or style: a bot's text can never become code here.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes() -> list[Route]:
    """The page, and a route for each of its files."""
    return [Route("/", _static("index.html")), *(Route(f"/{name}", _static(name)) for name in _SHOWN)]


def _static(name: str) -> Endpoint:
    async def serve(_: Request) -> Response:
        return FileResponse(_STATIC / name, headers=_PAGE_HEADERS)

    return serve
