"""Receive: an update is confirmed once it is stored, makes its jobs once, and does not stop others if it is broken."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from common import VERSION, words
from common.channels.channels import Channels
from common.conversation.profile import PRIVATE_CHATS
from common.errors import FileUnavailable, Outage, TelegramRefused
from common.languages.speech import say
from common.messages import (
    AcceptUpdate,
    CheckFile,
    DownloadPhoto,
    FetchUrl,
    Kind,
    Message,
    SendReply,
    ShowTyping,
    Subject,
    Words,
    decode,
)
from common.runtime.loop import Runtime
from common.settings import Settings
from common.store import Store
from common.telegram.client import EVERYWHERE, About, Me, Scope
from common.telegram.limits import LIMITS, TelegramLimits
from common.telegram.transport import Take
from receive import ReceiveWorker
from tests.support import make, observer
from tests.support.conversing import converse
from tests.support.redis_servers import entries
from tests.support.runtimes import SOON

DEADLINE_S = 10


class FakeTelegram:
    """The Bot API's promise about updates: those below the offset are confirmed, all others come again."""

    def __init__(self, updates: list[dict[str, Any]]) -> None:
        self.updates = updates
        self.offsets: list[int] = []
        self.timeouts: list[int] = []
        self.asked_at: list[float] = []
        self.errors: list[Exception] = []
        self.refusals: list[Exception] = []
        self.file: bytes | Exception = b"a picture"
        self.profile_error: Exception | None = None
        self.menus: dict[Scope, dict[str, str]] = {}
        self.waits = True
        self.cut_short = 0

    async def get_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        self.offsets.append(offset)
        self.timeouts.append(timeout_s)
        self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        if not self.updates and self.cut_short:
            self.cut_short -= 1
        elif not self.updates and self.waits:
            await asyncio.Event().wait()
        return self.updates

    async def commands(self, scope: Scope, language: str) -> dict[str, str]:
        if self.profile_error:
            raise self.profile_error
        return self.menus.get(scope, {})

    async def set_commands(self, commands: dict[str, str], scope: Scope, language: str) -> None:
        self.menus[scope] = commands

    async def about(self, what: About, language: str) -> str:
        return ""

    async def set_about(self, what: About, text: str, language: str) -> None:
        raise TelegramRefused(f"this Bot API server knows no method setMy{what}")

    async def download(self, file_id: str, take: Take) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        if isinstance(self.file, Exception):
            raise self.file
        await take(self.file)


def update(number: int, **message: Any) -> dict[str, Any]:
    fields = {
        "message_id": number,
        "date": 1_700_000_000,
        "chat": {"id": 7, "type": "private"},
        "from": {"id": 7, "is_bot": False, "first_name": "A"},
    }
    return {"update_id": number, "message": fields | message}


def photo(**fields: Any) -> list[dict[str, Any]]:
    return [{"file_id": "F", "file_unique_id": "U", "width": 500, "height": 500, "file_size": 9} | fields]


def worker(
    channels: Channels, settings: Settings, *updates: dict[str, Any], limits: TelegramLimits = LIMITS
) -> tuple[ReceiveWorker, FakeTelegram]:
    fake = FakeTelegram(list(updates))
    receive = ReceiveWorker(settings, fake, Store(settings.files_dir), limits)  # type: ignore[arg-type]
    converse(receive, channels, Me(42, "whatsit_bot"))
    return receive, fake


async def poll(receive: ReceiveWorker, channels: Channels, until: Callable[[], bool]) -> None:
    """Let the poll loop run until the condition holds."""
    task = asyncio.create_task(receive.background(channels))
    async with asyncio.timeout(DEADLINE_S):
        while not until() and not task.done():  # noqa: ASYNC110 -- any condition, of any task's making
            await asyncio.sleep(0)
    if task.done():
        task.result()
    task.cancel()
    await asyncio.wait([task], timeout=DEADLINE_S)
    assert task.done()


async def stored(channels: Channels, channel: str = "receive") -> list[Message]:
    return [decode(row[b"body"]) for row in await entries(channels.redis, channels.keys.key(channel))]


async def test_a_batch_is_confirmed_only_once_all_of_it_is_stored(channels: Channels, settings: Settings) -> None:
    receive, fake = worker(channels, settings, update(10), update(11))
    seen_when_confirmed: list[int] = []
    publish: Callable[..., Awaitable[int]] = channels.publish

    async def publish_and_note(*args: Any) -> int:
        result = await publish(*args)
        seen_when_confirmed.append(len(fake.offsets))
        return result

    channels.publish = publish_and_note  # type: ignore[assignment,method-assign]
    await poll(receive, channels, lambda: len(fake.offsets) == 2)
    assert fake.offsets == [0, 12]
    assert seen_when_confirmed == [1], "stored between the two calls"
    assert [message.job.id for message in await stored(channels)] == ["1-10", "1-11"]


