"""How long one picture takes with torchvision's networks, one of each family: ``python -m benchmarks.bench_networks``.

Their weights are random, because the time does not depend on them; so it is not measured whether int8 gives the same
answers. ``--write`` puts the table into docs/models.md.
"""

from __future__ import annotations

import argparse
import functools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from benchmarks import measuring
from classifier import published
from classifier.int8 import make as int8
from classifier.networks import NETWORKS, Network
from classifier.prepare import recipe
from classifier.prepare.recipe import Recipe
from classifier.serve.engines.openvino import OpenVinoEngine
from common.model.records import ModelRecord
from common.settings import ROOT

PAGE: Final = ROOT / "docs" / "models.md"
PLACE: Final = "times of torchvision's networks"
FAMILIES: Final = (
    "convnext_tiny",
    "densenet121",
    "efficientnet_v2_s",
    "mobilenet_v3_large",
    "regnet_y_1_6gf",
    "resnet50",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "swin_t",
    "vit_b_16",
)
PICTURES: Final = 20
ROUNDS: Final = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_networks", description=__doc__)
    parser.add_argument("names", nargs="*", default=FAMILIES, metavar="NAME", help="which networks")
    parser.add_argument("--write", action="store_true", help="put the result into docs/models.md, too")
    given = parser.parse_args(arguments)
    rows = []
    for name in given.names:
        rows.append(_row(NETWORKS[name]))
        _say(f"{rows[-1]}")
    head = ("`MODEL=`", "GFLOP", "fp32, ms", "int8, ms", "fp32 file, MB", "int8 file, MB", "prepared in, s")
    text = f"{measuring.machine('torch', 'torchvision', 'openvino', 'nncf')}.\n\n{measuring.table(head, rows)}"
    _say(text)
    if given.write:
        measuring.write(PLACE, text, PAGE)


def _row(network: Network) -> measuring.Row:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        models_dir = Path(scratch)
        began = time.perf_counter()
        fp32 = recipe.make(
            Recipe(network=network, weights=_weights(network, models_dir), labels=None), models_dir, _say
        )
        prepared_s = time.perf_counter() - began
        eight = _int8(fp32, models_dir)
        versions = [fp32, *([eight] if eight else [])]
        times = [f"{_median_ms(models_dir / each.folder, each):.1f}" for each in versions]
        sizes = [f"{(models_dir / each.folder / 'model.bin').stat().st_size / 1e6:.0f}" for each in versions]
    missing = [] if eight else ["fails"]
    gflop = next(f"{each.gflop:.1f}" for each in published.read() if each.name == network.name)
    return (f"`{network.name}`", gflop, *times, *missing, *sizes, *(["–"] if missing else []), f"{prepared_s:.0f}")


def _weights(network: Network, folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / "random.pth"
    state = network.build(1000, network.transform_input).state_dict()
    state[network.head].normal_(std=0.01)  # a Vision Transformer's begins with zeros, and all classes would be equal
    torch.save(state, path)
    return path


def _int8(fp32: ModelRecord, models_dir: Path) -> ModelRecord | None:
    try:
        return int8.make(models_dir, fp32, None, _say)
    except Exception as error:  # whatever NNCF and OpenVINO raise: the table says that it fails
        _say(f"  int8 fails: {error!r}")
        return None


def _median_ms(folder: Path, record: ModelRecord) -> float:
    """The median time of one picture, on all cores, in milliseconds; of some rounds the least disturbed one."""
    engine = OpenVinoEngine(folder)
    noise = random.Random(0)  # noqa: S311 -- pixels, not secrets
    pictures = [noise.randbytes(3 * record.input.crop**2) for _ in range(PICTURES)]
    medians = [statistics.median(map(functools.partial(_seconds, engine), pictures)) for _ in range(1 + ROUNDS)]
    return min(medians[1:]) * 1000


def _seconds(engine: OpenVinoEngine, picture: bytes) -> float:
    began = time.perf_counter()
    engine.scores([picture])
    return time.perf_counter() - began


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
