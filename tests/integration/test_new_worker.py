"""A worker that somebody adds by the three steps of CONTRIBUTING.md, "To add a worker", gets its messages."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from common.settings import ROOT
from tests.support.redis_servers import RedisServer

MESSAGE = '''
class WriteCaption(Message, frozen=True, kw_only=True, tag=True):
    """Write a caption for the picture whose model input is under ``key``."""

    channel: ClassVar[str] = "caption"
    stage: ClassVar[str] = "caption"

    key: str


AnyMessage ='''

WORKER = '''
"""Writes captions.

in:   WriteCaption
out:  SendReply → reply
"""

from __future__ import annotations

from common.messages import SendReply, Words, WriteCaption
from common.runtime.process import run
from common.runtime.worker import Worker


class CaptionWorker(Worker[WriteCaption]):
    """Model inputs in, captions out."""

    channel = "caption"

    async def handle(self, message: WriteCaption) -> SendReply:
        """Write one caption."""
        return SendReply(job=message.job, content=Words(text=f"a caption for {message.key}"))


if __name__ == "__main__":
    run(CaptionWorker)
'''

# What a developer then sees: receive hands a job on to the new worker, and the new worker's answer is on reply.
SCRIPT = """
import asyncio

from caption import CaptionWorker
from common import settings
from common.channels.channels import Channels, Once
from common.messages import AcceptUpdate, Job, WriteCaption, decode
from common.runtime.loop import Runtime


async def main() -> None:
    config = settings.load()
    channels = Channels(config)
    for number in range(6):  # more jobs of one chat than have slots: the rest come back from the waiting ones
        update = Job(id=f"1-{number}", chat_id=7, message_id=None, accepted_at=0)
        await channels.publish([(AcceptUpdate(job=update, update={}), Once("1:0", update.id, 60_000))])
        receive = channels.consumer("receive", "r")
        (delivery,) = receive.taken(await channels.scripts.run(receive.take(1))).deliveries
        job = Job(id=f"1-{number}-0", chat_id=7, message_id=None, accepted_at=0)
        caption = WriteCaption(job=job, key=f"{number}.input")
        await channels.scripts.run(receive.hand_off(delivery, [caption], lambda job: caption))
    await Runtime(CaptionWorker(config), channels, "a", burst=True).run()
    for stream in channels.keys.streams:
        for _, fields in await channels.redis.xrange(stream):
            print(stream.rpartition(":")[2], decode(fields[b"body"]).content.text)
    reply = channels.consumer("reply", "r")
    for delivery in reply.taken(await channels.scripts.run(reply.take(10))).deliveries:
        await channels.scripts.run(reply.hand_off(delivery, [], lambda job: caption))
    await Runtime(CaptionWorker(config), channels, "a", burst=True).run()
    print(await channels.redis.xlen(channels.keys.stream("reply")), "after the first have ended")
    await channels.close()


asyncio.run(main())
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code for a developer to change."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "common", root / "common", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "supervisord.conf", root)
    return root


def follow_the_three_steps(root: Path) -> None:
    messages = root / "common" / "messages.py"
    text = messages.read_text("utf-8").replace("\nAnyMessage =", MESSAGE + " WriteCaption |", 1)
    channels = 'CHANNELS = ("receive", "file_check", "fetch_url", "classify", "reply", "garbage_collect"'
    assert channels in text
    messages.write_text(text.replace(channels, f'{channels}, "caption"'), "utf-8")
    (root / "caption.py").write_text(textwrap.dedent(WORKER).lstrip(), "utf-8")
    conf = root / "supervisord.conf"
    (section,) = re.findall(r"^\[program:file_check\]\n.*?\n\n", conf.read_text("utf-8"), re.M | re.S)
    with conf.open("a") as file:
        file.write("\n" + section.replace("file_check", "caption"))


def test_a_seventh_worker_gets_its_own_messages_and_no_others(redis: RedisServer, checkout: Path) -> None:
    follow_the_three_steps(checkout)

    environ = {
        "REDIS_URL": redis.url,
        "NAMESPACE": "seventh",
        "DATA_DIR": str(checkout / "run"),
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=checkout, env=os.environ | environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *(f"reply a caption for {number}.input" for number in range(4)),
        "2 after the first have ended",
    ]
    conf = configparser.RawConfigParser()
    conf.read(checkout / "supervisord.conf")
    assert conf["program:caption"]["command"].endswith(" caption.py")
    assert {*conf["program:caption"]} == {*conf["program:file_check"]}