async def test_a_crash_between_storing_and_confirming_leads_to_one_job(channels: Channels, settings: Settings) -> None:
    for _ in range(2):  # the second process begins with offset 0 again, and gets the same update
        receive, fake = worker(channels, settings, update(10, photo=photo()))
        await poll(receive, channels, lambda: len(fake.offsets) == 2)  # noqa: B023
    await Runtime(receive, channels, "a", burst=True).run()
    assert [message.job.id for message in await stored(channels, "file_check")] == ["1-10-0"]


async def test_while_redis_refuses_to_store_nothing_is_confirmed(channels: Channels, settings: Settings) -> None:
    receive, fake = worker(channels, settings, update(10))
    await channels.redis.config_set("maxmemory", 1)
    try:
        await poll(receive, channels, lambda: len(fake.offsets) == 2)
    finally:
        await channels.redis.config_set("maxmemory", 0)
    assert fake.offsets == [0, 0]
    await poll(receive, channels, lambda: 11 in fake.offsets)
    assert len(await stored(channels)) == 1


async def test_while_too_much_waits_in_redis_new_updates_stay_at_telegram(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    receive, fake = worker(channels, settings, update(10))
    channels.limits = dataclasses.replace(channels.limits, in_all=3)
    for number in range(3):
        await channels.redis.xadd(channels.keys.key("reply"), {"body": str(number)})
    await poll(receive, channels, lambda: "taking no updates" in caplog.text)
    assert fake.offsets == []
    await channels.redis.xtrim(channels.keys.key("reply"), maxlen=1, approximate=False)
    await poll(receive, channels, lambda: 11 in fake.offsets)


async def test_a_problem_at_telegram_is_logged_once_and_the_bot_waits_until_it_is_over(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    receive, fake = worker(channels, settings, update(10), limits=TelegramLimits(back_off_s=(0,)))
    fake.errors = [Outage("another program polls"), Outage("another program polls"), TelegramRefused("no")]
    await poll(receive, channels, lambda: len(fake.offsets) == 5)
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "another program polls (trying until it works)",
        "no (trying until it works)",
    ]


async def test_a_server_without_commands_and_without_long_polling_is_polled_once_a_second(
    channels: Channels, settings: Settings
) -> None:
    receive, fake = worker(channels, settings, update(10))
    fake.profile_error, fake.waits = TelegramRefused("this Bot API server knows no method getMyCommands"), False
    began = asyncio.get_running_loop().time()
    await poll(receive, channels, lambda: len(fake.offsets) == 4)
    assert fake.offsets == [0, 11, 11, 11]
    assert asyncio.get_running_loop().time() - began > 1.9, "empty answers that come at once are a second apart"


async def test_a_profile_that_cannot_be_set_does_not_hold_up_the_polling(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    receive, fake = worker(channels, settings, update(10))
    fake.profile_error = Outage("Telegram cannot be reached")
    await poll(receive, channels, lambda: 11 in fake.offsets and "profile is not set yet" in caplog.text)
    assert fake.menus == {}


async def test_after_an_outage_of_polling_the_menus_come_again_without_a_long_wait(
    channels: Channels, settings: Settings
) -> None:
    limits = TelegramLimits(back_off_s=(0,), profile_pause_s=0)
    receive, fake = worker(channels, settings, update(10), limits=limits)
    await poll(receive, channels, lambda: EVERYWHERE in fake.menus and 11 in fake.offsets)
    fake.menus.clear()  # a playground that was started again
    fake.waits = False
    fake.errors = [Outage("connection refused"), Outage("connection refused")]
    await poll(receive, channels, lambda: len(fake.errors) == 0 and EVERYWHERE in fake.menus)
    timeouts = fake.timeouts[-3:]
    assert 0 in timeouts, "the first poll after an outage says at once whether it is over"


async def test_a_poll_that_is_cut_short_counts_as_an_outage_since_a_playground_may_have_been_started_again(
    channels: Channels, settings: Settings
) -> None:
    receive, fake = worker(channels, settings, update(10), limits=TelegramLimits(profile_pause_s=0))
    fake.cut_short = 1
    times_set = 0

    def is_set_twice() -> bool:
        nonlocal times_set
        if EVERYWHERE in fake.menus and PRIVATE_CHATS in fake.menus:
            times_set += 1
            fake.menus.clear()  # it is stopped, answers who waits, and another one is there before the next poll
        return times_set == 2

    await poll(receive, channels, is_set_twice)


async def test_after_updates_the_next_poll_waits_for_others_to_gather(channels: Channels, settings: Settings) -> None:
    receive, fake = worker(channels, settings, update(10), limits=TelegramLimits(gather_s=0.5))
    await poll(receive, channels, lambda: len(fake.offsets) == 2)
    first, second = fake.asked_at
    assert second - first >= 0.5


async def test_an_update_that_cannot_be_read_is_buried_and_does_not_stop_others(
    channels: Channels, settings: Settings
) -> None:
    broken = update(10, message_id="ten")
    receive, fake = worker(channels, settings, broken, update(11, photo=photo()))
    await poll(receive, channels, lambda: len(fake.offsets) == 2)
    await Runtime(receive, channels, "a", retries=SOON, burst=True).run()
    assert [message.job.id for message in await stored(channels, "file_check")] == ["1-11-0"]
    apologies = [message for message in await stored(channels, "reply") if isinstance(message, SendReply)]
    assert [(m.job.id, m.job.chat_id) for m in apologies] == [("1-10", 7)]


async def handled(receive: ReceiveWorker, raw: dict[str, Any]) -> Any:
    return await receive.handle(AcceptUpdate(job=make.job("1-10"), update=raw))


async def test_each_picture_of_a_message_is_a_job_of_its_own(channels: Channels, settings: Settings) -> None:
    receive, _ = worker(channels, settings)
    links = "https://e.org/a https://e.org/b"
    picture, first, second, typing = await handled(receive, update(10, photo=photo(), caption=links))
    assert isinstance(picture, DownloadPhoto)
    assert (picture.file_id, picture.announced_bytes, picture.job.quote) == ("F", 9, "")
    assert isinstance(first, FetchUrl)
    assert isinstance(second, FetchUrl)
    assert [m.job.id for m in (picture, first, second)] == ["1-10-0", "1-10-1", "1-10-2"]
    assert [m.job.quote for m in (first, second)] == ["https://e.org/a", "https://e.org/b"]
    assert isinstance(typing, ShowTyping)


async def test_of_seven_links_five_are_fetched_and_a_last_answer_tells_of_the_others(
    channels: Channels, settings: Settings
) -> None:
    receive, _ = worker(channels, settings)
    text = " ".join(f"https://e.org/{number}" for number in range(7))
    *links, last, typing = await handled(receive, update(10, text=text))
    assert [first.url for first in links] == [f"https://e.org/{number}" for number in range(5)]
    assert last.content == Words.of(words.left_out("link", 5, 2), Kind.NOTICE)
    assert [first.job.after for first in [*links, last]] == ["", *(f"1-10-{number}" for number in range(5))]
    assert isinstance(typing, ShowTyping)


async def test_an_answer_to_a_question_about_a_video_hangs_on_the_video(channels: Channels, settings: Settings) -> None:
    receive, _ = worker(channels, settings)
    video = {"file_id": "V", "file_unique_id": "UV", "thumbnail": photo(file_id="T", file_unique_id="UT")[0]}
    original = update(4, video=video)["message"]
    download, _ = await handled(receive, update(10, text="what is this?", reply_to_message=original))
    assert (download.file_id, download.file_unique_id) == ("T", "UT")
    assert (download.job.message_id, download.job.subject) == (4, Subject.STILL)


@pytest.mark.parametrize(("allowed", "served"), [("7", True), ("8,-1001", False)])
async def test_where_chats_are_named_others_get_one_polite_sentence(
    channels: Channels, settings: Settings, allowed: str, served: bool
) -> None:
    chats = frozenset(int(chat) for chat in allowed.split(","))
    receive, _ = worker(channels, dataclasses.replace(settings, allowed_chats=chats))
    (answer, *_) = await handled(receive, update(10, photo=photo()))
    assert isinstance(answer, DownloadPhoto) == served
    if not served:
        assert isinstance(answer, SendReply)
        assert answer.content == Words.of(words.NOT_FOR_YOU, Kind.REFUSAL)


async def test_what_the_bot_keeps_is_told_in_every_chat(channels: Channels, settings: Settings) -> None:
    receive, _ = worker(channels, dataclasses.replace(settings, allowed_chats=frozenset({1})))
    (answer,) = await handled(receive, update(10, text="/privacy"))
    assert answer.content.text.startswith("What I keep")
    (answer,) = await handled(receive, update(10, text="/about"))
    assert answer.content.text == say(words.NOT_FOR_YOU)


async def test_in_a_group_that_is_not_served_the_bot_answers_only_what_is_meant_for_it(
    channels: Channels, settings: Settings
) -> None:
    receive, _ = worker(channels, dataclasses.replace(settings, allowed_chats=frozenset({1})))
    group = {"id": -100, "type": "supergroup", "title": "G"}
    assert await handled(receive, update(10, photo=photo(), chat=group)) == []


async def test_a_job_knows_who_sent_it(channels: Channels, settings: Settings) -> None:
    receive, _ = worker(channels, settings)
    (first, *_) = await handled(receive, update(10, photo=photo()))
    assert first.job.user_id == 7
    channel = {"id": -5, "type": "channel", "title": "C"}
    raw = update(11, photo=photo(), sender_chat=channel)
    (first, *_) = await handled(receive, raw)
    assert first.job.user_id == -5, "who writes as a channel, or hides behind the group"


async def test_an_answer_goes_to_the_topic_where_it_was_asked(channels: Channels, settings: Settings) -> None:
    receive, _ = worker(channels, settings)
    picture, _ = await handled(receive, update(10, photo=photo(), message_thread_id=3, is_topic_message=True))
    assert picture.job.thread_id == 3


async def test_a_file_that_is_too_large_for_telegram_is_refused_without_a_request(
    channels: Channels, settings: Settings
) -> None:
    receive, _ = worker(channels, settings)
    (answer,) = await handled(receive, update(10, photo=photo(file_size=20 * 2**20 + 1)))
    assert answer.content == Words.of(words.TOO_LARGE, Kind.REFUSAL)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "/start"}, "Send me a photo"),
        ({"text": "/help"}, "What you can send"),
        ({"text": "/about"}, f"Whatsit {VERSION}. "),
        ({"text": "/privacy"}, "What I keep, where, and for how long."),
        ({"text": "/settings"}, "The settings of this chat."),
        ({"text": "/sing"}, "I don’t know the command /sing. I know /start, /help, /about, /privacy, /settings, "),
        ({"text": "hello"}, "I look at pictures: send me a photo, or the link of an image."),
        ({"location": {"latitude": 1.0, "longitude": 1.0}}, "I don’t accept locations. Please send a photo"),
    ],
)
async def test_commands_and_what_is_not_accepted_get_their_words(
    channels: Channels, settings: Settings, fields: dict[str, Any], said: str
) -> None:
    receive, _ = worker(channels, settings)
    (answer,) = await handled(receive, update(10, **fields))
    assert said in answer.content.text
    assert (answer.job.chat_id, answer.job.message_id) == (7, 10)


