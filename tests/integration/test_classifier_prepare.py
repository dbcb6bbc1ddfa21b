"""Preparing: which model, from which weights, and that nothing wrong ever gets installed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor

from classifier import artifact, conversion, download, labels, weights
from classifier.errors import ModelError
from classifier.models import INCEPTION_V3
from classifier.prepare import Request, main, prepare
from classifier.serve import Classifier
from common import model_record
from common.images import to_pixels
from common.model_record import ModelRecord
from common.settings import ROOT
from tests import photos
from tests.models_fixtures import quiet, serving

LITE2 = Request(model="efficientnet_lite2")
INCEPTION = Request(model="inception_v3")
AUTO = Request(model="auto")
FRUIT = ("apple", "cherry", "fig", "lemon", "orange", "pear", "plum")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The official weights are in no cache, and their server is not there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights, "_official_url", lambda: f"http://127.0.0.1:9/{INCEPTION_V3.weights_file}")


@pytest.fixture
def models_dir(tmp_path: Path, lite2_dir: Path) -> Path:
    """A ``MODELS_DIR`` of one's own, where EfficientNet-Lite2 is in use."""
    return Path(shutil.copytree(lite2_dir, tmp_path / "models", copy_function=os.link))


@pytest.fixture
def own_dir(tmp_path: Path, inception_dir: Path) -> Path:
    """A ``MODELS_DIR`` of one's own, where an operator's Inception V3 is in use."""
    return Path(shutil.copytree(inception_dir, tmp_path / "models", copy_function=os.link))


@pytest.fixture
def fruit_weights(tmp_path: Path, seeded_weights: Path) -> Path:
    """A fine-tuned Inception V3: seven classes, without AuxLogits."""
    return save(seeded_weights, tmp_path / "fruit.pth", with_seven_classes)


@pytest.fixture
def fruit_labels(tmp_path: Path) -> Path:
    file = tmp_path / "fruit.txt"
    file.write_text("\n".join(FRUIT))
    return file


State = dict[str, Tensor]


def save(source: Path, target: Path, change: Callable[[State], object]) -> Path:
    torch.save(change(torch.load(source, weights_only=True)), target)
    return target


def with_seven_classes(state: State) -> State:
    kept = {key: tensor for key, tensor in state.items() if not key.startswith("AuxLogits.")}
    return kept | {"fc.weight": state["fc.weight"][:7].clone(), "fc.bias": state["fc.bias"][:7].clone()}


def refusing(request: Request, models_dir: Path) -> str:
    """Prepare, and return the error's words; what was in use, and all other files, stay as they are."""
    before = contents(models_dir)
    with pytest.raises(ModelError) as error:
        prepare(request, models_dir, quiet)
    assert contents(models_dir) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def in_use(models_dir: Path) -> ModelRecord:
    record = model_record.in_use(models_dir)
    assert record
    return record


# The folder


def test_the_folder_holds_what_its_record_and_checksums_say(lite2_dir: Path) -> None:
    record = in_use(lite2_dir)
    folder = lite2_dir / record.folder

    checked = subprocess.run(["sha256sum", "--check", "--strict", artifact.CHECKSUMS], cwd=folder, check=False)

    assert checked.returncode == 0
    assert {path.name for path in folder.iterdir()} == {*artifact.FILES, artifact.CHECKSUMS}
    assert model_record.read(folder / model_record.DESCRIPTION) == msgspec.structs.replace(record, why="")
    assert msgspec.json.decode((folder / artifact.LABELS).read_bytes()) == list(labels.imagenet())
    assert (record.title, record.classes) == ("EfficientNet-Lite2", 1000)
    assert record.weights_sha256 == artifact.sha256_of(folder / artifact.TORCH_WEIGHTS)


def test_the_same_model_again_is_kept_without_importing_torch(models_dir: Path) -> None:
    before = contents(models_dir)
    program = (
        "import sys; from classifier.prepare import main; code = main(['--model', 'efficientnet_lite2']);"
        "heavy = {'torch', 'torchvision', 'openvino', 'numpy', 'rich'} & sys.modules.keys();"
        "sys.exit(f'{heavy}' if heavy else code)"
    )

    subprocess.run([sys.executable, "-c", program], env=environment(models_dir), cwd=ROOT, check=True)

    assert contents(models_dir) == before


