"""The channels against a plain model of them: after any steps in any order, both have the same state.

Hypothesis makes up what happens: updates come, workers take, finish, put off, bury and die, replies of Redis get lost,
commands are run twice or late, siblings take over, and people delete things by hand. Each script runs on a real server
and, as a few lines of Python, in the model; then all that Redis holds is compared with the model. In the end everything
is served: each job that began has ended once, and left nothing.

    HYPOTHESIS_PROFILE=thorough pytest tests/integration/test_channels_model.py        # some minutes
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import operator
import os
import re
import sys
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from redis.exceptions import RedisError

from common.channels.channels import Channels, Once
from common.channels.consumer import Consumer, Delivery, JobLimits
from common.channels.keys import GROUP
from common.channels.scripts import Call
from common.messages import (
    AcceptUpdate,
    AnyMessage,
    FetchUrl,
    Job,
    Message,
    SendReply,
    ShowTyping,
    Words,
    decode,
    encode,
)
from common.runtime import apologies, restarts
from common.settings import Settings
from tests.support import make
from tests.support.redis_servers import RedisServer

THOROUGH: Final = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
EFFORT: Final = hypothesis_settings(
    max_examples=5000 if THOROUGH else 100,
    stateful_step_count=50 if THOROUGH else 30,
    derandomize=not THOROUGH,  # so that a run of the whole suite finds what the last one found
    print_blob=True,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
pytestmark = pytest.mark.timeout(3600 if THOROUGH else 600)  # some seconds; but it takes time to make a failure small

CHANNELS: Final = ("receive", "fetch_url", "reply")
# Most from one chat, so that its jobs wait; one whose id begins alike; and updates that do not say whose they are.
CHATS: Final = (7, 7, 7, 77, None)
ALBUM_MS: Final = (3_600_000, 100, 3_600_000)
"""How long a turn at an album's message lasts, when to ask again, and how long the album is kept."""
AT_ONCE: Final = 4  # SLOTS_OF_A_CHAT in common/channels/lua/fair_queueing.lua
MOST_OF_A_CHAT, MOST, MOST_OF_A_USER = 6, 9, 3
USER_OF: Final[dict[int | None, int]] = {77: 1}  # the others come from nobody that Telegram names
MINUTE: Final = 1000  # when it all begins: half of what was begun in the last minute still counts
MOST_UPDATES: Final = 10
MOST_MINUTES: Final = 4
IDLE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
SINCE_MS: Final = 12_345

# What happens to a script's reply. A repeated script ran before, and nobody saw its result.
Reply: TypeAlias = Literal["seen", "lost", "repeated"]
REPLIES: Final[Sequence[Reply]] = ("seen", "seen", "repeated", "lost")
# Which messages of its siblings a worker takes over.
Claims: TypeAlias = Literal["none", "idle", "all"]


# The model. A job's place, and all else that a script may look for, is the object itself. Its id it gets from Redis,
# when the two are compared.


@dataclasses.dataclass(eq=False)
class Entry:
    """A message in a stream, or one that was deleted from it and is still pending."""

    channel: str
    job: str
    body: bytes
    attempts: int = 0
    since_ms: int = 0
    id: str = ""
    is_there: bool = True
    is_new: bool = True
    holder: str = ""
    lies_idle: bool = False


@dataclasses.dataclass(eq=False)
class Parked:
    """A message that waits for its retry."""

    id: str
    channel: str
    job: str
    body: bytes
    attempts: int
    since_ms: int
    deaths: str


@dataclasses.dataclass(eq=False)
class Waiting:
    """A job that waits for a slot of its chat."""

    chat: str
    channel: str
    job: str
    member: str = ""


@dataclasses.dataclass(eq=False)
class Dead:
    """A dead letter."""

    channel: str
    job: str
    chat: str
    body: bytes
    origin: bytes
    id: str = ""


@dataclasses.dataclass(frozen=True)
class Output:
    """One of the messages that a hand-off publishes, and what is said instead if it is too much or comes too fast."""

    message: Message
    busy: bytes
    too_fast: bytes

    @property
    def job(self) -> str:
        return self.message.job.id if self.message.carries_job else ""


# A message as a worker gets it: with the deaths that it has caused, None if nobody began it before.
Given: TypeAlias = tuple[Entry, int | None]


def busy(job: Job) -> SendReply:
    return apologies.busy(job, 0)


def too_fast(job: Job) -> SendReply:
    return apologies.too_fast(job, MOST_OF_A_USER)


def chat_of(message: Message) -> str:
    return "" if message.job.chat_id is None else str(message.job.chat_id)


def another_run(first: AnyMessage, restarts: int) -> AnyMessage:
    job = msgspec.structs.replace(first.job, run=first.job.run + 1, restarts=restarts)
    return msgspec.structs.replace(first, job=job)


