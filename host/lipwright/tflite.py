"""The one place that knows which TFLite runtime is installed, and how a TFLite graph is run as a stream.

A streaming graph computes one step. It has no memory: for every layer that looks back it takes the columns
of earlier steps ("taps") as an input and returns the newest column as an output. The host keeps those
columns, in int8, and feeds the taps back. What goes where stands in the metadata beside the model, so that
another model of this kind drops in without a change of code.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata as package_metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipwright.errors import LipwrightError
from lipwright.quiet import quiet

OPTIONS: dict[str, Any] = {"num_threads": 1}  # of every interpreter
try:
    from tflite_runtime.interpreter import Interpreter as _Interpreter
    from tflite_runtime.interpreter import OpResolverType as _OpResolverType

    _DISTRIBUTION = "tflite-runtime"
    if platform.machine() == "x86_64":
        # Its optimized int8 kernels stall on some AMD processors: 1.9 ms a step there, the plain ones 0.2.
        OPTIONS["experimental_op_resolver_type"] = _OpResolverType.BUILTIN_REF
except ImportError:
    from ai_edge_litert.interpreter import Interpreter as _Interpreter

    _DISTRIBUTION = "ai-edge-litert"

Float = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]


def runtime() -> str:
    """Name and version of the TFLite runtime in use, e.g. "tflite-runtime 2.14.0"."""
    return f"{_DISTRIBUTION} {package_metadata.version(_DISTRIBUTION)}"


@dataclass(frozen=True)
class Tensor:
    """An int8 input or output: value = (number - zero_point) * scale."""

    name: str
    index: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    def quantize(self, values: npt.ArrayLike) -> Int8:
        """Int8 numbers of the given values, in the tensor's shape; what lies outside its range is clipped."""
        scaled = np.asarray(values, np.float32) * self._one_over_scale
        numbers = np.rint(scaled) + self._zero
        clipped: Int8 = numbers.clip(-128, 127).astype(np.int8)
        return clipped.reshape(self.shape)

    def dequantize(self, numbers: Int8) -> Float:
        """Values of int8 numbers."""
        return (numbers.astype(np.float32) - self._zero) * self._scale

    # numpy takes long to turn Python's numbers into its own, once for every use.
    @cached_property
    def _one_over_scale(self) -> np.float32:
        return np.float32(1.0 / self.scale)

    @cached_property
    def _scale(self) -> np.float32:
        return np.float32(self.scale)

    @cached_property
    def _zero(self) -> np.float32:
        return np.float32(self.zero_point)


class Interpreter:
    """A TFLite model in memory, run on one thread, its int8 tensors found by name and fed by index.

    Tensor indices, not signatures: a live signature runner makes invoke() fail in tflite-runtime 2.14.
    """

    def __init__(self, model: bytes) -> None:
        # ai-edge-litert tells every user which delegate it has made; errors come as exceptions.
        with quiet():
            self._interpreter = _Interpreter(model_content=model, **OPTIONS)
            self._interpreter.allocate_tensors()
        self.inputs = _tensors(self._interpreter.get_input_details())
        self.outputs = _tensors(self._interpreter.get_output_details())

    def set(self, tensor: Tensor, numbers: Int8) -> None:
        """Copy int8 numbers (in the tensor's shape) into an input."""
        self._interpreter.set_tensor(tensor.index, numbers)

    def invoke(self) -> None:
        """Run the graph once."""
        self._interpreter.invoke()

    def get(self, tensor: Tensor) -> Int8:
        """A copy of an output's int8 numbers."""
        numbers: Int8 = self._interpreter.get_tensor(tensor.index)
        return numbers


def _tensors(details: list[dict[str, Any]]) -> dict[str, Tensor]:
    tensors = {}
    for detail in details:
        if detail["dtype"] is not np.int8:
            raise ValueError(f"tensor {detail['name']} is not int8: only full int8 models run here")
        scale, zero_point = detail["quantization"]
        name = detail["name"]
        tensors[name] = Tensor(
            name, detail["index"], tuple(int(size) for size in detail["shape"]), scale, zero_point
        )
    return tensors


@dataclass
class StreamState:
    """The columns that a streaming graph will look back on, one int8 ring (depth, width) a layer."""

    rings: list[Int8]
    steps: int = 0

    def copy(self) -> StreamState:
        """An independent copy, e.g. to try something and go back."""
        return StreamState([ring.copy() for ring in self.rings], self.steps)


