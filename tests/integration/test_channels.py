"""The scripts against real servers: each step of a message's life, and each step done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from common.channels import redis_client
from common.channels.channels import Channels, Once
from common.channels.consumer import Consumer, Delivery, Taken
from common.messages import DeleteFiles, FetchUrl, Job, SendReply, ShowTyping, decode
from common.settings import Settings
from tests.support import make
from tests.support.observer import publish
from tests.support.redis_servers import RedisServer, entries

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Redis]:
    client = redis_client.connect(settings)
    yield client
    await client.aclose()


def consumer(channels: Channels, channel: str = "classify", name: str = "a") -> Consumer:
    """A worker's end of its channel; another one of the same name is that worker after a restart."""
    return channels.consumer(channel, name)


def once(marker: str) -> Once:
    return Once("1:0", marker, DAY_MS)


def busy(job: Job) -> SendReply:
    return make.reply(job.id, text="busy")


async def take(channels: Channels, by: Consumer, room: int = 10, hand: tuple[str, ...] = (), claim: int = 0) -> Taken:
    return by.taken(await channels.scripts.run(by.take(room, hand, claim)))


async def take_one(channels: Channels, by: Consumer) -> Delivery:
    (delivery,) = (await take(channels, by)).deliveries
    return delivery


async def test_a_message_published_twice_is_there_once(channels: Channels) -> None:
    message = make.classify()
    assert await channels.publish([(message, once(message.job.id))]) == 1
    assert await channels.publish([(message, once(message.job.id))]) == 0

    delivery = await take_one(channels, consumer(channels))

    assert decode(delivery.body) == message
    assert (delivery.job, delivery.attempts, delivery.deaths) == (message.job.id, 0, None)


async def test_what_was_published_before_any_worker_ran_is_waiting(channels: Channels) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(3)))
    taken = await take(channels, consumer(channels))
    assert [d.job for d in taken.deliveries] == ["1-0-0", "1-1-0", "1-2-0"]


async def test_two_consumers_never_get_the_same_message(channels: Channels) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(6)))
    a, b = consumer(channels, name="a"), consumer(channels, name="b")
    first = await take(channels, a, room=4)
    second = await take(channels, b, room=4)
    assert len(first.deliveries) == 4
    assert len(second.deliveries) == 2
    assert not {d.id for d in first.deliveries} & {d.id for d in second.deliveries}


async def test_a_hand_off_moves_the_job_on_and_done_again_does_nothing(channels: Channels, client: Redis) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    call = a.hand_off(delivery, [make.reply(), DeleteFiles(job=make.job(), keys=("1-10-0.0.input",))], busy)

    assert await channels.scripts.execute([call, call]) == [1, 0]

    assert await client.xlen(channels.keys.key("classify")) == 0
    assert await client.xlen(channels.keys.key("reply")) == 1
    assert await client.xlen(channels.keys.key("garbage_collect")) == 1
    assert await channels.ledger.lost(["1-10-0"]) == []
    assert await client.hgetall(channels.keys.key("counts")) == {b"classify handled": b"1"}


async def test_a_job_ends_with_the_message_that_nothing_carries_on(channels: Channels, client: Redis) -> None:
    a = consumer(channels, "reply")
    await publish(channels, make.reply())
    assert await channels.ledger.live(["1-10-0"]) == {"1-10-0"}

    await channels.scripts.run(a.hand_off(await take_one(channels, a), [DeleteFiles(job=make.job(), keys=())], busy))

    assert await channels.ledger.live(["1-10-0"]) == set()
    assert not await client.exists(channels.keys.key("jobs"), channels.keys.key("jobs", "at"))


async def test_an_update_becomes_its_pictures_jobs_each_once(channels: Channels) -> None:
    a = consumer(channels, "receive")
    await publish(channels, make.update("1-10"))
    delivery = await take_one(channels, a)
    links = [FetchUrl(job=make.job(f"1-10-{i}"), url="http://example.com") for i in (0, 1)]
    typing = ShowTyping(job=make.job("1-10-0"))

    assert await channels.scripts.run(a.hand_off(delivery, [*links, links[0], typing], busy)) == 1

    assert await channels.ledger.live(["1-10", "1-10-0", "1-10-1"]) == {"1-10-0", "1-10-1"}
    taken = await take(channels, consumer(channels, "fetch_url"))
    assert [d.job for d in taken.deliveries] == ["1-10-0", "1-10-1"]


