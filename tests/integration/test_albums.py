"""Albums: whichever of its messages names the bot, and in whatever order they are read, all its photos begin once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from common.channels.albums import AlbumLimits, Albums
from common.channels.channels import Channels
from common.errors import Outage
from common.messages import AcceptUpdate, DownloadPhoto, Message
from tests.support import make

CHAT, ALBUM = -100, "9001"
NUMBERS = (14, 15, 16)
"""The album's updates. Message 60 comes with update 10, and so on."""


def photo(number: int, index: int = 0, after: str = "") -> DownloadPhoto:
    job = make.job(f"1-{number}-{index}", chat_id=CHAT, message_id=50 + number, thread_id=3, after=after)
    return DownloadPhoto(job=job, file_id=f"F{number}.{index}")


async def joined(
    albums: Albums, number: int, *, addressed: bool = False, chat: int = CHAT, photos: int = 1
) -> list[Message]:
    accepted: AcceptUpdate = make.update(f"1-{number}")
    started = [photo(number, index, f"1-{number}-{index - 1}" if index else "") for index in range(photos)]
    return await albums.join(accepted, chat, ALBUM, 50 + number, started, addressed=addressed)


def jobs(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.job.id, message.job.after) for message in messages]


@pytest.fixture
def albums(channels: Channels) -> Albums:
    return channels.albums


def orders() -> Iterator[tuple[tuple[int, ...], int]]:
    return itertools.product(itertools.permutations(NUMBERS), NUMBERS)


@pytest.mark.parametrize(("order", "addressing"), list(orders()))
async def test_all_photos_begin_once_in_whatever_order_they_are_read_and_whichever_names_the_bot(
    albums: Albums, order: tuple[int, ...], addressing: int
) -> None:
    begun: list[Message] = []
    for number in order:
        begun += await joined(albums, number, addressed=number == addressing)
        if number != addressing and addressing not in order[: order.index(number)]:
            assert begun == [], "nothing begins before the bot is named"
    assert sorted(message.job.id for message in begun) == ["1-14-0", "1-15-0", "1-16-0"]
    assert [message.job.after for message in begun] == ["", *(message.job.id for message in begun[:-1])]
    claimed = begun[: order.index(addressing) + 1]
    assert [message.job.message_id for message in claimed] == sorted(50 + int(m.job.id[2:4]) for m in claimed)
    for message in begun:
        number = int(message.job.id[2:4])
        assert message == photo(number, after=message.job.after), "with its own message, topic and file"


@pytest.mark.parametrize("addressing", NUMBERS)
async def test_updates_that_are_read_again_begin_what_they_began_before(albums: Albums, addressing: int) -> None:
    async def read(number: int) -> list[tuple[str, str]]:
        return jobs(await joined(albums, number, addressed=number == addressing))

    first = [await read(number) for number in NUMBERS]
    again = [await read(number) for number in reversed(NUMBERS)]
    assert again == first[::-1]


async def test_a_photo_that_waits_and_is_read_again_begins_once(albums: Albums) -> None:
    assert await joined(albums, 14) == await joined(albums, 14) == []
    assert jobs(await joined(albums, 15, addressed=True)) == [("1-14-0", ""), ("1-15-0", "1-14-0")]
    assert await joined(albums, 14) == [], "it has begun with the other one"


async def test_an_album_in_which_nothing_names_the_bot_is_forgotten(channels: Channels) -> None:
    short = Albums(channels.scripts, channels.keys, AlbumLimits(waiting_ms=1))
    await joined(short, 14)
    key = channels.keys.album(CHAT, ALBUM)
    async with asyncio.timeout(10):
        while await channels.redis.exists(key):  # noqa: ASYNC110 -- Redis's own clock
            await asyncio.sleep(0)
    assert jobs(await joined(short, 15, addressed=True)) == [("1-15-0", "")]


async def test_all_that_is_known_of_an_album_expires(albums: Albums, channels: Channels) -> None:
    key = channels.keys.album(CHAT, ALBUM)
    await joined(albums, 14)
    assert 0 < await channels.redis.pttl(key) <= 10_000
    await joined(albums, 15, addressed=True)
    assert 10_000 < await channels.redis.pttl(key) <= 300_000
    await joined(albums, 16)
    assert await channels.redis.pttl(key) > 10_000


async def test_albums_of_the_same_name_in_two_chats_are_two(albums: Albums) -> None:
    await joined(albums, 14, chat=-200)
    assert jobs(await joined(albums, 15, addressed=True)) == [("1-15-0", "")]


async def test_a_part_that_asks_for_several_things_stays_together(albums: Albums) -> None:
    await joined(albums, 14)
    begun = await joined(albums, 15, addressed=True, photos=3)
    following = await joined(albums, 16)
    assert jobs(begun) == [
        ("1-14-0", ""),
        ("1-15-0", "1-14-0"),
        ("1-15-1", "1-15-0"),
        ("1-15-2", "1-15-1"),
    ]
    assert jobs(following) == [("1-16-0", "1-15-2")]


async def test_a_part_that_names_the_bot_and_shows_nothing_asks_about_the_others(albums: Albums) -> None:
    await joined(albums, 14)
    assert jobs(await joined(albums, 15, addressed=True, photos=0)) == [("1-14-0", "")]
    assert jobs(await joined(albums, 16)) == [("1-16-0", "1-14-0")]


async def test_an_album_to_the_bot_is_in_order_although_nothing_waits(albums: Albums) -> None:
    begun = [await joined(albums, number, addressed=True) for number in NUMBERS]
    assert [jobs(each) for each in begun] == [[("1-14-0", "")], [("1-15-0", "1-14-0")], [("1-16-0", "1-15-0")]]


async def test_of_what_addresses_the_bot_only_names_of_jobs_are_kept(albums: Albums, channels: Channels) -> None:
    for number in NUMBERS:
        await joined(albums, number, addressed=True)
    kept: Any = await channels.redis.hvals(channels.keys.album(CHAT, ALBUM))
    assert b"F14" not in b" ".join(kept)
    assert jobs(await joined(albums, 15, addressed=True)) == [("1-15-0", "1-14-0")]


async def test_albums_that_are_read_side_by_side_are_joined_in_the_order_of_their_updates(albums: Albums) -> None:
    begun = await asyncio.gather(*(joined(albums, number, addressed=True) for number in range(10, 20)))
    assert [message.job.after for each in begun for message in each] == ["", *(f"1-{n}-0" for n in range(10, 19))]


async def test_a_full_memory_stops_no_album(albums: Albums, channels: Channels) -> None:
    await channels.redis.config_set("maxmemory", 1)
    try:
        await joined(albums, 14)
        assert len(await joined(albums, 15, addressed=True)) == 2
    finally:
        await channels.redis.config_set("maxmemory", 0)


async def test_when_redis_refuses_the_update_comes_again(albums: Albums, channels: Channels) -> None:
    await channels.redis.set(channels.keys.album(CHAT, ALBUM), "of another type")
    with pytest.raises(Outage, match="what else is in the album"):
        await joined(albums, 14)
