"""What every engine can do: scores for pictures, and maps of where it saw what."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Picture: TypeAlias = bytes | bytearray | memoryview

MAPS: Final = 3
"""So many of the likeliest classes have a map; fewer where there are fewer classes."""


class Maps(NamedTuple):
    """Class activation maps: where the network saw its likeliest classes (Zhou et al. 2016, arXiv:1512.04150).

    Attributes:
        rows: How many rows of cells each has. ``MapGrid`` says where the cells are in the picture.
        columns: How many cells each row has.
        cells: For each of the likeliest classes (``MAPS``), best first, the cells (rows · columns, row by row).
    """

    rows: int
    columns: int
    cells: tuple[tuple[float, ...], ...]


class Output(NamedTuple):
    """What the network says of one picture.

    Attributes:
        scores: The logits of all classes.
        maps: Where it saw the best of them; None for a network that has no maps.
    """

    scores: Sequence[float]
    maps: Maps | None


class Engine(Protocol):
    """Runs one model. Several threads may call it at the same time.

    Attributes:
        name: Its name for people, with the device that it uses.
        classes: How many scores it gives.
    """

    name: str
    classes: int

    def outputs(
        self, pictures: Sequence[Picture], given_up: threading.Event | None = None, *, again: bool = False
    ) -> Sequence[Output]:
        """Scores of all classes for each picture, and where they were seen, in turn with those of other threads.

        Args:
            pictures: Pixels of one picture each (crop x crop x 3, uint8, RGB, row by row).
            given_up: Set as soon as nobody waits for the outputs. Pictures that have not begun by then are not
                computed, and nothing is returned.
            again: Whether these are more views of pictures that came before: they do not count as waiting work.
        """
        ...

    def scores(self, pictures: Sequence[Picture], given_up: threading.Event | None = None) -> Sequence[Sequence[float]]:
        """The same without the maps."""
        return [output.scores for output in self.outputs(pictures, given_up)]

    def rest(self) -> None:
        """Get ready for a single image, where that takes time. Call it when no image has come for a while."""
        ...

    def logits(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The same scores (N x classes) for N x crop x crop x 3 pixels (uint8), to compare models."""
        import numpy as np  # noqa: PLC0415 -- 0.1 s and 10 MB that serving does without

        return np.array(self.scores([memoryview(image).cast("B") for image in images]), dtype=np.float32)