class Model:
    """What the scripts say and do, without Redis."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Entry]] = {channel: [] for channel in CHANNELS}
        self.groups: set[str] = set()
        self.begun: dict[str, dict[Entry, tuple[int, str]]] = {channel: {} for channel in CHANNELS}
        self.delayed: dict[str, dict[Parked, int]] = {channel: {} for channel in CHANNELS}  # when it became due, or 0
        self.parked: dict[str, list[Parked]] = {channel: [] for channel in CHANNELS}
        self.origins: dict[str, bytes] = {}
        self.at: dict[str, Entry | Parked | Waiting] = {}
        self.chats: dict[str, str] = {}
        self.turns: set[tuple[str, str]] = set()
        self.waiting: dict[str, list[Waiting]] = defaultdict(list)
        self.ends_noted = 0
        self.told: set[str] = set()
        self.users: dict[int, Counter[str]] = defaultdict(Counter)  # of each minute
        self.published: set[str] = set()
        self.dropped: dict[str, int] = {}
        self.dead: list[Dead] = []
        self.counts: Counter[str] = Counter()
        # Not in Redis: how often each job began and ended, and which took a slot without asking.
        self.began: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.started_again: set[str] = set()

    def live(self) -> set[str]:
        return {*self.at, *self.origins, *self.chats}

    def owned(self, channel: str, name: str, id_: str) -> Entry | None:
        for entry in self.streams[channel]:
            if entry.id == id_ and entry.is_there and entry.holder == name and self.counts_for_its_job(entry):
                return entry
        return None

    def counts_for_its_job(self, place: Entry | Parked) -> bool:
        """A job counts in one message. Where that is not known, in any; when the job has ended, not in one."""
        job = place.job
        return not job or (self.at[job] is place if job in self.at else job in self.live())

    def holds(self, place: Entry | Parked | Waiting | None) -> bool:
        match place:
            case Waiting():
                return place in self.waiting[place.chat]
            case Parked():
                return place in self.delayed[place.channel]
            case Entry():
                return place in self.streams[place.channel] and place.is_there and bool(place.is_new or place.holder)
        return False

    def lost(self, of: Iterable[str]) -> list[str]:
        live = self.live()
        return [job for job in of if job in live and not self.holds(self.at.get(job))]

    def is_empty(self) -> bool:
        come = [entry for stream in self.streams.values() for entry in stream if entry.is_new or entry.holder]
        return not self.live() and not come and not any(self.delayed.values())

    # What several scripts do

    def add(self, channel: str, job: str, body: bytes, attempts: int = 0, since_ms: int = 0) -> Entry:
        entry = Entry(channel, job, body, attempts, since_ms)
        self.streams[channel].append(entry)
        if job:
            self.at[job] = entry
        return entry

    def add_again(self, message: Parked) -> None:
        entry = self.add(message.channel, message.job, message.body, message.attempts, message.since_ms)
        if message.deaths:
            self.begun[message.channel][entry] = int(message.deaths), "put back"

    def remove(self, entry: Entry) -> None:
        self.streams[entry.channel].remove(entry)
        self.begun[entry.channel].pop(entry, None)

    def has_free_turn(self, chat: str) -> bool:
        return sum(of == chat for of, _ in self.turns) < AT_ONCE

    def begin(self, channel: str, job: str, chat: str, body: bytes) -> None:
        self.began[job] += 1
        self.origins[job] = body
        self.chats[job] = chat
        if self.has_free_turn(chat):
            self.turns.add((chat, job))
            self.add(channel, job, body)
        else:
            self.at[job] = waiting = Waiting(chat, channel, job)
            self.waiting[chat].append(waiting)

    def release(self, chat: str) -> None:
        while self.waiting[chat] and self.has_free_turn(chat):
            next_ = self.waiting[chat].pop(0)
            if next_.job in self.origins and self.at.get(next_.job, next_) is next_:
                self.turns.add((chat, next_.job))
                self.add(next_.channel, next_.job, self.origins[next_.job])

    def end(self, job: str) -> None:
        self.ended[job] += 1
        self.origins.pop(job, None)
        self.at.pop(job, None)
        self.give_up_slot(job, self.chats.pop(job, None))

    def give_up_slot(self, job: str, chat: str | None) -> None:
        if chat is not None and (chat, job) in self.turns:
            self.turns.remove((chat, job))
            self.ends_noted = self.ends_noted + 1 if self.turns or any(self.waiting.values()) else 0
            self.release(chat)

    # The scripts

    def publish(self, message: Message) -> int:
        job = message.job.id
        if job in self.published:
            return 0
        self.published.add(job)
        self.began[job] += 1
        self.add(message.channel, job, encode(message))
        self.origins[job] = encode(message)
        if chat_of(message):
            self.chats[job] = chat_of(message)
        return 1

    def take(
        self, channel: str, name: str, process: str, room: int, in_hand: Sequence[str], claims: Claims
    ) -> list[Given]:
        stream, taken = self.streams[channel], list[Given]()
        own = [entry for entry in stream if entry.holder == name][: room + len(in_hand)]
        self.groups.add(channel)
        self._promote(channel)
        for entry in own:
            if len(taken) < room and entry.id not in in_hand:
                self._claim(entry, name, process, taken)
        for entry in [entry for entry in stream if entry.holder not in {"", name}]:
            if len(taken) < room and (claims == "all" or (claims == "idle" and entry.lies_idle)):
                self._claim(entry, name, process, taken)
        for entry in [entry for entry in stream if entry.is_new][: room - len(taken)]:
            entry.is_new = False
            entry.holder = name
            self._give(entry, process, taken)
        return taken

    def _promote(self, channel: str) -> None:
        delayed = self.delayed[channel]
        for parked in sorted((parked for parked in delayed if delayed[parked]), key=delayed.__getitem__):
            del delayed[parked]
            if parked in self.parked[channel]:
                self.parked[channel].remove(parked)
                if self.counts_for_its_job(parked):
                    self.add_again(parked)

    def _claim(self, entry: Entry, name: str, process: str, taken: list[Given]) -> None:
        if not entry.is_there:
            self.remove(entry)
            return
        entry.holder = name
        entry.lies_idle = False
        self._give(entry, process, taken)

    def _give(self, entry: Entry, process: str, taken: list[Given]) -> None:
        if not self.counts_for_its_job(entry):
            self.remove(entry)
            return
        deaths, by = self.begun[entry.channel].setdefault(entry, (0, process))
        taken.append((entry, None if by == process else deaths))

    def hand_off(self, channel: str, name: str, delivery: Delivery, outputs: Sequence[Output], minute: int) -> int:
        entry = self.owned(channel, name, delivery.id)
        if not entry:
            self._acknowledge_deleted(channel, name, delivery.id)
            return 0
        self.remove(entry)
        for output in outputs:
            if output.job in {"", entry.job}:
                self.add(output.message.channel, output.job, encode(output.message))
            elif output.job not in self.origins:
                self._begin_unless_too_much(channel, entry.job, output, minute)
        if entry.job and entry.job not in {output.job for output in outputs}:
            self.end(entry.job)
        self.counts[f"{channel} handled"] += 1
        return 1

    def _acknowledge_deleted(self, channel: str, name: str, id_: str) -> None:
        """A message that somebody deleted while this consumer had it: it would stay pending for ever."""
        for entry in [entry for entry in self.streams[channel] if entry.id == id_ and not entry.is_there]:
            if entry.holder == name and self.counts_for_its_job(entry):
                self.remove(entry)

    def _begin_unless_too_much(self, channel: str, of: str, output: Output, minute: int) -> None:
        chat, user = chat_of(output.message), str(output.message.job.user_id or "")
        of_user = self.users[minute][user] + self.users[minute - 1][user] / 2
        of_chat = sum(each == chat for each, _ in self.turns) + len(self.waiting[chat])
        if user and of_user >= MOST_OF_A_USER:
            self._decline(channel, output.job, f"{chat} {user}", output.too_fast)
        elif of_chat >= MOST_OF_A_CHAT or len(self.origins) - bool(of) >= MOST:
            self._decline(channel, output.job, chat, output.busy)
        else:
            self.users[minute].update([user] if user else [])
            self.begin(output.message.channel, output.job, chat, encode(output.message))

    def _decline(self, channel: str, job: str, whom: str, notice: bytes) -> None:
        self.counts[f"{channel} declined"] += 1
        if whom not in self.told:
            self.told.add(whom)
            self.began[job] += 1
            self.origins[job] = notice
            self.add("reply", job, notice)

    def postpone(self, name: str, id_: str, delay_ms: int, count: str, again: Parked) -> int:
        entry = self.owned(again.channel, name, id_)
        if not entry:
            return 0
        self.remove(entry)
        self.counts[f"{again.channel} {count}"] += 1
        if not delay_ms:
            self.add_again(again)
            return 1
        self.delayed[again.channel][again] = 0
        self.parked[again.channel].append(again)
        if again.job:
            self.at[again.job] = again
        return 1

    def bury(self, channel: str, name: str, id_: str, apology: SendReply | None) -> int:
        entry = self.owned(channel, name, id_)
        if not entry:
            return 0
        self.remove(entry)
        origin, chat = self.origins.get(entry.job, b""), self.chats.get(entry.job, "")
        self.dead.append(Dead(channel, entry.job, chat, entry.body, origin))
        self.counts[f"{channel} buried"] += 1
        if apology:
            self.add("reply", entry.job, encode(apology))
        elif entry.job:
            self.end(entry.job)
        return 1

    def begin_alone(self, channel: str, name: str, process: str, id_: str, deaths: int) -> int:
        entry = self.owned(channel, name, id_)
        if not entry:
            return 0
        entry.lies_idle = False
        self.begun[channel][entry] = deaths, process
        return 1

    def refresh(self, channel: str, name: str, ids: Iterable[str]) -> list[str]:
        mine = [entry for id_ in ids if (entry := self.owned(channel, name, id_))]
        for entry in mine:
            entry.lies_idle = False
        return [entry.id for entry in mine]

    def restart(self, job: str, message: Message | None, origin: bytes, held: tuple[str, str, str] | None) -> int:
        place = self.at.get(job)
        if held:
            entry = self.owned(*held)
            if not entry:
                return 0
            self.remove(entry)
        elif not self.lost([job]):
            return 0
        else:
            self._clear_away(place)
        self.counts[f"{message.channel if message else 'reply'} restarted"] += 1
        if not message:
            self.end(job)
            return 1
        if origin:
            self.origins[job] = origin
        if job in self.chats:
            self.turns.add((self.chats[job], job))
            self.started_again.add(job)
        self.add(message.channel, job, encode(message))
        return 1

    def _clear_away(self, place: Entry | Parked | Waiting | None) -> None:
        """What is left of a message that never comes again."""
        if isinstance(place, Entry):
            self.begun[place.channel].pop(place, None)
            if place in self.streams[place.channel] and place.is_there:
                self.streams[place.channel].remove(place)
        elif isinstance(place, Parked) and place in self.parked[place.channel]:
            self.parked[place.channel].remove(place)

    def revive(self, letters: Sequence[Dead], first: Message | None) -> int:
        letter = letters[0]
        job, chat = letter.job, letter.chat
        channel, body = (first.channel, encode(first)) if first else (letter.channel, letter.body)
        if letter not in self.dead:
            return int(bool(job) and self.origins.get(job) == body)
        if job and job in self.live():
            return -1
        self.dead = [each for each in self.dead if each not in letters]
        if job and chat:
            self.begin(channel, job, chat, body)
            return 1
        if job:
            self.began[job] += 1
            self.origins[job] = body
        self.add(channel, job, body)
        return 1

    def drop_waiting(self, chat: str, person: int | None, update: str) -> int:
        if update not in self.dropped:
            self.dropped[update] = 0
            turns = [job for of, job in sorted(self.turns) if of == chat]
            for each in list(self.waiting[chat]):
                if self.at.get(each.job) is each and self._looks_at_a_picture_of(person, each.job):
                    self.waiting[chat].remove(each)
                    self._drop(update, each.job)
            for job in [of for of in turns if self._looks_at_a_picture_of(person, of)]:
                if self._take_out(self.at.get(job)):
                    self._drop(update, job)
        return self.dropped[update]

    def _drop(self, update: str, job: str) -> None:
        self.dropped[update] += 1
        self.end(job)

    def _looks_at_a_picture_of(self, person: int | None, job: str) -> bool:
        first = decode(self.origins[job]) if job in self.origins else None
        return isinstance(first, FetchUrl) and (person is None or person == first.job.user_id)

    def _take_out(self, place: Entry | Parked | Waiting | None) -> bool:
        """Take a job's message from where no worker has it. An answer on its way out stays."""
        if isinstance(place, Parked):
            self._clear_away(place)
            return self.delayed[place.channel].pop(place, None) is not None
        if not isinstance(place, Entry) or place.channel == "reply" or place.holder:
            return False
        was_there = place in self.streams[place.channel] and place.is_there
        self._clear_away(place)
        return was_there

    def free_slots(self) -> int:
        freed = 0
        for chats in ({chat for chat, _ in self.turns}, {chat for chat, of in self.waiting.items() if of}):
            for chat in sorted(chats):
                ended = {(of, job) for of, job in self.turns if of == chat and job not in self.live()}
                self.turns -= ended
                freed += len(ended)
                self.release(chat)
        return freed

    def drop_strays(self) -> None:
        for channel in CHANNELS:
            for entry in list(self.begun[channel]):
                if not entry.is_there:
                    del self.begun[channel][entry]
                elif not (entry.job and self.counts_for_its_job(entry)) and not self.holds(entry):
                    self.remove(entry)
            self.parked[channel] = [parked for parked in self.parked[channel] if parked in self.delayed[channel]]

    # What people do by hand

    def kept(self) -> dict[str, Any]:
        """What can be deleted, by its key."""
        kept: dict[str, Any] = {"jobs": self.origins, "jobs:at": self.at, "jobs:chat": self.chats, "turns": self.turns}
        kept["waiting"] = [each for waiting in self.waiting.values() for each in waiting]
        for channel in CHANNELS:
            kept[channel] = [entry for entry in self.streams[channel] if entry.is_there]
            kept[f"{channel}:begun"] = self.begun[channel]
            kept[f"{channel}:delayed"] = self.delayed[channel]
            kept[f"{channel}:parked"] = self.parked[channel]
        return kept

    def delete(self, key: str) -> None:
        if key in CHANNELS:
            for entry in self.streams[key]:
                entry.is_there = False
            self.streams[key].clear()
            self.groups.discard(key)
        elif key == "waiting":
            self.waiting.clear()
        else:
            self.kept()[key].clear()

    def delete_body(self, entry: Entry) -> None:
        entry.is_there = False
        if not entry.holder:
            self.streams[entry.channel].remove(entry)

    def let_go(self, entry: Entry) -> None:
        """What was acknowledged, or its consumer deleted, is pending no more."""
        entry.holder = ""
        if not entry.is_there and entry in self.streams[entry.channel]:
            self.streams[entry.channel].remove(entry)

    # The first message of a job that starts again

    def restarts_with(self, job: str, held: bytes) -> tuple[Message | None, bytes]:
        """The message that a job starts again with, if any can, and what it starts from the next time."""
        if job in self.origins:
            first = decode(self.origins[job])
            if first.job.restarts:
                return apologies.apology(first.job), b""
            again = another_run(first, restarts=1)
            return again, encode(again)
        if held:
            return apologies.apology(decode(held).job), b""
        if self.chats.get(job):
            return apologies.apology(make.job(job, chat_id=int(self.chats[job]), message_id=None)), b""
        return None, b""