def test_a_damaged_model_is_prepared_anew_and_an_interrupted_prepare_s_rest_removed(models_dir: Path) -> None:
    truncate(models_dir / in_use(models_dir).folder / artifact.NETWORK_WEIGHTS)
    (models_dir / ".preparing-1").mkdir()
    (models_dir / ".preparing-1" / artifact.NETWORK_WEIGHTS).write_bytes(b"half")

    record = prepare(LITE2, models_dir, quiet)

    Classifier.open(serving(models_dir))
    assert {path.name for path in models_dir.iterdir()} == {".lock", record.folder, model_record.IN_USE}


def test_a_second_prepare_waits_for_the_first(tmp_path: Path, lite2_dir: Path) -> None:
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    with (models_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, "-m", "classifier.prepare", "--model", "efficientnet_lite2"],
            env=environment(models_dir),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout
        first_line = second.stdout.readline()
        shutil.copytree(lite2_dir, models_dir, dirs_exist_ok=True)  # what the first one did meanwhile
    rest = second.communicate(timeout=60)[0]

    assert first_line == f"another prepare is at work in {models_dir}: waiting for it\n"
    assert rest == "EfficientNet-Lite2 answers: it was asked for by name.\n"
    assert second.returncode == 0


def environment(models_dir: Path) -> dict[str, str]:
    return {**os.environ, "MODELS_DIR": str(models_dir), "MODEL": "auto"}


