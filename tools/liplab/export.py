"""Writes full int8 TFLite models straight from numpy weights, with no training framework.

    graph = Graph("my model")
    x = graph.input("features", 160)
    taps = graph.input("taps", 3 * 128)                    # three earlier columns, oldest first
    column = graph.dense(x, weight, bias, relu=True)       # weight (out, in), bias (out,)
    y = graph.dense(graph.concat([taps, column]), ...)
    graph.output(column, "column")
    graph.output(y, "code")
    state = [{"output": "column", "input": "taps", "taps": [4, 2, 1]}]
    model = graph.to_int8(calibrate(graph, state, {"features": recordings}))

A vector is a tensor of one row. `dense`, `concat`, `add` and ReLU are all that a convolutional model needs
once the host feeds the taps; attention needs rows (`reshape`, `stack`), `matmul` and `softmax` too:

    tokens = graph.add(graph.dense(graph.reshape(x, 8, 20), ...), graph.constant(places))
    weights = graph.softmax(graph.matmul(query, key, transpose=True))  # 1 / sqrt(width) lies in query's dense
    mixed = graph.matmul(weights, value)

Weights are quantized per output channel, everything else per tensor; ranges come from running the float
graph over recordings. Tensors that must share a scale (the parts of a concat, a reshaped tensor, a layer's
column and its taps) do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.tflite_file import (
    ADD,
    BATCH_MATMUL,
    CONCATENATION,
    FULLY_CONNECTED,
    RESHAPE,
    SOFTMAX,
    Operation,
    Quantization,
    Writer,
    quantization_of,
)

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]
Ranges = dict[int, tuple[float, float]]  # tensor number -> smallest and largest value seen

SOFTMAX_QUANTIZATION = (1 / 256, -128)  # the kernel takes no other for its result


class Graph:
    """A feed-forward graph of matrices; tensors are plain numbers that the methods hand out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shapes: list[tuple[int, int]] = []  # rows and columns of each tensor
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self.constants: dict[int, Float] = {}
        self._operations: list[Operation] = []
        self._ties: list[tuple[int, int]] = []  # pairs of tensors that share a scale

    @property
    def sizes(self) -> list[int]:
        """How many values each tensor has."""
        return [rows * columns for rows, columns in self.shapes]

    def input(self, name: str, size: int) -> int:
        """A named input vector."""
        self.inputs[name] = self._tensor(1, size)
        return self.inputs[name]

    def constant(self, values: Array) -> int:
        """A tensor that never changes, values (rows, columns)."""
        result = self._tensor(*values.shape)
        self.constants[result] = np.asarray(values, np.float32)
        return result

    def dense(self, source: int, weight: Array, bias: Array, relu: bool = False) -> int:
        """weight (out, in) @ row + bias (out,) for each row of source, optionally cut at zero."""
        weight, bias = np.asarray(weight, np.float32), np.asarray(bias, np.float32)
        rows, columns = self.shapes[source]
        if weight.shape != (len(bias), columns):
            raise ValueError(f"weight {weight.shape} does not fit bias {bias.shape} and source {columns}")
        result = self._tensor(rows, len(bias))
        self._operations.append(Operation(FULLY_CONNECTED, (source,), result, relu, weight, bias))
        return result

    def concat(self, sources: Sequence[int]) -> int:
        """The sources' columns side by side; they will share a scale."""
        return self._concatenation(sources, axis=1)

    def stack(self, sources: Sequence[int]) -> int:
        """The sources' rows one below the other; they will share a scale."""
        return self._concatenation(sources, axis=0)

    def _concatenation(self, sources: Sequence[int], axis: int) -> int:
        shapes = [self.shapes[source] for source in sources]
        if len({shape[1 - axis] for shape in shapes}) != 1:
            raise ValueError(f"cannot join shapes {shapes} along axis {axis}")
        along = sum(shape[axis] for shape in shapes)
        across = shapes[0][1 - axis]
        result = self._tensor(*((along, across) if axis == 0 else (across, along)))
        self._operations.append(Operation(CONCATENATION, tuple(sources), result, axis=axis))
        self._ties.extend((source, result) for source in sources)
        return result

    def reshape(self, source: int, rows: int, columns: int) -> int:
        """The source's values, row after row, in rows of another length."""
        if rows * columns != self.sizes[source]:
            raise ValueError(f"cannot reshape {self.shapes[source]} to {(rows, columns)}")
        result = self._tensor(rows, columns)
        self._operations.append(Operation(RESHAPE, (source,), result))
        self._ties.append((source, result))
        return result

    def add(self, left: int, right: int) -> int:
        """The sum of two tensors of the same shape."""
        if self.shapes[left] != self.shapes[right]:
            raise ValueError(f"cannot add shapes {self.shapes[left]} and {self.shapes[right]}")
        result = self._tensor(*self.shapes[left])
        self._operations.append(Operation(ADD, (left, right), result))
        return result

    def matmul(self, left: int, right: int, transpose: bool = False) -> int:
        """left (rows, inner) @ right (inner, columns), or right (columns, inner) transposed."""
        rows, inner = self.shapes[left]
        fits, columns = self.shapes[right][::-1] if transpose else self.shapes[right]
        if inner != fits:
            raise ValueError(f"cannot multiply shapes {self.shapes[left]} and {self.shapes[right]}")
        result = self._tensor(rows, columns)
        self._operations.append(Operation(BATCH_MATMUL, (left, right), result, transpose=transpose))
        return result

    def softmax(self, source: int) -> int:
        """Softmax over each row; what is tied to the result gets its range, 0 to 1."""
        result = self._tensor(*self.shapes[source])
        self._operations.append(Operation(SOFTMAX, (source,), result))
        return result

    def output(self, tensor: int, name: str) -> None:
        """Name a tensor as an output."""
        self.outputs[name] = tensor

    def tie(self, column: str, taps: str) -> None:
        """Make an output and an input share a scale, so that the host can feed the one back as the other."""
        self._ties.append((self.outputs[column], self.inputs[taps]))

    def _tensor(self, rows: int, columns: int) -> int:
        self.shapes.append((rows, columns))
        return len(self.shapes) - 1

    def run(self, values: Mapping[str, Array]) -> dict[int, Float]:
        """All tensors in float32, for named inputs (n, size).

        Vectors come as (n, size), tensors of several rows as (n, rows, columns).
        """
        tensors = {name: np.asarray(given, np.float32)[:, None] for name, given in values.items()}
        count = len(next(iter(tensors.values())))
        found = {number: tensors[name] for name, number in self.inputs.items()}
        for number, constant in self.constants.items():
            found[number] = np.broadcast_to(constant, (count, *constant.shape))
        for operation in self._operations:
            found[operation.result] = self._result(operation, [found[source] for source in operation.sources])
        return {number: tensor[:, 0] if tensor.shape[1] == 1 else tensor for number, tensor in found.items()}

    def _result(self, operation: Operation, sources: list[Float]) -> Float:
        """One operation on sources (n, rows, columns)."""
        if operation.kind == FULLY_CONNECTED:
            assert operation.weight is not None and operation.bias is not None
            # One product of two matrices: numpy would take the rows of a batch one by one.
            rows = sources[0].reshape(-1, sources[0].shape[2])
            flat: Float = rows @ operation.weight.T + operation.bias
            result = flat.reshape(*sources[0].shape[:2], -1)
            return np.maximum(result, 0) if operation.relu else result
        if operation.kind == CONCATENATION:
            return np.concatenate(sources, axis=1 + operation.axis)
        if operation.kind == RESHAPE:
            return sources[0].reshape(-1, *self.shapes[operation.result])
        if operation.kind == BATCH_MATMUL:
            return sources[0] @ (sources[1].swapaxes(1, 2) if operation.transpose else sources[1])
        if operation.kind == SOFTMAX:
            grown = np.exp(sources[0] - sources[0].max(axis=2, keepdims=True))
            return grown / grown.sum(axis=2, keepdims=True)
        return sources[0] + sources[1]

    def to_int8(self, ranges: Ranges) -> bytes:
        """The model as a TFLite file, every tensor int8 (biases int32), given each tensor's range."""
        quantization = self._quantization(ranges)
        return Writer(self, self._operations, quantization).model()

    def _quantization(self, ranges: Ranges) -> Quantization:
        """Scale and zero point of each tensor, tied tensors over their common range."""
        group = list(range(len(self.shapes)))
        for left, right in self._ties:
            old, new = group[left], group[right]
            group = [new if member == old else member for member in group]
        fixed = {group[operation.result] for operation in self._operations if operation.kind == SOFTMAX}
        quantization = []
        for tensor in range(len(self.shapes)):
            members = [other for other in range(len(self.shapes)) if group[other] == group[tensor]]
            low = min(0.0, *(ranges[member][0] for member in members))
            high = max(0.0, *(ranges[member][1] for member in members))
            if group[tensor] in fixed:
                if low < 0 or high > 1:
                    raise ValueError(f"tensor {tensor} shares its scale with a softmax, and leaves 0 to 1")
                quantization.append(SOFTMAX_QUANTIZATION)
                continue
            scale = max(high - low, 1e-6) / 255.0
            quantization.append((scale, int(np.clip(round(-128 - low / scale), -128, 127))))
        return quantization