async def test_a_message_in_other_hands_cannot_be_finished_postponed_or_buried(channels: Channels) -> None:
    a, b = consumer(channels, name="a"), consumer(channels, name="b")
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    calls = [
        b.hand_off(delivery, [make.reply()], busy),
        b.retry(delivery, 1, 1),
        b.hand_back(delivery),
        b.bury(delivery, "e", "t", None),
        b.begin_alone(delivery, 1),
        channels.ledger.restart("1-10-0", make.reply(), held=(b, delivery)),
    ]
    assert await channels.scripts.execute(calls) == [0] * len(calls)
    assert await channels.scripts.run(b.refresh([delivery.id])) == []
    assert await channels.scripts.run(a.hand_off(delivery, [make.reply()], busy)) == 1


async def test_a_message_that_somebody_deleted_meanwhile_is_not_finished_and_nothing_is_left_of_it(
    channels: Channels,
) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    await channels.redis.xdel(channels.keys.key("classify"), delivery.id)

    assert await channels.scripts.run(a.hand_off(delivery, [make.reply()], busy)) == 0
    assert await entries(channels.redis, channels.keys.key("reply")) == []
    pending: Any = await channels.redis.xpending(channels.keys.key("classify"), "workers")
    assert pending["pending"] == 0
    assert await channels.redis.hlen(channels.keys.key("classify", "begun")) == 0
    assert await channels.ledger.lost([delivery.job]) == [delivery.job], "so its job is found, and starts again"


async def test_of_calls_that_go_as_one_command_each_has_its_own_result_or_error(channels: Channels) -> None:
    a = consumer(channels)
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(4)))
    first, second, third, fourth = (await take(channels, a)).deliveries
    await channels.redis.set(channels.keys.key("reply"), "of a foreign type")
    calls = [
        a.hand_off(first, [], busy),
        a.hand_off(second, [make.reply(second.job)], busy),
        a.hand_off(third, [], busy),
        a.hand_off(third, [], busy),
        a.refresh([fourth.id]),
        a.hand_off(fourth, [], busy),
    ]
    done, failed, *others = await channels.scripts.execute(calls)
    assert isinstance(failed, ResponseError)
    assert "WRONGTYPE" in str(failed)
    assert (done, others) == (1, [1, 0, [fourth.id.encode()], 1])


async def test_what_is_pending_under_my_name_and_not_in_my_hands_comes_again(channels: Channels) -> None:
    a = consumer(channels)
    await publish(channels, make.classify("1-0-0"), make.classify("1-1-0"))
    first = await take(channels, a)
    in_hand = first.deliveries[0].id

    again = await take(channels, a, hand=(in_hand,))
    assert [(d.job, d.deaths) for d in again.deliveries] == [("1-1-0", None)], "only our reply was lost"

    after_a_restart = await take(channels, consumer(channels))
    assert [(d.job, d.deaths) for d in after_a_restart.deliveries] == [("1-0-0", 0), ("1-1-0", 0)], "for the quarantine"


async def test_only_what_lay_idle_is_claimed_from_a_sibling(channels: Channels) -> None:
    a, b = consumer(channels, name="a"), consumer(channels, name="b")
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)

    assert not (await take(channels, b, claim=60_000)).deliveries
    (claimed,) = (await take(channels, b, claim=1)).deliveries if await idle_for_a_moment(channels, delivery) else ()

    assert claimed.id == delivery.id
    assert await channels.scripts.run(a.hand_off(delivery, [make.reply()], busy)) == 0
    assert await channels.scripts.run(a.refresh([delivery.id])) == [], "a refresh must not steal it back"
    assert await channels.scripts.run(b.hand_off(claimed, [make.reply()], busy)) == 1


async def idle_for_a_moment(channels: Channels, delivery: Delivery) -> bool:
    """Wait until Redis counts at least two milliseconds of idle time."""
    redis: Redis = channels.redis
    while True:
        (row,) = await redis.xpending_range(channels.keys.key("classify"), "workers", "-", "+", 1)
        if int(row["time_since_delivered"]) >= 2:
            return True


async def test_a_pending_message_whose_body_was_deleted_is_let_go(channels: Channels, client: Redis) -> None:
    a, b = consumer(channels, name="a"), consumer(channels, name="b")
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    await client.xdel(channels.keys.key("classify"), delivery.id)
    await idle_for_a_moment(channels, delivery)

    assert not (await take(channels, b, claim=1)).deliveries

    assert (await client.xpending(channels.keys.key("classify"), "workers"))["pending"] == 0