# What Redis holds, and what it should hold: both as plain values under the same names.

Picture: TypeAlias = dict[str, Any]

# KEYS  4 of each channel, and then the others. All in one command, since it runs after each step.
LOOK: Final = """
local seen = {}
local function read(...)
  seen[#seen + 1] = redis.call(...)
end
local channels = tonumber(ARGV[1])
for i = 1, 4 * channels, 4 do
  read('XRANGE', KEYS[i], '-', '+')
  local pending = redis.pcall('XPENDING', KEYS[i], 'workers', '-', '+', 1000)
  seen[#seen + 1] = pending.err and {} or pending
  read('HGETALL', KEYS[i + 1])
  read('ZRANGE', KEYS[i + 2], 0, -1)
  local parked = redis.call('HGETALL', KEYS[i + 3])
  for j = 2, #parked, 2 do
    parked[j] = cmsgpack.unpack(parked[j])
  end
  seen[#seen + 1] = parked
end
for i, command in ipairs({'HGETALL', 'HGETALL', 'HGETALL', 'HGETALL', 'HKEYS'}) do
  read(command, KEYS[4 * channels + i])
end
read('ZRANGE', KEYS[4 * channels + 6], 0, -1)
read('ZRANGE', KEYS[4 * channels + 7], 0, -1)
read('ZRANGEBYSCORE', KEYS[4 * channels + 8], 1, '+inf') -- 0: see a_minute_passes
read('XRANGE', KEYS[4 * channels + 9], '-', '+')
for i = 4 * channels + 10, #KEYS do
  read('HGETALL', KEYS[i])
end
return cmsgpack.pack(seen)
"""


