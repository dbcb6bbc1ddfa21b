"""The rights that a decoder gives up before it reads the first foreign byte.

A broken picture may make it crash, hang or grow, so it has limits. A malicious picture may take it over, so it can only
decode. It can no longer open a file or a connection, start a process, or become another user. It cannot read its
worker's memory, it never has a secret, and it ends with its worker even in the middle of a picture.

Much of this works on Linux only. Elsewhere it is left out, and the decoder runs without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Final

from common.libc import LIBC, end_with_parent, gain_no_privileges, hide_memory
from common.pictures.protocol import DECODE_LIMIT_S

# The largest legitimate decode (50 megapixels of 12-bit HEIC with alpha) takes 550 MB with all of Python; 25 megapixels
# of AVIF take 450 MB, and memory has a file of 20 MB up to four times. The limit is some 40% more.
MAX_MEMORY_BYTES: Final = 768 * 2**20

# linux/landlock.h, asm-generic/unistd.h
_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_RESTRICT_SELF: Final = 446
_LANDLOCK_CREATE_RULESET_VERSION: Final = 1
_LANDLOCK_ALL_FILES: Final = struct.pack("=Q", (1 << 13) - 1)  # every access of version 1; no rule allows any
_LANDLOCK_SCOPED: Final = struct.pack("=QQ", 0, 3)  # nothing of the network; abstract sockets, signals
_LANDLOCK_SCOPED_SINCE: Final = 6

_STDERR: Final = 2
_NOBODY: Final = 65534
# Of 1000, added to the kernel's score: when memory runs out, a decoder is killed before a worker, and soon restarted.
_OOM_SCORE: Final = "500"


def give_up_what_we_can(*, keep_user: bool = False) -> None:
    """Give up all of them, for good. ``keep_user`` lets root stay root, as in a container without other users."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    os.chdir("/")
    # From here on the decoder cannot write to the worker's log: a picture could forge lines there.
    discarded = os.open(os.devnull, os.O_WRONLY)
    os.dup2(discarded, _STDERR)
    os.close(discarded)
    if not keep_user:
        _stop_being_root()
    # After the change of user, which undoes the first two of these.
    end_with_parent(signal.SIGKILL)  # even in the middle of a picture
    hide_memory()
    gain_no_privileges()
    if sys.platform == "linux":
        _keep_from_other_processes()
    _limit(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)  # open files stay open, and no other can be opened


def allow_processor_time(limit_s: int = DECODE_LIMIT_S) -> None:
    """Make the kernel kill this process (SIGXCPU) after the time for one picture, in case the worker does not."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + limit_s, hard))


def _stop_being_root() -> None:
    """Become another user, since limits do not apply to root. In a container without other users, it stays root."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError, AttributeError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _keep_from_other_processes() -> None:
    """Give up reading the worker's memory and sending it signals, where the kernel has Landlock.

    Without root, the decoder has the same user as the worker, whose memory holds the token. Needs Linux 5.13; for
    signals, 6.12.
    """
    version = LIBC.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_CREATE_RULESET_VERSION)
    rules = _LANDLOCK_ALL_FILES + (_LANDLOCK_SCOPED if version >= _LANDLOCK_SCOPED_SINCE else b"")
    ruleset = LIBC.syscall(_LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset >= 0:
        LIBC.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)


def _limit(what: int, most: int) -> None:
    with contextlib.suppress(OSError, ValueError) if sys.platform != "linux" else contextlib.nullcontext():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