async def test_a_retry_comes_when_it_is_due_and_not_before(channels: Channels) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    call = a.retry(delivery, 50, attempts=1)
    assert await channels.scripts.execute([call, call]) == [1, 0]

    taken = await take(channels, a)
    assert not taken.deliveries
    assert taken.next_due_ms is not None
    assert taken.next_due_ms <= 50
    assert await channels.ledger.lost(["1-10-0"]) == [], "a delayed message is not lost"

    while not taken.deliveries:
        taken = await take(channels, a)
    assert (taken.deliveries[0].attempts, taken.deliveries[0].deaths) == (1, None)
    assert taken.next_due_ms is None
    assert await channels.ledger.lost(["1-10-0"]) == []


async def test_handing_back_adds_neither_an_attempt_nor_a_death(channels: Channels) -> None:
    a, b = consumer(channels, name="a"), consumer(channels, name="b")
    await publish(channels, make.classify())
    await channels.scripts.run(a.hand_back(await take_one(channels, a)))
    delivery = await take_one(channels, b)
    assert (delivery.attempts, delivery.deaths) == (0, None)


async def test_deaths_are_set_and_not_counted_up_so_that_a_lost_reply_adds_no_death(channels: Channels) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    call = a.begin_alone(delivery, 1)
    assert await channels.scripts.execute([call, call]) == [1, 1]
    quarantined = await take_one(channels, consumer(channels))
    assert quarantined.deaths == 1

    await channels.scripts.run(consumer(channels).hand_back(quarantined))
    assert (await take_one(channels, consumer(channels))).deaths == 1, "handing back takes no death away"


async def test_burying_keeps_the_message_and_its_origin_and_carries_the_job_to_its_apology(
    channels: Channels, client: Redis
) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    call = a.bury(delivery, "ValueError: x", "Traceback …", make.reply(text="sorry"))
    assert await channels.scripts.execute([call, call]) == [1, 0]

    (dead,) = await entries(client, channels.keys.key("dead"))
    assert dead[b"body"] == dead[b"origin"] == delivery.body
    assert (dead[b"error"], dead[b"channel"]) == (b"ValueError: x", b"classify")
    assert (await take_one(channels, consumer(channels, "reply"))).job == "1-10-0"


async def test_burying_without_an_apology_ends_the_job(channels: Channels) -> None:
    a = consumer(channels, "reply")
    await publish(channels, make.reply())
    await channels.scripts.run(a.bury(await take_one(channels, a), "e", "t", None))
    assert await channels.ledger.live(["1-10-0"]) == set()


async def test_dead_letters_expire_after_seven_days(channels: Channels, client: Redis) -> None:
    now_ms = 1_800_000_000_000
    await client.xadd(channels.keys.key("dead"), {"error": "old"}, id=f"{now_ms - 7 * DAY_MS - 1}-0")
    await client.xadd(channels.keys.key("dead"), {"error": "new"}, id=f"{now_ms - 7 * DAY_MS + 1}-0")
    await channels.dead_letters.expire(now_ms)
    assert [fields[b"error"] for fields in await entries(client, channels.keys.key("dead"))] == [b"new"]


@pytest.mark.parametrize("where", ["in the stream", "delayed"])
async def test_a_job_whose_message_was_deleted_by_hand_is_lost_and_starts_again_once(
    channels: Channels, client: Redis, where: str
) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    if where == "delayed":
        await channels.scripts.run(a.retry(await take_one(channels, a), DAY_MS, 1))
        await client.delete(channels.keys.key("classify", "delayed"))
    else:
        await client.xtrim(channels.keys.key("classify"), maxlen=0)

    assert await channels.ledger.lost(["1-10-0"]) == ["1-10-0"]
    call = channels.ledger.restart("1-10-0", make.classify(), origin=b"{}")
    assert await channels.scripts.execute([call, call]) == [1, 0]

    assert await channels.ledger.lost(["1-10-0"]) == []
    assert await channels.ledger.origin("1-10-0") == b"{}"
    assert (await channels.ledger.whose("1-10-0")) is not None
    assert len((await take(channels, a)).deliveries) == 1


