"""The benchmark of the model: every installed contender runs, does the same work, and gets its figures."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bench_classify import GOALS, Goal, judged
from benchmarks.engines import Measured
from benchmarks.engines.worker import rate
from common.settings import ROOT
from tests.support.models_fixtures import copy_models

pytestmark = pytest.mark.timeout(240)

CONTENDERS = {
    "torch": "torch eager (the plain way)",
    "channels-last": "torch eager, channels last",
    "raw-fp32": "OpenVINO, one after the other, fp32",
    "streams-fp32": "OpenVINO, streams, fp32",
    "engine-fp32": "our engine, fp32",
    "worker-fp32": "our worker, through Redis, fp32",
}


def test_each_contender_gets_a_row_of_numbers_and_each_goal_a_verdict(lite2_dir: Path, tmp_path: Path) -> None:
    copy_models(lite2_dir, tmp_path / "efficientnet_lite2")
    command = [sys.executable, "-m", "benchmarks.bench_classify", "--quick", "--models-dir", str(tmp_path)]

    done = subprocess.run(
        [*command, "--only", "efficientnet_lite2", *CONTENDERS],
        cwd=ROOT,
        env=os.environ | {"CACHE_MAX": "1000"},  # a setting of the operator's, which must not count
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )

    assert "### EfficientNet-Lite2, official weights" in done.stdout
    for title in CONTENDERS.values():
        (row,) = re.findall(rf"^\| {re.escape(title)} \| (.*) \|$", done.stdout, re.M)
        assert all(float(cell.removesuffix(" ×")) > 0 for cell in row.split(" | ")), row
    verdicts = re.findall(r"^\| (?:worker|engine), fp32: .* \| (yes|no) \|$", done.stdout, re.M)
    assert len(verdicts) == 4


PLAIN = Measured(images_s=10, latency_ms=100, best=(), ready_s=6, pss_mb=900)


def times_as_good(factor: float) -> Measured:
    return dataclasses.replace(
        PLAIN, images_s=PLAIN.images_s * factor, ready_s=PLAIN.ready_s / factor, pss_mb=PLAIN.pss_mb / factor
    )


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.says)
def test_a_goal_is_met_by_what_is_just_enough_and_missed_by_less(goal: Goal) -> None:
    peers = dict.fromkeys(goal.to, PLAIN)

    verdicts = [
        [met for says, _, met in judged(peers | {goal.of: times_as_good(factor)}) if says == goal.says]
        for factor in (goal.least, goal.least * 0.99)
    ]

    assert verdicts == [["yes"], ["no"]]


def test_of_several_peers_the_best_is_what_counts() -> None:
    goal = next(goal for goal in GOALS if len(goal.to) > 1)
    for better in goal.to:
        peers = dict.fromkeys(goal.to, PLAIN) | {better: times_as_good(1.1)}
        assert [met for _, _, met in judged(peers | {goal.of: PLAIN})] == ["no"]


def test_a_goal_is_left_out_where_one_of_its_contenders_did_not_run() -> None:
    everybody = {name for goal in GOALS for name in (goal.of, *goal.to)}
    assert len([*judged(dict.fromkeys(everybody, PLAIN))]) == len(GOALS)
    assert len([*judged(dict.fromkeys(everybody - {"streams-fp32"}, PLAIN))]) == len(GOALS) - 1


def test_answers_count_once_the_worker_has_settled_and_a_batch_counts_by_when_it_came() -> None:
    settling = [0, 100, 200, 300]
    batches = [time for time in (1000, 1100, 1200, 1300) for _ in range(8)]

    assert rate(settling + batches, settle_s=1.0) == pytest.approx(80)
