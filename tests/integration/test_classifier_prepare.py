"""Preparing: which model, from which weights, and that nothing wrong is installed."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import torch
from torch import Tensor

from classifier import artifact, weights
from classifier.errors import ModelError
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3, NETWORKS, Network
from classifier.prepare import choose, labels, official, recipe
from classifier.prepare.choose import Request
from classifier.prepare.command import main
from classifier.progress import Say
from classifier.serve.classifier import Classifier
from classifier.serve.engines.openvino import OpenVinoEngine
from classifier.serve.second_look import Sight
from common import optional_packages
from common.model import records
from common.model.checksums import CHECKSUMS, sha256_of
from common.model.progress import PROGRESS
from common.model.records import ModelRecord
from common.pictures.child.images import to_pixels
from common.settings import ROOT, EngineChoice
from tests.support import photos
from tests.support.models_fixtures import copy_models, quiet, serving

LITE2 = Request(model="efficientnet_lite2")
INCEPTION = Request(model="inception_v3")
AUTO = Request(model="auto")
FRUIT = ("apple", "cherry", "fig", "lemon", "orange", "pear", "plum")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The official weights are in no cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


Networks = Mapping[str, Network]


def inception_with(**changes: Any) -> Networks:
    """The networks, with another Inception V3."""
    return {**NETWORKS, INCEPTION_V3.name: dataclasses.replace(INCEPTION_V3, **changes)}


# The server of the official weights does not exist.
OFFLINE = inception_with(weights_url=f"http://127.0.0.1:9/{INCEPTION_V3.weights_file}")


def prepare(request: Request, models_dir: Path, say: Say, networks: Networks = OFFLINE) -> ModelRecord:
    return choose.prepare(request, models_dir, say, networks)


@pytest.fixture
def models_dir(tmp_path: Path, lite2_dir: Path) -> Path:
    """A ``MODELS_DIR`` of the test's own, where EfficientNet-Lite2 is in use."""
    return copy_models(lite2_dir, tmp_path / "models")


@pytest.fixture
def own_dir(tmp_path: Path, inception_dir: Path) -> Path:
    """A ``MODELS_DIR`` of the test's own, where an operator's Inception V3 is in use."""
    return copy_models(inception_dir, tmp_path / "models")


@pytest.fixture
def fruit_weights(tmp_path: Path, seeded_weights: Path) -> Path:
    """A fine-tuned Inception V3: seven classes, without AuxLogits."""
    return save(seeded_weights, tmp_path / "fruit.pth", with_seven_classes)


@pytest.fixture
def fruit_labels(tmp_path: Path) -> Path:
    file = tmp_path / "fruit.txt"
    file.write_text("\n".join(FRUIT))
    return file