def stream_float(
    graph: Graph, state: Sequence[Mapping[str, Any]], sequences: Mapping[str, Array]
) -> tuple[dict[str, Float], Ranges]:
    """Stream sequences through the float graph as the host will through the int8 one.

    `sequences`: the inputs that are not taps, each (streams, steps, size). Returns every output as
    (streams, steps, size), and each tensor's range over all of it.
    """
    streams, steps = next(iter(sequences.values())).shape[:2]
    rings = [
        np.zeros((streams, max(entry["taps"]), graph.sizes[graph.outputs[entry["output"]]]), np.float32)
        for entry in state
    ]
    results: dict[str, list[Float]] = {name: [] for name in graph.outputs}
    ranges: Ranges = {}
    for step in range(steps):
        values = {name: sequence[:, step] for name, sequence in sequences.items()}
        for entry, ring in zip(state, rings, strict=True):
            places = (step - np.asarray(entry["taps"])) % ring.shape[1]
            values[entry["input"]] = ring[:, places].reshape(streams, -1)
        tensors = graph.run(values)
        for entry, ring in zip(state, rings, strict=True):
            ring[:, step % ring.shape[1]] = tensors[graph.outputs[entry["output"]]]
        for number, tensor in tensors.items():
            low, high = ranges.get(number, (0.0, 0.0))
            ranges[number] = (min(low, float(tensor.min())), max(high, float(tensor.max())))
        for name, number in graph.outputs.items():
            results[name].append(tensors[number])
    return {name: np.stack(columns, axis=1) for name, columns in results.items()}, ranges


def calibrate(graph: Graph, state: Sequence[Mapping[str, Any]], sequences: Mapping[str, Array]) -> Ranges:
    """Ranges of all tensors while streaming `sequences` (see stream_float); ties each column to its taps.

    Use at least 20 streams of 400 steps, of many speakers and gains, their starts included: one stream alone
    loses 5 to 10 dB.
    """
    for entry in state:
        graph.tie(entry["output"], entry["input"])
    return stream_float(graph, state, sequences)[1]


def ranges_of(model: bytes, graph: Graph) -> Ranges:
    """The ranges that a model of this graph was quantized with."""
    ranges = {}
    for number, (scale, zero_point) in enumerate(quantization_of(model, len(graph.shapes))):
        low = (-128 - zero_point) * scale
        ranges[number] = (low, low + 255 * scale)
    return ranges


def snr_db(reference: Array, approximation: Array) -> float:
    """Signal to noise ratio in dB: the variance of the reference over the mean square of the error."""
    error = np.mean((np.asarray(reference, np.float64) - approximation) ** 2)
    return float(10 * np.log10(np.var(np.asarray(reference, np.float64)) / error))
