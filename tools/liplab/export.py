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

`dense`, `concat`, `add` and ReLU are all that a convolutional model needs once the host feeds the taps.
Weights are quantized per output channel, everything else per tensor; ranges come from running the float
graph over recordings. Tensors that must share a scale (the parts of a concat, a layer's column and its
taps) do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]
Ranges = dict[int, tuple[float, float]]  # tensor number -> smallest and largest value seen

# Numbers of the TFLite schema, version 3 (tensorflow/compiler/mlir/lite/schema/schema.fbs).
SCHEMA_VERSION = 3
INT32, INT8 = 2, 9
ADD, CONCATENATION, FULLY_CONNECTED = 0, 2, 9
FULLY_CONNECTED_OPTIONS, CONCATENATION_OPTIONS, ADD_OPTIONS = 8, 10, 11
OPERATOR_VERSION = {ADD: 2, CONCATENATION: 2, FULLY_CONNECTED: 5}
RELU = 1
BUFFER_ALIGNMENT = 16


@dataclass(frozen=True)
class _Operation:
    kind: int
    sources: tuple[int, ...]
    result: int
    relu: bool = False
    weight: Float | None = None
    bias: Float | None = None


class Graph:
    """A feed-forward graph of vectors; tensors are plain numbers that the methods hand out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sizes: list[int] = []
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self._operations: list[_Operation] = []
        self._ties: list[tuple[int, int]] = []  # pairs of tensors that share a scale

    def input(self, name: str, size: int) -> int:
        """A named input vector."""
        self.inputs[name] = self._tensor(size)
        return self.inputs[name]

    def dense(self, source: int, weight: Array, bias: Array, relu: bool = False) -> int:
        """weight (out, in) @ source + bias (out,), optionally cut at zero."""
        weight, bias = np.asarray(weight, np.float32), np.asarray(bias, np.float32)
        if weight.shape != (len(bias), self.sizes[source]):
            raise ValueError(
                f"weight {weight.shape} does not fit bias {bias.shape} and source {self.sizes[source]}"
            )
        result = self._tensor(len(bias))
        self._operations.append(_Operation(FULLY_CONNECTED, (source,), result, relu, weight, bias))
        return result

    def concat(self, sources: Sequence[int]) -> int:
        """The sources one after the other; they will share a scale."""
        result = self._tensor(sum(self.sizes[source] for source in sources))
        self._operations.append(_Operation(CONCATENATION, tuple(sources), result))
        self._ties.extend((source, result) for source in sources)
        return result

    def add(self, left: int, right: int) -> int:
        """The sum of two vectors of the same size."""
        if self.sizes[left] != self.sizes[right]:
            raise ValueError(f"cannot add sizes {self.sizes[left]} and {self.sizes[right]}")
        result = self._tensor(self.sizes[left])
        self._operations.append(_Operation(ADD, (left, right), result))
        return result

    def output(self, tensor: int, name: str) -> None:
        """Name a tensor as an output."""
        self.outputs[name] = tensor

    def tie(self, column: str, taps: str) -> None:
        """Make an output and an input share a scale, so that the host can feed the one back as the other."""
        self._ties.append((self.outputs[column], self.inputs[taps]))

    def _tensor(self, size: int) -> int:
        self.sizes.append(size)
        return len(self.sizes) - 1

    def run(self, values: Mapping[str, Array]) -> dict[int, Float]:
        """All tensors in float32, each (n, size), for named inputs (n, size)."""
        tensors = {number: np.asarray(values[name], np.float32) for name, number in self.inputs.items()}
        for operation in self._operations:
            sources = [tensors[source] for source in operation.sources]
            if operation.kind == FULLY_CONNECTED:
                assert operation.weight is not None and operation.bias is not None
                result: Float = sources[0] @ operation.weight.T + operation.bias
            elif operation.kind == CONCATENATION:
                result = np.concatenate(sources, axis=1)
            else:
                result = sources[0] + sources[1]
            tensors[operation.result] = np.maximum(result, 0) if operation.relu else result
        return tensors

    def to_int8(self, ranges: Ranges) -> bytes:
        """The model as a TFLite file, every tensor int8 (biases int32), given each tensor's range."""
        quantization = self._quantization(ranges)
        return _Writer(self, self._operations, quantization).model()

    def _quantization(self, ranges: Ranges) -> list[tuple[float, int]]:
        """Scale and zero point of each tensor, tied tensors over their common range."""
        group = list(range(len(self.sizes)))
        for left, right in self._ties:
            old, new = group[left], group[right]
            group = [new if member == old else member for member in group]
        quantization = []
        for tensor in range(len(self.sizes)):
            members = [other for other in range(len(self.sizes)) if group[other] == group[tensor]]
            low = min(0.0, *(ranges[member][0] for member in members))
            high = max(0.0, *(ranges[member][1] for member in members))
            scale = max(high - low, 1e-6) / 255.0
            quantization.append((scale, int(np.clip(round(-128 - low / scale), -128, 127))))
        return quantization


