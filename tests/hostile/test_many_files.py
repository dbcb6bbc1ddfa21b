from __future__ import annotations

import platform
import sys

import pytest

from tests.hostile import many_files

COUNT = 300


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory is used")


async def test_hundreds_of_broken_pictures_harm_no_worker() -> None:
    # A slice of what `python -m tests.hostile.many_files` does with 10,000
    report = await many_files.run(COUNT, seed=2)

    assert report.wrong == []
    assert report.decoder_deaths == []
    assert report.refused.total() + report.answered == COUNT
    assert report.answered > COUNT / 20
    assert report.growth_bytes < many_files.MAX_GROWTH_BYTES


async def test_hundreds_of_broken_heic_files_harm_no_worker() -> None:
    # A slice of what `python -m tests.hostile.many_files --only HEIC` does with 10,000
    report = await many_files.run(COUNT, seed=3, only="HEIC")

    assert report.wrong == []
    assert report.decoder_deaths == []
    assert report.refused.total() + report.answered == COUNT
    assert report.answered > COUNT / 20
    assert report.growth_bytes < many_files.MAX_GROWTH_BYTES


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have ways of their own")
async def test_large_files_leave_nothing_in_the_worker_s_memory_nor_in_the_decoder_s() -> None:
    report = many_files.Report()
    async with many_files.working() as bench:
        await bench.work_off({0: b"hello"}, report)
        before = bench.memory(1)
        await bench.work_off({index: bytes(20 * 2**20 - index) for index in range(1, 11)}, report)
        after = bench.memory(11)

    assert after.worker_bytes - before.worker_bytes < 10 * 2**20
    assert after.decoder_bytes - before.decoder_bytes < 10 * 2**20
