"""The preview pictures of web pages."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from common.messages import ClassifyImage, FetchUrl, Kind, SendReply, Subject, Words
from common.model.input import unpack
from common.settings import Settings
from common.store import Store
from common.web import fetcher as web
from common.web import previews
from common.web.download import Fetched
from common.web.visit import NO_PREVIEW
from common.words import refusal
from fetch_url import FetchUrlWorker
from tests.support.links import LOCAL, tight
from tests.support.make import job
from tests.support.model_in_use import SPEC
from tests.support.photos import png
from tests.support.web_server import Answer, WebServer, content, redirect, status

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
    "og with another name": '<meta name=description property="twitter:card og:image" content=red.png>',
    "microdata": '<meta itemprop=image content="red.png">',
    "a reference that is none": '<meta property="og:image" content="red.png?a=1&copy=2&amp;reg=3">',
    "backslashes, spaces and a line break": '<meta property=og:image content=" \\deep\\..\\r\ned.png#top ">',
    "one slash": '<meta property=og:image content="http:/red.png">',
    "not in a comment, title or script": "<!-- <meta property=og:image content=/404> -->"
    "<title><meta property=og:image content=/404></title><script>'<meta property=og:image content=/404>'</script>"
    "<meta property=og:image content=red.png>",
    "behind broken markup": "<! --><a b=><<p <!-- --!><meta property=og:image content=red.png>",
}


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'


def page(head: str) -> Answer:
    return content(f"<!doctype html><html><head>{head}".encode(), kind="text/html; charset=utf-8")


def og(*links: str) -> str:
    return "".join(f'<meta property="og:image" content="{link}">' for link in links)


def asked(server: WebServer) -> list[str]:
    return [path for path, _ in server.requests]


@pytest.mark.parametrize("head", PICTURES.values(), ids=PICTURES.keys())
async def test_of_a_web_page_its_preview_picture_is_fetched(
    head: str, worker: FetchUrlWorker, settings: Settings, server: WebServer
) -> None:
    for query in ("", "?a=1&b=2", "?a=1&copy=2&reg=3"):
        server.answers[f"/red.png{query}"] = content(png())
    server.answers["/page"] = content(f"<!doctype html><html><head>{head}".encode(), kind="image/png")
    server.answers["/link"] = redirect("/page")

    assert await worker.handle(FetchUrl(job=job(), url=server.url("/link"))) == ClassifyImage(
        job=job(subject=Subject.PAGE), key=job().key("input"), original=job().key("original")
    )
    assert Store(settings.files_dir).read(job().key("original")) == png(), "the picture, and not the page"
    assert bytes(unpack(Store(settings.files_dir).read(job().key("input")), SPEC)) == bytes((255, 0, 0)) * 36
    assert asked(server)[:2] == ["/link", "/page"]
    assert len(server.requests) == 3, "no other picture is asked for"


async def test_a_picture_is_the_subject_of_its_answer_and_a_page_s_picture_says_that_it_is_a_page_s(
    worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/card.png"] = server.answers["/direct/cat.png"] = content(png())
    server.answers["/o/r/blob/main/cat.png"] = page(og("/card.png"))

    for link, subject in (("/direct/cat.png", Subject.PICTURE), ("/o/r/blob/main/cat.png", Subject.PAGE)):
        classify = await worker.handle(FetchUrl(job=job(), url=server.url(link)))
        assert isinstance(classify, ClassifyImage)
        assert classify.job.subject is subject


@pytest.mark.parametrize(
    ("head", "order"),
    [
        # The page's order, and each address once
        (og("/404", "/red.png"), ["/404", "/red.png"]),
        (og("/404", "/404#x", "//HOST/404", "/red.png"), ["/404", "/red.png"]),
        (og("/404") + "<meta name=twitter:image content=/red.png>", ["/404", "/red.png"]),
        (og("/404") + "<link rel=image_src href=/red.png>", ["/404", "/red.png"]),
        (og("/gone", "/empty", "/red.png"), ["/gone", "/empty", "/red.png"]),
        # A page, a drawing, a damaged file
        (og("/page", "/red.png"), ["/page", "/red.png"]),
        (og("/drawing", "/red.png"), ["/drawing", "/red.png"]),
        (og("/damaged.png", "/red.png"), ["/damaged.png", "/red.png"]),
        (og("/text", "/red.png"), ["/text", "/red.png"]),
        # What is said to be a drawing comes last
        (og("/drawing") + "<meta property=og:image:type content=image/svg+xml>" + og("/red.png"), ["/red.png"]),
        (og("/a.svg?x", "/red.png"), ["/red.png"]),
        (og("/a.svg") + "<meta name=twitter:image content=/red.png>", ["/red.png"]),
        (og("/red.png") + "<meta property=og:image:type content=image/svg+xml>" + og("/404"), ["/404", "/red.png"]),
        # Addresses inside, and what is not an address
        (og("http://10.0.0.1/", "http://me:secret@HOST/red.png", "/red.png"), ["/red.png"]),
        (og("data:image/png,x", "http://[", "", "mailto:x", "/red.png"), ["/red.png"]),
    ],
)
async def test_pictures_are_tried_in_order_until_one_can_be_read(
    head: str, order: list[str], worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers |= {"/red.png": content(png()), "/gone": status(410), "/empty": content(b"")}
    server.answers |= {"/damaged.png": content(png()[:-30]), "/text": content(b"hello"), "/drawing": content(SVG)}
    server.answers["/page"] = page(head.replace("HOST", f"127.0.0.1:{server.port}"))

    classify = await worker.handle(FetchUrl(job=job(), url=server.url("/page")))

    assert isinstance(classify, ClassifyImage)
    assert classify.job.subject is Subject.PAGE
    assert asked(server) == ["/page", *order]


async def test_at_most_five_pictures_are_asked_for(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/page"] = page(og(*(f"/{number}" for number in range(5)), "/red.png"))

    answer = await worker.handle(FetchUrl(job=job(), url=server.url("/page")))

    assert answer == SendReply(job=job(), content=refusal(NO_PREVIEW))
    assert asked(server) == ["/page", "/0", "/1", "/2", "/3", "/4"]


ENCODED = {
    "windows-1251, by the server": ("cp1251", "text/html; charset=windows-1251", "", "кот"),
    "windows-1251, by the page": ("cp1251", "text/html", "<meta charset=windows-1251>", "кот"),
    "gb2312": ("gb18030", 'text/html; charset="GB2312"', "", "猫"),
    "shift_jis": ("cp932", "", "<meta http-equiv=content-type content='text/html; charset=Shift_JIS'>", "猫"),
    "euc-kr": ("cp949", "text/html; charset=EUC-KR", "", "고양이"),
    "latin1": ("cp1252", "text/html; charset=iso-8859-1", "", "kätzchen"),
    "utf-16": ("utf-16", "text/html", "", "кот"),
    "utf-8, of which nothing is said": ("utf-8", "text/html", "", "кот"),
    "utf-8, and a wrong name": ("utf-8", "text/html; charset=none", "", "кот"),
    "windows-1252, of which nothing is said": ("cp1252", "text/html", "", "kätzchen"),
}


@pytest.mark.parametrize(("codec", "kind", "head", "name"), ENCODED.values(), ids=ENCODED.keys())
async def test_a_picture_s_name_is_read_in_the_encoding_of_its_page(
    codec: str, kind: str, head: str, name: str, worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers[f"/{quote(name)}.png"] = content(png())  # a path is sent in UTF-8, whatever the page's encoding
    html = f"<html><head>{head}{og(f'/{name}.png')}".encode(codec)
    server.answers["/page"] = content(html, kind=kind)

    assert isinstance(await worker.handle(FetchUrl(job=job(), url=server.url("/page"))), ClassifyImage)


def test_a_query_is_sent_in_the_encoding_of_its_page() -> None:
    body = f"<html>{og('http://e.example/ж?имя=猫&a=%D0')}".encode("cp1251", "xmlcharrefreplace")

    found = previews.read_page(body, "http://e.example/", "windows-1251")

    assert found
    assert found.pictures == ("http://e.example/ж?%E8%EC%FF=%26%2329483%3B&a=%D0",)


async def test_a_picture_that_is_named_700_kb_into_a_page_is_found(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/page"] = page(f"<script>{'if (a<b) {} ' * 60_000}</script>{og('/red.png')}")

    assert isinstance(await worker.handle(FetchUrl(job=job(), url=server.url("/page"))), ClassifyImage)


@pytest.mark.parametrize(
    ("head", "tried"),
    [
        ("", []),
        ("<meta property=og:image content='file:///etc/passwd'>", []),
        ("<meta property=og:image content='http://10.0.0.1/'>", []),
        ("<meta property=og:image content='http://me:secret@127.0.0.1/red.png'>", []),
        (og("/404"), ["/404"]),
        (og("/page"), ["/page"]),
        ("<link rel=icon href=/red.png><link rel=apple-touch-icon href=/red.png><img src=/red.png>", []),
        ("<script>location.replace('/red.png')</script>", []),
        (f"<!--{'x' * previews.MOST_READ_BYTES}-->{og('/red.png')}", []),
    ],
)
async def test_a_web_page_without_such_a_picture_is_refused(
    head: str, tried: list[str], worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/red.png"] = content(png())
    server.answers["/page"] = page(head)

    answer = await worker.handle(FetchUrl(job=job(), url=server.url("/page")))

    assert answer == SendReply(job=job(), content=refusal(NO_PREVIEW))
    assert asked(server) == ["/page", *tried]


async def test_a_preview_shares_the_limits_of_its_page(server: WebServer) -> None:
    server.answers["/red.png"] = content(bytes(6000))
    server.answers["/page"] = content(f"<html>{PICTURES['og']}{'x' * 5000}".encode())
    fetcher = web.Fetcher(LOCAL, limits=tight(max_bytes=10_000))
    page = await fetcher.fetch(server.url("/page"))
    assert isinstance(page, Fetched)

    assert await fetcher.preview(page) == refusal(NO_PREVIEW)

    page.budget.received_bytes = 0
    assert isinstance(await fetcher.preview(page), Fetched)
    page.budget.began -= 5
    late = await fetcher.preview(page)
    assert late == Words.of(NO_PREVIEW, Kind.UNREACHABLE)


async def test_all_pictures_of_a_page_share_its_bytes_even_those_that_failed(server: WebServer) -> None:
    for name in "abcde":
        server.answers[f"/{name}"] = content(bytes(4000))
    server.answers["/page"] = content(f"<html>{og(*'abcde')}".encode())
    fetcher = web.Fetcher(LOCAL, limits=tight(max_bytes=10_000))
    page = await fetcher.fetch(server.url("/page"))
    assert isinstance(page, Fetched)
    judged: list[int] = []

    async def refuse(body: bytes) -> Words:
        judged.append(len(body))
        return refusal("no")

    assert await fetcher.preview(page, refuse) == refusal(NO_PREVIEW)
    assert judged == [4000, 4000], "the third one would exceed the limit"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<svg><title>x</title><a href='/'/></svg>",
        b"<?xml version='1.0'?><rss/>",
        png(),
        b"<",
    ],
)
def test_a_file_that_is_not_a_web_page_has_no_preview(body: bytes) -> None:
    assert previews.read_page(body) is None


def test_a_page_of_two_megabytes_is_read_in_a_fraction_of_a_second() -> None:
    item = "<div class='a b' data-x=\"1\"><a href='/x?a=1&amp;b=2'><img src=/y.jpg alt='A cat'> cat</a></div>\n"
    body = f"<html><head><title>x</title></head><body>{item * (2_000_000 // len(item))}{og('/red.png')}".encode()

    began = time.process_time()
    page = previews.read_page(body, "http://e.example/")

    assert page == previews.Page(("http://e.example/red.png",))
    assert time.process_time() - began < 1
