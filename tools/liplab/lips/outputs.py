"""What a packaged lip model puts out, written down: its golden track, and codes to teach face models with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from liplab.lips.network import LOOKAHEAD_STEPS
from liplab.speech.augment import join
from liplab.speech.corpus import Part, load_part
from lipwright.audio.decode import RATE, open_sound
from lipwright.audio.features import STEP_S, log_mel
from lipwright.lips.model import LipModel
from lipwright.resources import shipped_clip

CODES_S = 120  # of each training voice
SEED = 7

Float = npt.NDArray[np.float32]


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
