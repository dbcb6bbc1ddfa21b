"""Keeps OpenVINO and NNCF from reporting to their makers."""

from __future__ import annotations

import sys


def forbid() -> None:
    """Make OpenVINO and NNCF work without telemetry. Call it before either is imported.

    Their own switch (``opt_in_out --opt_out``) writes into the user's home and reports the opting out
    itself. Both fall back to a stub where ``openvino_telemetry`` cannot be imported: so it cannot.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # Python's way to bar an import
