"""The graph's second output, on small graphs made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from classifier import maps, telemetry
from common.model.records import MapGrid

telemetry.forbid()

import openvino as ov  # noqa: E402 -- telemetry must be off first
import openvino.opset13 as op  # noqa: E402

CROP, CHANNELS = 16, 5

Floats = npt.NDArray[np.float32]


def random(*shape: int) -> Floats:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def pixels() -> Any:
    return op.parameter([1, CROP, CROP, 3], np.float32, "pixels")


def features(parameter: Any, *, stride: int = 4, begin: int = 1, end: int = 1) -> Any:
    """A convolution with kernel 3: 1 x 5 x 4 x 4 cells."""
    pictures = op.transpose(parameter, [0, 3, 1, 2])
    kernel = random(CHANNELS, 3, 3, 3)
    return op.relu(op.convolution(pictures, kernel, [stride] * 2, [begin] * 2, [end] * 2, [1, 1]))


def linear(pooled: Any, classes: int = 7, channels: int = CHANNELS, *, turned: bool = True) -> Any:
    weights = random(classes, channels)
    product = op.matmul(pooled, weights if turned else weights.T.copy(), False, turned)
    return op.add(product, random(1, classes))


def mean(found: Any) -> Any:
    return op.reshape(op.reduce_mean(found, [2, 3], True), [0, CHANNELS], True)


def run(model: Any, pictures: Floats) -> tuple[Floats, ...]:
    network = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": "1"})
    found = network(pictures)
    return tuple(found[output].copy() for output in network.outputs)


def with_maps(logits: Any, parameter: Any) -> tuple[Any, MapGrid | None]:
    model = ov.Model([logits], [parameter], "small")
    return model, maps.add(model)


@pytest.mark.parametrize("turned", [True, False])
def test_a_map_says_what_each_cell_says_for_a_class_beyond_the_mean_of_all(turned: bool) -> None:
    parameter = pixels()
    model, _ = with_maps(linear(mean(features(parameter)), turned=turned), parameter)
    picture = random(1, CROP, CROP, 3)

    logits, found = run(model, picture)

    (cells,) = run(ov.Model([features(other := pixels())], [other], "features"), picture)
    weights, best = random(7, CHANNELS), np.argsort(-logits[0])[:3]
    beyond = weights[best] - weights.mean(axis=0)
    assert [list(output.get_names()) for output in model.outputs[1:]] == [["maps"]]
    expected = np.einsum("mc,nchw->nmhw", beyond, cells)
    assert found == pytest.approx(expected, abs=0.01 * float(np.abs(expected).max()))  # the rows have 8 bits


def test_pictures_of_a_batch_keep_their_own() -> None:
    parameter = pixels()
    model, _ = with_maps(linear(mean(features(parameter))), parameter)
    pictures = random(8, CROP, CROP, 3)
    alone = [run(model, picture[np.newaxis])[1] for picture in pictures]

    model.reshape([8, CROP, CROP, 3])

    assert run(model, pictures)[1] == pytest.approx(np.concatenate(alone), abs=1e-5)


def test_two_classes_have_two_maps() -> None:
    parameter = pixels()
    model, _ = with_maps(linear(mean(features(parameter)), classes=2), parameter)

    assert run(model, random(1, CROP, CROP, 3))[1].shape == (1, 2, 4, 4)


def test_a_pooling_with_a_kernel_as_large_as_the_features_counts_as_well() -> None:
    parameter = pixels()
    pooled = op.avg_pool(features(parameter), [1, 1], [0, 0], [0, 0], [4, 4], True)

    _, grid = with_maps(linear(op.reshape(pooled, [1, CHANNELS], False)), parameter)

    assert grid


def several_cells(found: Any) -> Any:
    return linear(op.reshape(op.avg_pool(found, [2, 2], [0, 0], [0, 0], [2, 2], True), [1, 20], False), channels=20)


@pytest.mark.parametrize(
    "end",
    [
        lambda found: linear(op.relu(linear(mean(found), 6)), channels=6),  # as MobileNetV3
        lambda found: linear(op.mvn(mean(found), [1], True, 1e-6, "inside_sqrt")),  # as ConvNeXt
        several_cells,  # as VGG
        mean,  # as SqueezeNet, which has no linear layer
        lambda found: linear(op.reshape(op.reduce_max(found, [2, 3], True), [1, CHANNELS], False)),
        lambda found: linear(op.reduce_mean(op.reduce_mean(found, [3], False), [2], False)),
    ],
)
def test_a_network_that_ends_in_another_way_has_no_maps_and_is_unchanged(end: Any) -> None:
    parameter = pixels()

    model, grid = with_maps(end(features(parameter)), parameter)

    assert grid is None
    assert len(model.outputs) == 1


def test_they_can_be_taken_away() -> None:
    parameter = pixels()
    model, _ = with_maps(linear(mean(features(parameter))), parameter)
    before = [operation.get_friendly_name() for operation in model.get_ordered_ops()]

    maps.remove(model)

    assert len(model.outputs) == 1
    assert len(model.get_ordered_ops()) < len(before)


@pytest.mark.parametrize(("begin", "end", "start"), [(1, 1, 0.0), (0, 2, 1.0), (2, 0, -1.0)])
def test_the_first_cell_is_where_the_padding_puts_it(begin: int, end: int, start: float) -> None:
    parameter = pixels()

    _, grid = with_maps(linear(mean(features(parameter, begin=begin, end=end))), parameter)

    assert grid == MapGrid(start, 4.0)


def test_cells_that_moved_in_an_unknown_way_are_spread_evenly() -> None:
    parameter = pixels()
    moved = op.reshape(features(parameter, stride=2), [1, CHANNELS * 4, 4, 4], False)
    pooled = op.reshape(op.reduce_mean(moved, [2, 3], True), [1, CHANNELS * 4], False)

    _, grid = with_maps(linear(pooled, channels=CHANNELS * 4), parameter)

    assert grid == MapGrid(1.5, 4.0)
