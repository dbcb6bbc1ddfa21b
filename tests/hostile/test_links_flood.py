"""Many bad links at once, through the runtime and a real Redis: one good link is answered before all of them."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from pathlib import Path

import pytest

from common.channels.channels import Channels
from common.messages import ClassifyImage, FetchUrl, SendReply
from common.runtime.loop import Runtime
from common.settings import Settings
from common.web.download import FetchLimits
from common.web.names import Names
from fetch_url import FetchUrlWorker
from tests.hostile.name_server import names, naming
from tests.support import make, model_in_use
from tests.support.observer import on, publish
from tests.support.photos import png
from tests.support.web_server import content, drip, serving

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
TOLD_AFTER_S = 3.0
LIMITS = FetchLimits(total_s=10, answer_s=2.5, unreachable_after_s=TOLD_AFTER_S)

pytestmark = pytest.mark.timeout(60)


def from_many_chats(*links: str) -> list[FetchUrl]:
    """Each link from its own chat, in this order."""
    return [FetchUrl(job=make.job(f"1-{n}-0", chat_id=n), url=link) for n, link in enumerate(links, 1)]


async def jobs_on(channels: Channels, channel: str) -> set[str]:
    """The jobs whose pictures or replies wait on a channel."""
    return {each.job.id for each in await on(channels, channel) if isinstance(each, ClassifyImage | SendReply)}


@pytest.mark.parametrize("bad", ["dripping", "dead", "nameless"])
async def test_a_good_link_goes_by_a_flood_of_bad_ones(
    bad: str, channels: Channels, settings: Settings, tmp_path: Path
) -> None:
    # Given 60 links to one host that drips, to ports that refuse, or to names that do not exist
    model_in_use.put_in_use(settings.models_dir)
    drips = {"/drip": drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x")}
    good = {"/red.png": content(png())}
    with serving(drips) as host, serving(good, "127.0.0.2") as other, naming({"*": ["silent4 silent6"]}) as server:
        links = {
            "dripping": [host.url("/drip")] * 60,
            "dead": [f"http://127.0.1.{n}:1/" for n in range(60)],
            "nameless": [f"http://{n}.nameless.example/" for n in range(60)],
        }[bad]
        worker = make_worker(settings, names(server, tmp_path))
        await worker.open(Channels(worker.settings))
        runtime = Runtime(worker, channels, "a")
        running = asyncio.create_task(runtime.run())
        try:
            # When a good one comes last
            began = time.time()
            await publish(channels, *from_many_chats(*links, other.url("/red.png")))
            last = f"1-{len(links) + 1}-0"
            while last not in await jobs_on(channels, "classify"):
                assert time.time() - began < 10
                await asyncio.sleep(0.02)

            # Then it is answered before all that came before it
            if bad != "dripping":
                assert time.time() - began < TOLD_AFTER_S
            assert await jobs_on(channels, "reply") == set()

            # And the dead ones have theirs, all at once, though at most eight of them are in flight at a time
            if bad == "dead":
                while len(await jobs_on(channels, "reply")) < len(links):
                    assert time.time() - began < 2 * TOLD_AFTER_S
                    await asyncio.sleep(0.02)
                assert time.time() - began >= TOLD_AFTER_S
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await worker.close()


def make_worker(settings: Settings, machine: Names) -> FetchUrlWorker:
    opened = Settings(data_dir=settings.data_dir, models_dir=settings.models_dir, fetch_allow_networks=LOCAL)
    return FetchUrlWorker(opened, lookup=machine, limits=LIMITS)
