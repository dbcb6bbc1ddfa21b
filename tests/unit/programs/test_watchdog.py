"""Which workers the watchdog reports as hanging, at made-up times."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from common.messages import CHANNELS
from common.programs.watchdog import Sign, Silent, Watch, WatchdogLimits, workers
from common.settings import Settings
from common.supervision import heartbeat

TICK_S = 5
HOUR_NS = 3600 * 10**9


def beaten_at(second: float, pid: int = 1) -> Sign:
    return Sign(pid, round(second * 10**9))


def watched(seen: Mapping[int, Mapping[str, Sign]]) -> dict[int, list[Silent]]:
    """The workers that a watch reported, and when, after it saw these states at those times."""
    watch = Watch(WatchdogLimits())
    found = {now: watch.silent(signs, now) for now, signs in seen.items()}
    return {now: silent for now, silent in found.items() if silent}


def test_who_beats_is_never_missed() -> None:
    assert watched({now: {"classify": beaten_at(now)} for now in range(0, 3600, TICK_S)}) == {}


def test_who_stops_beating_is_missed_after_more_than_30_s_and_nobody_else() -> None:
    seen = {now: {"classify": beaten_at(min(now, 60)), "reply": beaten_at(now)} for now in range(0, 100, TICK_S)}
    assert watched(seen) == {95: [Silent("classify", 1, 35)]}


def test_who_never_beats_is_missed_as_long_after_its_start() -> None:
    assert watched({now: {"classify": Sign(1, None)} for now in range(0, 40, TICK_S)}) == {
        35: [Silent("classify", 1, 35)]
    }


def test_a_start_is_a_sign_of_life_though_the_file_is_older() -> None:
    left = beaten_at(0).touched_ns
    seen = {now: {"classify": Sign(1 if now < 30 else 2, left)} for now in range(0, 61, TICK_S)}
    assert watched(seen) == {}


def test_who_was_stopped_for_a_while_is_not_missed_for_that_time() -> None:
    seen: dict[int, dict[str, Sign]] = {now: {"classify": beaten_at(0)} for now in range(0, 60, TICK_S)}
    for now in range(20, 30, TICK_S):
        seen[now] = {}
    assert watched(seen) == {}


@pytest.mark.parametrize("jump_ns", [HOUR_NS, -HOUR_NS, -60 * HOUR_NS])
def test_a_clock_that_is_set_kills_no_worker_and_hides_no_worker_that_hangs(jump_ns: int) -> None:
    # Files have the clock's dates. The one that hangs beat last at 15, before the clock was set.
    seen = {}
    for now in range(0, 60, TICK_S):
        beat_ns = now * 10**9 + (0 if now < 20 else jump_ns)
        seen[now] = {"classify": Sign(1, beat_ns), "reply": beaten_at(min(now, 15), pid=2)}
    assert watched(seen) == {50: [Silent("reply", 2, 35)]}


def test_after_a_late_tick_everybody_has_30_s_again(caplog: pytest.LogCaptureFixture) -> None:
    # Everything was paused from 20 to 90, also the watchdog.
    seen = {now: {name: beaten_at(0) for name in CHANNELS} for now in (0, 5, 10, 15, 20, *range(90, 125, TICK_S))}
    assert watched(seen) == {}
    (line,) = caplog.messages
    assert line.startswith("70 s since the last look")
    seen[125] = seen[0]
    assert [(now, len(silent)) for now, silent in watched(seen).items()] == [(125, len(CHANNELS))]


def test_ticks_a_second_early_or_late_change_nothing() -> None:
    times = (0, 6, 10, 16, 20, 26, 30, 36)
    assert watched({now: {"classify": beaten_at(0)} for now in times}) == {36: [Silent("classify", 1, 36)]}


def test_who_cannot_be_ended_is_tried_again_30_s_later_and_not_at_each_tick() -> None:
    assert list(watched({now: {"classify": beaten_at(0)} for now in range(0, 100, TICK_S)})) == [35, 70]


def info(group: str, state: str = "RUNNING", name: str = "", pid: int = 7) -> dict[str, Any]:
    """The part of Supervisor's process info that the watchdog reads."""
    return {"group": group, "name": name or group, "statename": state, "pid": pid}


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.mark.parametrize("state", ["STARTING", "RUNNING"])
def test_every_worker_that_should_be_alive_is_watched(config: Settings, state: str) -> None:
    assert workers([info(name, state) for name in CHANNELS], config) == {name: Sign(7, None) for name in CHANNELS}


@pytest.mark.parametrize("state", ["STOPPING", "STOPPED", "EXITED", "BACKOFF", "FATAL", "UNKNOWN"])
def test_a_worker_that_does_not_run_or_is_being_stopped_is_not_watched(config: Settings, state: str) -> None:
    assert workers([info("classify", state)], config) == {}


def test_programs_that_are_not_workers_are_not_watched(config: Settings) -> None:
    foreign = [info(name) for name in ("redis", "playground", "watchdog", "check", "theirs")]
    assert workers([*foreign, info("theirs", name="classify")], config) == {}


def test_each_of_several_processes_of_a_worker_is_watched_by_its_own_file(config: Settings) -> None:
    several = [info("classify", name=f"classify_{number}", pid=number) for number in (1, 2)]
    heartbeat.touch(heartbeat.heartbeat_file(config, "classify_1"))
    os.utime(heartbeat.heartbeat_file(config, "classify_1"), ns=(3, 3))
    assert workers(several, config) == {"classify:classify_1": Sign(1, 3), "classify:classify_2": Sign(2, None)}


def test_a_sign_of_life_is_seen_in_a_file_that_was_there(config: Settings) -> None:
    path = heartbeat.heartbeat_file(config, "classify")
    heartbeat.touch(path)
    os.utime(path, (1, 1))
    before = workers([info("classify")], config)
    heartbeat.touch(path)
    assert workers([info("classify")], config) != before
