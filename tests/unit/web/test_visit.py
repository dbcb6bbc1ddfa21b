"""Pages that lead on by themselves, and pages whose pictures give no answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from common.channels.channels import Channels
from common.errors import TooEarly
from common.messages import ClassifyImage, FetchUrl, Kind, SendReply, Subject, Words
from common.settings import Settings
from common.web import download
from common.web.fetcher import BAD_LINK, Fetcher
from common.web.visit import NO_PREVIEW
from common.words import refusal
from fetch_url import FetchUrlWorker
from tests.support import model_in_use
from tests.support.in_process_decoder import InProcessDecoder
from tests.support.links import FAILING, LOCAL, answered, tight
from tests.support.make import job
from tests.support.photos import png
from tests.support.web_server import Answer, WebServer, content, hang_up, redirect, status

ATTEMPT_S = 0.3
UNREACHABLE_AFTER_S = 1.2


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[FetchUrlWorker]:
    """With limits so small that failures can be waited for."""
    model_in_use.put_in_use(settings.models_dir)
    limits = tight(answer_s=1.0, attempt_s=ATTEMPT_S, unreachable_after_s=UNREACHABLE_AFTER_S, max_bytes=1_000_000)
    worker = FetchUrlWorker(settings, lookup=FAILING, limits=limits, decoder=InProcessDecoder())
    await worker.open(Channels(worker.settings))
    yield worker
    await worker.close()


def page(head: str) -> Answer:
    return content(f"<html>{head}".encode(), kind="text/html")


def refresh(value: str) -> str:
    return f'<meta http-equiv="refresh" content="{value}">'


def og(*links: str) -> str:
    return "".join(f'<meta property="og:image" content="{link}">' for link in links)


def asked(server: WebServer) -> list[str]:
    return [path for path, _ in server.requests]


async def handle(worker: FetchUrlWorker, server: WebServer, path: str = "/s") -> ClassifyImage | SendReply:
    return await worker.handle(FetchUrl(job=job(), url=server.url(path)))


# Refreshes


LEADS_ON = {
    "in noscript, beside a script": '<noscript><META http-equiv="refresh" content="0;URL=/cat.png"></noscript>'
    '<script>location.replace("/404")</script>',
    "after a doctype": "<!DOCTYPE html><title>Wait</title><meta content='3; url=cat.png' http-equiv=Refresh>",
    "in quotation marks": refresh("0; url='/cat.png'"),
    "with a reference": refresh("0; url=&#39;/cat.png&#39;"),
    "without url=": refresh("0, /cat.png"),
    "from a base": "<base href='/deep/x'>" + refresh("0;url=../cat.png"),
    "in the body": "<body><p>Please wait</p>" + refresh("5;url=/cat.png"),
    "the first one counts": refresh("0;url=/cat.png") + refresh("0;url=/404"),
    "to all of an address": refresh("0;url=HTTP://127.0.0.1:PORT/cat.png#top"),
}


@pytest.mark.parametrize("body", LEADS_ON.values(), ids=LEADS_ON.keys())
async def test_a_page_that_leads_on_by_itself_is_followed_to_the_picture(
    body: str, worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/s"] = content(body.replace("PORT", str(server.port)).encode(), kind="text/html")
    server.answers["/cat.png"] = content(png())

    classify = await handle(worker, server)

    assert isinstance(classify, ClassifyImage)
    assert classify.job.subject is Subject.PICTURE, "it led to a picture, as a redirect does"
    assert asked(server) == ["/s", "/cat.png"]


@pytest.mark.parametrize("body", [b"<html>Wait", b"", b"Wait", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
async def test_a_refresh_header_leads_on_too(body: bytes, worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/s"] = content(body, kind="text/html", refresh="1; url=/cat.png")
    server.answers["/cat.png"] = content(png())

    assert isinstance(await handle(worker, server), ClassifyImage)


async def test_a_picture_with_such_a_header_is_the_picture(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/s"] = content(png(), refresh="0; url=/404")

    assert isinstance(await handle(worker, server), ClassifyImage)
    assert asked(server) == ["/s"]


async def test_what_a_refresh_leads_to_may_be_a_page_with_a_picture(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/s"] = page(refresh("0;url=/page"))
    server.answers["/page"] = page(og("cat.png"))
    server.answers["/cat.png"] = content(png())

    classify = await handle(worker, server)

    assert isinstance(classify, ClassifyImage)
    assert classify.job.subject is Subject.PAGE


async def test_the_pictures_of_a_page_go_before_its_refresh(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/s"] = page(refresh("0;url=/other.png") + og("/404", "/cat.png"))
    server.answers["/both"] = page(refresh("0;url=/other.png") + og("/404"))
    server.answers["/cat.png"] = server.answers["/other.png"] = content(png())

    first, second = await handle(worker, server), await handle(worker, server, "/both")

    assert isinstance(first, ClassifyImage)
    assert isinstance(second, ClassifyImage)
    assert (first.job.subject, second.job.subject) == (Subject.PAGE, Subject.PICTURE)
    assert asked(server) == ["/s", "/404", "/cat.png", "/both", "/404", "/other.png"]


async def test_three_refreshes_are_followed_and_not_a_fourth(worker: FetchUrlWorker, server: WebServer) -> None:
    for number in range(4):
        server.answers[f"/{number}"] = page(refresh(f"0;url=/{number + 1}"))
    server.answers["/4"] = content(png())

    assert isinstance(await handle(worker, server, "/1"), ClassifyImage)
    assert await handle(worker, server, "/0") == SendReply(job=job(), content=refusal(NO_PREVIEW))
    assert asked(server) == ["/1", "/2", "/3", "/4", "/0", "/1", "/2", "/3"]


@pytest.mark.parametrize(
    "value",
    [
        *("5", "0;url=", "0;url=/s", "0;url=#top", "0;url=/back", "60;url=/cat.png", "0;url=ftp://127.0.0.1/cat.png"),
        *("0;url=javascript:alert(1)", "0;url=data:image/png,x", "0;url=http://["),
    ],
)
async def test_a_refresh_to_where_the_link_has_been_or_to_no_link_is_ignored(
    value: str, worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/s"] = page(refresh(value))
    server.answers["/back"] = page(refresh("0;url=/s"))
    server.answers["/cat.png"] = content(png())

    assert await handle(worker, server) == SendReply(job=job(), content=refusal(NO_PREVIEW))
    assert asked(server) == (["/s", "/back"] if "back" in value else ["/s"])


async def test_a_refusal_behind_a_refresh_is_told_as_behind_a_redirect(
    worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/s"] = page(refresh("0;url=/gone"))
    server.answers["/gone"] = status(410)
    server.answers["/damaged"] = page(refresh("0;url=/damaged.png"))
    server.answers["/damaged.png"] = content(png()[:-30])

    gone, damaged = await handle(worker, server), await handle(worker, server, "/damaged")

    assert "nothing at this link" in str(gone)
    assert "cut off or damaged" in str(damaged)


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/", "http://private.example/", "http://me:secret@server.example/", "//unknown.example/"]
)
async def test_a_refresh_that_leads_to_no_answer_is_refused_after_the_delay_of_all_dead_links(
    target: str, worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/s"] = page(refresh(f"0;url={target}"))

    after_s, answer = await answered(worker, FetchUrl(job=job(), url=server.url("/s")))

    assert after_s == pytest.approx(UNREACHABLE_AFTER_S, abs=0.02)
    assert isinstance(answer.content, Words)
    assert answer.content.kind is Kind.UNREACHABLE
    assert "does not exist, is not public" in answer.content.text


# Pictures that give no answer


async def test_after_a_picture_without_an_answer_the_next_one_is_tried(
    worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/s"] = page(og("/hang-up", "http://unknown.example/", "/cat.png"))
    server.answers["/hang-up"] = hang_up()
    server.answers["/cat.png"] = content(png())

    classify = await handle(worker, server)

    assert isinstance(classify, ClassifyImage)
    assert asked(server) == ["/s", "/hang-up", "/cat.png"]


@pytest.mark.parametrize("last", ["", "/404", "/text"])
async def test_where_one_picture_gave_no_answer_the_refusal_waits(
    last: str, worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/s"] = page(og("http://private.example/", last))
    server.answers["/text"] = content(b"hello")

    after_s, answer = await answered(worker, FetchUrl(job=job(), url=server.url("/s")))

    assert after_s == pytest.approx(UNREACHABLE_AFTER_S, abs=0.02)
    assert answer.content == Words.of(NO_PREVIEW, Kind.UNREACHABLE)


async def test_the_next_request_does_not_show_how_soon_the_one_before_it_failed(
    worker: FetchUrlWorker, server: WebServer, failing: list[str]
) -> None:
    """The author of a page sees when their own host is asked."""
    for number, link in enumerate(failing):
        times: list[float] = []

        def note(handler: object, times: list[float] = times) -> None:
            times.append(time.monotonic())
            status(404)(handler)  # type: ignore[arg-type]

        html = page(og(link, "/next"))

        def answer(handler: object, times: list[float] = times, html: Answer = html) -> None:
            times.append(time.monotonic())
            html(handler)  # type: ignore[arg-type]

        server.answers |= {"/s": answer, "/next": note}
        with pytest.raises(TooEarly):
            await worker.handle(FetchUrl(job=job(f"1-{number}-0"), url=server.url("/s")))

        assert ATTEMPT_S <= times[1] - times[0] < ATTEMPT_S + 0.3, link


async def test_a_silent_picture_leaves_time_for_the_others(worker: FetchUrlWorker, server: WebServer) -> None:
    def silent(handler: object) -> None:
        server.stopping.wait(10)

    server.answers["/s"] = page(og("/silent", "/cat.png"))
    server.answers["/silent"] = silent
    server.answers["/cat.png"] = content(png())

    assert isinstance(await handle(worker, server), ClassifyImage)


async def test_the_time_of_decoding_counts_so_that_five_slow_pictures_do_not_take_five_times_as_long(
    server: WebServer,
) -> None:
    fetcher = Fetcher(LOCAL, limits=tight(answer_s=0.5, attempt_s=0.4))
    server.answers["/s"] = page(og(*(f"/{number}" for number in range(5))))
    for number in range(5):
        server.answers[f"/{number}"] = content(png())
    fetched = await fetcher.fetch(server.url("/s"))
    assert isinstance(fetched, download.Fetched)

    async def slowly(body: bytes) -> Words:
        fetched.budget.began -= 0.3  # as if it had taken that long
        return refusal("no")

    assert await fetcher.preview(fetched, slowly) == Words.of(NO_PREVIEW, Kind.UNREACHABLE)
    assert asked(server) == ["/s", "/0", "/1"]


# Links without a scheme


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is fetched; by https, there is no answer from ``closed.example``."""
    links: list[str] = []

    def run(self: download.Download) -> download.Fetched | Words:
        links.append(str(self._first.url))
        return self.unreachable() if "closed" in links[-1] else download.Fetched(png(), links[-1])

    monkeypatch.setattr(download.Download, "run", run)
    return links


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("server.example/cat.jpg", ["https://server.example/cat.jpg"]),
        ("closed.example/cat.jpg", ["https://closed.example/cat.jpg", "http://closed.example/cat.jpg"]),
        ("closed.example:8080/cat.jpg", ["https://closed.example:8080/cat.jpg", "http://closed.example:8080/cat.jpg"]),
        ("http://closed.example/", ["http://closed.example/"]),
        ("HTTPS://closed.example", ["https://closed.example/"]),
    ],
)
async def test_where_people_write_no_scheme_https_is_tried_and_then_http(
    written: str, expected: list[str], worker: FetchUrlWorker, fetched: list[str]
) -> None:
    message = FetchUrl(job=job(), url=written)
    if "closed" in written:
        after_s, answer = await answered(worker, message)
        assert after_s == pytest.approx(UNREACHABLE_AFTER_S, abs=0.02)
        assert answer.content == Words.of(download.UNREACHABLE.of(host="closed.example"), Kind.UNREACHABLE), (
            "one refusal for both"
        )
    else:
        assert isinstance(await worker.handle(message), ClassifyImage)
    assert fetched == expected


