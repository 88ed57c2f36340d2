"""Puts a trained lip network into the files that ship: the int8 model and its metadata."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.export import Ranges, calibrate, ranges_of
from liplab.lips.network import (
    ARTICULATION_OFFSET,
    ARTICULATION_SCALE,
    CODE_SIZE,
    LOOKAHEAD_STEPS,
    Weights,
    streaming_graph,
)
from lipwright.audio.features import STEP_S
from lipwright.lips.model import ARTICULATION, FEATURES, FORMAT

STEP_MS = round(STEP_S * 1000)

Float = npt.NDArray[np.float32]


def write_model(
    weights: Weights,
    recordings: Float,
    path: Path,
    facts: dict[str, Any],
    margins: Ranges | None = None,
) -> dict[str, Any]:
    """Quantize the network and write `path` (.tflite) and the .json beside it; returns the metadata.

    `recordings`: log-mel features (streams, steps, 160), at least 20 streams of 400 steps of many speakers
    and gains with the streams' starts. `facts` go into the metadata as they are (how the model was
    trained). `margins`: what these recordings fall short of, as `margins_of` says of the same ones.
    """
    graph, state = streaming_graph(weights)
    ranges = calibrate(graph, state, {"features": recordings})
    if margins is not None:
        ranges = {
            number: (low + margins[number][0], high + margins[number][1])
            for number, (low, high) in ranges.items()
        }
    model = graph.to_int8(ranges)
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "step_ms": STEP_MS,
        "lookahead_ms": LOOKAHEAD_STEPS * STEP_MS,
        # Targets are sampled at exactly k * 20 ms - look-ahead, so no offset remains.
        "centre_offset_ms": 0,
        "code_size": CODE_SIZE,
        "articulation": list(ARTICULATION),
        "features": FEATURES,
        "outputs": {
            "code": {"scale": [1.0] * CODE_SIZE, "offset": [0.0] * CODE_SIZE},
            "articulation": {
                "scale": [round(float(value), 6) for value in ARTICULATION_SCALE],
                "offset": [round(float(value), 6) for value in ARTICULATION_OFFSET],
            },
        },
        "state": state,
        "sha256": hashlib.sha256(model).hexdigest(),
        **facts,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model)
    path.with_suffix(".json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    return metadata


def margins_of(weights: Weights, model: bytes, recordings: Float) -> Ranges:
    """By how much the ranges of an int8 model, which came from more speech, differ from its network's on
    these recordings. With them, what is not learned anew is quantized as it was to the bit."""
    graph, state = streaming_graph(weights)
    here, had = calibrate(graph, state, {"features": recordings}), ranges_of(model, graph)
    return {number: (had[number][0] - low, had[number][1] - high) for number, (low, high) in here.items()}
