"""Puts a learned face model into files: the int8 model, its metadata, and the profile that names it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.discover.asked import Asked
from liplab.discover.transformer import (
    CODE_SIZE,
    CODES,
    CODES_AHEAD,
    CODES_BEFORE,
    COMMANDS_BEFORE,
    FacialActionTransformer,
)
from liplab.export import Ranges, snr_db
from lipwright.errors import LipwrightError
from lipwright.face.model import FORMAT
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.files import before, write_atomically

Floats = NDArray[np.float32]

STEP_MS = 20
MODEL = "face_model.tflite"
PROFILE = "head.toml"
CALIBRATION_STREAMS, CALIBRATION_STEPS = 32, 300
CLIP_SHARE = 0.02  # how far past 0 and 1 the output's range goes, so that its ends are not lost to rounding


def run_float(
    network: FacialActionTransformer, codes: Floats, rest_code: Floats, rest: Floats
) -> tuple[Floats, Ranges]:
    """Runs the float graph on its own commands over codes (streams, steps, 8).

    Returns commands (streams, steps, channels), clipped, and the range of every tensor on the way.
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
        targets = np.clip(tensors[graph.outputs["targets"]].reshape(len(codes), -1), 0, 1)
        given.append(targets)
        commands = np.concatenate([commands[:, 1:], targets[:, None]], axis=1)
    # What is clipped off anyway need not take part of the 256 steps.
    ranges[graph.outputs["targets"]] = (-CLIP_SHARE, 1 + CLIP_SHARE)
    return np.stack(given, axis=1), ranges


def write_face_model(
    network: FacialActionTransformer,
    profile: HeadProfile,
    streams: Sequence[Asked],
    rest_code: Floats,
    path: Path,
    facts: dict[str, Any],
) -> None:
    """Quantizes a network on speech and writes `path` (.tflite) and the .json beside it.

    `facts` go into the metadata as they are. Raises LipwrightError when the files cannot be written.
    """
    mouth = profile.indices("mouth")
    rest = profile.rest_targets()[mouth]
    long_enough = [stream.codes for stream in streams if len(stream) >= CALIBRATION_STEPS]
    spread = np.linspace(0, len(long_enough) - 1, min(CALIBRATION_STREAMS, len(long_enough))).astype(int)
    codes = np.stack([long_enough[k][:CALIBRATION_STEPS] for k in spread])
    ranges = run_float(network, codes, rest_code, rest)[1]
    model = network.graph().to_int8(ranges)
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "step_ms": STEP_MS,
        "code_size": CODE_SIZE,
        "codes_before": CODES_BEFORE,
        "codes_ahead": CODES_AHEAD,
        "commands_before": COMMANDS_BEFORE,
        "channels": [profile.channels[k].name for k in mouth],
        "rest_code": [round(float(value), 4) for value in rest_code],
        "rest_targets": [round(float(value), 4) for value in rest],
        "sha256": hashlib.sha256(model).hexdigest(),
        "head": profile.name,
        "lead_ms": profile.lead_ms,
        **facts,
    }
    try:
        write_atomically(path, bytes(model))
        write_atomically(path.with_suffix(".json"), (json.dumps(metadata, indent=1) + "\n").encode())
    except OSError as error:
        raise LipwrightError(f"{path} cannot be written: {error.strerror}.") from error


def quantization(
    network: FacialActionTransformer, codes: Floats, rest_code: Floats, rest: Floats, int8: Floats
) -> tuple[float, float]:
    """SNR in dB and rms difference, as a share of range, of the int8 model's targets (steps, channels)
    against the float network's over codes (steps, 8), each running on its own output.

    The targets are those of the codes' own moments: the last look-ahead's worth of codes has none.
    """
    given = run_float(network, codes[None], rest_code, rest)[0][0][CODES_AHEAD:]
    kept = int8[: len(given)]
    return snr_db(given, kept), float(np.sqrt(np.mean((given - kept) ** 2)))


def with_face_model(text: str, name: str) -> str:
    """A profile's text that names another face model; all else, comments too, stays as it is."""
    renamed, count = re.subn(r'(?m)^(\s*face_model\s*=\s*)"[^"\n]*"', rf'\g<1>"{name}"', text, count=1)
    if not count:
        raise LipwrightError('The head profile has no line face_model = "..."; add one above the tables.')
    return renamed


def install(folder: Path, profile: HeadProfile, own: bool) -> Path:
    """Makes the head speak with the model that was learned in `folder`; returns the profile to use.

    The user's `own` profile gets the model beside it and names it from now on (what it was before is kept
    as NAME.before); else a profile of its own is written into `folder`.
    """
    text = profile.path.read_text(encoding="utf-8")
    try:
        if not own:
            path = folder / PROFILE
            write_atomically(path, with_face_model(text, MODEL).encode())
        else:
            path = profile.path
            stem = f"face_model_{path.stem}"
            for suffix in (".tflite", ".json"):
                data = (folder / MODEL).with_suffix(suffix).read_bytes()
                write_atomically(path.with_name(stem + suffix), data)
            changed = with_face_model(text, stem + ".tflite")
            if changed != text:
                write_atomically(before(path), text.encode())
                write_atomically(path, changed.encode())
    except OSError as error:
        raise LipwrightError(
            f"The face model cannot be installed: {error.strerror} ({error.filename})."
        ) from error
    load_profile(path)  # what was written can be read
    return path
