"""An album gets one answer: a message with a line for each photo, whoever is ready first, and whatever fails."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import signal
from typing import Any

import pytest

from common.channels.albums import ALBUMS, AlbumLimits, Albums, Turn
from common.channels.channels import Channels
from common.conversation import album_answers
from common.errors import AlbumWaits, LeaseLost, Outage, RateLimited, TelegramRefused
from common.messages import DownloadPhoto, Job, SendReply, Words
from common.runtime import apologies
from common.runtime.loop import Runtime
from common.settings import Settings
from common.telegram.connection import ChatMoved
from common.telegram.flood import Confirm
from common.telegram.sending import MAX_TEXT_LENGTH, Buttons, Target
from reply import ReplyWorker
from tests.support import make, observer, photos
from tests.support.bot_api import RunningPlayground, User
from tests.support.runtimes import SOON
from tests.support.victims import lived
from tests.support.waiting import until

KILLED = -signal.SIGKILL
CHAT, ALBUM = 7, "9001"
QUICK = AlbumLimits(pause_ms=0, look_ms=1)
PACED = AlbumLimits(pause_ms=60_000)
GONE = "Message to edit not found"


class Chat:
    """A chat at Telegram. ``errors`` are raised by the next calls, before anything happens."""

    def __init__(self, *errors: BaseException) -> None:
        self.messages: dict[int, str] = {}
        self.replies_to: list[int | None] = []
        self.calls: list[str] = []
        self.errors = list(errors)
        self.after: list[BaseException] = []
        self._ids = itertools.count(1001)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, target: Target, html: str, _buttons: Buttons, confirm: Confirm) -> int:
        await self._called("send", confirm)
        message_id = next(self._ids)
        self.messages[message_id] = html
        self.replies_to.append(target.reply_to)
        self._came_after()
        return message_id

    async def edit(self, _chat: int, message_id: int, html: str, _buttons: Buttons, confirm: Confirm) -> None:
        await self._called("edit", confirm)
        if message_id not in self.messages:
            raise TelegramRefused(GONE)
        self.messages[message_id] = html
        self._came_after()

    async def _called(self, name: str, confirm: Confirm) -> None:
        self.calls.append(name)
        await confirm()
        if self.errors:
            raise self.errors.pop(0)

    def _came_after(self) -> None:
        if self.after:
            raise self.after.pop(0)

    @property
    def only(self) -> str:
        """What its only message says."""
        (said,) = self.messages.values()
        return said


def photo(number: int, **fields: Any) -> Job:
    return make.job(f"1-{number}-0", chat_id=CHAT, message_id=50 + number, album=ALBUM, **fields)


def words(job: Job, text: str = "") -> SendReply:
    return SendReply(job=job, content=Words(text=text or f"of {job.id}"))


async def begin(channels: Channels, *jobs: Job) -> None:
    """Begin the photos of the album, as ``receive`` does."""
    for job in jobs:
        update = job.id.rpartition("-")[0]
        first = DownloadPhoto(job=job, file_id="F")
        await channels.albums.join(make.update(update), CHAT, ALBUM, job.message_id or 0, [first], addressed=True)
    await observer.publish(channels, *(DownloadPhoto(job=job, file_id="F") for job in jobs))


async def answer(chat: Chat, albums: Albums, message: SendReply) -> None:
    await album_answers.send(chat, albums, message, f"alone: {message.job.id}")  # type: ignore[arg-type]


@pytest.fixture
def quick(channels: Channels) -> Albums:
    return Albums(channels.scripts, channels.keys, QUICK)


@pytest.fixture
def paced(channels: Channels) -> Albums:
    return Albums(channels.scripts, channels.keys, PACED)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
async def test_whichever_photo_is_ready_first_the_lines_are_in_the_order_of_the_album(
    channels: Channels, quick: Albums, order: tuple[int, ...]
) -> None:
    chat, jobs = Chat(), {number: photo(number) for number in (1, 2, 3)}
    await begin(channels, *jobs.values())
    said = []
    for number in order:
        await answer(chat, quick, words(jobs[number]))
        said.append(chat.only)
    known = [{*order[: count + 1]} for count in range(3)]
    assert said == ["\n".join(f"{n}  {f'of 1-{n}-0' if n in ready else '…'}" for n in (1, 2, 3)) for ready in known]
    assert chat.calls == ["send", "edit", "edit"]
    assert chat.replies_to == [51], "the album's first message"


async def test_what_comes_later_adds_its_dots_with_the_next_change(channels: Channels, quick: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2, 3)]
    await begin(channels, *jobs[:2])
    await answer(chat, quick, words(jobs[0]))
    await begin(channels, jobs[2])
    assert chat.only == "1  of 1-1-0\n2  …"
    await answer(chat, quick, words(jobs[1]))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0\n3  …"


async def test_a_photo_that_is_alone_is_answered_like_any_other_until_a_second_one_comes(
    channels: Channels, quick: Albums
) -> None:
    chat, first, second = Chat(), photo(1), photo(2)
    await begin(channels, first)
    await answer(chat, quick, words(first))
    assert chat.only == "alone: 1-1-0"
    await begin(channels, second)
    await answer(chat, quick, words(second))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0"


async def test_a_photo_that_did_not_begin_has_no_dots_and_keeps_its_number(channels: Channels, quick: Albums) -> None:
    """It was over a limit, and nobody would ever replace its dots."""
    chat, jobs = Chat(), [photo(number) for number in (1, 2, 3)]
    await begin(channels, jobs[0], jobs[2])
    first = DownloadPhoto(job=jobs[1], file_id="F")
    await channels.albums.join(make.update("1-2"), CHAT, ALBUM, 52, [first], addressed=True)
    await answer(chat, quick, words(jobs[0]))
    assert chat.only == "1  of 1-1-0\n3  …"


async def test_lines_that_come_within_a_second_are_shown_together(channels: Channels, paced: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2, 3)]
    await begin(channels, *jobs)
    await answer(chat, paced, words(jobs[0]))
    for job in jobs[1:]:
        with pytest.raises(AlbumWaits) as waits:
            await answer(chat, paced, words(job))
        assert 50 < waits.value.retry_after_s <= 60
    await channels.redis.hset(channels.keys.album(CHAT, ALBUM), "paused", "1")
    await answer(chat, paced, words(jobs[2]))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0\n3  of 1-3-0"
    await answer(chat, paced, words(jobs[1]))
    assert chat.calls == ["send", "edit"], "its line is shown already"


async def test_a_clock_that_is_set_back_keeps_no_line_waiting(channels: Channels, paced: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    await answer(chat, paced, words(jobs[0]))
    key = channels.keys.album(CHAT, ALBUM)
    in_an_hour = int((await channels.redis.time())[0] + 3600) * 1000
    await channels.redis.hset(key, mapping={"paused": in_an_hour, "until": in_an_hour, "holder": "1-9-0"})
    await answer(chat, paced, words(jobs[1]))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0"


async def test_a_line_that_waits_gives_its_slot_to_the_chat_s_next_picture(channels: Channels, paced: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in range(1, 8)]
    await begin(channels, *jobs)
    assert await channels.redis.zcard(channels.keys.slots) == 0, "the test's jobs have none yet"
    await channels.redis.flushall()
    started = [DownloadPhoto(job=job, file_id="F") for job in jobs]
    await observer.publish(channels, words(make.job("1-99")))
    reply = channels.consumer("reply", "a")
    (held,) = reply.taken(await channels.scripts.run(reply.take(1))).deliveries
    await channels.scripts.run(reply.hand_off(held, started, lambda job: apologies.busy(job, 0)))
    assert (await in_pipeline(channels), await waiting(channels)) == (4, 3)
    await answer(chat, paced, words(jobs[0]))
    assert (await in_pipeline(channels), await waiting(channels)) == (4, 3), "its job ends now, and so does its slot"
    for _ in range(2):
        with pytest.raises(AlbumWaits):
            await answer(chat, paced, words(jobs[1]))
        assert (await in_pipeline(channels), await waiting(channels)) == (4, 2)


async def in_pipeline(channels: Channels) -> int:
    return int(await channels.redis.zcard(channels.keys.slots))


async def waiting(channels: Channels) -> int:
    return int(await channels.redis.zcard(channels.keys.waiting))


async def test_each_script_may_run_twice(channels: Channels, quick: Albums) -> None:
    jobs = [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    first = await turn_of(quick, jobs[0])
    again = await turn_of(quick, jobs[0])
    assert dataclasses.replace(again, number=first.number, ends_at=first.ends_at) == first
    assert await quick.end_turn(jobs[0], again, 1001)
    assert await quick.end_turn(jobs[0], again, 1001)
    assert await quick.take_turn(jobs[0], "of 1-1-0") is None
    assert (await turn_of(quick, jobs[1])).message_id == 1001


async def turn_of(albums: Albums, job: Job) -> Turn:
    turn = await albums.take_turn(job, f"of {job.id}")
    assert turn
    return turn


async def test_nobody_else_has_a_turn_meanwhile(channels: Channels, quick: Albums) -> None:
    jobs = [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    turn = await turn_of(quick, jobs[0])
    with pytest.raises(AlbumWaits):
        await quick.take_turn(jobs[1], "second")
    assert await quick.end_turn(jobs[0], turn, 1001)
    assert (await turn_of(quick, jobs[1])).message_id == 1001


async def test_after_a_crash_between_sending_and_noting_one_more_message_comes_and_goes_on(
    channels: Channels, quick: Albums
) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    chat.after = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await answer(chat, quick, words(jobs[0]))
    with pytest.raises(AlbumWaits):
        await answer(chat, quick, words(jobs[1]))
    await answer(chat, quick, words(jobs[0]))
    await answer(chat, quick, words(jobs[1]))
    assert list(chat.messages.values()) == ["1  of 1-1-0\n2  …", "1  of 1-1-0\n2  of 1-2-0"]


async def test_the_turn_of_a_job_that_does_not_come_again_is_over_after_a_while(channels: Channels) -> None:
    short = Albums(channels.scripts, channels.keys, dataclasses.replace(QUICK, turn_ms=1))
    jobs = [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    await turn_of(short, jobs[0])

    async def is_over() -> bool:
        try:
            return await short.take_turn(jobs[1], "second") is not None
        except AlbumWaits:
            return False

    await until(is_over)


async def test_an_older_text_that_arrives_after_a_newer_one_is_replaced(channels: Channels, quick: Albums) -> None:
    """A worker was frozen in its turn until that was over."""
    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    first = await turn_of(quick, jobs[0])
    await quick.end_turn(jobs[0], first, 1001)
    slow = await turn_of(quick, jobs[1])
    newer = await turn_of(quick, jobs[1])
    chat.messages[1001] = "newer"
    await quick.end_turn(jobs[1], newer, 1001)
    chat.messages[1001] = "older"
    assert not await quick.end_turn(jobs[1], slow, 1001)
    await answer(chat, quick, words(jobs[1]))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0"


@pytest.mark.parametrize("error", [RateLimited(30), Outage("down"), TelegramRefused("no", blocked=True)])
@pytest.mark.parametrize("sent_before", [False, True])
async def test_what_telegram_says_is_for_the_job_and_its_line_goes_out_later(
    channels: Channels, quick: Albums, error: Exception, sent_before: bool
) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2, 3)]
    await begin(channels, *jobs)
    if sent_before:
        await answer(chat, quick, words(jobs[2]))
    chat.errors = [error]
    with pytest.raises(type(error)):
        await answer(chat, quick, words(jobs[0]))
    pause_s = {RateLimited: 30, Outage: 1}.get(type(error))
    if pause_s:
        with pytest.raises(AlbumWaits) as waits:
            await answer(chat, quick, words(jobs[1]))
        assert pause_s / 2 < waits.value.retry_after_s <= pause_s
        await channels.redis.hset(channels.keys.album(CHAT, ALBUM), "paused", "1")
    await answer(chat, quick, words(jobs[1]))
    assert chat.only.startswith("1  of 1-1-0\n2  of 1-2-0\n3  ")


@pytest.mark.parametrize("refused", [TelegramRefused(GONE), TelegramRefused("Message can't be edited"), ChatMoved(-9)])
async def test_where_the_message_is_gone_a_new_one_has_all_lines(
    channels: Channels, quick: Albums, refused: Exception
) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2, 3)]
    await begin(channels, *jobs)
    await answer(chat, quick, words(jobs[0]))
    chat.messages.clear()
    chat.errors = [refused]
    await answer(chat, quick, words(jobs[1]))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0\n3  …"
    await answer(chat, quick, words(jobs[2]))
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0\n3  of 1-3-0"


async def test_a_server_that_says_no_message_id_gets_a_message_for_each_change(
    channels: Channels, quick: Albums
) -> None:
    jobs = [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    await quick.end_turn(jobs[0], await turn_of(quick, jobs[0]), 0)
    assert (await turn_of(quick, jobs[1])).message_id == 0
    assert await quick.take_turn(jobs[0], "of 1-1-0") is None


async def test_who_lost_the_lease_sends_nothing(
    channels: Channels, quick: Albums, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost() -> None:
        raise LeaseLost("taken over")

    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    with monkeypatch.context() as patch:
        patch.setattr(album_answers, "confirm_lease", lost)
        with pytest.raises(LeaseLost):
            await answer(chat, quick, words(jobs[0]))
    assert chat.messages == {}
    await answer(chat, quick, words(jobs[0]))
    assert chat.only == "1  of 1-1-0\n2  …"


async def test_a_turn_that_waited_too_long_for_the_flood_limits_sends_nothing(channels: Channels) -> None:
    late = Albums(channels.scripts, channels.keys, dataclasses.replace(QUICK, send_ms=-1))
    chat, job = Chat(), photo(1)
    await begin(channels, job)
    with pytest.raises(AlbumWaits):
        await answer(chat, late, words(job))
    assert chat.messages == {}


async def test_a_line_that_changed_since_is_shown_again(channels: Channels, quick: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    await answer(chat, quick, words(jobs[0], "a cat"))
    await answer(chat, quick, words(jobs[0], "a dog"))
    assert chat.only == "1  a dog\n2  …"


async def test_a_chat_that_is_forgotten_meanwhile_loses_no_line(channels: Channels, quick: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    turn = await turn_of(quick, jobs[0])
    await channels.chats.forget(str(CHAT))
    assert await quick.end_turn(jobs[0], turn, 1001), "all is forgotten, and nothing is noted again"
    assert not await channels.redis.exists(channels.keys.album(CHAT, ALBUM))
    await answer(chat, quick, words(jobs[1]))
    assert chat.only == "alone: 1-2-0"
    await channels.chats.forget(str(CHAT))
    assert not await channels.redis.exists(channels.keys.album(CHAT, ALBUM)), "also what was noted since"


async def test_a_photo_whose_dots_are_shown_is_not_dropped(channels: Channels, quick: Albums) -> None:
    jobs = [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    await turn_of(quick, jobs[0])
    assert await channels.redis.hget(channels.keys.album(CHAT, ALBUM), "dots") == b" 1-2-0 "


async def test_all_that_is_known_of_an_answer_expires(channels: Channels, quick: Albums) -> None:
    job = photo(1)
    await answer(Chat(), quick, words(job))
    for key in (channels.keys.album(CHAT, ALBUM), channels.keys.albums(str(CHAT))):
        assert 0 < await channels.redis.pttl(key) <= ALBUMS.addressed_ms


async def test_while_redis_has_no_memory_left_lines_are_shown(channels: Channels, quick: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in (1, 2)]
    await begin(channels, *jobs)
    await channels.redis.config_set("maxmemory", 1)
    try:
        for job in jobs:
            await answer(chat, quick, words(job))
    finally:
        await channels.redis.config_set("maxmemory", 0)
    assert chat.only == "1  of 1-1-0\n2  of 1-2-0"


async def test_when_redis_refuses_the_line_comes_again(channels: Channels, quick: Albums) -> None:
    await channels.redis.set(channels.keys.album(CHAT, ALBUM), "of another type")
    with pytest.raises(Outage, match="what else is said of the album"):
        await answer(Chat(), quick, words(photo(1)))


async def test_ten_of_the_longest_lines_fit_and_more_are_cut(channels: Channels, quick: Albums) -> None:
    chat, jobs = Chat(), [photo(number) for number in range(10, 20)]
    for job in jobs:
        await answer(chat, quick, words(job, "<" * 5000))
    assert len(chat.messages) == 1
    assert chat.messages[1001].count("\n") == 9
    rows = [(number, "x" * 500) for number in range(1, 20)]
    said = album_answers.worded(Turn(1, 0, 51, True, rows, 0), "alone")
    assert said.endswith("x\n…")
    assert len(said) <= MAX_TEXT_LENGTH


async def replied(channels: Channels, settings: Settings, chat: Chat, *messages: SendReply) -> None:
    """Answers, by the real worker in its real loop, until nothing waits."""
    settings.data_dir.mkdir(exist_ok=True)
    await observer.publish(channels, *messages)
    worker = ReplyWorker(settings, chat)  # type: ignore[arg-type]
    channels.albums = Albums(channels.scripts, channels.keys, AlbumLimits(pause_ms=50, look_ms=1))
    await worker.open(channels)
    await Runtime(worker, channels, "r", retries=SOON, burst=True).run()


async def test_ten_photos_at_once_make_one_message_and_few_changes(channels: Channels, settings: Settings) -> None:
    chat, jobs = Chat(), [photo(number) for number in range(10, 20)]
    await replied(channels, settings, chat, *map(words, reversed(jobs)))
    assert chat.only == "\n".join(f"{nth}  of {job.id}" for nth, job in enumerate(jobs, 1))
    assert len(chat.calls) <= 4
    assert await observer.jobs(channels) == set()
    assert await observer.left(channels) == set()


async def test_a_link_in_a_caption_is_answered_by_itself_after_its_photo(
    channels: Channels, settings: Settings
) -> None:
    chat = Chat()
    link = make.job("1-1-1", chat_id=CHAT, message_id=51, after="1-1-0", quote="http://e.org/a")
    await replied(channels, settings, chat, words(link), words(photo(1)), words(photo(2, after="1-1-1")))
    assert sorted(chat.messages.values()) == [
        "1  of 1-1-0\n2  of 1-2-0",
        "<i>http://e.org/a</i>\nof 1-1-1",
    ]


KILLS = [
    ("before album_line", 1),
    ("after album_line", 1),
    ("before sendMessage", 1),
    ("after sendMessage", 2),  # it was sent, and not noted
    ("before album_shown", 2),
    ("after album_shown", 1),
    ("before hand_off", 1),
    ("after hand_off", 1),
    ("before postpone", 2),  # the first one may just have been sent
    ("after postpone", 2),
    ("before editMessageText", 1),
    ("after editMessageText", 1),
    ("after album_shown 2", 1),
    ("after hand_off 2", 1),
    ("after hand_off 3", 1),
]


@pytest.mark.parametrize(("end", "most"), KILLS, ids=[end.replace(" ", "_") for end, _ in KILLS])
async def test_whenever_reply_is_killed_an_album_s_newest_message_has_all_lines_in_order(
    channels: Channels, settings: Settings, playground: RunningPlayground, user: User, end: str, most: int
) -> None:
    settings = dataclasses.replace(settings, telegram_api_url=playground.url)
    sent = user.send_album([photos.png((20, 10 + number)) for number in range(4)])
    jobs = [
        make.job(f"1-{number}-0", chat_id=user.chat_id, message_id=message["message_id"], album=ALBUM)
        for number, message in enumerate(sent, 10)
    ]
    await observer.publish(channels, *map(words, reversed(jobs)))
    assert await lived(ReplyWorker, settings, end) == KILLED
    assert await lived(ReplyWorker, settings) == 0
    answers = user.answers()
    assert 1 <= len(answers) <= most
    assert answers[-1]["text"] == "\n".join(f"{nth}  of {job.id}" for nth, job in enumerate(jobs, 1))
    assert answers[-1]["reply_to_message"]["message_id"] in {job.message_id for job in jobs}
    assert await observer.jobs(channels) == set()
    assert await observer.left(channels) == set()


async def test_an_album_that_is_too_much_gets_one_sentence_for_all_that_is_skipped_and_no_dots_stay(
    channels: Channels, quick: Albums
) -> None:
    channels.limits = dataclasses.replace(channels.limits, of_a_user=2)
    chat, jobs = Chat(), [photo(number, user_id=1) for number in range(1, 7)]
    receive = channels.consumer("receive", "r")
    for job in jobs:
        update = make.update(job.id.rpartition("-")[0])
        await observer.publish(channels, update)
        held = receive.taken(await channels.scripts.run(receive.take(9))).deliveries[-1]
        first = [DownloadPhoto(job=job, file_id="F")]
        begins = await channels.albums.join(update, CHAT, ALBUM, job.message_id or 0, first, addressed=True)
        call = receive.hand_off(held, begins, _busy, _too_fast)
        assert await channels.scripts.run(call) == 1
    (notice,) = await observer.on(channels, "reply")
    assert isinstance(notice, SendReply)
    for message in (words(jobs[1]), notice, words(jobs[0])):
        await answer(chat, quick, message)
    skipped = album_answers.line_of(apologies.too_fast(jobs[2], 2))
    assert chat.only == f"1  of 1-1-0\n2  of 1-2-0\n3  {skipped}"


def _busy(job: Job) -> SendReply:
    return apologies.busy(job, 0)


def _too_fast(job: Job) -> SendReply:
    return apologies.too_fast(job, 2)
