"""Networks whose parameters have shapes and no memory, to read a layout from."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class Hollow(TorchFunctionMode):
    """Within it, a new module's parameters are on the device ``meta``, so their initialisation costs nothing.

    ``with torch.device("meta")`` also moves what some networks compute with while they are built: RegNet and Swin ask
    for the values of small tensors, which ``meta`` does not have. Parameters begin as ``torch.empty``, and nothing else
    in these networks does.
    """

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return func(*args, **(kwargs | {"device": "meta"} if func is torch.empty else kwargs))
