"""What every benchmark needs: the machine in one line, memory of processes, quantiles, tables, the results page."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from classifier.serve import cores
from common.settings import ROOT

RESULTS: Final = ROOT / "docs" / "performance.md"

Row = Sequence[object]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` percent of the values do not exceed (inclusive, interpolated)."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def pss_mb(pid: int) -> float:
    """A process's proportional set size in MB: its own pages, and its part of the pages that it shares.

    For a decoder, which only root may inspect, this is the resident set size, which is never smaller.

    Raises:
        ProcessLookupError: The process has ended.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except PermissionError:
        text = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    found = re.search(r"^(?:Pss|VmRSS):\s+(\d+) kB", text, re.M)
    if not found:  # the process ended meanwhile
        raise ProcessLookupError(pid)
    return int(found[1]) / 1024


def add_effort(parser: argparse.ArgumentParser, quick: str) -> None:
    """Add the options for a short run and for writing the results; they exclude each other.

    Args:
        parser: The command's.
        quick: What a short run does, for the help text.
    """
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help=f"{quick}: says nothing about speed")
    effort.add_argument("--write", action="store_true", help="put the result into docs/performance.md, too")


def folder(path: str) -> Path:
    """The absolute path of a folder on the command line: child processes start in other folders."""
    return Path(path).resolve()


def machine(*packages: str) -> str:
    """One line for a report: processor, usable cores, memory, system, Python, and the versions of these packages."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    total = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    parts = [
        model[1] if model else platform.machine(),
        f"{cores.usable()} cores",
        f"{int(total[1]) / 1024**2:.0f} GiB" if total else "",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        *(f"{package} {importlib.metadata.version(package)}" for package in packages),
    ]
    return ", ".join(part for part in parts if part)


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table; all columns but the first are numbers, on the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(name: str, text: str, path: Path = RESULTS) -> None:
    """Replace the text between ``<!-- name -->`` and ``<!-- end of name -->`` in the document.

    Raises:
        ValueError: The document has no such place.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        msg = f"{path} has no place for {name!r}: it needs the lines {begin} and {end}"
        raise ValueError(msg)
    path.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