class _Writer:
    """Lays a quantized graph out as a flatbuffer. Slot numbers follow the order of fields in the schema."""

    def __init__(
        self, graph: Graph, operations: list[_Operation], quantization: list[tuple[float, int]]
    ) -> None:
        self._graph = graph
        self._operations = operations
        self._quantization = quantization
        self._builder = flatbuffers.Builder(1 << 20)
        self._buffers = [self._table(1, {})]  # the first is empty by convention
        self._tensors: list[int] = []
        self._kinds = sorted({operation.kind for operation in operations})

    def model(self) -> bytes:
        graph, builder = self._graph, self._builder
        names = {number: name for name, number in [*graph.inputs.items(), *graph.outputs.items()]}
        for number, size in enumerate(graph.sizes):
            scale, zero_point = self._quantization[number]
            name = names.get(number, f"tensor_{number}")
            self._add_tensor(name, (1, size), INT8, np.array([scale]), np.array([zero_point]))
        operators = [self._operator(operation) for operation in self._operations]
        subgraph = self._table(
            5,
            {
                0: self._offsets(self._tensors),
                1: self._ints(list(graph.inputs.values())),
                2: self._ints(list(graph.outputs.values())),
                3: self._offsets(operators),
                4: builder.CreateString("main"),
            },
        )
        codes = [self._operator_code(kind) for kind in self._kinds]
        root = self._table(
            5,
            {
                1: self._offsets(codes),
                2: self._offsets([subgraph]),
                3: builder.CreateString(graph.name),
                4: self._offsets(self._buffers),
            },
            uint32={0: SCHEMA_VERSION},
        )
        builder.Finish(root, file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _operator(self, operation: _Operation) -> int:
        sources = list(operation.sources)
        activation = RELU if operation.relu else 0
        if operation.kind == FULLY_CONNECTED:
            sources += self._dense_constants(operation)
            options_type, options = FULLY_CONNECTED_OPTIONS, self._table(4, {}, int8={0: activation})
        elif operation.kind == CONCATENATION:
            options_type, options = CONCATENATION_OPTIONS, self._table(2, {}, int32={0: 1})
        else:
            options_type, options = ADD_OPTIONS, self._table(2, {}, int8={0: activation})
        offsets = {1: self._ints(sources), 2: self._ints([operation.result]), 4: options}
        opcode = self._kinds.index(operation.kind)
        return self._table(5, offsets, uint32={0: opcode}, uint8={3: options_type})

    def _dense_constants(self, operation: _Operation) -> list[int]:
        """Add a dense layer's weight (int8, a scale per output) and bias (int32); their tensor numbers."""
        assert operation.weight is not None and operation.bias is not None
        name = f"tensor_{operation.result}"
        scales = np.maximum(np.abs(operation.weight).max(axis=1), 1e-8) / 127.0
        weight = np.rint(operation.weight / scales[:, None]).astype(np.int8)
        zeros = np.zeros(len(scales), np.int64)
        weight_tensor = self._add_tensor(
            f"{name}_weight", weight.shape, INT8, scales, zeros, weight.tobytes()
        )
        bias_scales = scales * self._quantization[operation.sources[0]][0]
        bias = np.rint(operation.bias / bias_scales).astype("<i4")
        return [
            weight_tensor,
            self._add_tensor(f"{name}_bias", bias.shape, INT32, bias_scales, zeros, bias.tobytes()),
        ]

    def _operator_code(self, kind: int) -> int:
        return self._table(4, {}, int8={0: kind}, int32={2: OPERATOR_VERSION[kind], 3: kind})

    def _add_tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        kind: int,
        scales: Array,
        zeros: Array,
        data: bytes | None = None,
    ) -> int:
        buffer = 0
        if data is not None:
            buffer = len(self._buffers)
            self._buffers.append(self._table(1, {0: self._bytes(data)}))
        quantization = self._table(
            7,
            {
                2: self._builder.CreateNumpyVector(np.asarray(scales, np.float32)),
                3: self._builder.CreateNumpyVector(np.asarray(zeros, np.int64)),
            },
        )
        offsets = {0: self._ints(list(shape)), 3: self._builder.CreateString(name), 4: quantization}
        self._tensors.append(self._table(8, offsets, uint32={2: buffer}, int8={1: kind}))
        return len(self._tensors) - 1

    def _bytes(self, data: bytes) -> int:
        builder = self._builder
        builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
        builder.head = builder.head - len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        return int(builder.EndVector())

    def _ints(self, values: Sequence[int]) -> int:
        return int(self._builder.CreateNumpyVector(np.asarray(values, np.int32)))

    def _offsets(self, offsets: Sequence[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def _table(
        self,
        slots: int,
        offsets: Mapping[int, int],
        *,
        int8: Mapping[int, int] | None = None,
        uint8: Mapping[int, int] | None = None,
        int32: Mapping[int, int] | None = None,
        uint32: Mapping[int, int] | None = None,
    ) -> int:
        builder = self._builder
        builder.StartObject(slots)
        for slot, offset in offsets.items():
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, value in (int32 or {}).items():
            builder.PrependInt32Slot(slot, value, 0)
        for slot, value in (uint32 or {}).items():
            builder.PrependUint32Slot(slot, value, 0)
        for slot, value in (int8 or {}).items():
            builder.PrependInt8Slot(slot, value, 0)
        for slot, value in (uint8 or {}).items():
            builder.PrependUint8Slot(slot, value, 0)
        return int(builder.EndObject())


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


def snr_db(reference: Array, approximation: Array) -> float:
    """Signal to noise ratio in dB: the variance of the reference over the mean square of the error."""
    error = np.mean((np.asarray(reference, np.float64) - approximation) ** 2)
    return float(10 * np.log10(np.var(np.asarray(reference, np.float64)) / error))