NOT_READ = [
    *("edited_message", "channel_post", "edited_channel_post", "business_message", "edited_business_message"),
    *("message_reaction", "chat_member", "a_kind_of_next_year"),
]


@pytest.mark.parametrize("kind", NOT_READ)
async def test_edits_channel_posts_and_business_messages_are_ignored(
    channels: Channels, settings: Settings, kind: str
) -> None:
    receive, _ = worker(channels, settings)
    raw = update(10, photo=photo())
    assert not await handled(receive, {"update_id": 10, kind: raw["message"]})


async def test_a_download_is_stored_and_handed_to_the_file_check(channels: Channels, settings: Settings) -> None:
    receive, _ = worker(channels, settings)
    download = DownloadPhoto(job=make.job(), file_id="F", announced_bytes=9)
    assert await receive.handle(download) == CheckFile(job=make.job(), key="1-10-0.0.original", announced_bytes=9)
    assert receive.store.read("1-10-0.0.original") == b"a picture"


async def test_a_file_that_telegram_no_longer_has_is_refused_in_words(channels: Channels, settings: Settings) -> None:
    receive, fake = worker(channels, settings)
    fake.file = TelegramRefused("wrong file_id or the file is temporarily unavailable")
    answer = await receive.handle(DownloadPhoto(job=make.job(), file_id="F"))
    assert isinstance(answer, SendReply)
    assert answer.content == Words.of(words.NO_DOWNLOAD, Kind.REFUSAL)


async def test_a_file_that_is_unavailable_for_a_moment_is_downloaded_and_that_costs_no_attempt(
    channels: Channels, settings: Settings
) -> None:
    receive, fake = worker(channels, settings, limits=TelegramLimits(ask_again_s=0.001))
    fake.refusals = [FileUnavailable("the file is temporarily unavailable") for _ in range(3)]
    await observer.publish(channels, DownloadPhoto(job=make.job(), file_id="F"))
    await Runtime(receive, channels, "a", burst=True).run()
    (check,) = await stored(channels, "file_check")
    assert check.job == make.job()
    assert [step.stage for step in check.trail] == ["download", "download"]
    counts = await observer.counts(channels)
    assert counts == {"receive handled": 2, "receive postponed": 2}
