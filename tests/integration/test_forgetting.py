"""A chat is forgotten: nothing of it is left in Redis but what is under way, and nothing of other chats is touched."""

from __future__ import annotations

from typing import Any

import pytest

from common.channels.channels import Channels, Once
from common.channels.chats import CHATS, Preferences
from common.messages import AcceptUpdate, ClassifyImage, Message
from common.runtime.loop import Runtime
from common.runtime.retries import Retries
from common.runtime.worker import Outputs, Worker
from common.settings import Settings
from common.telegram.jobs import job_of
from tests.support import make

HERE, ELSEWHERE = -1001234567890, -1001234567891
ALIKE = -100123456789
"""A chat whose id is the beginning of the other's."""
PERSON = 7


class Failing(Worker[Any]):
    def __init__(self, settings: Settings, channel: str) -> None:
        super().__init__(settings)
        self.channel = channel  # type: ignore[misc]

    async def handle(self, message: Message) -> Outputs:
        raise ValueError("bad")


class Ending(Worker[Any]):
    channel = "reply"

    async def handle(self, message: Message) -> Outputs:
        return None


async def bury(channels: Channels, settings: Settings, *messages: Message) -> None:
    """Make dead letters of messages, and end their apologies."""
    once = [Once("test", message.job.id, 60_000) for message in messages]
    await channels.publish(list(zip(messages, once, strict=True)))
    for channel in ("receive", "classify"):
        await Runtime(Failing(settings, channel), channels, channel, retries=Retries(attempts=1), burst=True).run()
    await Runtime(Ending(settings), channels, "reply", burst=True).run()


def classify(number: int, chat_id: int, **fields: Any) -> Message:
    job = make.job(f"1-{number}-0", chat_id=chat_id, **fields)
    return ClassifyImage(job=job, key=f"1-{number}-0.0.input")


def accept(number: int, kind: str, **content: Any) -> Message:
    raw = {"update_id": number, kind: content}
    return AcceptUpdate(job=job_of(raw, "1", 0.0), update=raw)


async def fill(channels: Channels, chat: int) -> None:
    """Make all that is kept of a chat, but for dead letters."""
    await channels.chats.prefer(str(chat), "short", "1", f"press {chat}")
    await channels.chats.may_tell(str(chat), "what", "1-1", 60_000)
    await channels.albums.join(make.update(f"1-{chat}"), chat, "A", 5, [make.classify()], addressed=False)
    await channels.redis.zadd(channels.keys.told, {str(chat): 1, f"{chat} {PERSON}": 1})


async def keys_of(channels: Channels, chat: int) -> set[str]:
    """What Redis has that names a chat, keys and members."""
    prefix = channels.keys.key("")
    found: Any = await channels.redis.keys(f"{prefix}*")
    told: Any = await channels.redis.zrange(channels.keys.told, 0, -1)
    names = [key.decode().removeprefix(prefix) for key in found]
    members = [member.decode() for member in told]
    return {name for name in names if str(chat) in name.split(":")} | {
        f"told {member}" for member in members if str(chat) in member.split()
    }


async def letters(channels: Channels) -> set[str]:
    return {letter.job for letter in await channels.dead_letters.all()}


async def test_nothing_of_the_chat_is_left_and_all_of_others_stays(channels: Channels) -> None:
    for chat in (HERE, ELSEWHERE, ALIKE):
        await fill(channels, chat)
    kept = await keys_of(channels, ELSEWHERE)
    assert kept == {
        *(f"chat:{ELSEWHERE}", f"hints:{ELSEWHERE}", f"albums:{ELSEWHERE}", f"album:{ELSEWHERE}:A"),
        *(f"told {ELSEWHERE}", f"told {ELSEWHERE} {PERSON}"),
    }
    assert await channels.chats.forget(str(HERE))
    assert await keys_of(channels, HERE) == set()
    assert await keys_of(channels, ELSEWHERE) == kept
    assert len(await keys_of(channels, ALIKE)) == len(kept)


async def test_dead_letters_of_the_chat_go_whatever_they_say_of_it(channels: Channels, settings: Settings) -> None:
    here, elsewhere = {"id": HERE, "type": "supergroup"}, {"id": ELSEWHERE, "type": "supergroup"}
    await bury(
        channels,
        settings,
        *(classify(1, HERE), classify(2, ELSEWHERE), classify(3, HERE, guest_query="g", user_id=PERSON)),
        accept(11, "message", chat=here),
        accept(12, "message", chat=elsewhere, text=str(HERE)),
        accept(13, "callback_query", id="q", message={"chat": here}),
        accept(14, "my_chat_member", chat=here),
        accept(15, "guest_message", chat=here, **{"from": {"id": PERSON}}),
        accept(16, "message", chat="nobody knows"),
    )
    assert len(await letters(channels)) == 9
    await channels.chats.forget(str(HERE))
    assert await letters(channels) == {"1-2-0", "1-3-0", "1-12", "1-15", "1-16"}
    await channels.chats.forget(str(PERSON))
    assert await letters(channels) == {"1-2-0", "1-12", "1-16"}, "what a person asked as a guest is theirs"


