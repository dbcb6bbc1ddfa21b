"""The benchmarks of the whole bot run and measure what they claim. Their figures need an idle machine."""

from __future__ import annotations

import os
import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from benchmarks import bench_pipeline
from benchmarks.pipeline import journey
from benchmarks.pipeline.models import VARIANTS, prepared
from common.messages import CHANNELS
from common.settings import ROOT

pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def models(lite2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model of a quick run."""
    folder = tmp_path_factory.mktemp("models")
    (folder / VARIANTS[0].folder).symlink_to(lite2_dir)
    assert prepared(VARIANTS[0], folder) == folder / VARIANTS[0].folder
    return folder


def cells(report: str, row: str) -> list[str]:
    """The cells of the rows with that name, in all tables."""
    return [
        cell.strip()
        for found in re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", report, re.M)
        for cell in found.split("|")
    ]


def test_the_whole_bot_is_measured_and_so_is_the_model_alone(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_pipeline.main(["--quick", "--models", str(models)]) == 0
    report = capsys.readouterr().out
    alone, whole, share, goal, p50, p99, model, overhead, _ = cells(report, VARIANTS[0].title)
    assert float(alone) > float(whole) > 1
    assert float(share.rstrip(" %")) == pytest.approx(float(whole) / float(alone) * 100, abs=1)
    assert goal.endswith("yes" if float(share.rstrip(" %")) >= 75 else "no")
    assert float(p99) >= float(p50) > float(model) > 0
    assert float(overhead) < float(p50)
    for worker in CHANNELS:
        cpu_ms, mb = cells(report, worker)
        assert float(cpu_ms) > 0 or worker == "fetch_url"
        assert float(mb.partition(" → ")[0]) > 10
    (in_all, _), (without_model,) = cells(report, "**all**"), cells(report, "**bot without model**")
    assert 0 < float(without_model) < float(in_all)


def test_the_journey_adds_up_to_the_whole() -> None:
    stages = "accept=1+2 download=1+6 check=2+9 classify=0+12 send=5"
    line = f"job=1-2-0 answered (answer: class 0.97, 1 view) total={{}} {stages} model=7.0\n"
    parts = journey.by_part(line.format(99) + line.format(40) + line.format(44), photos=2)
    assert sum(parts.values()) == pytest.approx(42)
    assert parts["model"] == 7
    assert parts["classify"] == 5
    assert parts["channels"] == 42 - 2 - 6 - 9 - 12 - 5
    assert journey.overheads(line.format(40), photos=1) == [33]


def test_a_second_look_has_some_steps_twice() -> None:
    steps = "accept=1+2 download=1+6 check=2+9 classify=0+12 check=1+8 classify=1+20 send=5"
    parts = journey.by_part(f"answered (answer: class 0.97, 4 views) total=80 {steps} model=25.0\n", photos=1)
    assert (parts["check"], parts["classify"], parts["model"]) == (17, 7, 25)
    assert sum(parts.values()) == pytest.approx(80)


def test_the_picture_of_the_journey_is_readable_on_light_and_on_dark_pages(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "journey.svg"
    journey.draw({"A model": dict.fromkeys(journey.PARTS, 5.0), "Another": dict.fromkeys(journey.PARTS, 2.0)}, path)
    picture = path.read_text()
    texts = {unescape(text) for text in re.findall(r"<text [^>]*>([^<]+)</text>", picture)}
    assert {"A model", "Another", *journey.WORDS.values()} <= texts
    assert "prefers-color-scheme: dark" in picture


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a cgroup")
def test_the_memory_of_the_whole_bot_is_measured_in_a_machine_of_1_gb(models: Path) -> None:
    command = [str(ROOT / "benchmarks" / "bench_memory.sh"), "--quick", "--models", str(models)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "no cgroup can be made here" in done.stderr:
        pytest.skip(done.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    for formats in ("JPEG", "all formats"):
        mb, _, answered, killed, _ = cells(done.stdout, f"{VARIANTS[0].title}, {formats}")
        assert 200 < float(mb) < 1024
        assert (answered, killed) == ("8 of 8", "0")
    assert float(cells(done.stdout, "classify")[0]) > 50
