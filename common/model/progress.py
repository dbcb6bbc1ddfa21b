"""How far the preparation of a model is: ``MODELS_DIR/progress.json``, which the chat page shows.

    {"pid": 4711, "step": 2, "of": 5, "text": "Downloading the weights", "fraction": 0.37}

The file exists while a model is prepared. A killed preparation leaves it behind: then no process has that ``pid``.
"""

from __future__ import annotations

from typing import Final

import msgspec

PROGRESS: Final = "progress.json"


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the preparation is.

    Attributes:
        pid: The process that prepares.
        step: The current step, from 1.
        of: The number of steps.
        text: What the step does, for people.
        fraction: How much of the step is done, 0 to 1; None if that is not known.
    """

    pid: int
    step: int
    of: int
    text: str
    fraction: float | None = None