async def test_many_dead_letters_are_all_looked_at(channels: Channels) -> None:
    for number in range(250):
        fields = {"job": f"1-{number}-0", "chat": str(HERE if number % 2 else ELSEWHERE), "body": "not even JSON"}
        await channels.redis.xadd(channels.keys.dead, fields)  # type: ignore[arg-type]
    await channels.chats.forget(str(HERE))
    assert {letter.chat for letter in await channels.dead_letters.all()} == {str(ELSEWHERE)}
    assert await channels.dead_letters.count() == 125


async def test_what_is_under_way_goes_on_and_who_is_blocked_stays_blocked(channels: Channels) -> None:
    await channels.publish([(classify(1, HERE), Once("test", "1", 60_000))])
    await channels.chats.block(str(HERE), blocks=True)
    await channels.chats.forget(str(HERE))
    assert await channels.ledger.where("1-1-0") == "classify"
    assert (await channels.chats.recall(str(HERE), None)).is_blocked


async def test_a_private_chat_is_forgotten_with_what_its_person_asked_as_a_guest(channels: Channels) -> None:
    for name in (str(PERSON), f"g{PERSON}", f"g{PERSON}1"):
        await channels.chats.may_tell(name, "what", "1-1", 60_000)
    await channels.chats.forget(str(PERSON))
    assert await channels.chats.may_tell(f"g{PERSON}", "what", "1-2", 60_000)
    assert not await channels.chats.may_tell(f"g{PERSON}1", "what", "1-2", 60_000)


async def test_a_press_forgets_once(channels: Channels) -> None:
    assert await channels.chats.forget(str(HERE), "press")
    await channels.chats.prefer(str(HERE), "short", "1", "another press")
    assert not await channels.chats.forget(str(HERE), "press")
    assert (await channels.chats.recall(str(HERE), None)).preferences == Preferences(short=True)


async def test_a_chat_can_be_forgotten_when_redis_s_memory_is_full(channels: Channels) -> None:
    await fill(channels, HERE)
    await channels.redis.config_set("maxmemory", 1)
    try:
        assert await channels.chats.forget(str(HERE), "press")
    finally:
        await channels.redis.config_set("maxmemory", 0)
    assert await keys_of(channels, HERE) == set()


async def test_preferences_live_180_days_from_their_last_use(channels: Channels) -> None:
    assert CHATS.preferences_ms == 180 * 24 * 3600 * 1000
    await channels.chats.prefer(str(HERE), "short", "1", "press")
    key = channels.keys.preferences(str(HERE))
    await channels.redis.pexpire(key, 5_000)
    await channels.chats.recall(str(HERE), None)
    assert CHATS.preferences_ms - 5_000 < await channels.redis.pttl(key) <= CHATS.preferences_ms


async def test_something_is_said_once_in_a_while_and_again_for_the_same_update(channels: Channels) -> None:
    chats = channels.chats
    assert await chats.may_tell("7", "what", "1-1", 60_000)
    assert await chats.may_tell("7", "what", "1-1", 60_000), "the same update is read again"
    assert not await chats.may_tell("7", "what", "1-2", 60_000)
    assert await chats.may_tell("7", "other", "1-2", 1), "another thing is said by itself"
    assert await chats.may_tell("8", "what", "1-2", 60_000)
    assert 1 < await channels.redis.pttl(channels.keys.hints("7")) <= 60_000, "the longest of them"


async def test_after_a_while_it_is_said_again(channels: Channels) -> None:
    assert await channels.chats.may_tell("7", "what", "1-1", 60_000)
    await channels.redis.hset(channels.keys.hints("7"), "what", "1 1-1")  # until a millisecond after 1970 began
    assert await channels.chats.may_tell("7", "what", "1-2", 60_000)
    assert not await channels.chats.may_tell("7", "what", "1-1", 60_000)


async def test_what_was_said_is_kept_for_an_hour_at_most_as_privacy_promises(channels: Channels) -> None:
    with pytest.raises(ValueError, match="3600000 ms at most, not for 3600001"):
        await channels.chats.may_tell("7", "what", "1-1", CHATS.hint_ms + 1)
