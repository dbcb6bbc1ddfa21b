"""How often int8's answers are those of fp32: on photos that it was not calibrated on, with a confidence bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from classifier import artifact
from classifier.int8.photos import ENOUGH_TO_JUDGE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CONFIDENCE: Final = 0.95
GOOD_ENOUGH: Final = 0.97


class Cost(msgspec.Struct, frozen=True):
    """What a picture costs.

    Attributes:
        ms: Time, in milliseconds.
        mb: Memory of the whole process, in megabytes; 0 if the system does not say.
    """

    ms: float
    mb: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Int8 and the fp32 model that it was made from.

    Attributes:
        source: Where the photos came from, for people.
        calibrated_on: How many photos it was calibrated on.
        photos: How many others it was compared on.
        agreeing: How many of these have the same best class in both.
        agreement: Their share.
        surely: The lower bound of that share: see ``surely``.
        mean_change: How much the probability of fp32's best class changes on average.
        largest_change: How much it changes at most.
        fp32: What a picture costs in fp32.
        int8: What it costs in int8.
    """

    source: str
    calibrated_on: int
    photos: int
    agreeing: int
    agreement: float
    surely: float
    mean_change: float
    largest_change: float
    fp32: Cost
    int8: Cost

    @property
    def is_proof(self) -> bool:
        """Whether int8 may answer without a request."""
        return self.photos >= ENOUGH_TO_JUDGE and self.surely >= GOOD_ENOUGH

    @property
    def bound(self) -> str:
        """``surely`` for people; rounded down, since 96.96 % must not read as 97 %."""
        return f"{math.floor(self.surely * 1000) / 1000:.1%}"

    def lines(self) -> Iterator[str]:
        """All of it, for people."""
        yield (
            f"same best class: {self.agreeing} of {self.photos} ({self.agreement:.1%}); "
            f"surely {self.bound} or more (lower {CONFIDENCE:.0%} bound, Clopper-Pearson, one-sided)"
        )
        yield (
            f"the probability of fp32's best class changes by {self.mean_change:.1%} on average, "
            f"by {self.largest_change:.1%} at most"
        )
        yield f"one picture takes {self.int8.ms} ms, not {self.fp32.ms}; memory {self.int8.mb} MB, not {self.fp32.mb}"
        if self.photos < ENOUGH_TO_JUDGE:
            yield (
                f"{self.photos} photos prove little. PRECISION=auto asks for {ENOUGH_TO_JUDGE}: "
                "name a folder with photos of your own by --photos"
            )


def probabilities(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The probabilities of all classes, from one picture's scores (one per class). Their sum is 1."""
    import numpy as np  # noqa: PLC0415 -- `prepare` reads comparisons without it

    scores = np.exp(logits.astype(np.float64) - logits.max())  # minus the largest: exp cannot overflow
    shares: npt.NDArray[np.float64] = scores / scores.sum()
    return shares


def surely(agreeing: int, photos: int) -> float:
    """The lower 95 % confidence bound of a share, one-sided: the exact one of Clopper and Pearson (1934).

    With that share, one of 20 samples would have so many agreeing photos, or more, by chance.
    """
    from scipy.stats import beta  # type: ignore[import-untyped]  # noqa: PLC0415 -- 1 s, only where int8 is compared

    return float(beta.ppf(1 - CONFIDENCE, agreeing, photos - agreeing + 1)) if agreeing else 0.0


def read(folder: Path) -> Comparison:
    """The comparison in an int8 model's folder."""
    return msgspec.json.decode((folder / artifact.COMPARISON).read_bytes(), type=Comparison)