@pytest.fixture(scope="module")
def labelled(lite2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    file = folder / "things.json"
    file.write_bytes(msgspec.json.encode([f"thing {number}" for number in range(1000)]))
    models_dir = copy_models(lite2_dir, folder / "models")
    prepare(Request(model="efficientnet_lite2", labels=file), models_dir, quiet)
    return models_dir


@pytest.fixture
def labelled_dir(tmp_path: Path, labelled: Path) -> Path:
    """A ``MODELS_DIR`` of the test's own, where EfficientNet-Lite2 with an operator's labels is in use."""
    return copy_models(labelled, tmp_path / "models")


State = dict[str, Tensor]


def save(source: Path, target: Path, change: Callable[[State], object]) -> Path:
    torch.save(change(torch.load(source, weights_only=True)), target)
    return target


def with_seven_classes(state: State) -> State:
    kept = {key: tensor for key, tensor in state.items() if not key.startswith("AuxLogits.")}
    return kept | {"fc.weight": state["fc.weight"][:7].clone(), "fc.bias": state["fc.bias"][:7].clone()}


def refusing(request: Request, models_dir: Path, networks: Networks = OFFLINE) -> str:
    """Prepare, and return the error's words; what was in use, and all other files, stay as they are."""
    before = contents(models_dir)
    with pytest.raises(ModelError) as error:
        prepare(request, models_dir, quiet, networks)
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
    record = records.in_use(models_dir)
    assert record
    return record


# The folder


def test_the_folder_holds_what_its_record_and_checksums_say(lite2_dir: Path) -> None:
    record = in_use(lite2_dir)
    folder = lite2_dir / record.folder

    checked = subprocess.run(["sha256sum", "--check", "--strict", CHECKSUMS], cwd=folder, check=False)

    assert checked.returncode == 0
    assert {path.name for path in folder.iterdir()} == {*artifact.FILES, CHECKSUMS}
    assert records.read(folder / records.DESCRIPTION) == artifact.as_prepared(record)
    assert msgspec.json.decode((folder / artifact.LABELS).read_bytes()) == list(labels.imagenet())
    assert (record.title, record.classes) == ("EfficientNet-Lite2", 1000)
    assert record.weights_sha256 == sha256_of(folder / artifact.TORCH_WEIGHTS)


def test_the_same_model_again_is_kept_without_importing_torch(models_dir: Path) -> None:
    before = contents(models_dir)
    program = (
        "import sys; from classifier.prepare.command import main; code = main(['--model', 'efficientnet_lite2']);"
        "heavy = {'torch', 'torchvision', 'openvino', 'numpy', 'rich'} & sys.modules.keys();"
        "sys.exit(f'{heavy}' if heavy else code)"
    )

    subprocess.run([sys.executable, "-c", program], env=environment(models_dir), cwd=ROOT, check=True)

    assert contents(models_dir) == before


def test_a_damaged_model_is_prepared_again_and_an_interrupted_prepare_s_rest_removed(models_dir: Path) -> None:
    truncate(models_dir / in_use(models_dir).folder / artifact.NETWORK_WEIGHTS)
    (models_dir / ".preparing-1").mkdir()
    (models_dir / ".preparing-1" / artifact.NETWORK_WEIGHTS).write_bytes(b"half")
    kill_at_rename(models_dir)

    record = prepare(LITE2, models_dir, quiet)

    Classifier.open(serving(models_dir))
    assert {path.name for path in models_dir.iterdir()} == {".lock", record.folder, records.IN_USE}


def kill_at_rename(models_dir: Path) -> None:
    """Let a process die when it has written a new ``in_use.json``, right before the rename."""
    program = (
        "import msgspec, os, pathlib, sys; from classifier import artifact; from common.model import records;"
        "models_dir = pathlib.Path(sys.argv[1]); record = records.in_use(models_dir);"
        "pathlib.Path.replace = lambda *_: os._exit(9);"
        "artifact.put_in_use(models_dir, msgspec.structs.replace(record, why='another'))"
    )
    before = contents(models_dir)
    killed = subprocess.run([sys.executable, "-c", program, str(models_dir)], cwd=ROOT, check=False)
    assert killed.returncode == 9
    assert contents(models_dir) != before


def test_while_it_works_a_file_says_how_far_it_is(models_dir: Path) -> None:
    shutil.rmtree(models_dir / in_use(models_dir).folder)
    seen = []

    def look(_line: str) -> None:
        seen.append(msgspec.json.decode((models_dir / PROGRESS).read_bytes()))

    prepare(LITE2, models_dir, look)

    assert [(step["step"], step["text"]) for step in seen] == [
        (1, "Looking for the weights"),
        (3, "Reading the weights"),
        (4, "Converting the model"),
        (5, "Comparing it with the original"),
    ]
    assert {(step["pid"], step["of"]) for step in seen} == {(os.getpid(), 5)}
    assert not (models_dir / PROGRESS).exists()


def test_a_folder_is_on_the_disk_before_it_gets_its_name(
    lite2_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    record = records.read(lite2_dir / in_use(lite2_dir).folder / records.DESCRIPTION)
    assert record
    staged = artifact.stage(tmp_path)
    for name in (artifact.NETWORK, artifact.NETWORK_WEIGHTS, artifact.TORCH_WEIGHTS):
        shutil.copy(lite2_dir / record.folder / name, staged)

    artifact.seal(staged, record, labels.imagenet())
    before_the_rename = set(synced)
    artifact.install(staged, record)
    artifact.put_in_use(tmp_path, record)

    files = {staged / name for name in (*artifact.FILES, CHECKSUMS)}
    assert before_the_rename == {staged, *files}
    assert synced[-3] == tmp_path, "the folder's name, before in_use.json names it"
    assert synced[-1] == tmp_path


def test_the_model_in_use_is_not_changed_without_the_lock(models_dir: Path) -> None:
    with (models_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said: list[str] = []

        def another_prepare_removes_it(line: str) -> None:
            said.append(line)
            if line.startswith("another prepare is at work"):
                shutil.rmtree(models_dir / in_use(models_dir).folder)
                lock.close()

        # It is prepared already, but another reason for it is to be written.
        record = msgspec.structs.replace(in_use(models_dir), why="another")
        (models_dir / records.IN_USE).write_bytes(msgspec.json.encode(record))
        prepare(LITE2, models_dir, another_prepare_removes_it)

    assert said[0] == f"another prepare is at work in {models_dir}: waiting for it"
    assert artifact.whole(models_dir / in_use(models_dir).folder)


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond a megabyte (which errors as a full disk does)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_when_weights_are_copied_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))

    with full_disk():
        assert main(["--model", "efficientnet_lite2"]) == 1

    assert capsys.readouterr().err == f"error: {tmp_path}/.preparing-{os.getpid()}/weights.pth: File too large\n"
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_disk_that_is_full_when_the_model_is_written_is_named(models_dir: Path) -> None:
    shutil.rmtree(models_dir / in_use(models_dir).folder)
    with contextlib.ExitStack() as stack:

        def fills_up(line: str) -> None:
            if line.strip() == "converting to OpenVINO":
                stack.enter_context(full_disk())

        with pytest.raises(ModelError) as error:
            prepare(LITE2, models_dir, fills_up)
    message = str(error.value)

    assert re.search(r"model\.xml: cannot be written; is the disk full\?", message)


@pytest.mark.parametrize(
    ("is_installed", "reason"), [(False, "No module named 'torch'"), (True, "import of torch halted")]
)
def test_without_torch_or_with_a_broken_one_it_says_what_to_install(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, *, is_installed: bool, reason: str
) -> None:
    shutil.rmtree(models_dir / in_use(models_dir).folder)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(optional_packages, "is_installed", lambda _package: is_installed)

    message = refusing(LITE2, models_dir)

    assert message.startswith(f"a package that preparing needs is missing or broken ({reason}")
    assert message.endswith("; run: make model")


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
    assert rest.splitlines() == [
        "EfficientNet-Lite2 answers: it was asked for by name.",
        "It computes in full precision (fp32).",
        "How sure it may be was measured on 1,300 ImageNet validation photos.",
    ]
    assert second.returncode == 0


def environment(models_dir: Path) -> dict[str, str]:
    return {
        **os.environ,
        "MODELS_DIR": str(models_dir),
        "MODEL": "auto",
        "PRECISION": "auto",
        "DATA_DIR": str(serving(models_dir).data_dir),
    }


def truncate(path: Path) -> None:
    """Cut a file. A new one: what is cut is a hard link to what other tests use."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


# Which model answers


def test_auto_falls_back_and_says_why(models_dir: Path) -> None:
    (models_dir / records.IN_USE).unlink()
    said: list[str] = []

    record = prepare(AUTO, models_dir, said.append)

    assert in_use(models_dir) == record
    assert record.model == "efficientnet_lite2"
    assert record.why == (
        "Inception V3's weights are not here and could not be downloaded, so EfficientNet-Lite2 answers."
    )
    assert said[1].startswith("Inception V3's weights could not be downloaded: 127.0.0.1:9: no connection. ")


def test_auto_tries_the_download_once_and_not_again_at_each_start(models_dir: Path) -> None:
    said: list[str] = []

    first = prepare(AUTO, models_dir, said.append)  # EfficientNet-Lite2 is in use already, asked for by name
    second = prepare(AUTO, models_dir, said.append)

    assert first == second
    assert first.why.startswith("Inception V3's weights are not here and could not be downloaded")
    assert [line.startswith("Downloading") for line in said].count(True) == 1


@pytest.mark.parametrize("place", [".", "../torch/hub/checkpoints"])
def test_auto_takes_inception_v3_once_its_weights_are_there(models_dir: Path, released: Released, place: str) -> None:
    assert prepare(AUTO, models_dir, quiet, released.networks).model == "efficientnet_lite2"
    (models_dir / place).mkdir(parents=True, exist_ok=True)
    shutil.copy(released.file, models_dir / place)

    record = prepare(AUTO, models_dir, quiet, released.networks)

    assert record.model == "inception_v3"
    assert record.transform_input is True
    assert record.weights_source == "torchvision's Inception_V3_Weights.IMAGENET1K_V1"
    assert record.why == "Inception V3 answers: its official weights are here."
    assert in_use(models_dir) == record


def test_the_weights_are_found_in_torch_s_cache_and_downloaded_otherwise(tmp_path: Path, released: Released) -> None:
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    cached = Path(shutil.copy(released.file, cache))
    network = released.networks[INCEPTION_V3.name]

    assert official.find(network, tmp_path, quiet) == cached

    truncate(cached)
    said: list[str] = []

    with serving_files(released.file.parent) as url:
        network = dataclasses.replace(network, weights_url=f"{url}/{released.file.name}")
        assert official.find(network, tmp_path, said.append) == tmp_path / released.file.name
    assert sha256_of(tmp_path / released.file.name) == sha256_of(released.file)
    assert said[0] == f"{cached} is damaged; it is left alone"


@pytest.mark.parametrize(
    "environment",
    [{"TORCH_HOME": "~/t", "XDG_CACHE_HOME": "/x"}, {"XDG_CACHE_HOME": "/x"}, {}],
)
def test_torch_s_cache_is_where_torch_has_it(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert official.torch_cache() == Path(torch.hub.get_dir()) / "checkpoints"


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
        assert "was made with weights (seeded.pth) of your own: prepare it again" in refusing(request, own_dir)


def test_an_operator_s_labels_stay_in_use(labelled_dir: Path, released: Released) -> None:
    shutil.copy(released.file, labelled_dir)

    for request in (AUTO, LITE2):
        assert prepare(request, labelled_dir, quiet, released.networks).why == (
            "EfficientNet-Lite2 answers, with an operator's own labels (things.json)."
        )
        assert Classifier.open(serving(labelled_dir)).labels[0] == "thing 0"


def test_an_operator_s_labels_are_not_replaced_by_imagenet_s_unless_their_folder_is_removed(
    labelled_dir: Path, released: Released
) -> None:
    folder = labelled_dir / in_use(labelled_dir).folder
    truncate(folder / artifact.NETWORK_WEIGHTS)
    placed = Path(shutil.copy(released.file, labelled_dir))

    for request in (AUTO, LITE2):
        message = refusing(request, labelled_dir, released.networks)
        assert f"{folder} was made with labels (things.json) of your own: prepare it again" in message
        assert "or remove that folder, for the official weights and ImageNet's labels" in message

    placed.unlink()
    shutil.rmtree(folder)

    assert prepare(AUTO, labelled_dir, quiet).labels_source == ""
    assert Classifier.open(serving(labelled_dir)).labels == labels.imagenet()


def test_a_model_in_use_that_is_not_known_here_is_replaced(models_dir: Path) -> None:
    record = msgspec.structs.replace(in_use(models_dir), model="inception_v9")
    (models_dir / records.IN_USE).write_bytes(msgspec.json.encode(record))

    assert prepare(AUTO, models_dir, quiet).model == "efficientnet_lite2"


class Released(NamedTuple):
    """Official weights: the file, and the networks of which one has just that file."""

    file: Path
    networks: Networks


@pytest.fixture
def released(tmp_path: Path, seeded_weights: Path) -> Released:
    """The seeded weights as the official file: the real one is not here."""
    name = f"inception_v3_google-{sha256_of(seeded_weights)[:8]}.pth"
    networks = inception_with(weights_file=name, weights_url=f"http://127.0.0.1:9/{name}")
    folder = tmp_path / "official"
    folder.mkdir()
    return Released(Path(shutil.copy(seeded_weights, folder / name)), networks)


@contextlib.contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """The address of an HTTP server for the files in a folder."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


# An operator's own weights


def test_an_operator_s_weights_answer_with_the_operator_s_labels(
    models_dir: Path, fruit_weights: Path, fruit_labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS_DIR", str(models_dir))
    files = ["--weights", str(fruit_weights), "--labels", str(fruit_labels)]

    assert main(["--model", "inception_v3", *files, "--transform-input", "no"]) == 0

    record = in_use(models_dir)
    assert (record.model, record.classes, record.transform_input) == ("inception_v3", 7, False)
    assert record.weights_sha256 == sha256_of(fruit_weights)
    sights = [Sight(to_pixels(photos.photo("coffee"), record.input))]
    (by_openvino,) = Classifier.open(serving(models_dir)).find(sights)
    (by_torch,) = Classifier.open(serving(models_dir, "torch")).find(sights)
    assert not by_torch.imagenet
    assert not by_torch.measured
    assert len(by_torch.guesses) == 5
    assert {guess.index for guess in by_torch.guesses} < set(range(len(FRUIT)))
    assert [guess.index for guess in by_openvino.guesses] == [guess.index for guess in by_torch.guesses]


def test_other_own_labels_replace_the_model_with_the_old_ones(labelled_dir: Path, tmp_path: Path) -> None:
    before = in_use(labelled_dir).folder
    file = tmp_path / "labels.json"
    file.write_bytes(msgspec.json.encode([f"class {number}" for number in range(1000)]))

    prepare(Request(model="efficientnet_lite2", labels=file), labelled_dir, quiet)

    assert Classifier.open(serving(labelled_dir)).labels[0] == "class 0"
    assert not (labelled_dir / before).exists()


def test_training_that_goes_on_into_the_same_file_does_not_reach_the_model(tmp_path: Path) -> None:
    source, target = tmp_path / "flowers.pth", tmp_path / "weights.pth"
    source.write_bytes(b"first epoch")
    digest = recipe.take(source, target)

    source.write_bytes(b"second epoch")  # torch.save, too, writes into the file that is there

    assert sha256_of(target) == digest == hashlib.sha256(b"first epoch").hexdigest()


def test_the_same_weights_under_another_name_are_kept_and_served(
    own_dir: Path, seeded_weights: Path, tmp_path: Path
) -> None:
    before = in_use(own_dir)
    renamed = tmp_path / "renamed.pth"
    renamed.hardlink_to(seeded_weights)

    record = prepare(Request(model="inception_v3", weights=renamed, transform_input=True), own_dir, quiet)

    assert record == before
    assert Classifier.open(serving(own_dir)).record == before


def test_own_weights_without_transform_input_are_refused(models_dir: Path, seeded_weights: Path) -> None:
    message = refusing(Request(model="inception_v3", weights=seeded_weights), models_dir)

    assert "--transform-input yes if" in message
    assert "--transform-input no if" in message


def test_official_weights_accept_no_other_transform_input(models_dir: Path, released: Released) -> None:
    request = Request(model="inception_v3", weights=released.file, transform_input=False)

    message = refusing(request, models_dir, released.networks)

    assert message == "these are the official weights, which want --transform-input yes"


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


def test_weights_in_a_checkpoint_beside_other_things_answer_and_the_place_is_said(
    models_dir: Path, fruit_weights: Path, fruit_labels: Path, tmp_path: Path
) -> None:
    def wrapped(state: State) -> object:
        return {"epoch": 9, "state_dict": {f"module.{key}": tensor for key, tensor in state.items()}}

    said: list[str] = []
    file = save(fruit_weights, tmp_path / "checkpoint.pth", wrapped)
    request = Request(model="inception_v3", weights=file, labels=fruit_labels, transform_input=True)

    record = prepare(request, models_dir, said.append)

    assert record.weights_sha256 == sha256_of(file)
    assert f"  weights {file}: SHA-256 {record.weights_sha256}; entry ['state_dict']" in said
    sights = [Sight(to_pixels(photos.photo("coffee"), record.input))]
    (by_openvino,) = Classifier.open(serving(models_dir)).find(sights)
    (by_torch,) = Classifier.open(serving(models_dir, "torch")).find(sights)
    assert [guess.index for guess in by_openvino.guesses] == [guess.index for guess in by_torch.guesses]


# Weights that do not fit


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
        (
            lambda state: {f"x{key}": value for key, value in state.items()},
            "no matrix 'fc.weight', but xConv2d_1a_3x3.*",
        ),
        (lambda state: list(state.values()), "not a state dict"),
        (with_nan, "Mixed_5b.branch1x1.conv.weight holds values that are not numbers"),
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


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, of what it means to give up
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.ones(2, 2048, dtype=torch.int8), "int8, strided, cpu"),
        (lambda: torch.quantize_per_tensor(torch.ones(2, 2048), 0.1, 0, torch.qint8), "qint8, strided, cpu"),
        (lambda: torch.ones(2, 2048).to_sparse(), "float32, sparse_coo, cpu"),
        (lambda: torch.ones(2, 2048, device="meta"), "float32, strided, meta"),
    ],
)
def test_weights_that_are_not_plain_numbers_are_refused(tmp_path: Path, make: Callable[[], Tensor], kind: str) -> None:
    torch.save({"fc.weight": make()}, tmp_path / "odd.pth")

    with pytest.raises(ModelError, match=rf"fc\.weight does not hold plain floating-point numbers \({kind}\)"):
        weights.load(INCEPTION_V3, tmp_path / "odd.pth")


