"""Fixtures that several test modules share."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common.channels.channels import Channels
from common.settings import Settings
from tests.support.redis_servers import BINARIES, RedisServer, running_redis

pytest_plugins = ["tests.support.models_fixtures"]


@pytest.fixture(scope="session", params=list(BINARIES))
def redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server of each version: the one from the pip package, and the one on the PATH."""
    binary = BINARIES[request.param]
    if not binary:
        pytest.skip("no redis-server on the PATH (Debian: apt-get install redis-server)")
    with running_redis(binary) as server:
        yield server


@pytest.fixture
def settings(redis: RedisServer, tmp_path: Path) -> Settings:
    return Settings(
        redis_url=redis.url,
        namespace=uuid.uuid4().hex,
        data_dir=tmp_path / "run",
        models_dir=tmp_path / "models",
    )


@pytest.fixture
async def channels(settings: Settings) -> AsyncIterator[Channels]:
    channels = Channels(settings)
    yield channels
    await channels.close()
