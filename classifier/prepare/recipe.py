"""What a model is made from, and how: check, convert, compare, install."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec

from classifier import artifact, progress, weights
from classifier.errors import ModelError
from classifier.networks import Network
from classifier.prepare import labels, official
from classifier.progress import Say
from common.model.checksums import sha256_of
from common.model.records import IMAGENET_CLASSES, ModelRecord

_SAY_TRANSFORM_INPUT: Final = (
    "weights {weights}: these are not the official weights, so say how they were trained: --transform-input yes if the "
    "model was made by {name}(weights=…), as when fine-tuning torchvision's; --transform-input no if it was "
    "made without weights and fed with (x - mean) / std. The wrong one answers badly without any error"
)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is made from.

    Attributes:
        network: The network.
        weights: Its weights file.
        labels: File with the classes' names; None for ImageNet's.
        transform_input: What the operator said about the weights; None if they did not say.
    """

    network: Network
    weights: Path
    labels: Path | None
    transform_input: bool | None = None


def with_official_weights(network: Network, models_dir: Path, labels_file: Path | None, say: Say) -> Recipe:
    """A network with its official weights, found on this machine or downloaded.

    Raises:
        WeightsUnavailable: They are not here and could not be downloaded.
        ModelError: They are damaged; or they would replace an operator's own.
    """
    protect_own(models_dir, network, labels_file)
    return Recipe(network=network, weights=official.find(network, models_dir, say), labels=labels_file)


def protect_own(models_dir: Path, network: Network, labels_file: Path | None) -> None:
    """Refuse to go on if official weights or labels would replace an operator's own.

    The bot would silently answer with other classes than the operator's. New labels may replace own labels.

    Raises:
        ModelError: They would.
    """
    for record in artifact.descriptions(models_dir, network.name):
        if has_own_weights(record, network) or (record.labels_source and not labels_file):
            own = own_parts(record, network)
            msg = (
                f"{models_dir / record.folder} was made with {own} of your own: prepare it again with --weights or "
                "--labels, as before; or remove that folder, for the official weights and ImageNet's labels"
            )
            raise ModelError(msg)


def has_own_weights(record: ModelRecord, network: Network) -> bool:
    """Whether a model was made from other weights than its network's official ones."""
    return not network.is_official(record.weights_sha256)


def own_parts(record: ModelRecord, network: Network) -> str:
    """What an operator contributed to a model: ``weights (x.pth) and labels (y.txt)``, one, or ''."""
    parts = [f"weights ({record.weights_source})"] if has_own_weights(record, network) else []
    parts += [f"labels ({record.labels_source})"] if record.labels_source else []
    return " and ".join(parts)


def make(recipe: Recipe, models_dir: Path, say: Say) -> ModelRecord:
    """Make the model and install its folder; a whole folder that already exists stays.

    Raises:
        ModelError: Weights and labels do not fit, or the converted model disagrees with torch. Nothing is
            installed then.
    """
    say(f"Preparing {recipe.network.title} in {models_dir}")
    staged = artifact.stage(models_dir)
    try:
        return _make(recipe, staged, say)
    finally:
        shutil.rmtree(staged, ignore_errors=True)  # gone already if all went well


def take(source: Path, target: Path) -> str:
    """Copy ``source`` to ``target``, and return its SHA-256.

    A link is not enough: training goes on, and ``torch.save`` writes into the same file again. The hash is
    that of ``target``, which is also the file that is loaded afterwards.

    Raises:
        ModelError: There is no such file, or it cannot be read.
        OSError: ``target`` cannot be written.
    """
    try:
        source.open("rb").close()
    except OSError as error:
        msg = f"weights {source}: cannot be read ({error.strerror})"
        raise ModelError(msg) from None
    shutil.copyfile(source, target)
    return sha256_of(target)


def _make(recipe: Recipe, staged: Path, say: Say) -> ModelRecord:
    network = recipe.network
    progress.report(staged.parent, progress.READING)
    sha256 = take(recipe.weights, staged / artifact.TORCH_WEIGHTS)
    transform_input = _transform_input(recipe, sha256)
    loaded = weights.load(network, staged / artifact.TORCH_WEIGHTS, recipe.weights)
    names = _labels(recipe.labels, loaded.classes)
    is_official = network.is_official(sha256)
    place = f"; {loaded.place}" if loaded.place else ""
    say(f"  weights {recipe.weights}: {'the official ones' if is_official else f'SHA-256 {sha256}'}{place}")
    record = ModelRecord(
        model=network.name,
        title=network.title,
        folder=artifact.folder_name(network.name, sha256, names, transform_input),
        input=network.input,
        classes=loaded.classes,
        weights_sha256=sha256,
        weights_source=network.weights_source if is_official else recipe.weights.name,
        labels_source=recipe.labels.name if recipe.labels else "",
        transform_input=transform_input,
    )
    kept = artifact.whole(staged.parent / record.folder)
    if kept:
        return kept  # its record, not the new one: the operator's files may have had other names
    record = _convert_and_compare(recipe, loaded, record, names, staged, say)
    artifact.install(staged, record)
    return record


def _convert_and_compare(
    recipe: Recipe,
    loaded: weights.Loaded,
    record: ModelRecord,
    names: tuple[str, ...],
    staged: Path,
    say: Say,
) -> ModelRecord:
    """Convert, compare, and complete the staged folder. Returns the record, now with the cells of the maps."""
    # Both need torch, and the engine OpenVINO: too slow to import if a prepared model is kept.
    from classifier.prepare import conversion  # noqa: PLC0415
    from classifier.serve.engines.openvino import OpenVinoEngine  # noqa: PLC0415

    progress.report(staged.parent, progress.CONVERTING)
    say("  converting to OpenVINO")
    module = weights.build(recipe.network, loaded, record.transform_input)
    grid = conversion.convert(module, record.input, staged / artifact.NETWORK)
    record = msgspec.structs.replace(record, maps=grid)
    artifact.seal(staged, record, names)
    progress.report(staged.parent, progress.COMPARING)
    difference = conversion.compare(module, record.input, OpenVinoEngine(staged), recipe.network.max_difference)
    say(f"  compared with torch: logits differ by {difference:.0e} of their range")
    return record


def _transform_input(recipe: Recipe, sha256: str) -> bool | None:
    """Whether the network re-normalises its input; None for a network that cannot."""
    network = recipe.network
    if network.transform_input is None:
        if recipe.transform_input is not None:
            msg = f"--transform-input is for GoogLeNet and Inception V3: {network.title} has no such setting"
            raise ModelError(msg)
        return None
    if not network.is_official(sha256):
        if recipe.transform_input is None:
            raise ModelError(_SAY_TRANSFORM_INPUT.format(weights=recipe.weights, name=network.name))
        return recipe.transform_input
    if recipe.transform_input not in (None, network.transform_input):
        raise ModelError("these are the official weights, which want --transform-input yes")
    return network.transform_input


def _labels(file: Path | None, classes: int) -> tuple[str, ...]:
    if file is None:
        if classes != IMAGENET_CLASSES:
            msg = f"the weights know {classes} classes, ImageNet has {IMAGENET_CLASSES}: name them with --labels"
            raise ModelError(msg)
        return labels.imagenet()
    names = labels.read(file)
    if len(names) != classes:
        msg = f"labels {file}: {len(names)} labels, and the weights know {classes} classes"
        raise ModelError(msg)
    return names
