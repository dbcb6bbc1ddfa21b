"""Int8: made on some photos, judged on others, and in use only where it is proven or requested."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
import pytest

from classifier import artifact
from classifier.errors import ModelError
from classifier.int8 import comparison, quantization
from classifier.int8.comparison import probabilities, surely
from classifier.prepare.choose import Request, prepare
from classifier.prepare.command import main
from classifier.serve.classifier import Classifier
from classifier.serve.second_look import Sight
from classify import ClassifyWorker
from common.channels import answers
from common.channels.channels import Channels
from common.errors import Outage
from common.messages import Predictions, SendReply
from common.model import records
from common.model.checksums import CHECKSUMS
from common.model.input import pack
from common.model.records import ModelRecord
from common.pictures.child.images import to_pixels
from common.settings import ROOT, PrecisionChoice
from tests.support import make, photos
from tests.support.models_fixtures import Int8, copy_models, quiet, serving

FP32 = Request(model="efficientnet_lite2", precision="fp32")
INT8 = Request(model="efficientnet_lite2", precision="int8")
AUTO = Request(model="efficientnet_lite2", precision="auto")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def models_dir(tmp_path: Path, int8: Int8) -> Path:
    """A ``MODELS_DIR`` of the test's own, where EfficientNet-Lite2 in int8 is in use."""
    return copy_models(int8.models_dir, tmp_path / "models")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """An operator's folder with five photos."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in photos.NAMES:
        (folder / f"{name}.jpg").write_bytes(photos.jpeg(name))
    return folder


def in_use(models_dir: Path) -> ModelRecord:
    record = records.in_use(models_dir)
    assert record
    return record


def folders(models_dir: Path) -> set[str]:
    return {path.name for path in models_dir.iterdir() if path.is_dir()}


def compare_as(models_dir: Path, agreeing: int, of: int) -> None:
    """Give the comparison of the int8 version in use this result."""
    record = in_use(models_dir)
    folder = models_dir / record.folder
    found = msgspec.structs.replace(
        comparison.read(folder), photos=of, agreeing=agreeing, agreement=agreeing / of, surely=surely(agreeing, of)
    )
    (folder / artifact.COMPARISON).write_bytes(msgspec.json.encode(found))
    labels = msgspec.json.decode((folder / artifact.LABELS).read_bytes())
    artifact.seal(folder, artifact.as_prepared(record), labels)


# Making it


def test_the_folder_holds_what_its_record_and_checksums_say(int8: Int8) -> None:
    record = in_use(int8.models_dir)
    folder = int8.models_dir / record.folder

    checked = subprocess.run(["sha256sum", "--check", "--strict", CHECKSUMS], cwd=folder, check=False)

    assert checked.returncode == 0
    assert {path.name for path in folder.iterdir()} == {*artifact.FILES, artifact.COMPARISON, CHECKSUMS}
    assert artifact.COMPARISON in (folder / CHECKSUMS).read_text()
    fp32 = artifact.prepared(int8.models_dir, record.model)
    assert fp32
    assert (record.precision, record.made_from) == ("int8", fp32.folder)
    assert record.input == fp32.input, "what file_check has made already fits either"
    assert folders(int8.models_dir) == {record.folder, fp32.folder}


def test_it_is_a_third_of_the_size_at_most(int8: Int8) -> None:
    record = in_use(int8.models_dir)
    sizes = [
        (int8.models_dir / folder / artifact.NETWORK_WEIGHTS).stat().st_size
        for folder in (record.folder, record.made_from)
    ]

    assert sizes[0] < sizes[1] / 3


def test_the_operator_reads_how_it_compares(int8: Int8) -> None:
    found = comparison.read(int8.models_dir / in_use(int8.models_dir).folder)

    said = [line.strip() for line in int8.said]

    assert (found.calibrated_on, found.photos) == (8, 4)
    assert found.surely == surely(found.agreeing, 4)
    assert 0 < found.mean_change <= found.largest_change < 0.2
    assert found.int8.ms > 0
    assert found.int8.mb > 0
    assert "12 photos of scikit-image and scikit-learn; 0 other files are not pictures, or the same again" in said
    assert set(found.lines()) < set(said)
    assert said[-2] == (
        f"It computes in 8 bits (int8), as asked for: on {found.agreeing} of 4 photos its best guess was that of "
        "full precision."
    )


def test_making_it_opens_no_connection_and_leaves_the_home_alone(int8: Int8) -> None:
    assert list(int8.home.iterdir()) == []  # the fixture has seen that it opened no connection


def test_it_sees_in_photos_what_fp32_sees(int8: Int8, lite2_dir: Path) -> None:
    full, quantised = (Classifier.open(serving(folder)) for folder in (lite2_dir, int8.models_dir))
    inputs = [to_pixels(photos.photo(name), full.record.input) for name in photos.NAMES]

    for expected, logits in zip(full.logits(inputs), quantised.logits(inputs), strict=True):
        assert np.abs(probabilities(logits) - probabilities(expected)).max() < 0.1
    (espresso,) = quantised.find([Sight(inputs[photos.NAMES.index("coffee")])])
    assert quantised.labels[espresso.guesses[0].index] == "espresso"


def test_the_first_and_the_depthwise_convolutions_stay_in_fp32(int8: Int8) -> None:
    import openvino as ov  # noqa: PLC0415 -- after telemetry is off

    model = ov.Core().read_model(int8.models_dir / in_use(int8.models_dir).folder / artifact.NETWORK)
    kinds = [operation.get_type_name() for operation in model.get_ordered_ops()]
    left = quantization.left_in_fp32(model)

    assert len(left) == 1 + kinds.count("GroupConvolution") > 10
    quantised = {
        consumer.get_node().get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() == "FakeQuantize"
        for consumer in operation.output(0).get_target_inputs()
    }
    assert not quantised & set(left)
    assert len(quantised) > 30, "the others do not"


def test_an_operator_s_photos_and_labels_make_another_one_and_the_first_is_removed(
    models_dir: Path, album: Path, tmp_path: Path
) -> None:
    file = tmp_path / "things.json"
    file.write_bytes(msgspec.json.encode([f"thing {number}" for number in range(1000)]))
    before = folders(models_dir)
    request = msgspec.structs.replace(INT8, photos=album, labels=file)

    record = prepare(request, models_dir, quiet)

    found = comparison.read(models_dir / record.folder)
    assert (found.source, found.calibrated_on, found.photos) == ("album", 3, 2)
    assert folders(models_dir) == {record.folder, record.made_from}
    assert not before & folders(models_dir)
    assert record.why == "EfficientNet-Lite2 answers, with an operator's own labels (things.json)."
    assert Classifier.open(serving(models_dir)).labels[0] == "thing 0"
    began_again: list[str] = []
    assert prepare(msgspec.structs.replace(request, labels=None), models_dir, began_again.append) == record
    assert not [line for line in began_again if "calibrating" in line]
    assert prepare(msgspec.structs.replace(INT8, model="auto"), models_dir, quiet) == record


def test_without_nncf_it_says_what_to_install(lite2_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models_dir = copy_models(lite2_dir, tmp_path / "models")

    def not_installed(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", not_installed)

    with pytest.raises(ModelError, match=r"int8 needs the package nncf; run: make model"):
        prepare(INT8, models_dir, quiet)

    assert in_use(models_dir).precision == "fp32", "what was in use stays so"


def test_a_folder_without_photos_changes_nothing(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = in_use(models_dir)
    monkeypatch.setenv("MODELS_DIR", str(models_dir))
    (tmp_path / "empty").mkdir()

    assert main(["--model", "efficientnet_lite2", "--photos", str(tmp_path / "empty")]) == 1

    assert capsys.readouterr().err.startswith(f"error: --photos {tmp_path}/empty: 0 pictures that the bot could read")
    assert in_use(models_dir) == before


# Which precision answers


@pytest.mark.parametrize(
    ("agreeing", "of", "answers_in", "why"),
    [
        (
            199,
            200,
            "int8",
            "It computes in 8 bits (int8): on 199 of 200 photos its best guess was that of full precision.",
        ),
        (
            198,
            200,
            "fp32",
            "It computes in full precision (fp32): its version in 8 bits (int8) surely agrees on 96.8% of photos, "
            "and 97% are needed.",
        ),
        (
            199,
            199,
            "fp32",
            "It computes in full precision (fp32): its version in 8 bits (int8) was compared on 199 photos only, and "
            "200 are needed.",
        ),
    ],
)
def test_auto_takes_int8_only_if_it_is_proven(
    models_dir: Path, agreeing: int, of: int, answers_in: str, why: str
) -> None:
    compare_as(models_dir, agreeing, of)

    record = prepare(AUTO, models_dir, quiet)

    assert in_use(models_dir) == record
    assert (record.precision, record.why_precision) == (answers_in, why)
    assert Classifier.open(serving(models_dir)).record == record


def test_auto_without_an_int8_version_stays_in_fp32(lite2_dir: Path) -> None:
    record = prepare(AUTO, lite2_dir, quiet)

    assert (record.precision, record.why_precision) == ("fp32", "It computes in full precision (fp32).")


def test_fp32_and_then_int8_are_taken_back_without_making_either_again(models_dir: Path) -> None:
    before = folders(models_dir)
    int8 = in_use(models_dir)

    fp32 = prepare(FP32, models_dir, quiet)

    assert (fp32.precision, fp32.folder) == ("fp32", int8.made_from)
    assert fp32.why_precision == "It computes in full precision (fp32), as asked for."
    assert prepare(INT8, models_dir, quiet) == int8
    assert folders(models_dir) == before


def test_int8_is_kept_at_the_next_start_without_importing_anything_large(models_dir: Path) -> None:
    program = (
        "import sys; from classifier.prepare.command import main;"
        "code = main(['--model', 'efficientnet_lite2', '--int8']);"
        "heavy = {'nncf', 'torch', 'openvino', 'numpy', 'PIL', 'rich'} & sys.modules.keys();"
        "sys.exit(f'{heavy}' if heavy else code)"
    )

    subprocess.run([sys.executable, "-c", program], env={"MODELS_DIR": str(models_dir)}, cwd=ROOT, check=True)


@pytest.mark.parametrize("name", [artifact.NETWORK_WEIGHTS, artifact.COMPARISON])
def test_under_auto_a_damaged_int8_version_gives_way_to_fp32(models_dir: Path, name: str) -> None:
    compare_as(models_dir, 200, 200)
    truncate(models_dir / in_use(models_dir).folder / name)

    assert prepare(AUTO, models_dir, quiet).precision == "fp32"


def test_a_damaged_int8_version_is_made_again_if_asked_for(models_dir: Path) -> None:
    truncate(models_dir / in_use(models_dir).folder / artifact.NETWORK_WEIGHTS)
    with pytest.raises(ModelError, match=r"model\.bin is not as it was prepared"):
        Classifier.open(serving(models_dir))

    assert prepare(INT8, models_dir, quiet).precision == "int8"

    Classifier.open(serving(models_dir, precision="int8"))


def truncate(path: Path) -> None:
    """Cut a file. A new one: what is cut may be a hard link to what other tests use."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])


