"""The module names before 0.2.0 do what the new ones do. ``tests/e2e/test_upgrade.py`` shows it in a running bot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from common.settings import ROOT


def ended(module: str, *arguments: str) -> tuple[int, str, str]:
    """The exit status and the output of ``python -m MODULE``, with a wrong setting so that it ends at once."""
    environ = {"PATH": os.environ["PATH"], "ENGINE": "onnx"}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("embedded_redis", ()),
        ("watchdog", ()),
        ("processes", ()),
        ("banner", ()),
        ("check", ()),
        ("check", ("--wrong",)),
        ("dead_letters", ("list",)),
        ("dead_letters", ("show",)),
    ],
)
def test_a_program_is_the_same_by_its_former_name(name: str, arguments: tuple[str, ...]) -> None:
    former, new = ended(f"common.{name}", *arguments), ended(f"common.programs.{name}", *arguments)
    assert former == new
    assert former[0] in {1, 2}
    assert "ENGINE='onnx' is not one of" in former[1] + former[2] or "usage: make" in former[2]


def first_word(module: str) -> bytes:
    """What a decoder says when it is ready."""
    ours, theirs = socket.socketpair()
    with ours, subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env={}, stdin=theirs.fileno()) as decoder:
        theirs.close()
        said = ours.recv(1024)
        ours.shutdown(socket.SHUT_RDWR)
        assert decoder.wait() == 0
    return said


def test_a_decoder_is_the_same_by_its_former_name() -> None:
    said = first_word("common.decoder_child")
    assert said
    assert said == first_word("common.pictures.child.main")
