"""As many threads as there are cores for them: affinity and cgroups count, in both versions and at every level."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from classifier.serve import cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


def system(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def version_2(root: Path, **limits: str) -> Path:
    files = {"proc/self/cgroup": "0::/outer/inner\n"}
    places = {"top": "", "outer": "outer/", "inner": "outer/inner/"}
    return system(root, files | {f"sys/fs/cgroup/{places[at]}cpu.max": f"{line}\n" for at, line in limits.items()})


def version_1(root: Path, mount: str, group: str, quota: int) -> Path:
    folder = f"sys/fs/cgroup/{mount}{group}"
    return system(
        root,
        {
            "proc/self/cgroup": "5:memory:/docker/7f\n4:cpu,cpuacct:/docker/7f\n0::/\n",
            f"{folder}/cpu.cfs_quota_us": f"{quota}\n",
            f"{folder}/cpu.cfs_period_us": "100000\n",
        },
    )


def test_without_cgroups_the_affinity_counts(tmp_path: Path) -> None:
    assert cores.usable(tmp_path) == 8


def test_on_a_system_without_affinity_all_cores_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cores.usable(tmp_path) == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),  # one and a half: rounded up
        ("10000 100000", 1),
        ("1600000 100000", 8),  # more than there are
        ("50000 25000", 2),
        ("", 8),
        ("nonsense", 8),
    ],
)
def test_a_quota_of_version_2_counts_rounded_up(tmp_path: Path, line: str, expected: int) -> None:
    assert cores.usable(version_2(tmp_path, inner=line)) == expected


def test_the_narrowest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    assert cores.usable(version_2(tmp_path, inner="max 100000", outer="300000 100000", top="500000 100000")) == 3


def test_a_container_s_own_view_has_its_quota_at_the_top(tmp_path: Path) -> None:
    assert cores.usable(version_2(tmp_path, top="200000 100000")) == 2


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("group", ["/docker/7f", "/docker", ""])
def test_a_quota_of_version_1_counts_wherever_it_is_mounted(tmp_path: Path, mount: str, group: str) -> None:
    assert cores.usable(version_1(tmp_path, mount, group, 250_000)) == 3


def test_version_1_says_minus_one_for_no_quota(tmp_path: Path) -> None:
    assert cores.usable(version_1(tmp_path, "cpu", "", -1)) == 8


def test_a_group_outside_our_namespace_is_passed_over(tmp_path: Path) -> None:
    assert cores.usable(system(tmp_path, {"proc/self/cgroup": "0::/../../other\n"})) == 8


def test_on_this_machine_it_is_at_least_one_and_no_more_than_there_are() -> None:
    assert 1 <= cores.usable() <= 8
