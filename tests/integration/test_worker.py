"""The runtime with toy workers on a real Redis: what happens to a message, whatever its handler does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.exceptions import RedisError

from common import words
from common.channels.channels import Channels
from common.channels.redis_client import RedisLimits
from common.channels.wakeups import LOOK_AGAIN_S
from common.errors import Hung, InputLost, LeaseLost, Outage, RateLimited, TooEarly
from common.languages.speech import say
from common.messages import (
    ClassifyImage,
    FetchUrl,
    Finding,
    FindingKind,
    Guess,
    Kind,
    Message,
    Prediction,
    Predictions,
    SendReply,
    ShowTyping,
    Words,
    encode,
)
from common.runtime.leases import confirm_lease
from common.runtime.limits import RuntimeLimits
from common.runtime.loop import Runtime
from common.runtime.retries import Retries
from common.runtime.worker import Outputs, Worker
from common.settings import ROOT, Settings
from common.supervision import identity
from tests.support import make
from tests.support.observer import on, publish
from tests.support.redis_servers import BINARIES, RedisServer, entries, running_redis
from tests.support.runtimes import SOON
from tests.support.waiting import DEADLINE_S, until


class Classify(Worker[ClassifyImage]):
    """Does what the test says with each message, and remembers how many it had at once."""

    channel = "classify"
    concurrency = 4

    def __init__(self, settings: Settings, act: Callable[[ClassifyImage], Any] = lambda message: None) -> None:
        super().__init__(settings)
        self.act = act
        self.seen: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def handle(self, message: ClassifyImage) -> Outputs:
        self.seen.append(message.job.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            result = self.act(message)
            if asyncio.iscoroutine(result):
                result = await result
        finally:
            self.at_once -= 1
        return SendReply(job=message.job, content=Words(text="done")) if result is None else result


async def work_off(worker: Worker[Any], channels: Channels, name: str = "a", **options: Any) -> None:
    """Run a worker until its channel is empty."""
    async with asyncio.timeout(DEADLINE_S):
        await Runtime(worker, channels, name, burst=True, **options).run()


@contextlib.asynccontextmanager
async def running(worker: Worker[Any], channels: Channels, name: str = "a", **options: Any) -> AsyncIterator[Any]:
    runtime = Runtime(worker, channels, name, **options)
    task = asyncio.create_task(runtime.run())
    try:
        yield runtime
        runtime.stop()
        async with asyncio.timeout(DEADLINE_S):
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_message_is_handled_once_and_its_trail_grows(channels: Channels, settings: Settings) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(50)))
    worker = Classify(settings)
    await work_off(worker, channels)

    assert worker.seen == [f"1-{i}-0" for i in range(50)]
    replies = await on(channels, "reply")
    assert sorted(r.job.id for r in replies) == sorted(worker.seen)
    assert [step.stage for step in replies[0].trail] == ["classify"]


async def test_a_worker_never_has_more_in_flight_than_it_said(channels: Channels, settings: Settings) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(20)))
    worker = Classify(settings, lambda message: asyncio.sleep(0.001, None))
    await work_off(worker, channels)
    assert worker.most_at_once == Classify.concurrency


async def test_a_message_published_while_the_worker_waits_is_taken_at_once(
    channels: Channels, settings: Settings
) -> None:
    worker = Classify(settings)
    async with running(worker, channels) as runtime:
        await until(lambda: runtime._channel_empty)
        began = asyncio.get_running_loop().time()
        await publish(channels, make.classify())
        await until(lambda: worker.seen)
        assert asyncio.get_running_loop().time() - began < 0.5, "the wake-up came, not the look-again after a second"


async def test_a_failing_message_is_tried_again_and_in_the_end_buried_with_an_apology(
    channels: Channels, settings: Settings
) -> None:

    def fail(message: ClassifyImage) -> None:
        raise ValueError("no such thing")

    await publish(channels, make.classify())
    worker = Classify(settings, fail)
    await work_off(worker, channels, retries=SOON)

    assert len(worker.seen) == Retries().attempts
    (dead,) = await entries(channels.redis, channels.keys.key("dead"))
    assert dead[b"error"] == b"ValueError: no such thing"
    assert b"in fail" in dead[b"traceback"]
    (reply,) = await on(channels, "reply")
    assert isinstance(reply, SendReply)
    assert isinstance(reply.content, Words)
    assert reply.content.text == say(words.APOLOGY)


@pytest.mark.parametrize("error", [ValueError("no such thing"), Outage("down"), InputLost("gone"), TooEarly(1.0)])
async def test_a_second_look_that_fails_is_not_tried_again_and_the_first_look_answers(
    channels: Channels, settings: Settings, error: Exception
) -> None:

    def fail(message: ClassifyImage) -> None:
        raise error

    first = Predictions(
        top=(Prediction("cat", 0.4),), finding=Finding(kind=FindingKind.UNSURE, guesses=(Guess(0, 0.4),))
    )
    message = msgspec.structs.replace(make.classify(), first_look=first)
    await publish(channels, message)
    worker = Classify(settings, fail)
    await work_off(worker, channels)

    assert len(worker.seen) == 1
    assert await entries(channels.redis, channels.keys.key("dead")) == []
    (reply,) = await on(channels, "reply")
    assert isinstance(reply, SendReply)
    assert reply.content == first
    assert set(reply.files) == set(message.job.files), "nothing is left behind"


async def test_a_second_look_that_takes_too_long_is_cut_and_the_first_look_answers(
    channels: Channels, settings: Settings
) -> None:
    first = Predictions(
        top=(Prediction("cat", 0.4),), finding=Finding(kind=FindingKind.UNSURE, guesses=(Guess(0, 0.4),))
    )
    await publish(channels, msgspec.structs.replace(make.classify(), first_look=first))
    worker = Classify(settings, lambda message: asyncio.Event().wait())
    worker.handler_limit_s = 0.05
    await work_off(worker, channels)
    (reply,) = await on(channels, "reply")
    assert isinstance(reply, SendReply)
    assert reply.content == first


async def test_a_reply_that_cannot_be_sent_is_buried_without_another_reply(
    channels: Channels, settings: Settings
) -> None:

    class Reply(Worker[SendReply]):
        channel = "reply"

        async def handle(self, message: SendReply) -> Outputs:
            raise ValueError

    await publish(channels, make.reply())
    await work_off(Reply(settings), channels, retries=Retries(attempts=1))
    assert await on(channels, "reply") == []
    assert await channels.ledger.live(["1-10-0"]) == set()


@pytest.mark.parametrize("outage", [Outage("Telegram is down"), RateLimited(0.001)])
async def test_an_outage_uses_up_no_attempt(channels: Channels, settings: Settings, outage: Outage) -> None:
    left = iter([outage] * (Retries().attempts + 3))

    def act(message: ClassifyImage) -> None:
        if error := next(left, None):
            raise error

    await publish(channels, make.classify())
    await work_off(Classify(settings, act), channels, retries=SOON)
    assert len(await on(channels, "reply")) == 1


async def test_after_a_day_of_outage_the_user_gets_an_apology(channels: Channels, settings: Settings) -> None:

    def act(message: ClassifyImage) -> None:
        raise Outage("down")

    await publish(channels, make.classify())
    await work_off(
        Classify(settings, act),
        channels,
        retries=Retries(first_delay_s=0.005, longest_delay_s=0.005, longest_outage_s=0.001),
    )
    (reply,) = await on(channels, "reply")
    assert reply.content.kind is Kind.APOLOGY  # type: ignore[union-attr]


async def test_a_lost_input_starts_the_job_again_once_and_then_apologises(
    channels: Channels, settings: Settings
) -> None:
    runs = []

    def act(message: ClassifyImage) -> None:
        runs.append(message.job.run)
        raise InputLost("gone")

    await publish(channels, make.classify())
    await work_off(Classify(settings, act), channels)
    assert runs == [0, 1]
    (reply,) = await on(channels, "reply")
    assert reply.content.kind is Kind.APOLOGY  # type: ignore[union-attr]


async def test_a_handler_that_hangs_is_cut_and_its_message_tried_again(channels: Channels, settings: Settings) -> None:
    first = iter([True])

    async def act(message: ClassifyImage) -> None:
        if next(first, False):
            await asyncio.Event().wait()

    await publish(channels, make.classify())
    worker = Classify(settings, act)
    worker.handler_limit_s = 0.05
    await work_off(worker, channels, retries=SOON)
    assert len(worker.seen) == 2
    assert len(await on(channels, "reply")) == 1


@pytest.mark.parametrize("body", [b"{", b'{"type":"Nonsense"}', b'{"type":"SendReply"}'])
async def test_a_message_that_cannot_be_decoded_is_buried_and_stops_nobody(
    channels: Channels, settings: Settings, body: bytes
) -> None:
    await channels.redis.xadd(channels.keys.key("classify"), {"body": body})
    await publish(channels, make.classify())
    worker = Classify(settings)
    await work_off(worker, channels)
    assert worker.seen == ["1-10-0"]
    (dead,) = await entries(channels.redis, channels.keys.key("dead"))
    assert dead[b"body"] == body


async def test_a_message_on_the_wrong_channel_is_buried(channels: Channels, settings: Settings) -> None:
    stray = FetchUrl(job=make.job(), url="x")
    await channels.redis.xadd(channels.keys.key("classify"), {"body": b'{"type":"FetchUrl",' + _tail(stray)})
    worker = Classify(settings)
    await work_off(worker, channels)
    assert worker.seen == []
    assert await channels.redis.xlen(channels.keys.key("dead")) == 1


def _tail(message: Message) -> bytes:
    return encode(message).partition(b",")[2]


class Batch(Worker[ClassifyImage]):
    """Handles several at once; breaks on the one named "bad"."""

    channel = "classify"
    batch_size = 4

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.sizes: list[int] = []

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        self.sizes.append(len(messages))
        return [
            InputLost("bad") if "bad" in m.job.id else SendReply(job=m.job, content=Words(text="ok")) for m in messages
        ]


async def test_a_batch_is_taken_whole_and_one_bad_message_in_it_harms_no_other(
    channels: Channels, settings: Settings
) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(5)), make.classify("1-bad-0"))
    worker = Batch(settings)
    await work_off(worker, channels)
    assert worker.sizes[:2] == [4, 2]
    texts = [r.content.text for r in await on(channels, "reply")]  # type: ignore[union-attr]
    assert sorted(texts) == sorted(["ok"] * 5 + [say(words.APOLOGY)])


class TwoBatches(Batch):
    """Has a second batch in flight while the first is at work; each waits for its gate."""

    concurrency = 2

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gates: list[asyncio.Event] = []

    async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Sequence[Outputs | Exception]:
        self.gates.append(asyncio.Event())
        outputs = await super().handle_batch(messages)
        await self.gates[len(self.sizes) - 1].wait()
        return outputs


class Patient(Batch):
    """Lets messages gather."""

    gather_s = 0.3


async def test_what_comes_while_messages_gather_is_one_batch_and_a_stop_does_not_wait(
    channels: Channels, settings: Settings
) -> None:
    worker = Patient(settings)
    async with running(worker, channels) as runtime:
        await asyncio.sleep(2 * Patient.gather_s)  # the first look is over
        for number in range(3):
            await publish(channels, make.classify(f"1-{number}-0"))
            await asyncio.sleep(0.02)
        await until(lambda: worker.sizes)
        assert worker.sizes == [3]
        runtime.stop()


async def test_a_second_batch_is_begun_while_the_first_is_at_work_and_no_third(
    channels: Channels, settings: Settings
) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(10)))
    worker = TwoBatches(settings)
    async with running(worker, channels) as runtime:
        await until(lambda: worker.sizes == [4, 4])
        await asyncio.sleep(2 * LOOK_AGAIN_S)
        assert worker.sizes == [4, 4], "it has no hand free"
        worker.gates[1].set()  # whichever is done first makes room for the third
        await until(lambda: worker.sizes == [4, 4, 2])
        assert len(await on(channels, "reply")) == 4
        worker.gates[0].set()
        worker.gates[2].set()
        await until(lambda: _is_empty(channels))
        runtime.stop()
    assert len(await on(channels, "reply")) == 10


async def _is_empty(channels: Channels) -> bool:
    return not await on(channels, "classify")


async def test_a_message_that_saw_its_worker_die_waits_until_both_batches_are_done(
    channels: Channels, settings: Settings
) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(8)))
    await channels.scripts.run(
        channels.consumer("classify", "a").take(8, [], 0)
    )  # by its former process, which was killed
    worker = TwoBatches(settings)
    async with running(worker, channels) as runtime:
        for number in range(8):
            await until(lambda number=number: len(worker.sizes) == number + 1)  # type: ignore[misc]
            worker.gates[number].set()
        await until(lambda: _is_empty(channels))
        runtime.stop()
    assert worker.sizes == [1] * 8, "each alone"


async def test_announcements_go_out_when_work_begins_and_carry_no_job(channels: Channels, settings: Settings) -> None:
    class Announcing(Classify):
        def announce(self, message: ClassifyImage) -> Message | None:
            return ShowTyping(job=message.job)

    await publish(channels, make.classify())
    await work_off(Announcing(settings), channels)
    await until(lambda: _has_typing(channels))


async def _has_typing(channels: Channels) -> bool:
    return any(isinstance(m, ShowTyping) for m in await on(channels, "reply"))


async def test_a_graceful_stop_finishes_what_is_in_hand(channels: Channels, settings: Settings) -> None:
    gate = asyncio.Event()
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(6)))
    worker = Classify(settings, lambda message: _open(gate))
    async with running(worker, channels) as runtime:
        await until(lambda: worker.at_once == Classify.concurrency)
        runtime.stop()
        gate.set()
    assert len(worker.seen) == Classify.concurrency, "it took no more"
    assert len(await on(channels, "reply")) == Classify.concurrency
    assert len(await on(channels, "classify")) == 2


async def _open(gate: asyncio.Event) -> None:
    await gate.wait()


async def test_what_a_graceful_stop_cannot_finish_is_handed_back(channels: Channels, settings: Settings) -> None:
    await publish(channels, make.classify())
    stuck = Classify(settings, lambda message: _open(asyncio.Event()))
    async with running(stuck, channels, limits=RuntimeLimits(grace_s=0)) as runtime:
        await until(lambda: stuck.at_once == 1)
        runtime.stop()

    helper = Classify(settings)
    await work_off(helper, channels, "b")
    assert helper.seen == ["1-10-0"]
    assert not await channels.redis.exists(channels.keys.key("classify", "begun"))


async def test_a_sibling_takes_over_what_was_abandoned_and_the_former_owner_cannot_finish_it(
    channels: Channels, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    answers: list[str] = []

    async def act(message: ClassifyImage) -> Outputs:
        await gate.wait()
        with contextlib.suppress(LeaseLost):
            await confirm_lease()
            answers.append("stale")
        return SendReply(job=message.job, content=Words(text="stale"))

    slow, sibling = Classify(settings, act), Classify(settings)
    await publish(channels, make.classify())
    async with running(slow, channels, "slow"):
        await until(lambda: slow.at_once == 1)
        async with running(sibling, channels, "sibling", limits=RuntimeLimits(claim_idle_s=0.05)):
            await until(lambda: sibling.seen)
        gate.set()
        await until(lambda: slow.at_once == 0)
    assert answers == []
    assert [r.content.text for r in await on(channels, "reply")] == ["done"]  # type: ignore[union-attr]


async def test_redis_killed_and_started_again_loses_nothing_and_the_worker_carries_on(tmp_path: Path) -> None:
    with running_redis(str(BINARIES["redis-6.2"])) as server:
        settings = Settings(redis_url=server.url, data_dir=tmp_path)
        channels = Channels(settings)
        gate = asyncio.Event()
        worker = Classify(settings, lambda message: _open(gate))
        await publish(channels, *(make.classify(f"1-{i}-0") for i in range(6)))
        async with running(worker, channels):
            await until(lambda: worker.at_once == Classify.concurrency)
            server.kill()
            gate.set()
            await until(lambda: worker.at_once == 0)
            server.start()
            await until(lambda: len(set(worker.seen)) == 6)
            await until(lambda: _count(channels, "reply", 6))
        assert len(worker.seen) == 6, "nothing was done twice"
        await channels.close()


async def _count(channels: Channels, channel: str, number: int) -> bool:
    return len(await on(channels, channel)) == number


CRASHING = """
    import os, sys
    from common.runtime import process
    from common.messages import SendReply, Words
    from common.runtime.worker import Worker

    class Crashing(Worker):
        channel = "classify"
        concurrency = 4
        async def handle(self, message):
            with open(os.environ["SEEN"], "a") as seen:
                seen.write(message.job.id + "\\n")
            if "poison" in message.job.id:
                os.kill(os.getpid(), 9)
            return SendReply(job=message.job, content=Words(text="done"))

    process.run(Crashing)
