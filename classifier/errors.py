"""What can be wrong with a model. Each message is one line: the thing, the problem, and the cure."""

from __future__ import annotations

from common.errors import WhatsitError


class ModelError(WhatsitError):
    """Weights, labels or a prepared model are missing, damaged, or do not fit together."""


class WeightsUnavailable(ModelError):  # noqa: N818 -- named for what happened
    """The weights are not on this machine and could not be downloaded."""
