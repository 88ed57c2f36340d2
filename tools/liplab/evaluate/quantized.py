"""The int8 stream against the network in float, before it was quantized."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liplab.evaluate.measures import Track
from liplab.evaluate.sets import Clip, Samples
from liplab.evaluate.table import Evaluation, Scored, on_grid
from liplab.export import snr_db, stream_float
from lipwright.audio.features import STEP_S, log_mel
from lipwright.errors import LipwrightError
from lipwright.lips.model import LipModel

Weights = dict[str, np.ndarray[Any, Any]]

SNR_S = 60.0  # of sound that the signal to noise ratio is taken over
TOGETHER = 64  # clips that stream side by side
# What int8 may not change; all are shares, correlations or ratios.
COMPARED = (
    "closure_rate", "pucker_rate", "labiodental_rate", "aperture_r", "width_r", "rounding_r", "range_ratio",
    "viseme_f1", "closure_auc",
)  # fmt: skip


def load_weights(path: Path) -> Weights:
    """The weights that `liplab train` leaves beside its model. Raises LipwrightError for another file."""
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError) as error:
        raise LipwrightError(
            f"{path} holds no weights; liplab train writes them beside its model."
        ) from error


def float_tracks(weights: Weights, model: LipModel, clips: Sequence[Clip]) -> list[Track]:
    """What the network in float says of clips, on their grids; `model` is its int8 version."""
    from liplab.lips.network import streaming_graph  # needs torch

    graph, state = streaming_graph(weights)
    output = model.metadata["outputs"]["articulation"]
    tracks: list[Track] = []
    order = np.argsort([clip.seconds for clip in clips], kind="stable")
    made: dict[int, Track] = {}
    ahead = model.steps_ahead + 1
    for start in range(0, len(order), TOGETHER):
        batch = [int(number) for number in order[start : start + TOGETHER]]
        heard = [_features(clips[number], ahead) for number in batch]
        features = np.zeros((len(batch), max(map(len, heard)), heard[0].shape[1]), np.float32)
        for row, steps in enumerate(heard):
            features[row, : len(steps)] = steps
        said = stream_float(graph, state, {"features": features})[0]["articulation"]
        for row, number in enumerate(batch):
            values = said[row, : len(heard[row])] * output["scale"] + np.asarray(output["offset"])
            times = np.array([model.sound_time(step) for step in range(len(values))])
            made[number] = on_grid(clips[number], times, values)
    tracks += [made[number] for number in range(len(clips))]
    return tracks


def _features(clip: Clip, ahead: int) -> np.ndarray[Any, Any]:
    silence = np.zeros(round(ahead * STEP_S * 16000), np.float32)
    steps = log_mel(np.concatenate([clip.samples, silence]))
    return steps.reshape(len(steps), -1)


def signal_to_noise(weights: Weights, model: LipModel, sound: Samples) -> dict[str, float]:
    """SNR in dB of the int8 stream against the float one over SNR_S of a sound, code and articulation."""
    from liplab.lips.network import streaming_graph  # needs torch

    steps = log_mel(sound[: round(SNR_S * 16000)])
    graph, state = streaming_graph(weights)
    wanted, _ = stream_float(graph, state, {"features": steps.reshape(1, len(steps), -1)})
    stream = model.initial_state()
    frames = [model.step(step, stream) for step in steps]
    output = model.metadata["outputs"]["articulation"]
    exact = wanted["articulation"][0] * output["scale"] + np.asarray(output["offset"])
    return {
        "code_snr_db": snr_db(wanted["code"][0], np.array([frame.code for frame in frames])),
        "articulation_snr_db": snr_db(exact, np.array([frame.articulation for frame in frames])),
    }


def compared(evaluation: Evaluation, quantized: Scored, exact: Scored) -> dict[str, Any]:
    """Differences of the measures over everything judged together, by measure, and set by set."""
    pools = [[score for own in scored.values() for score in own] for scored in (quantized, exact)]
    together = [evaluation.measure(pool) for pool in pools]
    sets = [evaluation.measured(scored) for scored in (quantized, exact)]
    differences = _differences(together[0], together[1])
    return {
        "differences": differences,
        "largest_difference": max(differences.values(), default=0.0),
        "sets": {name: _differences(sets[0][name], sets[1][name]) for name in sets[0]},
    }


def _differences(left: dict[str, Any], right: dict[str, Any]) -> dict[str, float]:
    return {
        name: abs(left[name] - right[name])
        for name in COMPARED
        if left[name] is not None and right[name] is not None
    }
