"""The preview pictures of web pages."""

from __future__ import annotations

import pytest

from common.messages import ClassifyImage, FetchUrl, Kind, SendReply, Words
from common.model.input import unpack
from common.settings import Settings
from common.store import Store
from common.web import fetcher as web
from common.web import previews
from common.web.download import Fetched
from common.words import refusal
from fetch_url import FetchUrlWorker
from tests.support.links import LOCAL, tight
from tests.support.make import job
from tests.support.model_in_use import SPEC
from tests.support.photos import png
from tests.support.web_server import WebServer, content, redirect

PICTURES = {
    "og": '<meta property="og:image" content="/red.png">',
    "og by name": "<meta name=OG:Image content=' /red.png '>",
    "og with a type": '<meta property="og:image:type" content="image/png"><meta property=og:image content=red.png>',
    "og, url": '<meta property="og:image:url" content="red.png">',
    "og, secure": '<META PROPERTY="og:image:secure_url" CONTENT="red.png"/>',
    "og after others": "<link rel=image_src href=/404><meta name=twitter:image content=/404>"
    "<meta property=og:image content=red.png>",
    "first og of several": "<meta property=og:image content=red.png><meta property=og:image content=/404>",
    "og that is not a link": "<meta property=og:image content='data:image/png,x'><meta property=og:image content='http://['>"
    "<meta name=twitter:image content=red.png>",
    "twitter": '<meta name="twitter:image" content="red.png">',
    "twitter, src": '<meta name="twitter:image:src" content="red.png">',
    "link": '<link rel="shortcut image_src" href="red.png">',
    "with a base": '<base href="/deep/"><meta property="og:image" content="../red.png">',
    "escaped": '<meta property="og:image" content="red.png?a=1&amp;b=&#50;">',
    "in the body": "</head><body><p>Hello<meta property=og:image content=red.png>",
    "behind broken markup": "<! --><a b=><<p <!-- --!><meta property=og:image content=red.png>",
}


@pytest.mark.parametrize("head", PICTURES.values(), ids=PICTURES.keys())
async def test_of_a_web_page_its_preview_picture_is_fetched(
    head: str, worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    server.answers["/red.png"] = server.answers["/red.png?a=1&b=2"] = content(png())
    server.answers["/page"] = content(f"<!doctype html><html><head>{head}".encode(), kind="image/png")
    server.answers["/link"] = redirect("/page")

    assert await worker.handle(FetchUrl(job=job(), url=server.url("/link"))) == ClassifyImage(
        job=job(), key=job().key("input"), original=job().key("original")
    )
    assert Store(settings.files_dir).read(job().key("original")) == png(), "the picture, and not the page"
    assert bytes(unpack(Store(settings.files_dir).read(job().key("input")), SPEC)) == bytes((255, 0, 0)) * 36


async def test_a_page_in_utf_16_is_read_too(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/page"] = content(f"<html>{PICTURES['og']}".encode("utf-16"))

    assert isinstance(await worker.handle(FetchUrl(job=job(), url=server.url("/page"))), ClassifyImage)


@pytest.mark.parametrize(
    ("head", "asked"),
    [
        ("", []),
        ("<meta property=og:image content='file:///etc/passwd'>", []),
        ("<meta property=og:image content='http://10.0.0.1/'>", []),
        ("<meta property=og:image content='http://me:secret@127.0.0.1/red.png'>", []),
        ("<meta property=og:image content=/404>", ["/404"]),
        ("<meta property=og:image content=/page><meta name=twitter:image content=/red.png>", ["/page"]),
        ("<meta property=og:image content=/damaged.png><meta name=twitter:image content=/red.png>", ["/damaged.png"]),
        (f"<!--{'x' * 512 * 1024}--><meta property=og:image content=/red.png>", []),
    ],
)
async def test_a_web_page_without_such_a_picture_is_refused_after_one_try(
    head: str, asked: list[str], worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/damaged.png"] = content(png()[:-30])
    server.answers["/page"] = content(f"<!doctype html><html><head>{head}".encode())

    answer = await worker.handle(FetchUrl(job=job(), url=server.url("/page")))

    assert answer == SendReply(job=job(), content=refusal(web.NO_PREVIEW))
    assert [path for path, _ in server.requests] == ["/page", *asked]


async def test_a_preview_shares_the_limits_of_its_page(server: WebServer) -> None:
    server.answers["/red.png"] = content(bytes(6000))
    server.answers["/page"] = content(f"<html>{PICTURES['og']}{'x' * 5000}".encode())
    fetcher = web.Fetcher(LOCAL, limits=tight(max_bytes=10_000))
    page = await fetcher.fetch(server.url("/page"))
    assert isinstance(page, Fetched)

    assert await fetcher.preview(page) == refusal(web.NO_PREVIEW)

    page.budget.received_bytes = 0
    assert isinstance(await fetcher.preview(page), Fetched)
    page.budget.began -= 5
    late = await fetcher.preview(page)
    assert late == Words(text=web.NO_PREVIEW, kind=Kind.UNREACHABLE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<svg><title>x</title><a href='/'/></svg>",
        b"<?xml version='1.0'?><rss/>",
        png(),
        b"<",
        b"\0<html>x",
    ],
)
def test_a_file_that_is_not_a_web_page_has_no_preview(body: bytes) -> None:
    assert previews.read_page(body) is None or body.endswith(b"<html>x")