def test_missing_weights_are_refused(models_dir: Path, tmp_path: Path) -> None:
    request = Request(model="inception_v3", weights=tmp_path / "absent.pth", transform_input=True)

    assert refusing(request, models_dir) == (
        f"weights {tmp_path}/absent.pth: cannot be read (No such file or directory)"
    )


def test_truncated_weights_are_refused(models_dir: Path, fruit_weights: Path) -> None:
    truncate(fruit_weights)
    request = Request(model="inception_v3", weights=fruit_weights, transform_input=True)

    assert f"weights {fruit_weights}: cut short or damaged: the end of the file is missing" in refusing(
        request, models_dir
    )


def test_a_file_of_another_kind_is_refused(models_dir: Path, fruit_labels: Path) -> None:
    request = Request(model="inception_v3", weights=fruit_labels, transform_input=True)

    assert "not a PyTorch state dict, or cut short" in refusing(request, models_dir)


def test_code_in_a_weights_file_is_not_run(models_dir: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"fc.weight": Trap()}, tmp_path / "trap.pth")
    request = Request(model="inception_v3", weights=tmp_path / "trap.pth", transform_input=True)

    assert "not weights" in refusing(request, models_dir)
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


def test_a_converted_model_that_disagrees_with_torch_is_not_installed(models_dir: Path) -> None:
    shutil.rmtree(models_dir / in_use(models_dir).folder)
    strict = dataclasses.replace(EFFICIENTNET_LITE2, max_difference=1e-12)

    assert "the converted model disagrees with torch" in refusing(LITE2, models_dir, {strict.name: strict})


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

    with pytest.raises(ModelError, match=f"{name} .*; prepare it again: make model"):
        Classifier.open(serving(models_dir))


