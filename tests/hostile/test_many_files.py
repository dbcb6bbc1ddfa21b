from __future__ import annotations

import sys

import pytest

from tests.hostile import many_files

COUNT = 300


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory is used")
async def test_hundreds_of_broken_pictures_harm_no_worker() -> None:
    # A slice of what `python -m tests.hostile.many_files` does with 10,000
    report = await many_files.run(COUNT, seed=2)

    assert report.wrong == []
    assert report.decoder_deaths == []
    assert report.refused.total() + report.answered == COUNT
    assert report.answered > COUNT / 20
    assert report.growth_bytes < many_files.MAX_GROWTH_BYTES