@dataclass(frozen=True)
class _Layer:
    source: Tensor  # the graph's output: this step's column
    taps_input: Tensor  # the graph's input: columns of earlier steps, oldest first
    rows: npt.NDArray[
        np.intp
    ]  # (depth, taps): for each place in the ring, where the columns looked back on lie
    table: Int8 | None  # from the output's bytes (as 0..255) to the input's int8, where their scales differ


class StreamingGraph:
    """Runs a streaming graph step by step. Holds no state of its own: any number of streams can share one."""

    def __init__(self, model: bytes, state: list[dict[str, Any]]) -> None:
        """`state` is the metadata's list of {"output": name, "input": name, "taps": [steps back, ...]}."""
        self._interpreter = Interpreter(model)
        self.inputs = self._interpreter.inputs
        self.outputs = self._interpreter.outputs
        self._layers = [self._layer(entry) for entry in state]
        columns = {layer.source.name for layer in self._layers}
        self._answers = {name: tensor for name, tensor in self.outputs.items() if name not in columns}

    def _layer(self, entry: Mapping[str, Any]) -> _Layer:
        source, taps_input = self.outputs[entry["output"]], self.inputs[entry["input"]]
        table = None
        if (source.scale, source.zero_point) != (taps_input.scale, taps_input.zero_point):
            table = np.roll(taps_input_table(source, taps_input), 128)  # -1 is the byte 255
        taps = np.asarray(entry["taps"], np.intp)
        depth = int(taps.max())
        return _Layer(source, taps_input, (np.arange(depth)[:, None] - taps) % depth, table)

    def initial_state(self) -> StreamState:
        """The state before the first step: every earlier column is zero."""
        rings = []
        for layer in self._layers:
            width = int(np.prod(layer.source.shape))
            rings.append(np.full((len(layer.rows), width), layer.taps_input.zero_point, np.int8))
        return StreamState(rings)

    def step(self, values: Mapping[str, npt.ArrayLike], state: StreamState) -> dict[str, Float]:
        """Run one step on float inputs by name; advances `state`; returns the outputs that are not state."""
        interpreter = self._interpreter
        for name, value in values.items():
            tensor = self.inputs[name]
            interpreter.set(tensor, tensor.quantize(value))
        for layer, ring in zip(self._layers, state.rings, strict=True):
            columns = ring.take(layer.rows[state.steps % len(ring)], axis=0)
            interpreter.set(layer.taps_input, columns.reshape(layer.taps_input.shape))
        interpreter.invoke()
        for layer, ring in zip(self._layers, state.rings, strict=True):
            column = interpreter.get(layer.source).reshape(-1)
            if layer.table is not None:
                column = layer.table.take(column.view(np.uint8))
            ring[state.steps % len(ring)] = column
        state.steps += 1
        return {
            name: tensor.dequantize(interpreter.get(tensor)).reshape(-1)
            for name, tensor in self._answers.items()
        }


def taps_input_table(source: Tensor, target: Tensor) -> Int8:
    """The 256 int8 numbers of `target` for the numbers -128..127 of `source`."""
    numbers = np.arange(-128, 128, dtype=np.int16).astype(np.int8)
    values = source.dequantize(numbers)
    table: Int8 = np.clip(np.rint(values / target.scale) + target.zero_point, -128, 127).astype(np.int8)
    return table


def read_model(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a .tflite file and the metadata in the .json beside it.

    Raises LipwrightError when one of the two is missing or they do not belong together.
    """
    metadata_path = path.with_suffix(".json")
    for needed in (path, metadata_path):
        if not needed.is_file():
            raise LipwrightError(
                f"The model file {needed} is missing; give a .tflite with its .json beside it."
            )
    model = path.read_bytes()
    try:
        metadata = json.loads(metadata_path.read_text(encoding="utf-8"))
        digest = metadata["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise LipwrightError(f"{metadata_path} is not the metadata of a model: {error}.") from error
    if hashlib.sha256(model).hexdigest() != digest:
        raise LipwrightError(f"{path} is not the model that {metadata_path.name} describes; copy both again.")
    return model, metadata


def load_streaming(path: Path) -> tuple[StreamingGraph, dict[str, Any]]:
    """The streaming graph of a .tflite file and its metadata; raises LipwrightError as `read_model` does."""
    model, metadata = read_model(path)
    if "state" not in metadata:
        raise LipwrightError(f"{path.with_suffix('.json')} is not the metadata of a model: 'state'.")
    return StreamingGraph(model, metadata["state"]), metadata
