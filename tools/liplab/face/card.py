"""The model card of a face model, and the curves of its lesson."""

from __future__ import annotations

import hashlib
from pathlib import Path

import matplotlib
import numpy as np

from lipwright.face.profile import HeadProfile

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from liplab.face.babble import FRAME_S, PWM_WAIT_S
from liplab.face.networks import CODES_AHEAD, CODES_BEFORE, COMMANDS_BEFORE, SELF_COMMANDS
from liplab.face.speech import SpeechCodes
from liplab.face.train import BABBLE_FRAMES, SPOKEN_S, Lesson
from liplab.head.measures import ARTICULATION

SHOWN_S = 12.0


def write_card(path: Path, profile: HeadProfile, speech: SpeechCodes, seed: int, lesson: Lesson) -> Path:
    """Writes the card (.md) beside the model at `path`; returns its path."""
    scores, errors = lesson.scores, lesson.self_errors
    hours = sum(len(codes) for codes in speech.codes) * FRAME_S / 3600
    table = "\n".join(
        f"| {name} | {scores.r[name]:.3f} | {scores.rmse[name]:.3f} | {scores.range_ratio[name]:.2f} "
        f"| {errors.articulation[k]:.3f} |"
        for k, name in enumerate(ARTICULATION)
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    card = path.with_suffix(".md")
    card.write_text(
        f"""# Face model of the {profile.name[0].lower() + profile.name[1:]}

Lip codes in, targets of the {len(profile.indices("mouth"))} mouth servos out, 50 times a second.
Full int8 TFLite, {path.stat().st_size} bytes, sha256 `{digest}`.
A perceptron over {CODES_BEFORE} past codes, the present one and {CODES_AHEAD} to come
({round(1000 * CODES_AHEAD * FRAME_S)} ms of look-ahead), and its own last {COMMANDS_BEFORE} targets.
Made for frames that are sent {profile.lead_ms:g} ms ahead (`lead_ms` of the profile).

## How it was made

    liplab face train --codes codes.npz --seed {seed}

1. The simulated head babbled {BABBLE_FRAMES * FRAME_S / 60:.0f} minutes: mixes of reference mouths with
   noise, left and right apart at times, resets to neutral.
2. A self-model learned what {SELF_COMMANDS} commands in a row do to the lips.
3. The face network learned through the self-model, running on its own commands over speech: articulation,
   closures, effort, smoothness, symmetry, limits.
4. The head spoke {SPOKEN_S / 60:.0f} minutes with a first version, nudged at random, and both networks
   learned on from that.

`codes.npz` is {hours:.1f} hours of lip codes, and the articulation that they stand for, that the lip model
puts out on its own training speech (its card names the sources), as `liplab train --codes` writes it; the
last tenth of its streams was held out. It took {lesson.seconds / 60:.0f} minutes on two cores that had
other work too, without a GPU.

## How well it does

The int8 model on held-out streams ({scores.seconds:.0f} s), after the actuator: servos, play and soft lips of
the simulated head in the loop, without the firmware. Normalised units.
`liplab face evaluate --codes codes.npz` prints it.

| | Pearson r | rmse | range ratio | self-model rmse |
|---|---|---|---|---|
{table}

- Closures asked (aperture at or below 0) that came to within 1 mm in time: {scores.closure_rate:.3f}
  of {scores.closures}.
- False closures: {scores.false_closures_per_minute:.1f} a minute of speech that asks for 3 mm or more.
- Lag of the aperture: {scores.offset_ms} ms (negative: lips lead); the 95th percentile of its size over
  windows of 2 s is {scores.offset_p95_ms} ms.
- Self-model, held out: {errors.lips_mm:.2f} mm rms over all lip nodes.
- int8 against float: {lesson.snr_db:.1f} dB SNR of the targets, each running on its own output.

## Limits

It knows one head, in simulation: servo and silicone figures are plausible, not measured. It moves both sides
alike; brows, eyes and neck stay at rest. Another head needs a model of its own.
""",
        encoding="utf-8",
    )
    return card


def draw_curves(path: Path, lesson: Lesson, profile: HeadProfile) -> Path:
    """Draws the loss and a held-out stretch, asked and done, as a PNG; returns its path."""
    done, asked = lesson.example
    frames = min(len(asked), round(SHOWN_S / FRAME_S))
    t = np.arange(frames) * FRAME_S
    heard = done.t[:frames] - profile.lead_ms / 1000 + PWM_WAIT_S
    figure, axes = plt.subplots(4, 1, figsize=(11, 10))
    axes[0].semilogy(lesson.losses, linewidth=0.6)
    axes[0].set_xlabel("step")
    axes[0].set_ylabel("loss of the face network")
    for axis, name in zip(axes[1:], ("aperture", "width", "rounding"), strict=True):
        k = ARTICULATION.index(name)
        axis.plot(t, asked[:frames, k], label="asked")
        axis.plot(heard, done.articulation[:frames, k], label="done by the lips")
        axis.set_ylabel(name)
        axis.set_xlim(0, t[-1])
    axes[1].axhline(0, color="0.7", linewidth=0.8)
    axes[1].legend(loc="upper right")
    axes[-1].set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path