async def look(channels: Channels, minutes: Sequence[int]) -> Picture:
    """All that Redis holds."""
    parts = [channel + part for channel in CHANNELS for part in ("", ":begun", ":delayed", ":parked")]
    parts += [
        "jobs",
        "jobs:at",
        "jobs:chat",
        "counts",
        "pace",
        "turns",
        "waiting",
        "told",
        "dead",
        *(f"users:{minute}" for minute in minutes),
    ]
    keys = [channels.keys.key(part) for part in parts]
    packed: Any = await channels.redis.eval(LOOK, len(keys), *keys, len(CHANNELS))
    found = iter(msgspec.msgpack.decode(packed))
    seen: Picture = {}
    for channel in CHANNELS:
        fields = [(id_, by_name(row)) for id_, row in next(found)]
        seen[channel] = [(id_, f["job"], plain(f["body"]), int(f["attempts"]), int(f["since"])) for id_, f in fields]
        seen[f"{channel} pending"] = [(id_, holder) for id_, holder, *_ in next(found)]
        seen[f"{channel} begun"] = by_name(next(found))
        seen[f"{channel} delayed"] = set(next(found))
        seen[f"{channel} parked"] = {
            id_: (job, plain(body), int(attempts), int(since), deaths)
            for id_, (job, body, attempts, since, deaths) in by_name(next(found)).items()
        }
    seen["jobs"] = {job: plain(body) for job, body in by_name(next(found)).items()}
    for name in ("at", "chats", "counts"):
        seen[name] = by_name(next(found))
    seen["pace"] = set(next(found))
    for name in ("turns", "waiting"):
        seen[name] = next(found)
    seen["told"] = set(next(found))
    dead = [(id_, by_name(row)) for id_, row in next(found)]
    seen["dead"] = [(id_, f["channel"], f["job"], f["chat"], plain(f["body"]), plain(f["origin"])) for id_, f in dead]
    seen["users"] = [by_name(next(found)) for _ in minutes]
    return seen