def truncate(path: Path) -> None:
    """Cut a file. A new one: what is cut is a hard link to what other tests use."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


# Which model answers


def test_auto_falls_back_and_says_why(models_dir: Path) -> None:
    (models_dir / model_record.IN_USE).unlink()
    said: list[str] = []

    record = prepare(AUTO, models_dir, said.append)

    assert in_use(models_dir) == record
    assert record.model == "efficientnet_lite2"
    assert record.why == (
        "Inception V3's weights are not here and could not be downloaded, so EfficientNet-Lite2 answers."
    )
    assert said[1].startswith("Inception V3's weights could not be downloaded: 127.0.0.1:9: no connection. ")


def test_auto_does_not_try_the_download_again_at_each_start(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch", lambda *_args, **_kwargs: pytest.fail("tried to download"))

    record = prepare(AUTO, models_dir, quiet)

    assert record.model == "efficientnet_lite2"
    assert record.why == "Inception V3's weights are not here, so EfficientNet-Lite2 answers."


def test_auto_takes_inception_v3_once_its_weights_are_placed(models_dir: Path, official_weights: Path) -> None:
    shutil.copy(official_weights, models_dir)

    record = prepare(AUTO, models_dir, quiet)

    assert record.model == "inception_v3"
    assert record.transform_input is True
    assert record.weights_source == "torchvision's Inception_V3_Weights.IMAGENET1K_V1"
    assert record.why == "Inception V3 answers: its official weights are here."
    assert in_use(models_dir) == record


def test_the_weights_are_found_in_torch_s_cache_and_downloaded_otherwise(
    tmp_path: Path, official_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    cached = Path(shutil.copy(official_weights, cache))

    assert weights.find_official(INCEPTION_V3, tmp_path, quiet) == cached

    truncate(cached)
    monkeypatch.setattr(download, "fetch", lambda _url, target, *, sha256: shutil.copy(official_weights, target))

    assert weights.find_official(INCEPTION_V3, tmp_path, quiet) == tmp_path / official_weights.name


def test_without_its_weights_inception_v3_says_which_file_to_put_where(models_dir: Path) -> None:
    message = refusing(INCEPTION, models_dir)

    assert message == (
        "Inception V3's weights could not be downloaded: 127.0.0.1:9: no connection. "
        "Get http://127.0.0.1:9/inception_v3_google-0cc3c7bd.pth on a machine that can, "
        f"and put inception_v3_google-0cc3c7bd.pth into {models_dir}"
    )


def test_an_operator_s_model_stays_in_use(own_dir: Path) -> None:
    for request in (AUTO, INCEPTION):
        assert prepare(request, own_dir, quiet).why == (
            "Inception V3 answers, with an operator's own weights (seeded.pth)."
        )


def test_an_operator_s_damaged_model_is_not_replaced_by_the_official_one(own_dir: Path) -> None:
    truncate(own_dir / in_use(own_dir).folder / artifact.NETWORK_WEIGHTS)

    for request in (AUTO, INCEPTION):
        assert "was made from weights of your own (seeded.pth): prepare them again" in refusing(request, own_dir)


@pytest.fixture
def official_weights(tmp_path: Path, seeded_weights: Path) -> Iterator[Path]:
    """The seeded weights, counting as the official file: that one is not here."""
    before = INCEPTION_V3.weights_file
    name = f"inception_v3_google-{artifact.sha256_of(seeded_weights)[:8]}.pth"
    object.__setattr__(INCEPTION_V3, "weights_file", name)  # it is frozen, for everybody but this test
    folder = tmp_path / "official"
    folder.mkdir()
    yield Path(shutil.copy(seeded_weights, folder / name))
    object.__setattr__(INCEPTION_V3, "weights_file", before)


# An operator's own weights


def test_an_operator_s_weights_answer_with_the_operator_s_labels(
    models_dir: Path, fruit_weights: Path, fruit_labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS_DIR", str(models_dir))
    files = ["--weights", str(fruit_weights), "--labels", str(fruit_labels)]

    assert main(["--model", "inception_v3", *files, "--transform-input", "no"]) == 0

    record = in_use(models_dir)
    assert (record.model, record.classes, record.transform_input) == ("inception_v3", 7, False)
    assert record.weights_sha256 == artifact.sha256_of(fruit_weights)
    inputs = [to_pixels(photos.photo("coffee"), record.input)]
    (by_openvino,) = Classifier.open(serving(models_dir)).predict(inputs)
    (by_torch,) = Classifier.open(serving(models_dir, "torch")).predict(inputs)
    assert len(by_torch) == 5
    assert {prediction.label for prediction in by_torch} < set(FRUIT)
    assert [prediction.label for prediction in by_openvino] == [prediction.label for prediction in by_torch]


def test_own_labels_replace_the_model_with_the_old_ones(models_dir: Path, tmp_path: Path) -> None:
    before = in_use(models_dir).folder
    file = tmp_path / "labels.json"
    file.write_bytes(msgspec.json.encode([f"class {number}" for number in range(1000)]))

    prepare(Request(model="efficientnet_lite2", labels=file), models_dir, quiet)

    assert Classifier.open(serving(models_dir)).labels[0] == "class 0"
    assert not (models_dir / before).exists()


def test_own_weights_without_transform_input_are_refused(models_dir: Path, seeded_weights: Path) -> None:
    message = refusing(Request(model="inception_v3", weights=seeded_weights), models_dir)

    assert "--transform-input yes if" in message
    assert "--transform-input no if" in message


def test_official_weights_cannot_be_told_another_transform_input(models_dir: Path, official_weights: Path) -> None:
    request = Request(model="inception_v3", weights=official_weights, transform_input=False)

    assert refusing(request, models_dir) == "these are the official weights, which want --transform-input yes"


def test_weights_for_efficientnet_lite2_are_refused(models_dir: Path, seeded_weights: Path) -> None:
    request = Request(model="efficientnet_lite2", weights=seeded_weights)

    assert "say --model inception_v3" in refusing(request, models_dir)


def test_transform_input_without_weights_is_refused(models_dir: Path) -> None:
    assert "goes with --weights" in refusing(Request(model="auto", transform_input=True), models_dir)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the weights know 7 classes, ImageNet has 1000: name them with --labels"),
        ("apple\npear", "2 labels, and the weights know 7 classes"),
    ],
)
def test_labels_that_do_not_fit_the_weights_are_refused(
    models_dir: Path, fruit_weights: Path, tmp_path: Path, content: str | None, message: str
) -> None:
    file = None if content is None else tmp_path / "labels.txt"
    if file and content:
        file.write_text(content)
    request = Request(model="inception_v3", weights=fruit_weights, labels=file, transform_input=True)

    assert message in refusing(request, models_dir)


# Weights that are no good


def without_a_layer(state: State) -> State:
    return {key: tensor for key, tensor in state.items() if not key.startswith("Mixed_7b.branch1x1")}


def with_another_shape(state: State) -> State:
    return state | {"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 1, 3, 3)}


def with_nan(state: State) -> State:
    state["Mixed_5b.branch1x1.conv.weight"][0, 0, 0, 0] = float("nan")
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_layer, "not Inception V3's layout: lacks Mixed_7b.branch1x1.bn.bias, .* and 2 more"),
        (with_another_shape, "not Inception V3's layout: has another shape for Conv2d_1a_3x3.conv.weight"),
        (lambda state: state | {"extra": torch.zeros(1)}, "layout: does not know extra"),
        (lambda state: {f"module.{key}": value for key, value in state.items()}, "it has no matrix 'fc.weight'"),
        (lambda state: {"epoch": 3, "state_dict": state}, "not a state dict"),
        (lambda state: list(state.values()), "not a state dict"),
        (with_nan, "Mixed_5b.branch1x1.conv.weight holds values that are no numbers"),
    ],
)
def test_weights_of_another_kind_are_refused(
    models_dir: Path,
    seeded_weights: Path,
    tmp_path: Path,
    change: Callable[[State], object],
    message: str,
) -> None:
    file = save(seeded_weights, tmp_path / "odd.pth", change)

    assert re.search(message, refusing(Request(model="inception_v3", weights=file, transform_input=True), models_dir))


def test_missing_weights_are_refused(models_dir: Path, tmp_path: Path) -> None:
    request = Request(model="inception_v3", weights=tmp_path / "absent.pth", transform_input=True)

    assert refusing(request, models_dir) == (
        f"weights {tmp_path}/absent.pth: cannot be read (No such file or directory)"
    )


def test_truncated_weights_are_refused(models_dir: Path, fruit_weights: Path) -> None:
    truncate(fruit_weights)
    request = Request(model="inception_v3", weights=fruit_weights, transform_input=True)

    assert f"weights {fruit_weights}: not a PyTorch state dict, or cut short" in refusing(request, models_dir)


def test_a_file_of_another_kind_is_refused(models_dir: Path, fruit_labels: Path) -> None:
    request = Request(model="inception_v3", weights=fruit_labels, transform_input=True)

    assert "not a PyTorch state dict, or cut short" in refusing(request, models_dir)


def test_code_in_a_weights_file_is_not_run(models_dir: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"fc.weight": Trap()}, tmp_path / "trap.pth")
    request = Request(model="inception_v3", weights=tmp_path / "trap.pth", transform_input=True)

    assert "not a PyTorch state dict" in refusing(request, models_dir)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("request_", [AUTO, INCEPTION])
@pytest.mark.parametrize("content", [b"", b"altered"])
def test_an_altered_official_file_is_refused_by_its_hash(models_dir: Path, request_: Request, content: bytes) -> None:
    placed = models_dir / INCEPTION_V3.weights_file
    placed.write_bytes(content)

    message = refusing(request_, models_dir)

    assert str(placed) in message
    assert f"its SHA-256 begins with {hashlib.sha256(content).hexdigest()[:8]}" in message
    assert "the official file's with 0cc3c7bd" in message


def test_a_converted_model_that_disagrees_with_torch_is_not_installed(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(models_dir / in_use(models_dir).folder)
    monkeypatch.setattr(conversion, "MAX_DIFFERENCE", 1e-12)

    assert "the converted model disagrees with torch" in refusing(LITE2, models_dir)


def test_errors_are_one_line_on_stderr_with_exit_code_1(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELS_DIR", str(models_dir))

    code = main(["--weights", "absent.pth", "--model", "inception_v3", "--transform-input", "yes"])

    assert code == 1
    assert capsys.readouterr().err == "error: weights absent.pth: cannot be read (No such file or directory)\n"


# Serving what was prepared


@pytest.mark.parametrize("name", [artifact.NETWORK, artifact.NETWORK_WEIGHTS, artifact.LABELS])
@pytest.mark.parametrize("damage", [truncate, Path.unlink])
def test_a_damaged_artifact_is_not_served(models_dir: Path, name: str, damage: Callable[[Path], object]) -> None:
    file = models_dir / in_use(models_dir).folder / name
    damage(file)

    with pytest.raises(ModelError, match=f"{name} .*; prepare it again: python -m classifier.prepare"):
        Classifier.open(serving(models_dir))


def test_damaged_weights_are_not_served_by_torch(models_dir: Path) -> None:
    truncate(models_dir / in_use(models_dir).folder / artifact.TORCH_WEIGHTS)

    with pytest.raises(ModelError, match=r"weights\.pth is not as it was prepared"):
        Classifier.open(serving(models_dir, "torch"))


def test_openvino_serves_without_torch_and_without_telemetry(lite2_dir: Path, tmp_path: Path) -> None:
    program = """
import sys
connections = []
sys.addaudithook(lambda event, args: connections.append(args) if event.startswith("socket.") else None)
from classifier.serve import Classifier
from common import settings
classifier = Classifier.open(settings.load())
classifier.predict([bytes(3 * 260 * 260)])
from openvino.tools.ovc import telemetry_utils
assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
assert not connections, connections
assert not {"torch", "torchvision", "PIL"} & sys.modules.keys()
"""
    home = tmp_path / "home"
    home.mkdir()

    subprocess.run(
        [sys.executable, "-c", program],
        env={**environment(lite2_dir), "ENGINE": "auto", "HOME": str(home)},
        cwd=ROOT,
        check=True,
    )

    assert list(home.iterdir()) == []
