"""OpenVINO: what it keeps for the next start, how it uses the cores and the memory; and that workers import little."""

from __future__ import annotations

import fcntl
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier import artifact, compiled
from classifier.engines import openvino
from classifier.engines.openvino import OpenVinoEngine
from classifier.errors import ModelError
from classifier.serve import Classifier
from common import model_record
from common.messages import CHANNELS
from common.settings import ROOT, Settings
from tests.models_fixtures import copy_models

pytestmark = pytest.mark.timeout(120)

AGREES = 1e-4  # of the logits' range, as between the engines


def folder_of(models_dir: Path) -> Path:
    record = model_record.in_use(models_dir)
    assert record
    return models_dir / record.folder


@pytest.fixture
def folder(lite2_dir: Path) -> Path:
    return folder_of(lite2_dir)


@pytest.fixture(scope="module")
def images() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Eight pictures (8 x 260 x 260 x 3)."""
    return np.random.default_rng(0).integers(0, 256, (8, 260, 260, 3), dtype=np.uint8)


Images = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def property_of(engine: Any, name: str) -> object:
    return engine._requests[0].get_compiled_model().get_property(name)


# Compiled networks


def blobs(cache: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in cache.glob("*/*.blob")}


def test_a_compiled_network_is_found_again(folder: Path, tmp_path: Path, images: Images) -> None:
    first = OpenVinoEngine(folder, cache=tmp_path)
    kept = blobs(tmp_path)
    second = OpenVinoEngine(folder, cache=tmp_path)

    assert not property_of(first, "LOADED_FROM_CACHE")
    assert property_of(second, "LOADED_FROM_CACHE")
    assert blobs(tmp_path) == kept
    assert (first.logits(images) == second.logits(images)).all()


def test_it_holds_no_copy_of_the_weights(folder: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder, cache=tmp_path)

    (content,) = blobs(tmp_path).values()
    assert len(content) < (folder / artifact.NETWORK_WEIGHTS).stat().st_size / 10


@pytest.mark.parametrize("at", [0.1, 0.5, 0.83, 0.87])
def test_a_damaged_one_is_not_believed(folder: Path, tmp_path: Path, at: float) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    ((path, content),) = blobs(tmp_path).items()
    place = round(len(content) * at)
    path.chmod(0o600)
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    engine = OpenVinoEngine(folder, cache=tmp_path)

    assert not property_of(engine, "LOADED_FROM_CACHE")
    assert property_of(OpenVinoEngine(folder, cache=tmp_path), "LOADED_FROM_CACHE"), "what replaced it is believed"


def test_one_that_a_killed_process_left_unsealed_is_not_believed(folder: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    (sums,) = tmp_path.glob(f"*/{artifact.CHECKSUMS}")
    sums.unlink()

    assert not property_of(OpenVinoEngine(folder, cache=tmp_path), "LOADED_FROM_CACHE")


def test_one_whose_checksums_are_no_text_is_not_believed(folder: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    (sums,) = tmp_path.glob(f"*/{artifact.CHECKSUMS}")
    sums.write_bytes(b"\xff\xfe")

    assert not property_of(OpenVinoEngine(folder, cache=tmp_path), "LOADED_FROM_CACHE")


def test_whoever_keeps_the_lock_does_not_keep_others_from_starting(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    monkeypatch.setattr(compiled, "_LOCK_LIMIT_S", 0.05)

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = OpenVinoEngine(folder, cache=tmp_path)

    assert not property_of(engine, "LOADED_FROM_CACHE")
    assert "compiled models are not kept" in caplog.text


def test_one_of_another_model_is_removed(folder: Path, inception_dir: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder_of(inception_dir), cache=tmp_path)
    (before,) = blobs(tmp_path)

    OpenVinoEngine(folder, cache=tmp_path)

    (after,) = blobs(tmp_path)
    assert after.parent != before.parent


def test_where_nothing_can_be_kept_it_works_all_the_same(
    folder: Path, tmp_path: Path, images: Images, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")

    engine = OpenVinoEngine(folder, cache=tmp_path / "file" / compiled.CACHE)

    assert engine.logits(images).shape == (8, 1000)
    (message,) = caplog.messages
    assert message.startswith("compiled models are not kept, so each start takes longer: ")


def test_a_classifier_keeps_them_in_the_data_folder(lite2_dir: Path, tmp_path: Path) -> None:
    Classifier.open(Settings(models_dir=lite2_dir, data_dir=tmp_path))

    assert blobs(tmp_path / "compiled")


# Cores


@pytest.mark.parametrize(("threads", "said"), [(1, "OpenVINO (CPU, 1 thread)"), (2, "OpenVINO (CPU, 2 threads)")])
def test_so_many_threads_compute_as_are_set(lite2_dir: Path, tmp_path: Path, threads: int, said: str) -> None:
    engine = Classifier.open(Settings(models_dir=lite2_dir, data_dir=tmp_path, classify_threads=threads)).engine

    assert isinstance(engine, OpenVinoEngine)
    assert engine.name == said
    assert property_of(engine, "INFERENCE_NUM_THREADS") == threads


def test_otherwise_as_many_as_there_are_cores_for_us(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifier.cores.usable", lambda: 1)

    assert OpenVinoEngine(folder).name == "OpenVINO (CPU, 1 thread)"


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every backlog has lasted long enough."""
    monkeypatch.setattr(openvino, "SUSTAINED_S", 0.0)
    return iter([None])