def test_operators_read_the_precision_and_why(int8: Int8) -> None:
    record = in_use(int8.models_dir)
    assert record
    assert "It computes in 8 bits (int8), as asked for" in records.described(record)


# Serving it


@pytest.mark.parametrize(("precision", "has"), [("int8", "fp32"), ("fp32", "int8")])
async def test_a_worker_waits_for_the_precision_that_is_set(
    lite2_dir: Path,
    int8: Int8,
    tmp_path: Path,
    precision: PrecisionChoice,
    has: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    models_dir = copy_models(int8.models_dir, tmp_path / "models")
    prepare(FP32 if has == "fp32" else INT8, models_dir, quiet)
    worker = ClassifyWorker(serving(models_dir, precision=precision))
    caplog.set_level(logging.WARNING)

    opening = asyncio.create_task(worker.open(Channels(worker.settings)))
    async with asyncio.timeout(20):
        while not caplog.messages:  # noqa: ASYNC110 -- the log has no event to wait for
            await asyncio.sleep(0.01)
        waits = not opening.done()
        prepare(INT8 if precision == "int8" else FP32, models_dir, quiet)
        await opening

    assert waits
    assert caplog.messages == [
        f"PRECISION={precision}, and EfficientNet-Lite2 is in use in {has}; run: make model (trying until it works)"
    ]
    assert worker.classifier.record.precision == precision


def test_torch_computes_in_fp32_and_says_so(
    models_dir: Path, lite2_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    quantised = Classifier.open(serving(models_dir, "torch", "int8"))
    full = Classifier.open(serving(lite2_dir, "torch", "fp32"))
    inputs = [to_pixels(photos.photo("coffee"), full.record.input)]

    assert (quantised.logits(inputs) == full.logits(inputs)).all()
    assert caplog.messages == ["PRECISION=int8 changes nothing: torch (ENGINE=torch) computes in fp32"]
    assert caplog.records[0].levelno == logging.WARNING


async def test_a_picture_that_was_on_its_way_is_answered_in_the_new_precision(models_dir: Path) -> None:
    fp32 = prepare(FP32, models_dir, quiet)
    worker = ClassifyWorker(serving(models_dir))
    await worker.open(Channels(worker.settings))
    message = make.classify()
    worker.store.write(message.key, pack(to_pixels(photos.photo("coffee"), fp32.input), fp32.input))

    prepare(INT8, models_dir, quiet)
    ((reply, _),) = await worker.handle_batch([message])  # type: ignore[misc]

    assert isinstance(reply, SendReply)
    assert isinstance(reply.content, Predictions)
    assert reply.content.top[0].label == "espresso"
    assert worker.classifier.record.precision == "int8"


async def test_if_its_precision_goes_while_it_works_pictures_wait(models_dir: Path) -> None:
    worker = ClassifyWorker(serving(models_dir, precision="int8"))
    await worker.open(Channels(worker.settings))

    prepare(FP32, models_dir, quiet)

    (outage,) = await worker.handle_batch([make.classify()])

    assert isinstance(outage, Outage)
    assert "PRECISION=int8, and EfficientNet-Lite2 is in use in fp32" in str(outage)


def test_an_answer_of_one_precision_is_not_recalled_in_the_other(int8: Int8, lite2_dir: Path) -> None:
    keys = {answers.of_pixels(in_use(folder), b"pixels") for folder in (int8.models_dir, lite2_dir)}

    assert len(keys) == 2


def test_a_record_from_before_there_was_int8_says_fp32(lite2_dir: Path, tmp_path: Path) -> None:
    old = msgspec.json.decode((lite2_dir / records.IN_USE).read_bytes())
    for field in ("precision", "made_from", "why_precision"):
        del old[field]
    (tmp_path / "old.json").write_bytes(msgspec.json.encode(old))

    record = records.read(tmp_path / "old.json")

    assert record
    assert (record.precision, record.made_from) == ("fp32", "")