@pytest.mark.parametrize("by", ["XACK", "XGROUP DELCONSUMER"])
async def test_a_message_that_no_consumer_will_get_is_lost_though_it_is_in_its_stream(
    channels: Channels, client: Redis, by: str
) -> None:
    a = consumer(channels)
    await publish(channels, make.classify())
    assert await channels.ledger.lost(["1-10-0"]) == [], "not taken yet"
    delivery = await take_one(channels, a)
    assert await channels.ledger.lost(["1-10-0"]) == [], "in flight"
    if by == "XACK":
        await client.xack(channels.keys.key("classify"), "workers", delivery.id)
    else:
        await client.xgroup_delconsumer(channels.keys.key("classify"), "workers", "a")

    assert await channels.ledger.lost(["1-10-0"]) == ["1-10-0"]
    assert await channels.scripts.run(channels.ledger.restart("1-10-0", make.classify())) == 1
    assert await client.xlen(channels.keys.key("classify")) == 1, "the stray entry is gone"
    assert (await take_one(channels, a)).job == "1-10-0"


async def test_a_job_that_has_ended_does_not_start_again(channels: Channels) -> None:
    assert await channels.scripts.run(channels.ledger.restart("1-10-0", make.classify())) == 0


async def test_a_consumer_that_is_gone_is_dropped_unless_something_is_pending(channels: Channels) -> None:
    a, b = consumer(channels, name="a"), consumer(channels, name="b")
    await publish(channels, make.classify())
    await take(channels, a)
    await publish(channels, make.classify("1-11-0"))
    await channels.scripts.run(b.hand_off(await take_one(channels, b), [], busy))
    dropped: list[str] = []
    while not dropped:
        dropped = await channels.repair.drop_consumers(gone_ms=1)
    assert dropped == ["b"]


async def test_after_a_flush_workers_make_what_they_need_and_serve_on(channels: Channels, client: Redis) -> None:
    a = consumer(channels)
    await publish(channels, make.classify("1-0-0"))
    held = await take_one(channels, a)
    await client.delete(*[key async for key in client.scan_iter(f"{channels.keys.key()}*")])

    assert await channels.scripts.execute([a.hand_off(held, [], busy), a.refresh([held.id])]) == [0, []]
    await publish(channels, make.classify("1-1-0"))

    assert (await take_one(channels, a)).job == "1-1-0"


async def test_a_full_memory_refuses_new_work_and_lets_the_old_go_on(
    channels: Channels, client: Redis, redis: RedisServer
) -> None:
    a = consumer(channels)
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(4)))
    finished, retried, buried, handed_back = (await take(channels, a)).deliveries
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", used // 2)
    try:
        (refused,) = await channels.scripts.execute([channels._publish(make.classify("1-9-0"), once("9"))])
        assert isinstance(refused, ResponseError)
        assert "maxmemory" in str(refused)
        calls = [
            a.hand_off(finished, [make.reply("1-0-0")], busy),
            a.retry(retried, 1, 1),
            a.bury(buried, "e", "t", make.reply("1-2-0")),
            a.hand_back(handed_back),
        ]
        assert await channels.scripts.execute(calls) == [1, 1, 1, 1]
        assert len((await take(channels, a, room=1)).deliveries) == 1
    finally:
        await client.config_set("maxmemory", 0)


async def test_every_key_lies_in_the_namespace_and_carries_its_hash_tag(channels: Channels, client: Redis) -> None:
    a = consumer(channels)
    before = {key async for key in client.scan_iter("*")}
    await publish(channels, make.classify("1-0-0"), make.classify("1-1-0"))
    first, second = (await take(channels, a)).deliveries
    await channels.scripts.execute([a.retry(first, DAY_MS, 1), a.bury(second, "e", "t", make.reply("1-1-0"))])
    new = {key async for key in client.scan_iter("*")} - before
    assert len(new) == 10
    assert all(key.startswith(channels.keys.key().encode()) for key in new)
    await client.aclose()


async def _acl(client: Redis, rule: str) -> None:
    command: Any = client.execute_command
    await command("ACL", "SETUSER", "default", rule)


async def test_a_user_who_may_not_publish_breaks_nothing_off(channels: Channels, client: Redis) -> None:
    if (await client.info("server"))["redis_version"].startswith("6"):
        pytest.skip("users without channels came with Redis 7")
    a = consumer(channels)
    await publish(channels, make.classify())
    delivery = await take_one(channels, a)
    await _acl(client, "resetchannels")
    try:
        assert await channels.scripts.run(a.hand_off(delivery, [make.reply()], busy)) == 1
    finally:
        await _acl(client, "allchannels")
    assert await channels.ledger.lost(["1-10-0"]) == []
    assert await client.xlen(channels.keys.key("reply")) == 1


async def test_a_job_that_has_ended_since_it_was_listed_is_not_lost(channels: Channels) -> None:
    assert await channels.ledger.lost(["1-10-0"]) == []