@pytest.mark.usefixtures("lasting")
def test_in_a_backlog_several_are_computed_at_once_and_each_gets_its_own_answer(
    folder: Path, tmp_path: Path, images: Images
) -> None:
    engine = OpenVinoEngine(folder, threads=2, cache=tmp_path)
    alone = np.concatenate([engine.logits(image[np.newaxis]) for image in images])

    together = engine.logits(images)

    assert property_of(engine, "NUM_STREAMS") == 2
    assert np.abs(together - alone).max() / np.ptp(alone) < AGREES
    odd = engine.logits(images[:7])
    assert np.abs(odd - alone[:7]).max() / np.ptp(alone) < AGREES

    engine.logits(images[:1])

    assert property_of(engine, "NUM_STREAMS") == 1, "the backlog is over"


@pytest.mark.usefixtures("lasting")
def test_when_no_picture_has_come_for_a_while_it_gets_ready_for_a_single_one(
    lite2_dir: Path, tmp_path: Path, images: Images
) -> None:
    classifier = Classifier.open(Settings(models_dir=lite2_dir, data_dir=tmp_path, classify_threads=2))
    classifier.predict([image.tobytes() for image in images])
    assert property_of(classifier.engine, "NUM_STREAMS") == 2

    classifier.rest(60.0)
    assert property_of(classifier.engine, "NUM_STREAMS") == 2, "one has just come"
    with classifier.turn:
        classifier.rest(0.0)
    assert property_of(classifier.engine, "NUM_STREAMS") == 2, "it is at work"
    classifier.rest(0.0)
    assert property_of(classifier.engine, "NUM_STREAMS") == 1


def test_after_a_failure_the_next_pictures_get_requests_that_are_not_at_work(
    folder: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OpenVinoEngine(folder, threads=2)
    before = engine.logits(images)

    def fail(request: object) -> None:
        raise RuntimeError("could not allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(openvino, "_answer", fail)
        with pytest.raises(RuntimeError, match="allocate"):
            engine.logits(images)

    assert (engine.logits(images) == before).all()


@pytest.mark.usefixtures("lasting")
def test_a_model_that_was_damaged_meanwhile_is_not_compiled_anew(
    lite2_dir: Path, tmp_path: Path, images: Images
) -> None:
    folder = folder_of(copy_models(lite2_dir, tmp_path / "models"))
    engine = OpenVinoEngine(folder, threads=2)
    (folder / artifact.NETWORK).write_bytes(b"altered")

    with pytest.raises(ModelError, match=r"model\.xml is not as it was prepared"):
        engine.logits(images)


# Memory


def resident_kb(path: Path) -> int:
    """How much of that file is mapped and in memory."""
    sizes, is_it = [], False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            is_it = line.endswith(str(path.resolve()))
        elif is_it and line.startswith("Rss:"):
            sizes.append(int(line.split()[1]))
    assert sizes, "it is not mapped at all"
    return sum(sizes)


def test_the_weights_file_takes_no_memory_beside_the_compiled_network(folder: Path, images: Images) -> None:
    weights = folder / artifact.NETWORK_WEIGHTS
    engine = OpenVinoEngine(folder)

    assert resident_kb(weights) < weights.stat().st_size / 1024 / 4
    before = engine.logits(images)
    openvino.give_back_memory(weights)
    assert (engine.logits(images) == before).all()
    assert resident_kb(weights) < weights.stat().st_size / 1024 / 4, "nearly all of it is not needed again"


# Imports


@pytest.mark.parametrize("worker", CHANNELS)
def test_no_worker_imports_torch_or_nncf_and_only_classify_imports_numpy(
    worker: str, lite2_dir: Path, tmp_path: Path
) -> None:
    serve = (
        "from classifier.serve import Classifier; Classifier.open(settings.load()); " if worker == "classify" else ""
    )
    program = (
        f"import sys; import {worker}; from common import settings; {serve}"
        "print(*({'torch', 'torchvision', 'nncf', 'numpy', 'PIL', 'skimage', 'sklearn', 'scipy'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"MODELS_DIR": str(lite2_dir), "DATA_DIR": str(tmp_path), "ENGINE": "openvino"},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )

    assert done.stdout.split() == (["numpy"] if worker == "classify" else [])


async def test_which_engine_and_precision_answer_is_logged(
    lite2_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from classify import Classify  # noqa: PLC0415 -- logs nothing but what is asked for here

    with caplog.at_level(logging.INFO):
        await Classify(Settings(models_dir=lite2_dir, data_dir=tmp_path, classify_threads=2)).open()

    assert "EfficientNet-Lite2 answers, prepared in fp32, run by OpenVINO (CPU, 2 threads)" in caplog.messages