def test_damaged_weights_are_not_served_by_torch(models_dir: Path) -> None:
    truncate(models_dir / in_use(models_dir).folder / artifact.TORCH_WEIGHTS)

    with pytest.raises(ModelError, match=r"weights\.pth is not as it was prepared"):
        Classifier.open(serving(models_dir, "torch"))


@pytest.mark.parametrize("change", [{"transform_input": False}, {"classes": 7}, {"weights_sha256": "0"}])
def test_an_altered_record_in_use_is_not_served_and_prepared_again(
    own_dir: Path, engine: EngineChoice, change: dict[str, object]
) -> None:
    record = in_use(own_dir)
    (own_dir / records.IN_USE).write_bytes(msgspec.json.encode(msgspec.structs.replace(record, **change)))

    with pytest.raises(ModelError, match=r"in_use\.json is not as it was prepared; prepare it again: make model"):
        Classifier.open(serving(own_dir, engine))

    assert prepare(AUTO, own_dir, quiet) == in_use(own_dir) == record


def test_an_altered_description_is_not_served(models_dir: Path) -> None:
    file = models_dir / in_use(models_dir).folder / records.DESCRIPTION
    file.write_bytes(file.read_bytes().replace(b"bicubic", b"bilinear"))

    with pytest.raises(ModelError, match=r"model\.json is not as it was prepared"):
        Classifier.open(serving(models_dir))


