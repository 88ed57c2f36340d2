"""Puts a learned face network into the files that ship: the int8 model and its metadata."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.export import Ranges, snr_db
from liplab.face.networks import (
    CODE_SIZE,
    CODES,
    CODES_AHEAD,
    CODES_BEFORE,
    COMMANDS_BEFORE,
    FaceNetwork,
)
from liplab.face.speech import SpeechCodes
from liplab.head.servos import CHANNELS, MOUTH_CHANNELS
from lipwright.face.model import FORMAT

Floats = NDArray[np.float32]

STEP_MS = 20
CALIBRATION_STREAMS, CALIBRATION_STEPS = 32, 500
CLIP_SHARE = 0.02  # how far past 0 and 1 the output's range goes, so that its ends are not lost to rounding


def stream(network: FaceNetwork, codes: Floats, rest_code: Floats, rest: Floats) -> tuple[Floats, Ranges]:
    """Runs the float graph on its own commands over codes (streams, steps, 8).

    Returns commands (streams, steps, 11), clipped, and the range of every tensor on the way.
    """
    graph = network.graph()
    window = np.tile(rest_code, (len(codes), CODES, 1)).astype(np.float32)
    commands = np.tile(rest, (len(codes), COMMANDS_BEFORE, 1)).astype(np.float32)
    ranges: Ranges = {}
    given = []
    for step in range(codes.shape[1]):
        window = np.concatenate([window[:, 1:], codes[:, step : step + 1]], axis=1)
        inputs = {"codes": window.reshape(len(codes), -1), "commands": commands.reshape(len(codes), -1)}
        tensors = graph.run(inputs)
        for number, tensor in tensors.items():
            low, high = ranges.get(number, (0.0, 0.0))
            ranges[number] = (min(low, float(tensor.min())), max(high, float(tensor.max())))
        targets = np.clip(tensors[graph.outputs["targets"]], 0, 1)
        given.append(targets)
        commands = np.concatenate([commands[:, 1:], targets[:, None]], axis=1)
    # What is clipped off anyway need not take part of the 256 steps.
    ranges[graph.outputs["targets"]] = (-CLIP_SHARE, 1 + CLIP_SHARE)
    return np.stack(given, axis=1), ranges


def write_face_model(
    network: FaceNetwork, speech: SpeechCodes, rest: Floats, path: Path, facts: dict[str, Any]
) -> dict[str, Any]:
    """Quantizes the network on speech and writes `path` (.tflite) and the .json beside it.

    `rest` (11,) are the rest targets; `facts` go into the metadata as they are. Returns the metadata.
    """
    long_enough = [codes for codes in speech.codes if len(codes) >= CALIBRATION_STEPS]
    spread = np.linspace(0, len(long_enough) - 1, min(CALIBRATION_STREAMS, len(long_enough))).astype(int)
    codes = np.stack([long_enough[k][:CALIBRATION_STEPS] for k in spread])
    ranges = stream(network, codes, speech.rest_code, rest)[1]
    model = network.graph().to_int8(ranges)
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "step_ms": STEP_MS,
        "code_size": CODE_SIZE,
        "codes_before": CODES_BEFORE,
        "codes_ahead": CODES_AHEAD,
        "commands_before": COMMANDS_BEFORE,
        "channels": list(CHANNELS[:MOUTH_CHANNELS]),
        "rest_code": [round(float(value), 4) for value in speech.rest_code],
        "rest_targets": [round(float(value), 4) for value in rest],
        "sha256": hashlib.sha256(model).hexdigest(),
        **facts,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model)
    path.with_suffix(".json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    return metadata


def add_facts(path: Path, facts: dict[str, Any]) -> None:
    """Adds what was found out about a written model at `path` to its metadata."""
    metadata_path = path.with_suffix(".json")
    metadata = json.loads(metadata_path.read_text(encoding="utf-8")) | facts
    metadata_path.write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")


def quantization_snr(
    network: FaceNetwork, codes: Floats, rest_code: Floats, rest: Floats, int8: Floats
) -> float:
    """SNR in dB of the int8 model's targets (steps, 11) against the float network's over codes (steps, 8).

    The targets are those of the codes' own moments: the last look-ahead's worth of codes has none.
    """
    given = stream(network, codes[None], rest_code, rest)[0][0]
    return snr_db(given[CODES_AHEAD:], int8[: len(given) - CODES_AHEAD])
