"""How many processor cores this process may use: the machine, its affinity and its cgroup limit them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_ROOT = Path("/")


def usable(root: Path = _ROOT) -> int:
    """The number of cores, at least one. A container's share of a core counts as one.

    With more threads than that, the kernel stops all of them for the rest of each period (100 ms) as soon as
    the quota is used up, and a picture takes several periods.

    Args:
        root: Where ``/proc`` and ``/sys`` are.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """What each cgroup above this process allows, in cores: the smallest counts.

    https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), .../scheduler/sched-bwc.html (version 1)
    """
    mounts = root / "sys/fs/cgroup"
    for controllers, path in _groups(root):
        for group in (path, *path.parents):
            if not controllers:
                yield from _share(_words(mounts, group, "cpu.max"))
            elif "cpu" in controllers.split(","):
                # Within a container, the path in /proc may be the host's: then the mount's own root has the quota.
                for mount in (mounts / "cpu", mounts / controllers):
                    quota = _words(mount, group, "cpu.cfs_quota_us")
                    yield from _share(quota + _words(mount, group, "cpu.cfs_period_us"))


def _groups(root: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """Lines of /proc/self/cgroup: the controllers ('' in version 2), and the path."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield controllers, PurePosixPath(path)


def _words(mount: Path, group: PurePosixPath, name: str) -> list[str]:
    try:
        return (mount / group.relative_to("/") / name).read_text().split()
    except (OSError, ValueError):  # no such group here, or a path like /../other, from outside our namespace
        return []


def _share(quota_and_period: list[str]) -> Iterator[float]:
    try:
        quota, period = map(int, quota_and_period)
    except ValueError:  # "max 100000", or nothing
        return
    if quota > 0 and period > 0:  # version 1 says -1 for "no limit"
        yield quota / period
