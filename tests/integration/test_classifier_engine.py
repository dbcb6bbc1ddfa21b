"""OpenVINO: what it keeps for the next start, how it uses the cores and the memory; and that workers import little."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier import artifact
from classifier.errors import ModelError
from classifier.serve import compiled, preload
from classifier.serve.classifier import Classifier
from classifier.serve.engines import openvino
from classifier.serve.engines.engine import Engine, Output
from classifier.serve.engines.openvino import BacklogPolicy, OpenVinoEngine, RequestPool
from classifier.serve.engines.openvino_c import Network, Request
from classifier.serve.second_look import Sight
from common.channels.channels import Channels
from common.messages import CHANNELS
from common.model import records
from common.model.checksums import CHECKSUMS
from common.settings import ROOT, Settings
from common.supervision import identity
from tests.support.models_fixtures import copy_models

pytestmark = pytest.mark.timeout(120)

AGREES = 1e-4  # of the logits' range, as between the engines


def folder_of(models_dir: Path) -> Path:
    record = records.in_use(models_dir)
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


def property_of(engine: Engine, name: str) -> str:
    assert isinstance(engine, OpenVinoEngine)
    return engine.property(name)


def is_from_cache(engine: OpenVinoEngine) -> bool:
    return {"YES": True, "NO": False}[property_of(engine, "LOADED_FROM_CACHE")]


# Compiled networks


def blobs(cache: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in cache.glob("*/*.blob")}


def test_a_compiled_network_is_found_again(folder: Path, tmp_path: Path, images: Images) -> None:
    first = OpenVinoEngine(folder, cache=tmp_path)
    kept = blobs(tmp_path)
    second = OpenVinoEngine(folder, cache=tmp_path)

    assert not is_from_cache(first)
    assert is_from_cache(second)
    assert blobs(tmp_path) == kept
    assert (first.logits(images) == second.logits(images)).all()


def test_it_holds_no_copy_of_the_weights(folder: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder, cache=tmp_path)

    (content,) = blobs(tmp_path).values()
    assert len(content) < (folder / artifact.NETWORK_WEIGHTS).stat().st_size / 10


@pytest.mark.parametrize("at", [0.1, 0.5, 0.83, 0.87])
def test_a_damaged_one_is_not_used(folder: Path, tmp_path: Path, at: float) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    ((path, content),) = blobs(tmp_path).items()
    place = round(len(content) * at)
    path.chmod(0o600)
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    engine = OpenVinoEngine(folder, cache=tmp_path)

    assert not is_from_cache(engine)
    assert is_from_cache(OpenVinoEngine(folder, cache=tmp_path)), "what replaced it is used"


def test_one_that_a_killed_process_left_unsealed_is_not_used(folder: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    (sums,) = tmp_path.glob(f"*/{CHECKSUMS}")
    sums.unlink()

    assert not is_from_cache(OpenVinoEngine(folder, cache=tmp_path))


def test_one_whose_checksums_are_not_text_is_not_used(folder: Path, tmp_path: Path) -> None:
    OpenVinoEngine(folder, cache=tmp_path)
    (sums,) = tmp_path.glob(f"*/{CHECKSUMS}")
    sums.write_bytes(b"\xff\xfe")

    assert not is_from_cache(OpenVinoEngine(folder, cache=tmp_path))


def test_a_process_that_keeps_the_lock_does_not_keep_others_from_starting(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    OpenVinoEngine(folder, cache=tmp_path)

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = OpenVinoEngine(folder, cache=tmp_path, lock_limit_s=0.05)

    assert not is_from_cache(engine)
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
    assert property_of(engine, "INFERENCE_NUM_THREADS") == str(threads)


def test_otherwise_as_many_as_this_process_has_cores(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})

    assert OpenVinoEngine(folder).name == "OpenVINO (CPU, 1 thread)"


AT_ONCE = BacklogPolicy(sustained_s=0.0)
"""Every backlog has lasted long enough."""


def test_in_a_backlog_several_are_computed_at_once_and_each_gets_its_own_answer(
    folder: Path, tmp_path: Path, images: Images
) -> None:
    engine = OpenVinoEngine(folder, threads=2, cache=tmp_path, policy=AT_ONCE)
    alone = np.concatenate([engine.logits(image[np.newaxis]) for image in images])

    together = engine.logits(images)

    assert property_of(engine, "NUM_STREAMS") == "2"
    assert np.abs(together - alone).max() / np.ptp(alone) < AGREES
    odd = engine.logits(images[:7])
    assert np.abs(odd - alone[:7]).max() / np.ptp(alone) < AGREES

    engine.logits(images[:1])

    assert property_of(engine, "NUM_STREAMS") == "1", "the backlog is over"


def test_more_views_of_a_picture_neither_end_a_backlog_nor_make_one(folder: Path, images: Images) -> None:
    engine = OpenVinoEngine(folder, threads=2, policy=AT_ONCE)
    pictures = [image.tobytes() for image in images]

    engine.outputs(pictures, again=True)
    assert property_of(engine, "NUM_STREAMS") == "1"

    engine.outputs(pictures)
    engine.outputs(pictures[:1], again=True)
    assert property_of(engine, "NUM_STREAMS") == "2"


def test_there_are_never_two_networks_in_memory(folder: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    alive, most = weakref.WeakSet[Network | Request](), 0  # a request keeps its network

    class Counted(Network):
        def __init__(self, *args: Any) -> None:
            nonlocal most
            most = max(most, len(alive))
            alive.add(self)
            super().__init__(*args)

        def request(self) -> Request:
            request = super().request()
            alive.add(request)
            return request

    monkeypatch.setattr(openvino, "Network", Counted)
    engine = OpenVinoEngine(folder, threads=2, policy=AT_ONCE)
    networks = {property_of(engine, "NUM_STREAMS")}
    for pictures in (images, images[:1], images):
        engine.logits(pictures)
        networks.add(property_of(engine, "NUM_STREAMS"))

    assert networks == {"1", "2"}
    assert most == 0, "of those before"


def test_when_no_picture_has_come_for_a_while_it_gets_ready_for_a_single_one(
    lite2_dir: Path, tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier.open(Settings(models_dir=lite2_dir, data_dir=tmp_path))
    classifier.engine = engine = OpenVinoEngine(folder_of(lite2_dir), threads=2, policy=AT_ONCE)
    pictures = [Sight(image.tobytes()) for image in images]
    classifier.find(pictures)
    assert property_of(engine, "NUM_STREAMS") == "2"

    classifier.rest(60.0)
    assert property_of(engine, "NUM_STREAMS") == "2", "one has just come"
    begun, begin = threading.Event(), RequestPool.begin

    def slow(pool: RequestPool, picture: Any) -> Any:
        begun.set()
        assert rested.wait(20)
        return begin(pool, picture)

    rested = threading.Event()
    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as threads:
        patch.setattr(RequestPool, "begin", slow)
        at_work = threads.submit(classifier.find, pictures)
        assert begun.wait(20)
        classifier.rest(0.0)
        rested.set()
        at_work.result(20)
    assert property_of(engine, "NUM_STREAMS") == "2", "it was at work"
    classifier.rest(0.0)
    assert property_of(engine, "NUM_STREAMS") == "1"


@pytest.mark.parametrize("sustained_s", [0.0, 60.0])
def test_many_threads_may_ask_at_once_and_each_gets_its_own_answers(
    folder: Path, images: Images, sustained_s: float
) -> None:
    engine = OpenVinoEngine(folder, threads=2, policy=BacklogPolicy(sustained_s=sustained_s))
    alone = np.concatenate([engine.logits(image[np.newaxis]) for image in images])
    # More than one call has in OpenVINO's queue; so few that it goes back to one at a time; one.
    asked = [images[[*range(8), *range(5)]], images[::-1], images[4:], images[:1], images[2:4]] * 3

    with ThreadPoolExecutor(4) as threads:
        answered = list(threads.map(engine.logits, asked))

    for pictures, logits in zip(asked, answered, strict=True):
        expected = [alone[[(image == each).all() for each in images].index(True)] for image in pictures]
        assert np.abs(logits - np.array(expected)).max() / np.ptp(alone) < AGREES


def test_the_next_pictures_wait_in_the_queue_before_the_last_ones_are_through(
    folder: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OpenVinoEngine(folder, threads=2)
    begun, ends, goes_on = threading.Semaphore(0), threading.Event(), threading.Event()
    begin, end = RequestPool.begin, RequestPool.end
    main = threading.get_ident()

    def slow(pool: RequestPool, request: Any) -> Output:
        if threading.get_ident() != main:
            ends.set()
            goes_on.wait(20)
        return end(pool, request)

    def counted(pool: RequestPool, picture: Any) -> Any:
        begun.release()
        return begin(pool, picture)

    monkeypatch.setattr(RequestPool, "end", slow)
    monkeypatch.setattr(RequestPool, "begin", counted)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(engine.logits, images[:1])
        assert ends.wait(20)
        second = threads.submit(engine.logits, images[1:3])
        assert all(begun.acquire(timeout=20) for _ in range(3)), "the first one has not been waited for"
        assert not first.done()
        goes_on.set()

    monkeypatch.undo()
    assert (np.concatenate([first.result(), second.result()]) == engine.logits(images[:3])).all()


def test_what_was_given_up_before_its_turn_is_not_computed(folder: Path, images: Images) -> None:
    engine = OpenVinoEngine(folder)
    given_up = threading.Event()
    given_up.set()

    assert engine.scores([image.tobytes() for image in images], given_up) == []


def test_after_a_failure_the_next_pictures_get_requests_that_are_not_at_work(
    folder: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OpenVinoEngine(folder, threads=2)
    before = engine.logits(images)

    def fail(pool: object, request: object) -> None:
        raise RuntimeError("could not allocate memory")

    for pictures in (images, images[:1]):  # before the next ones may begin, and after that
        with monkeypatch.context() as patch:
            patch.setattr(RequestPool, "end", fail)
            with pytest.raises(RuntimeError, match="allocate"):
                engine.logits(pictures)

        assert (engine.logits(images) == before).all()


def test_a_picture_of_another_size_is_refused_and_later_ones_are_computed(folder: Path, images: Images) -> None:
    engine = OpenVinoEngine(folder)
    before = engine.logits(images)

    with pytest.raises(ValueError, match="different structures"):
        engine.scores([images[0].tobytes(), images[1].tobytes()[:-1]])

    assert (engine.logits(images) == before).all()


def test_a_model_that_was_damaged_meanwhile_is_not_compiled_again(
    lite2_dir: Path, tmp_path: Path, images: Images
) -> None:
    folder = folder_of(copy_models(lite2_dir, tmp_path / "models"))
    engine = OpenVinoEngine(folder, threads=2, policy=AT_ONCE)
    (folder / artifact.NETWORK).write_bytes(b"altered")

    with pytest.raises(ModelError, match=r"model\.xml is not as it was prepared"):
        engine.logits(images)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("at", [0.0, 0.3, 0.999])
def test_damaged_weights_are_not_computed_with(lite2_dir: Path, tmp_path: Path, at: float, kept: bool) -> None:
    folder = folder_of(copy_models(lite2_dir, tmp_path / "models"))
    cache = tmp_path / "compiled" if kept else None
    OpenVinoEngine(folder, cache=cache)
    weights = folder / artifact.NETWORK_WEIGHTS
    content = bytearray(weights.read_bytes())
    content[int(len(content) * at)] ^= 1
    weights.unlink()  # it may be a hard link
    weights.write_bytes(content)

    with pytest.raises(ModelError, match=r"model\.bin is not as it was prepared"):
        OpenVinoEngine(folder, cache=cache)


def test_a_network_compiled_from_damaged_weights_is_not_kept(lite2_dir: Path, tmp_path: Path, images: Images) -> None:
    folder = folder_of(copy_models(lite2_dir, tmp_path / "models"))
    good = OpenVinoEngine(folder).logits(images)
    weights, cache = folder / artifact.NETWORK_WEIGHTS, tmp_path / "compiled"
    whole = weights.read_bytes()
    weights.unlink()  # it may be a hard link
    weights.write_bytes(whole[:-64] + bytes(64))
    with pytest.raises(ModelError, match=r"model\.bin is not as it was prepared"):
        OpenVinoEngine(folder, cache=cache)

    weights.write_bytes(whole)
    engine = OpenVinoEngine(folder, cache=cache)
    assert not is_from_cache(engine)
    assert (engine.logits(images) == good).all()


def test_without_the_package_it_says_what_to_install(lite2_dir: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['openvino'] = None; from classifier.serve.classifier import Classifier;"
        "from common import settings; Classifier.open(settings.load())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"MODELS_DIR": str(lite2_dir), "DATA_DIR": str(tmp_path)},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    *_, last = done.stderr.splitlines()
    assert re.fullmatch(r".*ENGINE=openvino: a package .* is missing .*; run: make model, or set ENGINE=torch", last)


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


def test_the_weights_file_takes_no_memory_next_to_the_compiled_network(folder: Path, images: Images) -> None:
    weights = folder / artifact.NETWORK_WEIGHTS
    engine = OpenVinoEngine(folder)

    assert resident_kb(weights) < weights.stat().st_size / 1024 / 4
    before = engine.logits(images)
    openvino.give_back_memory(weights)
    assert (engine.logits(images) == before).all()
    assert resident_kb(weights) < weights.stat().st_size / 1024 / 4, "nearly all of it is not needed again"


# Preloading


@pytest.fixture
def environment(lite2_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("MODELS_DIR", str(lite2_dir))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr("common.logs.set_up", lambda _settings: None)  # pytest's own is there
    return Settings(models_dir=lite2_dir, data_dir=tmp_path)


def test_a_model_that_is_preloaded_is_loaded_once(environment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Classifier] = []
    load = Classifier.open

    def counted(configured: Settings) -> Classifier:
        loaded.append(load(configured))
        return loaded[-1]

    monkeypatch.setattr(Classifier, "open", counted)
    preload.begin("classify")

    assert preload.opened(environment) is loaded[0]
    assert len(loaded) == 1
    assert preload.opened(environment) is loaded[1], "the next one, of another model for example, is loaded again"


def test_a_preload_that_fails_is_tried_again_and_then_reported(
    environment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "absent"))
    preload.begin("classify")
    assert preload.opened(environment), "there is one now"

    preload.begin("classify")
    with pytest.raises(ModelError, match="no model is prepared"):
        preload.opened(Settings(models_dir=tmp_path / "absent"))


def test_with_a_wrong_setting_nothing_is_preloaded(environment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE", "steam")
    assert not preload.begin("classify")


def test_while_a_former_self_runs_nothing_is_preloaded(environment: Settings) -> None:
    with identity.only_one(environment, "classify"):
        assert not preload.begin("classify")

    assert preload.begin("classify")
    assert preload.opened(environment)


# Imports


@pytest.mark.parametrize("worker", CHANNELS)
def test_no_worker_imports_torch_nncf_numpy_or_openvino_s_python_package(
    worker: str, lite2_dir: Path, tmp_path: Path
) -> None:
    serve = (
        "from classifier.serve.classifier import Classifier; "
        "from classifier.serve.second_look import Sight; "
        "classifier = Classifier.open(settings.load()); "
        "classifier.find([Sight(bytes(3 * classifier.record.input.crop**2))]); "
        if worker == "classify"
        else ""
    )
    heavy = "torch torchvision nncf openvino numpy PIL skimage sklearn scipy"
    program = (
        f"import sys; import {worker}; from common import settings; {serve}"
        f"print(*(set('{heavy}'.split()) & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"MODELS_DIR": str(lite2_dir), "DATA_DIR": str(tmp_path), "ENGINE": "openvino"},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )

    assert done.stdout.split() == []


async def test_which_engine_and_precision_answer_is_logged(
    lite2_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from classify import ClassifyWorker  # noqa: PLC0415 -- logs nothing but what is asked for here

    with caplog.at_level(logging.INFO):
        settings = Settings(models_dir=lite2_dir, data_dir=tmp_path, classify_threads=2)
        await ClassifyWorker(settings).open(Channels(settings))

    assert "EfficientNet-Lite2 answers, prepared in fp32, run by OpenVINO (CPU, 2 threads); percentages" in caplog.text
