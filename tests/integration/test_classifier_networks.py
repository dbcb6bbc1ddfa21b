"""Torchvision's networks: the table says what torchvision says, and small ones with seeded weights answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor
from torchvision.models import Inception_V3_Weights

from classifier import published, weights
from classifier.errors import ModelError, WeightsUnavailable
from classifier.hollow import Hollow
from classifier.networks import INCEPTION_V3, MAX_DIFFERENCE, NETWORKS, SERVER, Network
from classifier.prepare import choose, download, official, precision
from classifier.prepare.choose import Request
from classifier.prepare.command import main
from classifier.published import Published
from classifier.serve.classifier import Classifier
from classifier.serve.second_look import Sight
from common import model_names, optional_packages
from common.model import records
from common.model.checksums import sha256_of
from common.model.records import ModelRecord
from common.pictures.child.images import to_pixels
from common.settings import EngineChoice
from docs import models_table
from tests.support import photos
from tests.support.models_fixtures import quiet, serving
from tests.support.seeded_inception import calibrate_batch_norms

pytestmark = pytest.mark.timeout(180)

TABLE = {model.name: model for model in published.read()}
# One of each family, the smallest; and the one whose pictures are not as large as its relatives'.
FAMILIES = (
    *(
        "alexnet",
        "convnext_tiny",
        "densenet121",
        "efficientnet_b0",
        "googlenet",
        "inception_v3",
        "maxvit_t",
        "mnasnet0_5",
    ),
    *("mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"),
    *("swin_t", "swin_v2_t", "vgg11", "vit_b_32", "vit_h_14"),
)
# Small, with different last layers: two linear ones; a pooling and a linear one (twice); a convolution.
SEEDED = ("mobilenet_v3_small", "mnasnet0_5", "regnet_y_400mf", "squeezenet1_1")
THINGS = ("apple", "pear", "plum")


# The table


def test_the_table_and_the_settings_have_all_of_torchvision_s_names() -> None:
    names = torchvision.models.list_models(module=torchvision.models)

    assert list(TABLE) == names
    assert list(NETWORKS) == ["efficientnet_lite2", *names]
    assert list(model_names.MODEL_NAMES) == ["auto", "efficientnet_lite2", *names]
    assert len({model.title for model in TABLE.values()}) == len(names)


@pytest.mark.parametrize("model", TABLE.values(), ids=list(TABLE))
def test_each_line_of_the_table_is_torchvision_s_default(model: Published) -> None:
    default = torchvision.models.get_model_weights(model.name).DEFAULT
    transform = default.transforms()

    assert model.weights == f"{type(default).__name__}.{default.name}"
    assert f"{SERVER}{model.weights_file}" == default.url
    assert (model.mib, model.gflop) == (default.meta["_file_size"], default.meta["_ops"])
    assert model.top1 == default.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert model.input.model == model.name
    assert ([model.input.resize], [model.input.crop]) == (transform.resize_size, transform.crop_size)
    assert model.input.interpolation == transform.interpolation.value
    assert ([*model.input.mean], [*model.input.std]) == (transform.mean, transform.std)
    assert default.meta["categories"] == Inception_V3_Weights.IMAGENET1K_V1.meta["categories"]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_layers_are_as_the_table_says(name: str) -> None:
    assert models_table.entry(name) == TABLE[name]


def test_the_page_has_the_table() -> None:
    assert models_table.table([*TABLE.values()]) in models_table.PAGE.read_text()


def test_inception_v3_is_what_it_was() -> None:
    assert (INCEPTION_V3.title, INCEPTION_V3.head, INCEPTION_V3.unused) == (
        "Inception V3",
        "fc.weight",
        ("AuxLogits.",),
    )
    assert INCEPTION_V3.transform_input is True
    assert INCEPTION_V3.weights_file == "inception_v3_google-0cc3c7bd.pth"
    assert INCEPTION_V3.weights_source == "torchvision's Inception_V3_Weights.IMAGENET1K_V1"


def test_weights_larger_than_half_a_gigabyte_may_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = []

    def fetch(_url: str, target: Path, *, limits: download.DownloadLimits, **_options: object) -> None:
        allowed.append((target.name, limits.max_bytes // 2**20))

    monkeypatch.setattr(download, "fetch", fetch)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("resnet18", "vgg16"):
        official.find(NETWORKS[name], tmp_path, quiet)

    assert allowed == [("resnet18-f37072fd.pth", 512), ("vgg16-397923af.pth", 528)]


# Weights files


def layout(name: str) -> dict[str, Tensor]:
    """A state dict of that network with shapes and without memory."""
    with Hollow():
        return NETWORKS[name].build(1000, None).state_dict()


def blank(name: str) -> dict[str, Tensor]:
    """A state dict of that network: all parameters are 0."""
    return {key: torch.zeros(each.shape) if each.is_meta else each for key, each in layout(name).items()}


def loaded(name: str, state: dict[str, Tensor], folder: Path) -> weights.Loaded:
    torch.save(state, folder / "weights.pth")
    return weights.load(NETWORKS[name], folder / "weights.pth")


def older_densenet(key: str) -> str:
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key)


def older_vit(key: str) -> str:
    return key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2.")


@pytest.mark.parametrize(("name", "former"), [("densenet121", older_densenet), ("vit_b_32", older_vit)])
def test_names_of_older_versions_in_official_files_are_known(name: str, former: Callable[[str], str]) -> None:
    names = [*layout(name)]
    older = [former(key) for key in names]

    assert older != names
    assert [weights.present_name(key) for key in older] == names


@pytest.mark.parametrize("name", ["googlenet", "maxvit_t", "swin_t"])
def test_other_names_stay_what_they_are(name: str) -> None:
    assert [weights.present_name(key) for key in layout(name)] == [*layout(name)]


def test_the_auxiliary_classifiers_of_googlenet_are_left_out(tmp_path: Path) -> None:
    auxiliary = {"aux1.fc2.weight": torch.zeros(1000, 1024), "aux2.fc2.weight": torch.zeros(1000, 1024)}

    assert not loaded("googlenet", blank("googlenet") | auxiliary, tmp_path).state.keys() & auxiliary.keys()


def test_swin_s_integers_are_accepted_if_they_are_those_that_it_is_built_with(tmp_path: Path) -> None:
    state = blank("swin_t")
    index = next(key for key in state if key.endswith("relative_position_index"))

    assert loaded("swin_t", state, tmp_path).classes == 1000
    with pytest.raises(ModelError, match=f"not Swin-T's layout: has another {index}$"):
        loaded("swin_t", state | {index: state[index] + 10_000}, tmp_path)


# From a placed file to an answer


class Placed(NamedTuple):
    """A network whose official weights are a seeded file in a ``MODELS_DIR``.

    Attributes:
        network: The network.
        models_dir: The folder.
        file: The file in it.
    """

    network: Network
    models_dir: Path
    file: Path

    def prepare(self, request: Request) -> ModelRecord:
        return choose.prepare(request, self.models_dir, quiet, {**NETWORKS, self.network.name: self.network})


def placed(name: str, folder: Path) -> Placed:
    """Seeded weights under the name that official ones with their hash would have."""
    network = NETWORKS[name]
    seeded = folder / "seeded.pth"
    with torch.random.fork_rng():
        torch.manual_seed(2012)  # the year of AlexNet
        module = network.build(1000, network.transform_input)
        transform = torchvision.models.get_model_weights(name).DEFAULT.transforms()
        with torch.inference_mode():
            calibrate_batch_norms(module, torch.stack([transform(photos.photo(each)) for each in photos.NAMES]))
    torch.save(module.state_dict(), seeded)
    file = seeded.rename(folder / f"{name}-{sha256_of(seeded)[:8]}.pth")
    return Placed(dataclasses.replace(network, weights_file=file.name, weights_url="http://127.0.0.1:9/"), folder, file)


@pytest.fixture(scope="module", params=SEEDED)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Placed:
    """Each of four small networks, prepared from a file in ``MODELS_DIR``, and in use."""
    each = placed(request.param, tmp_path_factory.mktemp(request.param))
    each.prepare(Request(model=request.param))
    return each


def test_the_record_names_the_network_and_its_weights(prepared: Placed) -> None:
    record, model = records.in_use(prepared.models_dir), TABLE[prepared.network.name]

    assert record
    assert (record.model, record.title, record.input, record.classes) == (model.name, model.title, model.input, 1000)
    assert record.weights_source == f"torchvision's {model.weights}"
    assert record.transform_input is None
    assert (record.maps is not None) == model.has_maps, "the table and the graph agree"
    assert record.why == f"{model.title} answers: it was asked for by name."
    assert prepared.prepare(Request(model=model.name)) == record, "it is kept"


def test_it_answers_as_torchvision_does(prepared: Placed, engine: EngineChoice) -> None:
    transform = torchvision.models.get_model_weights(prepared.network.name).DEFAULT.transforms()
    module = torchvision.models.get_model(prepared.network.name, weights=None)
    module.load_state_dict(torch.load(prepared.file, weights_only=True))
    pictures = [photos.photo(name) for name in photos.NAMES]
    with torch.inference_mode():
        expected = module.eval()(torch.stack([transform(picture) for picture in pictures])).numpy()

    classifier = Classifier.open(serving(prepared.models_dir, engine))
    inputs = [to_pixels(picture, classifier.record.input) for picture in pictures]

    assert np.abs(classifier.logits(inputs) - expected).max() / np.ptp(expected) < MAX_DIFFERENCE
    found = classifier.find([Sight(each) for each in inputs])
    assert {(each.imagenet, each.measured) for each in found} == {(True, False)}, "nobody measured how sure it may be"
    assert [output.maps is not None for output in classifier.engine.outputs(inputs)] == [
        bool(classifier.record.maps)
    ] * len(inputs)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    network = NETWORKS["shufflenet_v2_x0_5"]
    (tmp_path / network.weights_file).write_bytes(b"cut short")

    with pytest.raises(ModelError, match=r"damaged or altered: its SHA-256 begins .* official file's with f707e7"):
        choose.prepare(Request(model=network.name), tmp_path, quiet)


def test_without_a_connection_it_says_which_file_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    url = "http://127.0.0.1:9/resnet50-11ad3fa6.pth"
    offline = {**NETWORKS, "resnet50": dataclasses.replace(NETWORKS["resnet50"], weights_url=url)}

    with pytest.raises(WeightsUnavailable, match=f"ResNet-50's .* Get {url} .* put resnet50-11ad3fa6.pth into "):
        choose.prepare(Request(model="resnet50"), tmp_path, quiet, offline)


def test_a_wrong_name_gets_those_that_are_close(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--model", "regnet_y_2gf"])

    said = " ".join(capsys.readouterr().err.split())
    assert "--model: 'regnet_y_2gf' is not a model's name (docs/models.md lists all); close to it: regnet_y_" in said


# An operator's own weights


def own(folder: Path, drop: Iterable[str] = ()) -> Request:
    """An MNASNet for three classes, saved as names and tensors alone: without torch's metadata."""
    state = NETWORKS["mnasnet0_5"].build(len(THINGS), None).state_dict()
    torch.save({key: each for key, each in state.items() if not key.startswith((*drop, "?"))}, folder / "own.pth")
    (folder / "things.txt").write_text("\n".join(THINGS))
    return Request(model="mnasnet0_5", weights=folder / "own.pth", labels=folder / "things.txt")


