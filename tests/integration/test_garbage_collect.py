"""The sweeper: it deletes what a crash left, keeps what a job needs, and no job is ever stuck."""

from __future__ import annotations

import pytest

from common import words
from common.channels.channels import Channels
from common.errors import Outage
from common.languages.speech import say
from common.messages import CHANNELS, DeleteFiles, Kind, SendReply, Words, decode
from common.settings import Settings
from common.store import Store
from garbage_collect import GarbageCollectWorker
from tests.support import make
from tests.support.observer import publish
from tests.support.redis_servers import entries


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings.files_dir)


@pytest.fixture
def sweeper(settings: Settings, store: Store) -> GarbageCollectWorker:
    return GarbageCollectWorker(settings, store)


async def lose(channels: Channels, channel: str) -> None:
    """Delete what waits in a channel, as a careless hand would."""
    await channels.redis.xtrim(channels.keys.key(channel), maxlen=0)


def names(store: Store) -> list[str]:
    return sorted(name for name, _ in store.files())


async def test_files_are_deleted_and_one_that_is_gone_already_is_not_an_error(
    sweeper: GarbageCollectWorker, store: Store
) -> None:
    for key in ("1-1-0.0.input", "1-2-0.0.original"):
        store.write(key, b"x")
    first = DeleteFiles(job=make.job(), keys=("1-1-0.0.input", "1-1-0.0.original"))
    second = DeleteFiles(job=make.job("1-2-0"), keys=("1-2-0.0.original",))
    assert await sweeper.handle_batch([first, second]) == [None, None]
    assert names(store) == []


async def test_files_that_cannot_be_deleted_keep_no_others_from_being_so(
    sweeper: GarbageCollectWorker, store: Store, settings: Settings
) -> None:
    store.write("1-2-0.0.input", b"x")
    (settings.files_dir / "1-1-0.0.input").mkdir()
    by_hand = DeleteFiles(job=make.job("1-3-0"), keys=("../../etc/passwd",))
    broken = DeleteFiles(job=make.job(), keys=("1-1-0.0.input",))
    whole = DeleteFiles(job=make.job("1-2-0"), keys=("1-2-0.0.input",))
    wrong, outage, done = await sweeper.handle_batch([by_hand, broken, whole])
    assert isinstance(wrong, ValueError)
    assert isinstance(outage, Outage)
    assert done is None
    assert not (settings.files_dir / "1-2-0.0.input").exists()


async def test_the_sweep_deletes_what_no_live_job_needs_half_written_files_too(
    channels: Channels, sweeper: GarbageCollectWorker, store: Store, settings: Settings
) -> None:
    await publish(channels, make.classify("1-1-0"))
    store.write("1-1-0.0.input", b"needed, however long its message waits")
    store.write("1-2-0.0.input", b"left by a crash")
    (settings.files_dir / "1-2-0.0.original.123.part").write_bytes(b"half")
    await sweeper.sweep(channels, now=0)
    assert names(store) == ["1-1-0.0.input"]


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_job_without_a_message_starts_again_once_and_then_the_user_gets_an_apology(
    channels: Channels, sweeper: GarbageCollectWorker, times: int
) -> None:
    await publish(channels, make.classify())
    for _ in range(times):
        for channel in CHANNELS:
            await lose(channels, channel)
        await sweeper.sweep(channels, now=0)

    rows = [row for channel in CHANNELS for row in await entries(channels.redis, channels.keys.key(channel))]
    (message,) = [decode(row[b"body"]) for row in rows]
    if times == 1:
        assert (type(message), message.job.run) == (type(make.classify()), 1)
    else:
        assert isinstance(message, SendReply)
        assert message.content.text == say(words.APOLOGY)  # type: ignore[union-attr]


@pytest.mark.parametrize("alien", [".nfs0001", "lost+found", "readme", "a.b"])
async def test_what_does_not_belong_into_the_folder_is_left_alone_and_stops_no_sweep(
    channels: Channels, sweeper: GarbageCollectWorker, settings: Settings, alien: str
) -> None:
    (settings.files_dir / alien).mkdir()
    await publish(channels, make.classify())
    await lose(channels, "classify")
    await sweeper.sweep(channels, now=0)
    assert await channels.redis.xlen(channels.keys.key("classify")) == 1
    assert (settings.files_dir / alien).is_dir()


async def test_a_step_that_fails_keeps_no_other_from_being_taken(
    channels: Channels, sweeper: GarbageCollectWorker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.runtime.restarts.restart", None)
    await publish(channels, make.classify())
    await lose(channels, "classify")
    store.write("1-2-0.0.input", b"left by a crash")
    await sweeper.sweep(channels, now=0)
    assert names(store) == []


@pytest.mark.parametrize("origin", [None, b"{"])
async def test_a_job_whose_first_message_cannot_be_read_ends_with_an_apology_to_its_chat(
    channels: Channels, sweeper: GarbageCollectWorker, origin: bytes | None
) -> None:
    await publish(channels, make.classify("1-1-0"))
    await lose(channels, "classify")
    if origin is None:
        await channels.redis.delete(channels.keys.key("jobs"))
    else:
        await channels.redis.hset(channels.keys.key("jobs"), "1-1-0", origin)
    await sweeper.sweep(channels, now=0)
    (row,) = await entries(channels.redis, channels.keys.key("reply"))
    answer = decode(row[b"body"])
    assert isinstance(answer, SendReply)
    assert (answer.job.chat_id, answer.content) == (7, Words.of(words.APOLOGY, Kind.APOLOGY))


@pytest.mark.parametrize("origin", [None, b"{"])
async def test_a_job_of_which_nothing_is_known_but_its_id_ends(
    channels: Channels, sweeper: GarbageCollectWorker, store: Store, origin: bytes | None
) -> None:
    await publish(channels, make.classify("1-1-0"))
    await lose(channels, "classify")
    if origin is None:
        await channels.redis.delete(channels.keys.key("jobs"))
    else:
        await channels.redis.hset(channels.keys.key("jobs"), "1-1-0", origin)
    await channels.redis.delete(channels.keys.key("jobs", "chat"))
    store.write("1-1-0.0.input", b"x")
    await sweeper.sweep(channels, now=0)
    assert not await channels.redis.exists(channels.keys.key("jobs"), channels.keys.key("jobs", "at"))
    assert names(store) == []


async def test_a_job_whose_whereabouts_are_unknown_is_found(channels: Channels, sweeper: GarbageCollectWorker) -> None:
    await publish(channels, make.classify())
    await lose(channels, "classify")
    await channels.redis.delete(channels.keys.key("jobs", "at"))
    await sweeper.sweep(channels, now=0)
    assert await channels.redis.xlen(channels.keys.key("classify")) == 1


async def test_a_job_that_waits_is_left_in_peace(channels: Channels, sweeper: GarbageCollectWorker) -> None:
    await publish(channels, make.classify())
    await sweeper.sweep(channels, now=0)
    await sweeper.sweep(channels, now=10**6)
    assert await channels.redis.xlen(channels.keys.key("classify")) == 1
