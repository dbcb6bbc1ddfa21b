"""Where the time of a single photo goes, and a picture of it for light and dark pages."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS: Final = ("channels", "accept", "download", "check", "classify", "model", "send")
WORDS: Final = {
    "channels": "between workers (Redis)",
    "accept": "receive: read the update",
    "download": "receive: download",
    "check": "file_check: decode",
    "classify": "classify: all but the model",
    "model": "classify: the model",
    "send": "reply: send",
}
_COLOURS: Final = ("#8b949e", "#0a5ea8", "#4a9edb", "#8a5a00", "#c9578c", "#7a1f52", "#1a7f4b")
_SMALLEST_WITH_A_NUMBER_MS: Final = 1.5
_INK, _INK_ON_DARK = "#1f2328", "#e6edf3"
_BACKGROUND, _BACKGROUND_ON_DARK = "#ffffff", "#0d1117"
_LINE: Final = re.compile(
    r"answered \(answer[^)]*\) total=(?P<total>\d+) (?P<steps>accept=\S+ download=\S+ check=.*?) "
    r"send=(?P<send>\d+) model=(?P<model>[\d.]+)"
)
_STEPS: Final = ("accept", "download", "check", "classify")
_STEP: Final = re.compile(r"(\w+)=\d+\+(\d+)")


def by_part(log: str, photos: int) -> dict[str, float]:
    """The mean time of each part, in milliseconds, of the last ``photos`` answers in the log of ``reply``.

    The log gives whole milliseconds, so medians would be whole as well.
    """
    journeys = [_of_one(found) for found in _LINE.finditer(log)][-photos:]
    if len(journeys) < photos:
        msg = f"{len(journeys)} of {photos} answers are in the log of reply"
        raise LookupError(msg)
    return {part: statistics.fmean(journey[part] for journey in journeys) for part in PARTS}


def _of_one(line: re.Match[str]) -> dict[str, float]:
    """The time of each part of one answer. A second look has some of the steps twice."""
    took = dict.fromkeys(_STEPS, 0.0)
    for step, took_ms in _STEP.findall(line["steps"]):
        took[step] += float(took_ms)
    model, send = float(line["model"]), float(line["send"])
    between = float(line["total"]) - sum(took.values()) - send
    took["classify"] -= model
    return {"channels": between, **took, "model": model, "send": send}


def overheads(log: str, photos: int) -> list[float]:
    """The time of each of the last ``photos`` answers without the model's own time, in milliseconds."""
    return [float(line["total"]) - float(line["model"]) for line in _LINE.finditer(log)][-photos:]


def draw(journeys: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write the picture: one bar for each journey, divided into its parts."""
    import matplotlib as mpl  # noqa: PLC0415 -- takes half a second, which a quick run saves

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    style = {"svg.fonttype": "none", "svg.hashsalt": "journey", "font.family": "sans-serif", "text.color": _INK}
    style |= {"axes.edgecolor": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK}
    with mpl.rc_context(style):
        figure, axes = plt.subplots(figsize=(9, 0.6 * len(journeys) + 1.8), facecolor=_BACKGROUND, layout="constrained")
        axes.set_facecolor(_BACKGROUND)
        _bars(axes, list(journeys), [journeys[name] for name in journeys])
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
    path.write_text(_also_for_dark_pages(path.read_text()))


def _bars(axes: Axes, names: Sequence[str], journeys: Sequence[Mapping[str, float]]) -> None:
    left = [0.0] * len(journeys)
    for part, colour in zip(PARTS, _COLOURS, strict=True):
        took = [max(0.0, journey[part]) for journey in journeys]
        bars = axes.barh(names, took, left=left, color=colour, label=WORDS[part])
        texts = [f"{ms:.0f}" if ms >= _SMALLEST_WITH_A_NUMBER_MS else "" for ms in took]
        axes.bar_label(bars, texts, label_type="center", color="white", fontsize=8)
        left = [sum(pair) for pair in zip(left, took, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds from the update's arrival to Telegram's OK")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)


def _also_for_dark_pages(svg: str) -> str:
    """The picture with a dark background and light ink where the reader prefers it. No other part has these colours."""
    ink, background = f'[style*="{_INK}"]', f'[style*="fill: {_BACKGROUND}"]'
    rules = (
        f"{ink} {{ fill: {_INK_ON_DARK} !important; stroke: {_INK_ON_DARK} !important }} "
        f"text{ink} {{ stroke: none !important }} path{background} {{ fill: {_BACKGROUND_ON_DARK} !important }}"
    )
    return svg.replace("<defs>", f"<style>@media (prefers-color-scheme: dark) {{ {rules} }}</style>\n <defs>", 1)
