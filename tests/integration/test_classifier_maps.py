"""Where the network saw it: the maps of both engines, in both precisions, on real photos."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from classifier import artifact, maps
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3
from classifier.prepare import conversion, recipe
from classifier.prepare.choose import Request, is_prepared, prepare
from classifier.serve.classifier import Classifier
from classifier.serve.engines.engine import MAPS, Engine, Output
from classifier.serve.engines.openvino import OpenVinoEngine
from classifier.serve.engines.torch import TorchEngine
from common import optional_packages
from common.model import records
from common.model.input import InputSpec
from common.model.records import MapGrid, ModelRecord
from common.pictures.child.images import to_pixels
from tests.support import photos
from tests.support.models_fixtures import Int8, copy_models, quiet, serving

pytestmark = pytest.mark.timeout(180)

ROUNDED = 0.01  # of their range: OpenVINO's graph has the rows of the last layer in 8 bits
AGREES = 1e-4  # of the maps' range, as the engines' logits

Floats = npt.NDArray[np.float32]


def in_use(models_dir: Path) -> ModelRecord:
    record = records.in_use(models_dir)
    assert record
    return record


def opened(models_dir: Path, kind: type[OpenVinoEngine] | type[TorchEngine]) -> Engine:
    record = in_use(models_dir)
    folder = models_dir / record.folder
    return TorchEngine(folder, record) if kind is TorchEngine else OpenVinoEngine(folder)


def seen(spec: InputSpec) -> list[bytes]:
    return [to_pixels(photos.photo(name), spec) for name in photos.NAMES]


def cells(outputs: Sequence[Output]) -> Floats:
    """N x maps x rows x columns."""
    found = []
    for output in outputs:
        assert output.maps
        found.append(np.array(output.maps.cells, np.float32).reshape(-1, output.maps.rows, output.maps.columns))
    return np.stack(found)


def difference(actual: Floats, expected: Floats) -> float:
    return float(np.abs(actual - expected).max() / np.ptp(expected))


# What they say


@pytest.mark.parametrize("fixture", ["lite2_dir", "inception_dir"])
def test_torch_and_openvino_saw_it_in_the_same_places(fixture: str, request: pytest.FixtureRequest) -> None:
    models_dir: Path = request.getfixturevalue(fixture)
    spec = in_use(models_dir).input

    by_openvino, by_torch = (
        cells(opened(models_dir, kind).outputs(seen(spec))) for kind in (OpenVinoEngine, TorchEngine)
    )

    size = {"lite2_dir": 9, "inception_dir": 8}[fixture]
    assert by_openvino.shape == by_torch.shape == (len(photos.NAMES), MAPS, size, size)
    assert difference(by_openvino, by_torch) < ROUNDED


@pytest.mark.parametrize("kind", [OpenVinoEngine, TorchEngine])
def test_each_picture_of_a_batch_of_eight_gets_the_maps_that_it_gets_alone(
    lite2_dir: Path, kind: type[OpenVinoEngine] | type[TorchEngine]
) -> None:
    engine = opened(lite2_dir, kind)
    pictures = (seen(EFFICIENTNET_LITE2.input) * 2)[:8]

    together = engine.outputs(pictures)

    alone = [engine.outputs([picture])[0] for picture in pictures]
    assert len(together) == 8
    assert difference(cells(together), cells(alone)) < AGREES


KNOWN = ("chelsea", "coffee", "motorcycle", "rocket")  # not the astronaut, in whose quarter it sees a barbell (15 %)
QUADRANTS = [(0, 0), (1, 0), (0, 1), (1, 1)]  # right and down


@pytest.mark.parametrize("quadrant", QUADRANTS)
@pytest.mark.parametrize("which", ["fp32", "int8", "torch"])
def test_what_is_in_one_quarter_of_a_grey_picture_was_seen_there(
    lite2_dir: Path, int8: Int8, which: str, quadrant: tuple[int, int]
) -> None:
    models_dir = int8.models_dir if which == "int8" else lite2_dir
    record, engine = in_use(models_dir), opened(models_dir, TorchEngine if which == "torch" else OpenVinoEngine)
    half = record.input.crop // 2
    canvases = []
    for name in KNOWN:
        canvas = Image.new("RGB", (2 * half, 2 * half), (128, 128, 128))
        canvas.paste(photos.photo(name).resize((half, half)), (quadrant[0] * half, quadrant[1] * half))
        canvases.append(canvas.tobytes())

    for name, maps_ in zip(KNOWN, cells(engine.outputs(canvases)), strict=True):
        row, column = np.unravel_index(maps_[0].argmax(), maps_[0].shape)
        assert record.maps
        x, y = (record.maps.start + record.maps.stride * int(index) for index in (column, row))
        assert (x // half, y // half) == quadrant, name


# The same logits, the same size, the same cells


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_without_the_maps_the_logits_are_the_same_to_the_bit(
    lite2_dir: Path, int8: Int8, precision: str, tmp_path: Path
) -> None:
    models_dir = int8.models_dir if precision == "int8" else lite2_dir
    folder = models_dir / in_use(models_dir).folder
    former = former_folder(folder, tmp_path)

    with_maps, without = (OpenVinoEngine(each).outputs(seen(EFFICIENTNET_LITE2.input)) for each in (folder, former))

    assert [output.scores for output in with_maps] == [output.scores for output in without]
    assert {output.maps for output in without} == {None}
    sizes = [sum((each / name).stat().st_size for name in network_files()) for each in (former, folder)]
    assert 0 < sizes[1] - sizes[0] < 1000 * 1408 + 12_000  # Lite2's last layer, a byte each


def network_files() -> tuple[str, str]:
    return artifact.NETWORK, artifact.NETWORK_WEIGHTS


def former_folder(folder: Path, target: Path) -> Path:
    """The same model as version 0.2.0 prepared it: v1, without maps. Returns its folder."""
    import openvino as ov  # noqa: PLC0415 -- telemetry is off by now

    record = records.read(folder / records.DESCRIPTION)
    assert record
    names = (each.replace("-v2-", "-v1-") for each in (record.folder, record.made_from))
    former = msgspec.structs.replace(record, maps=None, **dict(zip(("folder", "made_from"), names, strict=True)))
    made = target / former.folder
    made.mkdir()
    model = ov.Core().read_model(folder / artifact.NETWORK)
    maps.remove(model)
    ov.save_model(model, made / artifact.NETWORK, compress_to_fp16=False)
    for name in (artifact.TORCH_WEIGHTS, artifact.COMPARISON):
        if (folder / name).exists():
            artifact.link(folder / name, made / name)
    artifact.seal(made, former, msgspec.json.decode((folder / artifact.LABELS).read_bytes()))
    return made


def test_the_record_says_where_the_cells_of_both_networks_are(lite2_dir: Path, inception_dir: Path, int8: Int8) -> None:
    """The known numbers: 260 = 3 + 8 · 32 + 1; 299 = 37 + 7 · 32 + 38."""
    assert in_use(lite2_dir).maps == in_use(int8.models_dir).maps == MapGrid(3.0, 32.0)
    assert in_use(inception_dir).maps == MapGrid(37.0, 32.0)


SPEC = msgspec.structs.replace(INCEPTION_V3.input, model="m", resize=128, crop=128)


@pytest.mark.parametrize(
    ("build", "grid"),
    [
        (models.resnet18, MapGrid(0.0, 32.0)),
        (models.shufflenet_v2_x0_5, MapGrid(0.0, 32.0)),
        (models.mobilenet_v3_small, None),
        (models.squeezenet1_1, None),
    ],
)
def test_other_networks_have_maps_where_their_end_allows_it(build: Any, grid: MapGrid | None, tmp_path: Path) -> None:
    module: nn.Module = build(weights=None).eval()

    assert conversion.convert(module, SPEC, tmp_path / artifact.NETWORK) == grid


def test_a_cell_looks_at_the_place_that_the_record_says() -> None:
    """The centre of what a cell in the middle of ResNet-18's features depends on, by the gradients of its input."""
    module = models.resnet18(weights=None).eval()
    module.maxpool = nn.AvgPool2d(3, 2, 1)  # of equal numbers, a maximum sends the gradient to the first alone
    trunk = nn.Sequential(*list(module.children())[:-2])
    with torch.no_grad():
        for layer in trunk.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.fill_(1 / layer.weight[0].numel())  # no weight is negative, so all ways count
    picture = torch.ones(1, 3, 1024, 1024, requires_grad=True)

    trunk(picture)[0, 0, 16, 16].backward()

    assert picture.grad is not None
    weight = picture.grad.sum(dim=(0, 1, 2))
    assert float((weight * torch.arange(1024)).sum() / weight.sum()) == pytest.approx(16 * 32, abs=0.5)