def by_name(flat: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def plain(body: bytes | str) -> str:
    """A message without the time at which an apology was made up."""
    return re.sub(r'"accepted_at":[0-9.e+]+', '"accepted_at":0.0', body if isinstance(body, str) else body.decode())


def learn_ids(model: Model, seen: Picture) -> None:
    """What is new to the model gets the name that Redis gave it. If anything is missing, the pictures differ."""
    for channel in CHANNELS:
        there = [entry for entry in model.streams[channel] if entry.is_there]
        for entry, row in zip(there, seen[channel], strict=False):
            entry.id = entry.id or row[0]
    for letter, row in zip(model.dead, seen["dead"], strict=False):
        letter.id = letter.id or row[0]
    for chat, waiting in model.waiting.items():
        members = [member for member in seen["waiting"] if member.startswith(f"{chat}:")]
        for each, member in zip(waiting, members, strict=False):
            each.member = each.member or member


def picture(model: Model, key: Callable[..., str], minutes: Sequence[int]) -> Picture:
    """All that Redis should hold."""

    def where(place: Entry | Parked | Waiting) -> str:
        match place:
            case Waiting():
                return f"{key('waiting')} {place.member}"
            case Parked():
                return f"{key(place.channel)} ~{place.id}"
        return f"{key(place.channel)} {place.id}"

    want: Picture = {}
    for channel in CHANNELS:
        stream = model.streams[channel]
        want[channel] = [(e.id, e.job, plain(e.body), e.attempts, e.since_ms) for e in stream if e.is_there]
        want[f"{channel} pending"] = [(e.id, e.holder) for e in stream if e.holder]
        want[f"{channel} begun"] = {e.id: f"{deaths} {by}" for e, (deaths, by) in model.begun[channel].items()}
        want[f"{channel} delayed"] = {p.id for p in model.delayed[channel]}
        want[f"{channel} parked"] = {
            p.id: (p.job, plain(p.body), p.attempts, p.since_ms, p.deaths) for p in model.parked[channel]
        }
    want["jobs"] = {job: plain(body) for job, body in model.origins.items()}
    want["at"] = {job: where(place) for job, place in model.at.items()}
    want["chats"] = model.chats
    want["counts"] = {what: str(number) for what, number in model.counts.items()}
    want["turns"] = sorted(f"{chat}:{job}" for chat, job in model.turns)
    want["waiting"] = sorted(each.member for waiting in model.waiting.values() for each in waiting)
    want["told"] = model.told
    want["users"] = [{user: str(n) for user, n in model.users[minute].items() if n} for minute in minutes]
    want["pace"] = {"last", "gap", "ends"} if model.ends_noted > 1 else {"last"} if model.ends_noted else set()
    want["dead"] = [
        (
            letter.id,
            letter.channel,
            letter.job,
            letter.chat,
            plain(letter.body),
            plain(letter.origin),
        )
        for letter in model.dead
    ]
    return want


# The two side by side


class Step(NamedTuple):
    """A script: how Redis runs it, what the model makes of it, and whether the two results say the same."""

    call: Call
    expect: Callable[[], Any]
    agree: Callable[[Any, Any], bool] = operator.eq
    claims_all: bool = False  # so what it takes over must have lain idle for a moment


class Worker:
    """A worker's process. Another one of the same name is that worker after a restart."""

    def __init__(self, channels: Channels, channel: str, name: str) -> None:
        self.channel, self.name = channel, name
        self.now = 0.0
        self.consumer = channels.consumer(channel, name, lambda: self.now)
        self.process = self.consumer._process
        self.hands: dict[str, Delivery] = {}

    def __repr__(self) -> str:
        return f"{self.name} of {self.channel}"


class World(RuleBasedStateMachine):
    """Two workers on each of three channels. What is done is done in Redis and in the model."""

    def __init__(self, redis: RedisServer, runner: asyncio.Runner) -> None:
        super().__init__()
        self.runner = runner
        self.channels = Channels(Settings(redis_url=redis.url, namespace=uuid.uuid4().hex))
        self.channels.limits = JobLimits(MOST_OF_A_CHAT, MOST, MOST_OF_A_USER)
        self.redis = self.channels.redis
        self.model = Model()
        self.workers = [Worker(self.channels, channel, name) for channel in CHANNELS for name in "ab"]
        self.past: deque[Step] = deque(maxlen=10)
        self.old: deque[tuple[Worker, Delivery]] = deque(maxlen=10)
        self.updates: list[AcceptUpdate] = []
        self.minutes = [MINUTE]
        self.texts = self.dues = 0
        self.may_be_touched = self.is_touched = False  # by hand, at any time
        self.is_swept = True  # since then
        self.forgotten: set[str] = set()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else something has failed already
                self.serve_everything()
        finally:
            self.wait_for(self._forget())

    def wait_for(self, what: Awaitable[Any]) -> Any:
        async def result() -> Any:
            return await what

        return self.runner.run(result())

    async def _forget(self) -> None:
        if keys := await self._keys():
            await self.redis.delete(*keys)
        await self.channels.close()

    async def _keys(self) -> set[str]:
        return {key.decode() async for key in self.redis.scan_iter(f"{self.channels.keys.key()}*", count=1000)}

    # Running scripts

    def do(self, step: Step, reply: Reply = "seen") -> Any:
        """Run a script in Redis, perhaps twice, and once in the model. Gives what Redis says."""
        self.past.append(step)
        (result,) = self.do_all([step], times=2 if reply == "repeated" else 1)
        return result

    def do_all(self, steps: Sequence[Step], times: int = 1) -> list[Any]:
        if any(step.claims_all for step in steps):
            self.wait_for(self._until_all_lie_idle())
        results, seen = self.wait_for(self._execute([step.call for step in steps for _ in range(times)]))
        expected = [step.expect() for step in steps]
        self.compare(seen)
        for step, result, expectation in zip(steps, results[::times], expected, strict=True):
            assert step.agree(result, expectation), f"{step.call.script} gave {result}, and not {expectation}"
        return list(results[::times])

    async def _execute(self, calls: Sequence[Call]) -> tuple[list[Any], Picture]:
        results = await self.channels.scripts.execute(calls)
        for result in results:
            if isinstance(result, RedisError):
                raise result
        return results, await look(self.channels, self.minutes)

    async def _until_all_lie_idle(self) -> None:
        """Until Redis counts at least two milliseconds for each message that is pending."""
        for channel in self.model.groups:
            pending: Any = [{"time_since_delivered": 0}]
            while any(row["time_since_delivered"] < 2 for row in pending):
                pending = await self.redis.xpending_range(self.channels.keys.key(channel), GROUP, "-", "+", 1000)

    def compare(self, seen: Picture | None = None) -> None:
        if seen is None:
            seen = self.wait_for(look(self.channels, self.minutes))
        learn_ids(self.model, seen)
        assert seen == picture(self.model, self.channels.keys.key, self.minutes)
        self._check_what_must_hold()

    def _check_what_must_hold(self) -> None:
        """Of the model; and it was just seen that Redis says the same."""
        model = self.model
        assert not model.ended - model.began, "ended twice"
        for chat in {chat for chat, _ in model.turns}:
            asked = {job for of, job in model.turns if of == chat} - model.started_again
            assert len(asked) <= AT_ONCE
        if self.is_swept:
            assert not set(model.lost(model.origins)), "nobody would ever be given their messages"
            assert not [chat for chat, restarts in model.waiting.items() if restarts and model.has_free_turn(chat)]
        if not self.is_touched:
            messages = Counter(entry.job for stream in model.streams.values() for entry in stream)
            messages += Counter(parked.job for delayed in model.delayed.values() for parked in delayed)
            messages += Counter(each.job for waiting in model.waiting.values() for each in waiting)
            del messages[""]
            assert messages == dict.fromkeys(model.live(), 1)

    # What workers do

    def take(
        self, by: Worker, room: int, hand: Iterable[str] | None = None, claims: Claims = "none", reply: Reply = "seen"
    ) -> None:
        ids = list(by.hands if hand is None else hand)

        def expect() -> list[Given]:
            return self.model.take(by.channel, by.name, by.process, room, ids, claims)

        def agree(result: Any, given: list[Given]) -> bool:
            taken = Consumer.taken(result)
            assert (taken.next_due_ms is not None) == bool(self.model.delayed[by.channel])
            assert taken.backlog_ms == 0 or any(self.model.waiting.values())
            got = [(d.id, d.job, plain(d.body), d.attempts, d.since_ms, d.deaths) for d in taken.deliveries]
            return got == [(e.id, e.job, plain(e.body), e.attempts, e.since_ms, deaths) for e, deaths in given]

        call = by.consumer.take(room, ids, {"none": 0, "idle": IDLE_MS, "all": 1}[claims])
        step = Step(call, expect, agree, claims_all=claims == "all")
        result = self.do(step)
        if reply == "repeated":
            result = self.do(step)  # it may find more than the first time, where that met a superseded message
        if reply != "lost":
            deliveries = Consumer.taken(result).deliveries
            by.hands |= {delivery.id: delivery for delivery in deliveries}

    def settle(self, by: Worker, delivery: Delivery, step: Step, reply: Reply) -> None:
        """Run a script that takes a message out of a worker's hands, if the worker hears of it."""
        self.do(step, reply)
        if reply != "lost":
            by.hands.pop(delivery.id, None)
            self.old.append((by, delivery))

    def handed_off(self, by: Worker, delivery: Delivery, shape: int) -> Step:
        messages = self._outputs(decode(delivery.body), shape)
        outputs = [Output(m, encode(busy(m.job)), encode(too_fast(m.job))) for m in messages]
        minute = self.minutes[-1]
        by.now = 60.0 * minute + 30
        call = by.consumer.hand_off(delivery, messages, busy, too_fast)
        return Step(call, lambda: self.model.hand_off(by.channel, by.name, delivery, outputs, minute))

    def _outputs(self, message: Message, shape: int) -> list[Message]:
        """What a worker might make of a message."""
        self.texts += 1
        answer = SendReply(job=message.job, content=Words(text=str(self.texts)))
        typing = ShowTyping(job=message.job)
        if isinstance(message, AcceptUpdate):
            pictures = [msgspec.structs.replace(message.job, id=f"{message.job.id}-{i}", run=0) for i in range(3)]
            one, two, three = (FetchUrl(job=job, url="http://a/") for job in pictures)
            updates: list[list[Message]] = [[one], [one, two], [one, two, three], [one, one, typing], [answer], []]
            return updates[shape]
        if isinstance(message, FetchUrl):
            links: list[list[Message]] = [[answer], [answer], [typing, answer], [typing], [answer], []]
            return links[shape]
        return []

    def postponed(self, by: Worker, delivery: Delivery, how: str, delay_ms: int) -> Step:
        d = delivery
        attempts, since_ms, deaths = d.attempts, d.since_ms, str(d.deaths or "")
        if how == "retried":
            attempts += 1
            call = by.consumer.retry(d, delay_ms, attempts)
        elif how == "postponed":
            since_ms = SINCE_MS
            call = by.consumer.postpone(d, delay_ms, since_ms)
        else:
            how, delay_ms, deaths = "postponed", 0, "" if d.deaths is None else str(d.deaths)
            call = by.consumer.hand_back(d)
        again = Parked(d.id, by.channel, d.job, d.body, attempts, since_ms, deaths)
        return Step(call, lambda: self.model.postpone(by.name, d.id, delay_ms, how, again))

    def buried(self, by: Worker, delivery: Delivery, *, apologises: bool) -> Step:
        apology = apologies.apology(decode(delivery.body).job) if apologises and delivery.job else None
        call = by.consumer.bury(delivery, "error", "traceback", apology)
        return Step(call, lambda: self.model.bury(by.channel, by.name, delivery.id, apology))

    def started_again(self, job: str, held: tuple[Worker, Delivery] | None = None) -> Step:
        """Read a job's first message, as the sweeper and the runtime do; to be run at once, or later."""
        message, origin = self.model.restarts_with(job, held[1].body if held else b"")
        at = (held[0].channel, held[0].name, held[1].id) if held else None
        call = self.wait_for(restarts.restart(self.channels, job, (held[0].consumer, held[1]) if held else None))
        return Step(call, lambda: self.model.restart(job, message, origin, at))

    def sweep(self, reply: Reply = "seen") -> None:
        """As garbage_collect does; but in an order that does not depend on Redis."""
        listed = sorted(self.wait_for(self._listed()))
        assert listed == sorted(self.model.live())
        lost = self.wait_for(self.channels.ledger.lost(listed))
        assert lost == self.model.lost(listed)
        for job in lost:
            self.do(self.started_again(job), reply)
        for _ in range(2 if reply == "repeated" else 1):
            freed = self.wait_for(self.channels.repair.free_slots())
            assert freed == self.model.free_slots()
            self.wait_for(self.channels.repair.drop_strays())
            self.model.drop_strays()
        # A delayed message without its body is met when it is due, and only the next sweep can repair that.
        self.is_swept = all(p in self.model.parked[c] for c in CHANNELS for p in self.model.delayed[c])
        self.compare()

    async def _listed(self) -> set[str]:
        return {job async for batch in self.channels.ledger.jobs() for job in batch}

    def serve_everything(self) -> None:
        """After whatever happened: each job that began ends once, and leaves nothing."""
        rounds = 0
        while not self.model.is_empty():
            rounds += 1
            assert rounds < 20, "it never ends"
            self.sweep()
            self._all_fall_due()
            for channel in CHANNELS:
                by = Worker(self.channels, channel, "a")
                self.take(by, 100, claims="all")
                self.do_all([self.handed_off(by, delivery, 0) for delivery in by.hands.values()])
        self.sweep()
        for job, times in self.model.began.items():
            assert self.model.ended[job] == times or job in self.forgotten, job
        left = {key.removeprefix(self.channels.keys.key()) for key in self.wait_for(self._keys())}
        left -= {
            *CHANNELS,
            "counts",
            "dead",
            "told",
            "seen:1:0",
            "pace",
            *(f"users:{minute}" for minute in self.minutes),
            *(f"pressed:{update}" for update in self.model.dropped),
            *("album:7:A", "albums:7"),
        }
        assert not left
        assert self.is_touched or not any(self.model.streams.values())

    # Rules: updates

    @initialize(
        sent=st.lists(st.tuples(st.sampled_from(CHATS), st.sampled_from([2, 1, 0, 2, 3])), min_size=2, max_size=4),
        put_off=st.integers(0, 2),
        may_be_touched=st.booleans(),
    )
    def some_were_sent_before(self, sent: list[tuple[int | None, int]], put_off: int, may_be_touched: bool) -> None:
        self.may_be_touched = may_be_touched
        for chat, shape in sent:
            self._accept(chat)
            self._read_updates(shape)
        by = next(worker for worker in self.workers if worker.channel == "fetch_url")
        self.take(by, put_off)
        for delivery in list(by.hands.values()):
            self.settle(by, delivery, self.postponed(by, delivery, "retried", HOUR_MS), "seen")

    @precondition(lambda self: len(self.updates) < MOST_UPDATES)
    @rule(chat=st.sampled_from(CHATS), reply=st.sampled_from(REPLIES), again=st.booleans())
    def accept_an_update(self, chat: int | None, reply: Reply, again: bool) -> None:
        self._accept(chat, reply)
        if again:
            self.do(self._published(self.updates[0]))

    @precondition(lambda self: len(self.updates) < MOST_UPDATES)
    @rule(chat=st.sampled_from(CHATS), shape=st.integers(0, 5))
    def accept_and_read_an_update(self, chat: int | None, shape: int) -> None:
        self._accept(chat)
        self._read_updates(shape)

    def _accept(self, chat: int | None, reply: Reply = "seen") -> None:
        id_ = f"1-{len(self.updates)}"
        self.updates.append(AcceptUpdate(job=make.job(id_, chat_id=chat, user_id=USER_OF.get(chat)), update={}))
        self.do(self._published(self.updates[-1]), reply)

    def _published(self, message: AcceptUpdate) -> Step:
        call = self.channels._publish(message, Once("1:0", message.job.id, HOUR_MS))
        return Step(call, lambda: self.model.publish(message))

    def _read_updates(self, shape: int) -> None:
        by = self.workers[0]
        self.take(by, 3)
        self.do_all([self.handed_off(by, delivery, shape) for delivery in by.hands.values()])
        by.hands.clear()

    # Rules: workers

    @rule(
        data=st.data(),
        room=st.integers(0, 3),
        hand=st.sampled_from(["as it is", "as it is", "forgotten", "with what was there"]),
        claims=st.sampled_from(["none", "none", "idle", "all"]),
        reply=st.sampled_from(REPLIES),
    )
    def take_some(self, data: st.DataObject, room: int, hand: str, claims: Claims, reply: Reply) -> None:
        by = self._draw_worker(data)
        ids = list(by.hands)
        if hand == "forgotten":
            self.old.extend((by, delivery) for delivery in by.hands.values())
            by.hands.clear()
            ids = []
        elif hand == "with what was there":
            ids += [delivery.id for worker, delivery in self.old if worker.channel == by.channel]
        self.take(by, room, ids, claims, reply)

    @rule(data=st.data(), shapes=st.lists(st.integers(0, 5), min_size=1, max_size=3))
    def take_and_finish_some(self, data: st.DataObject, shapes: list[int]) -> None:
        by = self._draw_worker(data)
        self.take(by, len(shapes))
        steps = [self.handed_off(by, d, shape) for d, shape in zip(by.hands.values(), shapes, strict=False)]
        self.do_all(steps)
        self.past.extend(steps)
        by.hands.clear()

    @precondition(lambda self: self.has_work())
    @rule(data=st.data(), shape=st.integers(0, 5), reply=st.sampled_from(REPLIES))
    def finish(self, data: st.DataObject, shape: int, reply: Reply) -> None:
        by, delivery = self._draw_delivery(data)
        self.settle(by, delivery, self.handed_off(by, delivery, shape), reply)

    @precondition(lambda self: self.has_work())
    @rule(
        data=st.data(),
        how=st.sampled_from(["retried", "postponed", "handed back"]),
        delay_ms=st.sampled_from([HOUR_MS, HOUR_MS, 0]),
        all_fall_due=st.booleans(),
        reply=st.sampled_from(REPLIES),
    )
    def put_off(self, data: st.DataObject, how: str, delay_ms: int, all_fall_due: bool, reply: Reply) -> None:
        by, delivery = self._draw_delivery(data)
        self.settle(by, delivery, self.postponed(by, delivery, how, delay_ms), reply)
        if all_fall_due:
            self._all_fall_due()

    @precondition(lambda self: self.has_work())
    @rule(data=st.data(), apologises=st.booleans(), reply=st.sampled_from(REPLIES))
    def bury(self, data: st.DataObject, apologises: bool, reply: Reply) -> None:
        by, delivery = self._draw_delivery(data)
        self.settle(by, delivery, self.buried(by, delivery, apologises=apologises), reply)

    @precondition(lambda self: self.has_work())
    @rule(data=st.data(), deaths=st.integers(1, 3), dies=st.booleans(), reply=st.sampled_from(REPLIES))
    def begin_alone(self, data: st.DataObject, deaths: int, dies: bool, reply: Reply) -> None:
        by, d = self._draw_delivery(data)
        call = by.consumer.begin_alone(d, deaths)
        self.do(Step(call, lambda: self.model.begin_alone(by.channel, by.name, by.process, d.id, deaths)), reply)
        if dies and by in self.workers:
            self.take(self._started_again(by), 3)

    @rule(data=st.data(), stale=st.booleans(), late=st.booleans(), reply=st.sampled_from(REPLIES))
    def refresh(self, data: st.DataObject, stale: bool, late: bool, reply: Reply) -> None:
        """No sibling takes over a message that was refreshed, even at the last moment."""
        by = self._draw_worker(data)
        ids = [*by.hands, *(delivery.id for _, delivery in self.old if stale)]
        if late:
            self._lies_idle(by.channel, ids)
        step = Step(
            by.consumer.refresh(ids),
            lambda: self.model.refresh(by.channel, by.name, ids),
            lambda result, expected: [id_.decode() for id_ in result] == expected,
        )
        self.do(step, reply)
        if late:
            self.take(self._sibling(by), 1, claims="idle")

    @precondition(lambda self: self.has_work())
    @rule(data=st.data(), reply=st.sampled_from(REPLIES))
    def start_again_for_its_input_is_lost(self, data: st.DataObject, reply: Reply) -> None:
        by, delivery = self._draw_delivery(data)
        if delivery.job:
            self.settle(by, delivery, self.started_again(delivery.job, (by, delivery)), reply)

    @precondition(lambda self: self.has_work())
    @rule(data=st.data(), shapes=st.tuples(st.integers(0, 5), st.integers(0, 5)), reply=st.sampled_from(REPLIES))
    def two_finish_one_message(self, data: st.DataObject, shapes: tuple[int, int], reply: Reply) -> None:
        """One is slow, so that its sibling takes the message over; whichever is first, only the sibling finishes it."""
        slow, delivery = self._draw_delivery(data)
        self._lies_idle(slow.channel, [delivery.id])
        sibling = self._sibling(slow)
        self.take(sibling, 1, claims="idle")
        both = [(slow, shapes[0]), (sibling, shapes[1])]
        for by, shape in both if data.draw(st.booleans()) else both[::-1]:
            self.settle(by, delivery, self.handed_off(by, delivery, shape), reply)

    @rule(data=st.data())
    def die_and_start_again(self, data: st.DataObject) -> None:
        self._started_again(self._draw_worker(data))

    def _started_again(self, gone: Worker) -> Worker:
        self.old.extend((gone, delivery) for delivery in gone.hands.values())
        new = Worker(self.channels, gone.channel, gone.name)
        self.workers[self.workers.index(gone)] = new
        return new

    @precondition(lambda self: self.past)
    @rule(data=st.data(), reply=st.sampled_from(REPLIES))
    def an_earlier_command_is_repeated(self, data: st.DataObject, reply: Reply) -> None:
        """What redis-py sent before may be sent again whenever the connection is back."""
        number = data.draw(st.integers(1, len(self.past)), "how many ago")
        step = self.past[-number]
        self.do(step, reply if step.call.script != "take" else "lost")

    # Rules: what happens by itself

    @precondition(lambda self: any(self.model.delayed.values()))
    @rule(data=st.data())
    def a_retry_falls_due(self, data: st.DataObject) -> None:
        delayed = [parked for channel in CHANNELS for parked in self.model.delayed[channel]]
        self._falls_due(data.draw(st.sampled_from(delayed)))

    def _falls_due(self, parked: Parked) -> None:
        self.dues += 1
        self.model.delayed[parked.channel][parked] = self.dues
        self.wait_for(
            self.redis.zadd(self.channels.keys.key(parked.channel, "delayed"), {parked.id: self.dues}, xx=True)
        )

    def _all_fall_due(self) -> None:
        for channel in CHANNELS:
            for parked in self.model.delayed[channel]:
                self._falls_due(parked)

    @precondition(lambda self: self.pending())
    @rule(data=st.data())
    def messages_lie_idle(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.pending()))
        self._lies_idle(entry.channel, [entry.id])

    def _lies_idle(self, channel: str, ids: Sequence[str]) -> None:
        key = self.channels.keys.key(channel)
        for entry in self.pending():
            if entry.channel == channel and entry.id in ids:
                entry.lies_idle = True
                self.wait_for(self.redis.xclaim(key, GROUP, entry.holder, 0, [entry.id], idle=2 * IDLE_MS, justid=True))

    # Rules: the sweeper and operators

    @precondition(lambda self: len(self.minutes) < MOST_MINUTES)
    @rule(reply=st.sampled_from(REPLIES))
    def a_minute_passes(self, reply: Reply) -> None:
        """Time passes: the sweeper comes, and chats and users get the notice again that there is too much."""
        self.minutes.append(self.minutes[-1] + 1)
        self.sweep(reply)
        self.wait_for(self._until_all_lie_idle())
        self.wait_for(self.channels.repair.drop_consumers(gone_ms=1))
        if told := self.model.told:
            self.wait_for(self.redis.zadd(self.channels.keys.key("told"), dict.fromkeys(told, 0)))
            told.clear()
        self.compare()

    @precondition(lambda self: self.model.lost(self.model.live()))
    @rule(data=st.data())
    def a_slow_sweeper_reads_a_first_message(self, data: st.DataObject) -> None:
        """Its command reaches Redis later, or never, and may be out of date."""
        self.past.append(self.started_again(data.draw(st.sampled_from(sorted(self.model.lost(self.model.live()))))))

    @precondition(lambda self: self.model.dead)
    @rule(data=st.data(), reply=st.sampled_from(REPLIES))
    def a_dead_letter_is_revived(self, data: st.DataObject, reply: Reply) -> None:
        letter = data.draw(st.sampled_from(self.model.dead))
        if letter.origin or not letter.job:
            first = another_run(decode(letter.origin), restarts=0) if letter.job else None
            letters = [
                letter,
                *(other for other in self.model.dead if letter.job == other.job != "" and other != letter),
            ]
            stored = {each.id: each for each in self.wait_for(self.channels.dead_letters.all())}
            call = self.channels.dead_letters.revive([stored[each.id] for each in letters], first)
            self.do(Step(call, lambda: self.model.revive(letters, first)), reply)

    @precondition(lambda self: self.model.turns)
    @rule(chat=st.sampled_from(["7", "7", "77"]), person=st.sampled_from([None, 1]), reply=st.sampled_from(REPLIES))
    def somebody_drops_what_waits(self, chat: str, person: int | None, reply: Reply) -> None:
        update = f"drop-{len(self.model.dropped)}"
        call = self.channels.ledger._drop_waiting(chat, person, update)
        self.do(Step(call, lambda: self.model.drop_waiting(chat, person, update)), reply)

    @precondition(lambda self: self.model.turns)
    @rule(data=st.data(), reply=st.sampled_from(REPLIES))
    def a_line_of_an_album_waits(self, data: st.DataObject, reply: Reply) -> None:
        """Its job gives its slot to the next picture of the chat, and goes on without one."""
        _, job = data.draw(st.sampled_from(sorted(self.model.turns)))
        keys = (self.channels.keys.album(7, "A"), self.channels.keys.albums("7"))
        turn = self.wait_for(self.channels.scripts.run(Call("album_line", keys, ("another", 1, "line", *ALBUM_MS))))
        assert turn[0] == b"turn"
        call = Call("album_line", keys, (job, 2, "line", *ALBUM_MS))
        step = Step(
            call,
            lambda: self.model.give_up_slot(job, self.model.chats.get(job)),
            lambda result, _: result[0] == b"wait",
        )
        self.do(step, reply)

    # Rules: what people do by hand

    @precondition(lambda self: self.may_be_touched and any(self.model.kept().values()))
    @rule(data=st.data(), swept=st.booleans())
    def somebody_deletes_a_key(self, data: st.DataObject, swept: bool) -> None:
        key = data.draw(st.sampled_from([key for key, what in self.model.kept().items() if what]))
        with self._by_hand(swept=swept):
            self.wait_for(self.redis.delete(self.channels.keys.key(key)))
            self.model.delete(key)
            # The ids of a new stream must not be those of messages that a worker still has in flight.
            self.wait_for(self._until_the_clock_moves())

    async def _until_the_clock_moves(self) -> None:
        time: Any = self.redis.time
        before = await time()
        while (await time())[1] // 1000 == before[1] // 1000:
            pass

    @precondition(lambda self: self.may_be_touched and self.model.at)
    @rule(data=st.data(), swept=st.booleans())
    def somebody_deletes_where_a_job_is(self, data: st.DataObject, swept: bool) -> None:
        job = data.draw(st.sampled_from(sorted(self.model.at)))
        with self._by_hand(swept=swept):
            self.wait_for(self.redis.hdel(self.channels.keys.key("jobs:at"), job))
            del self.model.at[job]

    @precondition(lambda self: self.may_be_touched and any(self.model.streams.values()))
    @rule(data=st.data(), how=st.sampled_from(["XDEL", "XTRIM", "XACK"]), swept=st.booleans())
    def somebody_deletes_a_message(self, data: st.DataObject, how: str, swept: bool) -> None:
        entry = data.draw(st.sampled_from([entry for stream in self.model.streams.values() for entry in stream]))
        key = self.channels.keys.key(entry.channel)
        with self._by_hand(swept=swept):
            match how:
                case "XDEL":
                    self.wait_for(self.redis.xdel(key, entry.id))
                    self.model.delete_body(entry)
                case "XTRIM":  # all up to this one
                    ms, _, number = entry.id.partition("-")
                    self.wait_for(self.redis.xtrim(key, minid=f"{ms}-{int(number) + 1}", approximate=False))
                    stream = self.model.streams[entry.channel]
                    for each in stream[: stream.index(entry) + 1]:
                        self.model.delete_body(each)
                case "XACK":
                    self.wait_for(self.redis.xack(key, GROUP, entry.id))
                    self.model.let_go(entry)

    @precondition(lambda self: self.may_be_touched and self.model.groups)
    @rule(data=st.data(), name=st.sampled_from(["a", "b", ""]), swept=st.booleans())
    def somebody_deletes_a_consumer_or_the_group(self, data: st.DataObject, name: str, swept: bool) -> None:
        channel = data.draw(st.sampled_from(sorted(self.model.groups)))
        key, stream = self.channels.keys.key(channel), self.model.streams[channel]
        with self._by_hand(swept=swept):
            if name:
                self.wait_for(self.redis.xgroup_delconsumer(key, GROUP, name))
            else:
                self.wait_for(self.redis.xgroup_destroy(key, GROUP))
                self.model.groups.remove(channel)
            for entry in [entry for entry in stream if name in {"", entry.holder}]:
                self.model.let_go(entry)
                entry.is_new = not name

    @contextlib.contextmanager
    def _by_hand(self, *, swept: bool) -> Iterator[None]:
        before = self.model.live()
        yield
        # A job that left no trace cannot be brought back.
        self.forgotten |= before - self.model.live()
        self.is_touched, self.is_swept = True, False
        self.compare()
        if swept:
            self.sweep()

    # What the rules choose from

    def pending(self) -> list[Entry]:
        return [e for stream in self.model.streams.values() for e in stream if e.holder and e.is_there]

    def has_work(self) -> bool:
        """Whether there is, was or can be anything in flight."""
        return bool(self.old) or any(worker.hands or self._can_be_taken(worker) for worker in self.workers)

    def _can_be_taken(self, by: Worker) -> bool:
        stream = self.model.streams[by.channel]
        return any(
            (e.is_new or e.holder == by.name) and self.model.counts_for_its_job(e) and e.is_there for e in stream
        )

    def _draw_worker(self, data: st.DataObject) -> Worker:
        """One that has something in flight or on its channel, if there is one."""
        useful = [worker for worker in self.workers if worker.hands or self.model.kept()[worker.channel]]
        return data.draw(st.sampled_from(useful or self.workers))

    def _draw_delivery(self, data: st.DataObject) -> tuple[Worker, Delivery]:
        """A message that a worker has, or had; and who does something with it."""
        for worker in self.workers:
            if not worker.hands and self._can_be_taken(worker):
                self.take(worker, 1)
        in_hand = [(worker, delivery) for worker in self.workers for delivery in worker.hands.values()]
        stale = data.draw(st.sampled_from([False, False, False, False, True])) if in_hand and self.old else not in_hand
        by, delivery = data.draw(st.sampled_from(list(self.old) if stale else in_hand))
        return data.draw(st.sampled_from([by, by, by, self._sibling(by)])), delivery

    def _sibling(self, of: Worker) -> Worker:
        return next(each for each in self.workers if each.channel == of.channel and each.name != of.name)


def test_whatever_is_done_in_whatever_order_the_channels_do_as_their_model_does(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger=restarts.__name__)
    with asyncio.Runner() as runner:

        class OnThisServer(World):
            def __init__(self) -> None:
                super().__init__(redis, runner)

        run_state_machine_as_test(OnThisServer, settings=EFFORT)
