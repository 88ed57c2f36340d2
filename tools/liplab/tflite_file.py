"""Lays a quantized graph out as a TFLite file, with numbers of the schema and no converter.

The numbers and the order of fields are those of the TFLite schema, version 3
(tensorflow/compiler/mlir/lite/schema/schema.fbs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from flatbuffers.number_types import Float32Flags, Int64Flags
from flatbuffers.packer import uoffset
from flatbuffers.table import Table

if TYPE_CHECKING:
    from liplab.export import Graph

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]
Quantization = list[tuple[float, int]]  # scale and zero point of each tensor

SCHEMA_VERSION = 3
INT32, INT8 = 2, 9
ADD, CONCATENATION, FULLY_CONNECTED, RESHAPE, SOFTMAX, BATCH_MATMUL = 0, 2, 9, 22, 25, 126
# The lowest versions whose kernels take int8 (in 2.14 softmax and batch matmul refuse the float version's).
OPERATOR_VERSION = {ADD: 2, CONCATENATION: 2, FULLY_CONNECTED: 5, RESHAPE: 1, SOFTMAX: 2, BATCH_MATMUL: 2}
OPTIONS_TYPE = {
    ADD: 11,
    CONCATENATION: 10,
    FULLY_CONNECTED: 8,
    RESHAPE: 17,
    SOFTMAX: 9,
    BATCH_MATMUL: 101,
}
RELU = 1
BUFFER_ALIGNMENT = 16


@dataclass(frozen=True)
class Operation:
    """One operation of a graph on tensors by number; each field beyond `result` belongs to one kind."""

    kind: int
    sources: tuple[int, ...]
    result: int
    relu: bool = False
    weight: Float | None = None
    bias: Float | None = None
    axis: int = 1  # of a concatenation: 0 puts rows below rows, 1 columns beside columns
    transpose: bool = False  # of a matmul: its second source


class Writer:
    """Lays a quantized graph out as a flatbuffer. Slot numbers follow the order of fields in the schema."""

    def __init__(self, graph: Graph, operations: Sequence[Operation], quantization: Quantization) -> None:
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
        for number, shape in enumerate(graph.shapes):
            scale, zero_point = self._quantization[number]
            data = None
            if number in graph.constants:
                numbers = np.rint(graph.constants[number] / scale) + zero_point
                data = np.clip(numbers, -128, 127).astype(np.int8).tobytes()
            name = names.get(number, f"tensor_{number}")
            self._add_tensor(name, shape, INT8, np.array([scale]), np.array([zero_point]), data)
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

    def _operator(self, operation: Operation) -> int:
        sources = list(operation.sources)
        if operation.kind == FULLY_CONNECTED:
            sources += self._dense_constants(operation)
        options = self._options(operation)
        offsets = {1: self._ints(sources), 2: self._ints([operation.result]), 4: options}
        opcode = self._kinds.index(operation.kind)
        return self._table(5, offsets, uint32={0: opcode}, uint8={3: OPTIONS_TYPE[operation.kind]})

    def _options(self, operation: Operation) -> int:
        activation = {0: RELU if operation.relu else 0}
        if operation.kind == FULLY_CONNECTED:
            return self._table(4, {}, int8=activation)
        if operation.kind == CONCATENATION:
            return self._table(2, {}, int32={0: operation.axis})
        if operation.kind == RESHAPE:
            return self._table(1, {0: self._ints(self._graph.shapes[operation.result])})
        if operation.kind == SOFTMAX:
            return self._table(1, {}, float32={0: 1.0})  # beta
        if operation.kind == BATCH_MATMUL:
            return self._table(3, {}, uint8={1: int(operation.transpose)})
        return self._table(2, {}, int8=activation)

    def _dense_constants(self, operation: Operation) -> list[int]:
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
        float32: Mapping[int, float] | None = None,
    ) -> int:
        builder = self._builder
        builder.StartObject(slots)
        for slot, offset in offsets.items():
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, value in (int32 or {}).items():
            builder.PrependInt32Slot(slot, value, 0)
        for slot, value in (uint32 or {}).items():
            builder.PrependUint32Slot(slot, value, 0)
        for slot, number in (float32 or {}).items():
            builder.PrependFloat32Slot(slot, number, 0.0)
        for slot, value in (int8 or {}).items():
            builder.PrependInt8Slot(slot, value, 0)
        for slot, value in (uint8 or {}).items():
            builder.PrependUint8Slot(slot, value, 0)
        return int(builder.EndObject())


def quantization_of(model: bytes, tensors: int) -> Quantization:
    """Scale and zero point of the first `tensors` tensors of a model that a Writer laid out."""
    root = Table(model, uoffset.unpack_from(model)[0])
    (subgraph,) = _tables(root, 2)
    found = []
    for tensor in _tables(subgraph, 0)[:tensors]:
        parameters = Table(model, tensor.Indirect(_place(tensor, 4)))
        scale = parameters.GetVectorAsNumpy(Float32Flags, _field(parameters, 2))[0]
        zero_point = parameters.GetVectorAsNumpy(Int64Flags, _field(parameters, 3))[0]
        found.append((float(scale), int(zero_point)))
    return found


def _field(table: Table, slot: int) -> int:
    return int(table.Offset(4 + 2 * slot))


def _place(table: Table, slot: int) -> int:
    return int(table.Pos) + _field(table, slot)


def _tables(table: Table, slot: int) -> list[Table]:
    """The tables of a vector."""
    field = _field(table, slot)
    start, count = table.Vector(field), table.VectorLen(field)
    return [Table(table.Bytes, table.Indirect(start + 4 * number)) for number in range(count)]