# Folders of the former version


@pytest.fixture
def former_dir(int8: Int8, tmp_path: Path) -> Path:
    """A ``MODELS_DIR`` that version 0.2.0 left, where EfficientNet-Lite2 in int8 is in use."""
    models_dir = tmp_path / "former"
    models_dir.mkdir()
    for folder in int8.models_dir.glob("*-v2-*"):
        former_folder(folder, models_dir)
    record = in_use(int8.models_dir)
    former = records.read(models_dir / record.folder.replace("-v2-", "-v1-") / records.DESCRIPTION)
    assert former
    artifact.put_in_use(models_dir, msgspec.structs.replace(former, why=record.why, why_precision=record.why_precision))
    return models_dir


@pytest.mark.parametrize("kind", [OpenVinoEngine, TorchEngine])
def test_a_folder_of_the_former_version_is_served_without_maps(
    former_dir: Path, kind: type[OpenVinoEngine] | type[TorchEngine]
) -> None:
    Classifier.open(serving(former_dir))

    (output,) = opened(former_dir, kind).outputs([bytes(3 * 260 * 260)])

    assert output.maps is None


def test_it_is_brought_up_to_date_without_torch_and_without_photos(
    former_dir: Path, int8: Int8, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional_packages, "is_installed", lambda _name: False)
    monkeypatch.setattr(recipe, "make", None)
    request = Request(model="auto", precision="int8")
    assert is_prepared(request, former_dir)

    record = prepare(request, former_dir, quiet)

    now = in_use(int8.models_dir)
    assert record == msgspec.structs.replace(now, why=record.why, why_precision=record.why_precision)
    assert {path.name for path in former_dir.glob("*-v*")} == {record.folder, record.made_from}
    for name in (record.folder, record.made_from):
        assert artifact.whole(former_dir / name)
    before, after = (
        opened(folder, OpenVinoEngine).outputs(seen(now.input)) for folder in (int8.models_dir, former_dir)
    )
    assert before == after


def test_an_operator_s_own_weights_stay_in_use(inception_dir: Path, tmp_path: Path) -> None:
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    now = in_use(inception_dir)
    former = records.read(former_folder(inception_dir / now.folder, models_dir) / records.DESCRIPTION)
    assert former
    artifact.put_in_use(models_dir, msgspec.structs.replace(former, why=now.why, why_precision=now.why_precision))

    assert prepare(Request(model="auto"), models_dir, quiet) == now


def test_a_damaged_folder_of_the_former_version_is_prepared_again(lite2_dir: Path, tmp_path: Path) -> None:
    models_dir = copy_models(lite2_dir, tmp_path / "models")
    now = in_use(models_dir)
    former = former_folder(models_dir / now.folder, models_dir)
    shutil.rmtree(models_dir / now.folder)
    (former / artifact.NETWORK_WEIGHTS).write_bytes(b"damaged")

    record = prepare(Request(model="efficientnet_lite2"), models_dir, quiet)

    assert record == now
    assert not former.exists()
