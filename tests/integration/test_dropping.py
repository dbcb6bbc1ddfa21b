"""/cancel drops what waits of a chat, and nothing else. On a real Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from common.channels.channels import Channels
from common.channels.consumer import Delivery
from common.messages import (
    AcceptUpdate,
    CheckFile,
    DeleteFiles,
    DownloadPhoto,
    FetchUrl,
    Job,
    Message,
    SendReply,
    Words,
)
from common.runtime import apologies
from common.settings import Settings
from common.store import Store
from garbage_collect import GarbageCollectWorker
from tests.integration.test_conversation import GROUP, PERSON, Chat
from tests.support import make, observer


def busy(job: Job) -> SendReply:
    return apologies.busy(job, 0)


async def send(
    channels: Channels,
    update: str,
    *,
    chat: int = PERSON,
    user: int | None = PERSON,
    count: int = 1,
    text: bool = False,
    **fields: Any,
) -> list[str]:
    """Begin jobs of a chat: photos and links in turn, or a text."""
    other = DeleteFiles.channel  # any message begins jobs; one of the same channel would have to be told from theirs
    await observer.publish(channels, DeleteFiles(job=make.job(update), keys=()))
    (delivery,) = await taken(channels, other, "before", 1)
    outputs: list[Message] = []
    for index in range(count):
        job = make.job(f"{update}-{index}", chat_id=chat, user_id=user, **fields)
        picture = FetchUrl(job=job, url="http://a/") if index % 2 else DownloadPhoto(job=job, file_id="F")
        outputs.append(SendReply(job=job, content=Words(text="hello")) if text else picture)
    assert await channels.scripts.run(channels.consumer(other, "before").hand_off(delivery, outputs, busy)) == 1
    return [output.job.id for output in outputs]


async def taken(channels: Channels, channel: str, name: str, room: int) -> Sequence[Delivery]:
    consumer = channels.consumer(channel, name)
    return consumer.taken(await channels.scripts.run(consumer.take(room))).deliveries


async def test_what_waits_of_a_chat_is_dropped_and_the_chat_is_told_how_much(
    channels: Channels, settings: Settings
) -> None:
    chat = Chat(channels, settings)
    sent = await send(channels, "1-101", count=7)
    others = await send(channels, "1-102", chat=8)
    alike = await send(channels, "1-103", chat=77)
    assert await chat.is_told("/cancel") == "I dropped 7 pictures that were waiting."
    assert await channels.ledger.live(sent) == set()
    assert await observer.jobs(channels) == {*others, *alike}
    assert [message.job.id for message in await observer.on(channels, "receive")] == [*others, *alike]
    assert await observer.on(channels, "fetch_url") == []
    assert await channels.redis.zcard(channels.keys.waiting) == 0
    assert await chat.is_told("/cancel") == "Nothing was waiting."


async def test_an_update_that_is_read_again_drops_no_more_and_says_the_same(
    channels: Channels, settings: Settings
) -> None:
    chat = Chat(channels, settings)
    await send(channels, "1-101")
    assert await chat.is_told("/cancel") == "I dropped 1 picture that was waiting."
    later = await send(channels, "1-102", count=6)
    assert await chat.is_told("/cancel", again=True) == "I dropped 1 picture that was waiting."
    assert await channels.ledger.live(later) == set(later)


async def test_what_a_worker_has_and_an_answer_on_its_way_go_on(channels: Channels, settings: Settings) -> None:
    chat = Chat(channels, settings)
    sent = await send(channels, "1-101", count=5)
    answers = await send(channels, "1-102", text=True)
    (held,) = await taken(channels, "receive", "at work", 1)
    assert await chat.is_told("/cancel") == "I dropped 4 pictures that were waiting."
    assert await channels.ledger.live([*sent, *answers]) == {held.job, *answers}
    at_work = channels.consumer("receive", "at work")
    check = CheckFile(job=make.job(held.job), key="k")
    assert await channels.scripts.run(at_work.hand_off(held, [check], busy)) == 1, "it is still its own"
    assert [message.job.id for message in await observer.on(channels, "reply")] == answers


async def test_a_picture_that_waits_in_the_middle_or_for_another_try_is_dropped(
    channels: Channels, settings: Settings
) -> None:
    chat = Chat(channels, settings)
    checked, postponed = await send(channels, "1-101", count=2)
    receive, fetch = channels.consumer("receive", "a"), channels.consumer("fetch_url", "a")
    (first,) = await taken(channels, "receive", "a", 1)
    check = CheckFile(job=make.job(checked, user_id=PERSON), key=f"{checked}.0.original")
    await channels.scripts.run(receive.hand_off(first, [check], busy))
    (second,) = await taken(channels, "fetch_url", "a", 1)
    await channels.scripts.run(fetch.postpone(second, 3_600_000, 1))
    assert second.job == postponed
    store = Store(settings.files_dir)
    store.write(check.key, b"a picture")

    assert await chat.is_told("/cancel") == "I dropped 2 pictures that were waiting."
    assert await observer.jobs(channels) == set()
    assert await observer.left(channels) == set()
    await GarbageCollectWorker(settings, store).sweep(channels, now=0)
    assert list(store.files()) == []
    assert await observer.on(channels, "reply") == [], "nobody is apologised to"


async def test_a_photo_whose_album_shows_dots_for_it_goes_on(channels: Channels, settings: Settings) -> None:
    chat = Chat(channels, settings)
    shown, _, hidden = await send(channels, "1-101", count=3, album="9001")
    await channels.redis.hset(channels.keys.album(PERSON, "9001"), "dots", f" {shown} ")
    assert await chat.is_told("/cancel") == "I dropped 2 pictures that were waiting."
    assert await channels.ledger.live([shown, hidden]) == {shown}


@pytest.mark.parametrize("user", [PERSON, -1001234567890123, None])
async def test_in_a_group_people_drop_only_what_they_sent_themselves(
    channels: Channels, settings: Settings, user: int | None
) -> None:
    chat = Chat(channels, settings)
    mine = await send(channels, "1-101", chat=GROUP, user=user, count=3)
    theirs = await send(channels, "1-102", chat=GROUP, user=8, count=3)
    unknown = await send(channels, "1-103", chat=GROUP, user=None)
    sender = {"sender_chat": {"id": user}} if user and user < 0 else {"from": {"id": user} if user else None}
    said = await chat.is_told("/cancel@whatsit_bot", GROUP, **sender)
    assert said == ("I dropped 3 pictures that were waiting." if user else "Nothing was waiting.")
    left = [*theirs, *unknown] if user else [*mine, *theirs, *unknown]
    assert await observer.jobs(channels) == set(left)
    if user:
        in_pipeline = [*await observer.on(channels, "receive"), *await observer.on(channels, "fetch_url")]
        assert {message.job.id for message in in_pipeline} == set(left), "their turn has come"


async def test_an_update_that_waits_to_be_read_is_nobody_s_picture_yet(channels: Channels, settings: Settings) -> None:
    chat = Chat(channels, settings)
    await observer.publish(channels, AcceptUpdate(job=make.job("1-101"), update={}))
    assert await chat.is_told("/cancel") == "Nothing was waiting."
    assert await observer.jobs(channels) == {"1-101"}


async def test_while_redis_has_no_memory_left_what_waits_can_be_dropped(channels: Channels, settings: Settings) -> None:
    chat = Chat(channels, settings)
    await send(channels, "1-101", count=6)
    await chat.is_told("/cancel")  # so that the scripts are known there
    await send(channels, "1-102", count=6)
    await channels.redis.config_set("maxmemory", 1)
    try:
        assert await channels.ledger.drop_waiting(str(PERSON), None, "1-900") == 6
    finally:
        await channels.redis.config_set("maxmemory", 0)
