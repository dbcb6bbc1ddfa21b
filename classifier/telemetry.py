"""Keeps OpenVINO and NNCF from reporting to their makers."""

from __future__ import annotations

import sys


def forbid() -> None:
    """Make OpenVINO and NNCF work without telemetry. Call it before either is imported.

    Their own switch (``opt_in_out --opt_out``) writes into the user's home and reports even the opt-out. Both use a
    stub if ``openvino_telemetry`` cannot be imported, so this makes its import fail.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # Python's way to forbid an import
