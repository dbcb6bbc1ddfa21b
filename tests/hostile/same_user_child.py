"""The misbehaving decoder as the worker's own user, as it is wherever the worker is not root."""

from __future__ import annotations

import functools

from common.pictures.child.confinement import give_up_what_we_can
from tests.hostile import misbehaving_child

if __name__ == "__main__":
    misbehaving_child.main(functools.partial(give_up_what_we_can, keep_user=True))