def test_own_weights_answer_with_own_labels(tmp_path: Path) -> None:
    record = choose.prepare(own(tmp_path), tmp_path, quiet)

    assert record.why == "MNASNet 0.5 answers, with an operator's own weights (own.pth) and labels (things.txt)."
    assert choose.prepare(Request(model="auto"), tmp_path, quiet) == record, "auto stays with it"
    sights = [Sight(to_pixels(photos.photo("coffee"), record.input))]
    (by_openvino,) = Classifier.open(serving(tmp_path)).find(sights)
    (by_torch,) = Classifier.open(serving(tmp_path, "torch")).find(sights)
    assert [each.index for each in by_openvino.guesses] == [each.index for each in by_torch.guesses]
    assert {each.index for each in by_openvino.guesses} == {*range(len(THINGS))}


@pytest.mark.parametrize(
    ("drop", "changes", "message"),
    [
        (["layers.8."], {}, "not MNASNet 0.5's layout: lacks layers.8.0.layers.0.weight"),
        ([], {"transform_input": True}, "is for GoogLeNet and Inception V3: MNASNet 0.5 has no such setting"),
        ([], {"model": "resnet18"}, "no ResNet-18 state dict: it has no matrix 'fc.weight'"),
        ([], {"model": "mobilenet_v2"}, "not MobileNetV2's layout: lacks "),
        ([], {"labels": None}, "the weights know 3 classes, ImageNet has 1000: name them with --labels"),
    ],
)
def test_own_weights_that_do_not_fit_are_refused(
    tmp_path: Path, drop: list[str], changes: dict[str, object], message: str
) -> None:
    request = msgspec.structs.replace(own(tmp_path, drop), **changes)

    with pytest.raises(ModelError) as error:
        choose.prepare(request, tmp_path, quiet)

    assert message in str(error.value)
    assert records.in_use(tmp_path) is None


def test_a_network_that_was_brought_to_a_small_machine_is_not_called_a_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = NETWORKS["resnet18"]
    record = ModelRecord(
        model=network.name,
        title=network.title,
        folder="resnet18-v1-0",
        input=network.input,
        classes=1000,
        weights_sha256=network.weights_hash,
        weights_source=network.weights_source,
    )
    monkeypatch.setattr(optional_packages, "is_installed", lambda _package: False)

    assert precision.why(record, network, "auto", tmp_path) == (
        "ResNet-18 answers: it was copied to this machine, which cannot prepare another."
    )
