"""The calibrations that came with the code, for official weights with ImageNet's labels, in fp32 and int8 alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from common.model import records
from common.model.records import Calibration

NOT_MEASURED: Final = Calibration()

MEASURED: Final[Mapping[str, Calibration]] = {
    "efficientnet_lite2": Calibration(
        temperature=0.72,
        strange_below=5.8,
        measured_on="1,300 ImageNet validation photos",
        rules=records.RULES,
        came_with_code=True,
    ),
}
"""By the network's name. A network that is not here was not measured."""
