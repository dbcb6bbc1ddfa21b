"""Class activation maps: a second output of the served graph says where the network saw its likeliest classes.

For networks that end in global average pooling and one linear layer (Zhou et al. 2016, arXiv:1512.04150): there, a
class's score is the mean of what each cell of the last feature map says for it. The graph alone decides whether a
network is one of these, so this works for any network, in fp32 and in NNCF's int8. The logits stay the same to the bit.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from classifier import telemetry
from classifier.serve.engines.engine import MAPS
from common.model.records import MapGrid

NAME: Final = "maps"

# What may be between the logits and the linear layer, and between that and the pooling.
_AFTER: Final = frozenset({"Add", "Reshape", "Squeeze", "Unsqueeze"})
_BETWEEN: Final = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Convert", "FakeQuantize"})
_POOLINGS: Final = frozenset({"ReduceMean", "AvgPool", "AdaptiveAvgPool"})
_SLIDING: Final = frozenset({"Convolution", "GroupConvolution", "AvgPool", "MaxPool"})
_SPATIAL: Final = [2, 3]  # the axes of height and width in N x channels x height x width
_RANK: Final = 4
# Inception V3's convolutions without padding make cells cover 0.86 of a picture. One with a stride that was overlooked
# would halve or double that.
_FEWEST, _MOST = 2 / 3, 3 / 2


class _Head(NamedTuple):
    """The end of such a network: the last features (N x C x h x w), and the linear layer (classes x C)."""

    features: Any
    weights: Any


def add(model: Any) -> MapGrid | None:
    """Give a network its second output, in place.

    It is named ``maps`` (N x 3 x h x w, float32; 2 maps if there are two classes): for each of the likeliest classes,
    best first, what each cell says for it, beyond what it says for all classes on average.

    Args:
        model: An ``openvino.Model`` whose input is N x crop x crop x 3, and whose only output are the logits.

    Returns:
        Where the cells are; None if the network does not end in such a way: it is unchanged then.
    """
    telemetry.forbid()
    logits = model.output(0).get_node().input_value(0)
    computed = _computed(model)
    head = _head(logits, computed)
    if head is None:
        return None
    maps = _maps(logits, head)
    maps.set_friendly_name(NAME)
    maps.output(0).get_tensor().set_names({NAME})
    model.add_outputs([maps.output(0)])
    return _grid(model, head, computed)


def remove(model: Any) -> None:
    """Take the second output away, in place; what only it needs goes with it when the network is saved."""
    for result in model.get_results()[1:]:
        model.remove_result(result)


def _maps(logits: Any, head: _Head) -> Any:
    """The graph from the logits (N x classes) to the maps. A 0 in a shape keeps that dimension: N may be anything."""
    import numpy as np  # noqa: PLC0415 -- with the next
    import openvino.opset13 as op  # noqa: PLC0415 -- 0.3 s, and telemetry must be off first

    _, channels, rows_of_cells, columns = (dimension.get_length() for dimension in head.features.get_partial_shape())
    classes = head.weights.get_partial_shape()[0].get_length()
    number = min(MAPS, classes)
    weights = _beyond_the_mean(head.weights)
    # 8 bits: a gather keeps its table in memory, and that of floats would take 5 MB. A mean of the classes weighted by
    # their probabilities, as class activation maps often have, would take 14 MB, and finds small things less often.
    scale = np.abs(weights).max(axis=1, keepdims=True) / 127 + np.finfo(np.float32).tiny
    best = op.topk(logits, np.int32(number), 1, "max", "value", index_element_type="i32").output(1)  # N x 3
    rows = op.gather(op.constant(np.round(weights / scale).astype(np.int8)), best, np.int32(0))  # N x 3 x C
    scales = op.gather(op.constant(scale.astype(np.float32)), best, np.int32(0))  # N x 3 x 1
    theirs = op.multiply(op.convert(rows, "f32"), scales)
    cells = op.reshape(head.features, [0, channels, rows_of_cells * columns], True)  # N x C x h·w
    return op.reshape(op.matmul(theirs, cells, False, False), [0, number, rows_of_cells, columns], True)


def _beyond_the_mean(weights: Any) -> Any:
    """The weights of the linear layer (classes x C, float32), less their mean over all classes."""
    import openvino as ov  # noqa: PLC0415 -- as above

    # In int8 they are computed from constants.
    values = next(iter(ov.Core().compile_model(ov.Model([weights], []), "CPU")({}).values()))
    return values - values.mean(axis=0)


def _computed(model: Any) -> set[str]:
    """Names of the operations that depend on the input. All others are constants, such as weights."""
    found = {parameter.get_friendly_name() for parameter in model.get_parameters()}
    for node in model.get_ordered_ops():
        if any(value.get_node().get_friendly_name() in found for value in node.input_values()):
            found.add(node.get_friendly_name())
    return found


def _inputs(node: Any, computed: set[str]) -> list[Any]:
    """The node's inputs that depend on the network's input."""
    return [value for value in node.input_values() if value.get_node().get_friendly_name() in computed]


def _back(value: Any, through: frozenset[str], computed: set[str]) -> Any:
    """The node that is reached from a value against the arrows, through operations of these kinds."""
    node = value.get_node()
    while node.get_type_name() in through and len(_inputs(node, computed)) == 1:
        (value,) = _inputs(node, computed)
        node = value.get_node()
    return node


def _head(logits: Any, computed: set[str]) -> _Head | None:
    import openvino.opset13 as op  # noqa: PLC0415 -- as above

    linear = _back(logits, _AFTER, computed)
    if linear.get_type_name() != "MatMul" or len(_inputs(linear, computed)) != 1:
        return None
    pooling = _back(linear.input_value(0), _BETWEEN, computed)
    if pooling.get_type_name() not in _POOLINGS:
        return None
    features, pooled = (value.get_partial_shape() for value in (pooling.input_value(0), pooling.output(0)))
    turned = linear.get_attributes()["transpose_b"]
    channels = linear.input_value(1).get_partial_shape()[1 if turned else 0]
    if not _is_global(pooling, features, pooled) or features[1] != channels:
        return None
    weights = linear.input_value(1) if turned else op.transpose(linear.input_value(1), [1, 0]).output(0)
    return _Head(pooling.input_value(0), weights)


def _is_global(pooling: Any, features: Any, pooled: Any) -> bool:
    """Whether a pooling makes one cell of all."""
    if features.rank.get_length() != _RANK or any(features[axis].is_dynamic for axis in (1, *_SPATIAL)):
        return False
    if pooling.get_type_name() == "ReduceMean":
        axes = pooling.input_value(1).get_node()
        return axes.get_type_name() == "Constant" and sorted(int(axis) % _RANK for axis in axes.data) == _SPATIAL
    return all(pooled[axis] == 1 for axis in _SPATIAL)


def _grid(model: Any, head: _Head, computed: set[str]) -> MapGrid:
    """Where the cells of the features are in the input.

    Followed through the graph from the input: a convolution or pooling with padding p puts its first cell (k − 1)/2 − p
    cells to the right of the one before it, where k is the size of its kernel. For a network that moves cells in
    another way, such as Swin's windows, they are spread evenly.
    """
    crop, cells = int(model.input(0).get_partial_shape()[1].get_length()), int(head.features.get_shape()[-1])
    grids: dict[str, MapGrid] = {}
    for node in model.get_ordered_ops():
        name = node.get_friendly_name()
        if name in computed:
            before = max(_inputs(node, computed), key=_size, default=None)  # not squeeze-and-excitation's factors
            grids[name] = _moved(node, grids[before.get_node().get_friendly_name()]) if before else MapGrid(0.0, 1.0)
    found = grids[head.features.get_node().get_friendly_name()]
    covered = cells * found.stride / crop
    if _FEWEST < covered < _MOST:
        return found
    return MapGrid(start=(crop / cells - 1) / 2, stride=crop / cells)


def _size(value: Any) -> int:
    """How many numbers it has."""
    shape = value.get_partial_shape()
    return math.prod(value.get_shape()) if shape.is_static else 0


def _moved(node: Any, before: MapGrid) -> MapGrid:
    """The grid of an operation's output, from that of its input. The columns count; the rows are the same."""
    kind, attributes = node.get_type_name(), node.get_attributes()
    if kind == "Pad":
        begin = node.input_value(1).get_node().data
        return MapGrid(before.start - float(begin[-1]) * before.stride, before.stride)
    if kind not in _SLIDING:
        return before
    kernel = attributes["kernel"][-1] if "kernel" in attributes else node.input_value(1).get_shape()[-1]
    dilation = attributes.get("dilations", [1])[-1]
    first = (kernel - 1) * dilation / 2 - attributes["pads_begin"][-1]
    return MapGrid(before.start + first * before.stride, before.stride * attributes["strides"][-1])