def test_the_record_served_is_the_one_in_use(lite2_dir: Path, own_dir: Path) -> None:
    for folder in (lite2_dir, own_dir):
        assert Classifier.open(serving(folder)).record == in_use(folder)


def test_a_missing_package_is_named_by_the_engine(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)

    with pytest.raises(ModelError, match=r"ENGINE=torch: .* efficientnet_lite_pytorch .*; run: make model, or"):
        Classifier.open(serving(models_dir, "torch"))


def test_a_network_that_openvino_cannot_run_is_reported(tmp_path: Path) -> None:
    for name in (artifact.NETWORK, artifact.NETWORK_WEIGHTS):
        (tmp_path / name).write_bytes(b"no network")
    lines = [f"{hashlib.sha256(b'no network').hexdigest()}  {name}\n" for name in artifact.FILES]
    (tmp_path / CHECKSUMS).write_text("".join(lines))

    with pytest.raises(ModelError, match=r"model\.xml: OpenVINO cannot run it"):
        OpenVinoEngine(tmp_path)


def test_a_torch_without_its_gpu_libraries_is_reported_and_auto_does_without(lite2_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise OSError('libcublas.so.13: cannot open shared object file')")
    program = """
import pathlib, sys
from classifier.errors import ModelError
from classifier.progress import Say
from classifier.serve.classifier import Classifier
from classifier.serve.engines.choose import choose
from common import settings
try:
    Classifier.open(settings.load())
except ModelError as error:
    print(error)
print(choose("auto", gpu_devices=[pathlib.Path("/")]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment(lite2_dir), "ENGINE": "torch", "PYTHONPATH": f"{broken}:{ROOT}"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout == (
        "ENGINE=torch: a package that it needs is missing or broken (libcublas.so.13: cannot open shared object "
        "file); run: make model, or set ENGINE=openvino\nopenvino\n"
    )
    assert "there is a GPU, and torch cannot be imported to use it: libcublas" in done.stderr


def test_openvino_serves_without_torch_and_without_telemetry(lite2_dir: Path, tmp_path: Path) -> None:
    program = """
import sys
connections = []
sys.addaudithook(lambda event, args: connections.append(args) if event.startswith("socket.") else None)
from classifier.progress import Say
from classifier.serve.classifier import Classifier
from classifier.serve.second_look import Sight
from common import settings
classifier = Classifier.open(settings.load())
classifier.find([Sight(bytes(3 * 260 * 260))])
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