"""


async def test_a_message_that_kills_its_worker_is_buried_after_its_third_death_alone(
    channels: Channels, settings: Settings, redis: RedisServer, tmp_path: Path
) -> None:
    await publish(channels, make.classify("1-0-0"), make.classify("1-poison-0"), make.classify("1-2-0"))
    seen = tmp_path / "seen"
    environ = {
        "REDIS_URL": redis.url,
        "NAMESPACE": settings.namespace,
        "DATA_DIR": str(settings.data_dir),
        "SEEN": str(seen),
        "PYTHONPATH": str(ROOT),
    }
    deaths = 0
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(CRASHING), env=environ, cwd=ROOT
        )
        await until(lambda: process.returncode is not None or _all_replied(channels))  # noqa: B023
        if process.returncode is None:
            process.terminate()
            assert await process.wait() == 0
            break
        assert process.returncode == -signal.SIGKILL
        deaths += 1

    assert deaths == 1 + 3, "once in company, thrice alone"
    assert seen.read_text().count("poison") == deaths
    replies = {r.job.id: r.content.text for r in await on(channels, "reply")}  # type: ignore[union-attr]
    assert replies == {"1-0-0": "done", "1-2-0": "done", "1-poison-0": say(words.APOLOGY)}


async def _all_replied(channels: Channels) -> bool:
    return len(await on(channels, "reply")) == 3


async def test_a_second_process_under_the_same_name_refuses_to_run(redis: RedisServer, settings: Settings) -> None:
    with identity.only_one(settings, "classify") as name:
        assert name.endswith("-classify")
        with pytest.raises(SystemExit) as refusal, identity.only_one(settings, "classify", wait_s=0):
            pass
        assert refusal.value.code == 1


async def test_a_quarantined_message_is_handled_alone_though_others_wait(
    channels: Channels, settings: Settings
) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(12)))
    await channels.scripts.run(channels.consumer("classify", "a").take(1))  # and dies
    company: dict[str, int] = {}

    async def act(message: ClassifyImage) -> None:
        await asyncio.sleep(0.02)
        company[message.job.id] = worker.at_once

    worker = Classify(settings, act)
    await work_off(worker, channels)
    assert company["1-0-0"] == 1
    assert max(company.values()) == Classify.concurrency
    assert len(worker.seen) == 12


async def test_with_full_hands_overdue_retries_keep_no_processor_busy(channels: Channels, settings: Settings) -> None:
    maker = channels.consumer("classify", "maker")
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(150)))
    for delivery in maker.taken(await channels.scripts.run(maker.take(150))).deliveries:
        await channels.scripts.run(maker.retry(delivery, 1, 1))
    worker = Classify(settings, lambda message: _open(asyncio.Event()))
    async with running(worker, channels, limits=RuntimeLimits(grace_s=0)) as runtime:
        await until(lambda: worker.at_once == Classify.concurrency)
        turns = 0
        turn = runtime._turn

        async def counted() -> None:
            nonlocal turns
            turns += 1
            await turn()

        runtime._turn = counted
        await asyncio.sleep(0.3)
        assert turns < 5


async def test_an_answer_that_is_not_a_message_is_a_failed_attempt_and_not_a_death(
    channels: Channels, settings: Settings
) -> None:
    odd = iter(["not a message", SendReply(job=make.job("1-0-0"), content=Words(text="\ud83d"))])
    await publish(channels, make.classify("1-0-0"), make.classify("1-1-0"))
    worker = Classify(settings, lambda message: next(odd, None) if message.job.id == "1-0-0" else None)
    await work_off(worker, channels, retries=SOON)
    assert sorted(worker.seen) == ["1-0-0", "1-0-0", "1-0-0", "1-1-0"]
    assert len(await on(channels, "reply")) == 2


async def test_while_redis_is_away_each_thing_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with running_redis(str(BINARIES["redis-6.2"])) as server:
        channels = Channels(Settings(redis_url=server.url, data_dir=tmp_path))
        gate = asyncio.Event()

        async def fail(message: ClassifyImage) -> None:
            await gate.wait()
            raise ValueError(message.job.id)

        worker = Classify(Settings(), fail)
        await publish(channels, *(make.classify(f"1-{i}-0") for i in range(4)))
        async with running(worker, channels, limits=RuntimeLimits(grace_s=0)):
            await until(lambda: worker.at_once == 4)
            server.kill()
            gate.set()
            await until(lambda: "Redis does not answer" in caplog.text)
            await asyncio.sleep(1)
            server.start()
            await until(lambda: "works again" in caplog.text)
        said = [record.getMessage() for record in caplog.records]
        assert sum("attempt 1 of" in line for line in said) == 4
        assert len(said) < 12, said
        await channels.close()


async def test_nobody_steals_from_a_living_sibling_when_redis_comes_back(
    tmp_path: Path,
) -> None:
    with running_redis(str(BINARIES["redis-6.2"])) as server:
        settings, limits = Settings(redis_url=server.url, data_dir=tmp_path), RedisLimits(longest_break_s=1.5)
        channels = [Channels(settings, limits) for _ in range(2)]
        gate = asyncio.Event()
        owner, sibling = Classify(Settings(), lambda message: _open(gate)), Classify(Settings())
        await publish(channels[0], make.classify())
        async with running(owner, channels[0], "owner"):
            await until(lambda: owner.at_once == 1)
            async with running(sibling, channels[1], "sibling", limits=RuntimeLimits(claim_idle_s=2)):
                server.kill()
                await asyncio.sleep(2.5)  # longer than what counts as idle
                server.start()
                await until(lambda: _is_up(channels[1]))
                await asyncio.sleep(1.5)
                assert not sibling.seen
                gate.set()
                await until(lambda: _count(channels[0], "reply", 1))
        for each in channels:
            await each.close()


async def _is_up(channels: Channels) -> bool:
    with contextlib.suppress(RedisError):
        return bool(await channels.redis.ping())
    return False


async def test_a_frozen_redis_does_not_keep_a_worker_from_stopping(
    tmp_path: Path,
) -> None:
    with running_redis(str(BINARIES["redis-6.2"])) as server:
        channels = Channels(Settings(redis_url=server.url, data_dir=tmp_path), RedisLimits(answer_s=0.3))
        worker = Classify(Settings(), lambda message: _open(asyncio.Event()))
        await publish(channels, make.classify())
        async with running(worker, channels, limits=RuntimeLimits(grace_s=0, give_up_s=0.5)) as runtime:
            await until(lambda: worker.at_once == 1)
            server.freeze()
            runtime.stop()
        await channels.close()


async def test_a_process_whose_steps_hang_one_after_the_other_ends(channels: Channels, settings: Settings) -> None:
    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(4)))
    worker = Classify(settings, lambda message: _open(asyncio.Event()))
    worker.handler_limit_s = 0.01
    with pytest.raises(Hung, match=r"[34] messages in a row took longer than 0.01 s"):
        await work_off(worker, channels)


async def test_a_handlers_own_time_out_keeps_its_traceback(channels: Channels, settings: Settings) -> None:

    def act(message: ClassifyImage) -> None:
        raise TimeoutError("of its own")

    await publish(channels, make.classify())
    await work_off(Classify(settings, act), channels, retries=Retries(attempts=1))
    (dead,) = await entries(channels.redis, channels.keys.key("dead"))
    assert dead[b"error"] == b"TimeoutError: of its own"
    assert b"in act" in dead[b"traceback"]


async def test_a_batch_without_results_is_a_failed_attempt(channels: Channels, settings: Settings) -> None:

    class Forgetful(Batch):
        async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Any:
            return None

    await publish(channels, make.classify())
    await work_off(Forgetful(settings), channels, retries=Retries(attempts=1))
    (dead,) = await entries(channels.redis, channels.keys.key("dead"))
    assert dead[b"error"].startswith(b"TypeError")


async def test_of_a_batch_that_fails_as_a_whole_the_log_has_one_traceback(
    channels: Channels, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:

    class Broken(Batch):
        async def handle_batch(self, messages: Sequence[ClassifyImage]) -> Any:
            raise OSError("the disk")

    await publish(channels, *(make.classify(f"1-{number}-0") for number in range(4)))
    await work_off(Broken(settings), channels, retries=Retries(attempts=1))

    buried = [record for record in caplog.records if "is buried" in record.message]
    assert [bool(record.exc_info) for record in buried] == [True, False, False, False]
    dead = await entries(channels.redis, channels.keys.key("dead"))
    assert all(b"the disk" in each[b"traceback"] for each in dead)
    assert len(dead) == 4


async def test_a_body_that_breaks_the_decoder_is_buried_too(channels: Channels, settings: Settings) -> None:
    await channels.redis.xadd(channels.keys.key("classify"), {"body": b'{"type":"ClassifyImage","key":"\xff"}'})
    await work_off(Classify(settings), channels)
    assert len(await entries(channels.redis, channels.keys.key("dead"))) == 1


async def test_a_handler_that_is_cancelled_from_inside_fails_and_does_not_spin(
    channels: Channels, settings: Settings
) -> None:

    def act(message: ClassifyImage) -> None:
        raise asyncio.CancelledError

    await publish(channels, make.classify())
    worker = Classify(settings, act)
    await work_off(worker, channels, retries=SOON)
    assert len(worker.seen) == Retries().attempts


async def test_what_was_done_is_settled_before_a_hung_process_ends(channels: Channels, settings: Settings) -> None:
    slow = asyncio.Event()

    async def act(message: ClassifyImage) -> None:
        await (asyncio.sleep(0.2) if message.job.id == "1-0-0" else slow.wait())

    await publish(channels, *(make.classify(f"1-{i}-0") for i in range(5)))
    worker = Classify(settings, act)
    worker.handler_limit_s, worker.concurrency = 0.3, 5
    with pytest.raises(Hung):
        await work_off(worker, channels)
    assert [reply.job.id for reply in await on(channels, "reply")] == ["1-0-0"]
    assert await channels.redis.zcard(channels.keys.key("classify", "delayed")) == 4, "their attempts are counted"


@pytest.mark.parametrize(
    ("fields", "buried"),
    [({"attempts": "many"}, 1), ({"since": "ever"}, 1), ({"job": b"\xff"}, 0), ({"job": "1-9-0"}, 0)],
    ids=["attempts", "since", "a job that is not one", "a job that has ended"],
)
async def test_an_entry_that_makes_no_sense_is_buried_or_dropped_and_stops_nobody(
    channels: Channels, settings: Settings, fields: dict[str, Any], buried: int
) -> None:
    await channels.redis.xadd(channels.keys.key("classify"), {"body": b"x"} | fields)
    await publish(channels, make.classify())
    worker = Classify(settings)
    await work_off(worker, channels)
    assert worker.seen == ["1-10-0"]
    assert len(await entries(channels.redis, channels.keys.key("dead"))) == buried
    assert not await channels.redis.xlen(channels.keys.key("classify"))


async def test_a_stopping_worker_begins_nothing_that_its_end_would_cut_short(
    channels: Channels, settings: Settings
) -> None:
    gate, sent = asyncio.Event(), []

    async def send(message: ClassifyImage) -> None:
        await gate.wait()
        await confirm_lease()
        sent.append(message.job.id)

    worker = Classify(settings, send)
    await publish(channels, make.classify())
    async with running(
        worker, channels, limits=RuntimeLimits(grace_s=RuntimeLimits.last_start_before_end_s)
    ) as runtime:
        await until(lambda: worker.at_once == 1)
        runtime.stop()
        await asyncio.sleep(0)
        gate.set()
    assert not sent
    assert await channels.redis.xlen(channels.keys.key("classify")) == 1, "handed back"
