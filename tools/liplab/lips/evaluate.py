"""Judges a packaged lip model on speech that it never heard, and writes the codes that it puts out.

Everything runs through the int8 model as a stream, as on the Pi.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from liplab.export import snr_db, stream_float
from liplab.lips.measures import Scores, predict, score
from liplab.lips.network import LOOKAHEAD_STEPS, Weights, streaming_graph
from liplab.scores import Phone
from liplab.speech.align import phones_for
from liplab.speech.augment import join
from liplab.speech.corpus import Part, load_part
from liplab.speech.utterance import Utterance
from lipwright.audio.decode import RATE, open_sound
from lipwright.audio.features import STEP_S, log_mel
from lipwright.lips.model import LipModel
from lipwright.resources import shipped_clip

DRIFT_S = 60  # of streaming, over which nothing may drift
WINDOW_S = 10
CODES_S = 240  # of each training voice
SEED = 7

Float = npt.NDArray[np.float32]


def evaluate(path: Path, weights: Weights, folder: Path, parts: Sequence[Part]) -> dict[str, Any]:
    """Measures of the model at `path` on each dev and held-out part; its quantization against `weights`."""
    model = LipModel.load(path)
    sets = {}
    judged = [part for part in parts if part.split != "train"]
    for part in tqdm(judged, unit="voice", desc="judge"):
        scores = score(load_part(folder, part), lambda samples: predict(model, samples))
        sets[part.name] = {"split": part.split, **asdict(scores)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "model": {"size_bytes": path.stat().st_size, "lookahead_ms": model.lookahead_ms, "sha256": digest},
        "quantization": quantization(model, weights, load_part(folder, judged[0])) if judged else {},
        "sets": sets,
    }


def quantization(model: LipModel, weights: Weights, utterances: Sequence[Utterance]) -> dict[str, float]:
    """SNR in dB of the int8 stream against the float one over DRIFT_S, and in its first and last WINDOW_S."""
    samples = np.concatenate([utterance.samples for utterance in utterances])[: DRIFT_S * RATE]
    steps = log_mel(samples)
    graph, state = streaming_graph(weights)
    wanted, _ = stream_float(graph, state, {"features": steps.reshape(1, len(steps), -1)})
    stream = model.initial_state()
    frames = [model.step(step, stream) for step in steps]
    codes = np.array([frame.code for frame in frames])
    scale = np.asarray(model.metadata["outputs"]["articulation"]["scale"])
    offset = np.asarray(model.metadata["outputs"]["articulation"]["offset"])
    track = np.array([frame.articulation for frame in frames])
    window = round(WINDOW_S / STEP_S)
    by_window = [
        snr_db(wanted["code"][0, start : start + window], codes[start : start + window])
        for start in range(0, len(codes) - window + 1, window)
    ]
    return {
        "code_snr_db": snr_db(wanted["code"][0], codes),
        "articulation_snr_db": snr_db(wanted["articulation"][0] * scale + offset, track),
        "first_window_snr_db": by_window[0],
        "last_window_snr_db": by_window[-1],
    }


def evaluate_grid(model: LipModel, folder: Path) -> dict[str, Any]:
    """Measures on GRID clips (grid_*.mpg with a lip track .npz beside each): people, never trained on.

    Phones come from alignment. `aperture_r` and `width_r` are the mean over clips of Pearson's r with the
    lips that a camera saw, at lag 0.
    """
    utterances, correlations = [], []
    for clip in sorted(folder.glob("grid_*.mpg")):
        samples = np.concatenate(list(open_sound(clip).blocks(RATE)))
        phones: list[Phone] = phones_for(clip) or []
        utterances.append(Utterance(samples, phones))
        times, track = predict(model, samples)
        with np.load(clip.with_suffix(".npz")) as seen:
            moments = seen["t"]
            correlations.append(
                [
                    np.corrcoef(np.interp(moments, times, track[:, part]), seen[name])[0, 1]
                    for part, name in enumerate(("aperture", "width"))
                ]
            )
    scores: Scores = score(utterances, lambda samples: predict(model, samples))
    aperture, width = np.mean(correlations, axis=0)
    return {
        **asdict(scores),
        "aperture_r": float(aperture),
        "width_r": float(width),
        "clips": len(utterances),
    }


def write_golden(path: Path) -> None:
    """Write what the model puts out on the shipped sentence beside it: tests hold every runtime to that."""
    model = LipModel.load(path)
    state = model.initial_state()
    samples = np.concatenate(list(open_sound(shipped_clip()).blocks(RATE)))
    track = np.array([model.step(step, state).articulation for step in log_mel(samples)])
    np.savez(path.with_name(path.stem + "_golden.npz"), articulation=track, sha256=model.metadata["sha256"])


def write_codes(path: Path, folder: Path, parts: Sequence[Part], output: Path) -> None:
    """Write the codes that the model puts out on the training speech, for teaching face models.

    The file holds code (n, 8), the articulation (n, 5) that the model reads out of each, the ends of the
    streams they consist of, and rate_hz.
    """
    model = LipModel.load(path)
    codes: list[Float] = []
    asked: list[Float] = []
    ends = [0]
    for part in tqdm([part for part in parts if part.split == "train"], unit="voice", desc="codes"):
        random = np.random.default_rng(SEED)
        seconds = 0.0
        for piece in join(load_part(folder, part), random):
            state = model.initial_state()
            frames = [model.step(step, state) for step in log_mel(piece.samples)][LOOKAHEAD_STEPS:]
            codes += [frame.code for frame in frames]
            asked += [frame.articulation for frame in frames]
            ends.append(ends[-1] + len(frames))
            seconds += len(frames) * STEP_S
            if seconds > CODES_S:
                break
    np.savez(
        output,
        code=np.array(codes),
        articulation=np.array(asked),
        ends=ends[1:],
        rate_hz=round(1 / STEP_S),
    )
