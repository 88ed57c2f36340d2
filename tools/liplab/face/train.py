"""`liplab face train`: from babble to the int8 face model, with its card and curves, in one go."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from liplab.face.babble import PWM_WAIT_S, Babble, babble, nudged, perform
from liplab.face.evaluate import FaceScores, perform_speech, score, speak
from liplab.face.learn import LEAD_FRAMES, Decode, SelfErrors, learn_face, learn_self_model
from liplab.face.networks import FaceNetwork
from liplab.face.package import CALIBRATION_STEPS, STEP_MS, add_facts, quantization_snr, write_face_model
from liplab.face.speech import SpeechCodes
from liplab.head.servos import MOUTH_CHANNELS
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile

Floats = NDArray[np.float32]

BABBLE_FRAMES = 60_000  # 20 minutes
# Then the head speaks with what it has learned, nudged, and learns from that: speech is where it must be
# right.
SPOKEN_S = 600.0
FIRST_STEPS, FURTHER_SELF_STEPS, FURTHER_STEPS = 1000, 3000, 2500
EVALUATION_S = 300.0


@dataclass(frozen=True)
class Lesson:
    """What a training run brought: errors of the self-model, scores of the int8 model, and the curves."""

    self_errors: SelfErrors
    scores: FaceScores
    snr_db: float
    losses: list[float]
    seconds: float
    example: tuple[Babble, Floats]  # a held-out performance and what was asked


def train(
    profile: HeadProfile,
    speech: SpeechCodes,
    decode: Decode,
    seed: int,
    path: Path,
    babbled: Babble | None = None,
) -> Lesson:
    """Teaches a face model for the simulated head and writes it to `path` (.tflite, .json).

    Raises LipwrightError when the speech is too little. `decode` reads the articulation (n, 5) out of lip
    codes (n, 8). `babbled` is an earlier babble of the same head; without it the head babbles first.
    Deterministic for a seed.
    """
    began = time.perf_counter()
    torch.set_num_threads(1)
    rest = profile.rest_targets()[:MOUTH_CHANNELS]
    speeds = np.array([channel.speed for channel in profile.channels[:MOUTH_CHANNELS]], dtype=np.float32)
    if max(map(len, speech.codes)) < CALIBRATION_STEPS:
        raise LipwrightError(
            f"The lip codes have no stream of {CALIBRATION_STEPS * STEP_MS // 1000} s; give more speech."
        )
    training, held_out = speech.split()
    losses: list[float] = []

    def keep(_: int, loss: float) -> None:
        losses.append(loss)

    first = babbled or babble(profile, BABBLE_FRAMES, seed)
    self_model, _ = learn_self_model([first], seed)
    network = learn_face(training, decode, self_model, rest, speeds, seed, steps=FIRST_STEPS, report=keep)
    with TemporaryDirectory() as folder:
        draft = FaceModel(*_written(network, training, rest, Path(folder) / "draft.tflite"))
    spoken = _speak_nudged(draft, profile, training, seed)
    self_model, errors = learn_self_model([first, spoken], seed, self_model, FURTHER_SELF_STEPS)
    network = learn_face(training, decode, self_model, rest, speeds, seed, network, FURTHER_STEPS, keep)
    facts = {"head": profile.name, "lead_ms": round(LEAD_FRAMES * STEP_MS + 1000 * PWM_WAIT_S), "seed": seed}
    model = FaceModel(*_written(network, training, rest, path, facts))
    performed = perform_speech(model, profile, held_out, EVALUATION_S, "evaluating")
    scores = score(performed, profile)
    codes = held_out.codes[0]
    int8 = speak(model, profile, codes)[:, :MOUTH_CHANNELS]
    snr = quantization_snr(network, codes, training.rest_code, rest, int8)
    add_facts(path, {"scores": scores.as_dict(), "snr_db": round(snr, 1)})
    return Lesson(errors, scores, snr, losses, time.perf_counter() - began, performed[0])


def _written(
    network: FaceNetwork, speech: SpeechCodes, rest: Floats, path: Path, facts: dict[str, Any] | None = None
) -> tuple[bytes, dict[str, Any]]:
    metadata = write_face_model(network, speech, rest, path, facts or {})
    return path.read_bytes(), metadata


def _speak_nudged(model: FaceModel, profile: HeadProfile, speech: SpeechCodes, seed: int) -> Babble:
    rng = np.random.default_rng(seed + 1)
    order = rng.permutation(len(speech.codes))
    targets: list[Floats] = []
    frames = round(SPOKEN_S / 0.02)
    with tqdm(total=frames, desc="planning speech", unit="frame", leave=False) as bar:
        for stream in order:
            targets.append(nudged(speak(model, profile, speech.codes[stream]), rng))
            bar.update(len(targets[-1]))
            if sum(map(len, targets)) >= frames:
                break
    return perform(profile, np.concatenate(targets)[:frames], "speaking to learn")