async def test_a_server_that_only_speaks_http_is_reached_without_a_scheme(
    worker: FetchUrlWorker, server: WebServer
) -> None:
    server.answers["/cat.png"] = content(png())

    began = time.monotonic()
    classify = await worker.handle(FetchUrl(job=job(), url=f"server.example:{server.port}/cat.png"))

    assert isinstance(classify, ClassifyImage)
    assert time.monotonic() - began >= ATTEMPT_S, "how soon https failed could be seen by the host's name server"
    assert asked(server) == ["/cat.png"]


async def test_a_refusal_by_https_is_an_answer(monkeypatch: pytest.MonkeyPatch, worker: FetchUrlWorker) -> None:
    monkeypatch.setattr(download.Download, "run", lambda self: refusal(str(self._first.url)))

    answer = await worker.handle(FetchUrl(job=job(), url="server.example"))

    assert answer == SendReply(job=job(), content=refusal("https://server.example/"))


async def test_what_is_not_a_link_is_refused_once(worker: FetchUrlWorker, fetched: list[str]) -> None:
    for link in ("10.0.0.1/cat.jpg", "server.example:x", "me:secret@server.example", "ftp://server.example"):
        answer = await worker.handle(FetchUrl(job=job(), url=link))
        assert answer == SendReply(job=job(), content=refusal(BAD_LINK))
    assert fetched == []


async def test_a_redirect_s_target_is_where_a_page_s_links_begin(worker: FetchUrlWorker, server: WebServer) -> None:
    server.answers["/s"] = redirect("/deep/page")
    server.answers["/deep/page"] = page(og("cat.png"))
    server.answers["/deep/cat.png"] = content(png())

    assert isinstance(await handle(worker, server), ClassifyImage)
