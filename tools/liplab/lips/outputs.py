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

CODES_S = 8  # of each training voice
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
    """Write the codes that the model puts out on training speech, for heads to learn to speak with.

    The file holds, of a stretch of every training voice in a shuffled order: code (n, 8) as the model's own
    int8 steps from 0 to 255, with step and zero to read them by; the ends of the stretches; and rest (8,),
    the code of silence.
    """
    model = LipModel.load(path)
    stretches: list[Float] = []
    starts: list[Float] = []
    voices = [part for part in parts if part.split == "train"]
    for part in tqdm(voices, unit="voice", desc="codes"):
        piece = join(load_part(folder, part), np.random.default_rng(SEED))[0]
        state = model.initial_state()
        frames = [model.step(step, state) for step in log_mel(piece.samples)][LOOKAHEAD_STEPS:]
        codes = np.array([frame.code for frame in frames])
        starts.append(codes[0])
        stretches.append(codes[: round(CODES_S / STEP_S)])
    order = np.random.default_rng(SEED).permutation(len(stretches))
    code = np.concatenate([stretches[k] for k in order])
    step = float(np.median(np.diff(np.unique(code))))
    zero = int(np.round(code.min() / step))
    np.savez_compressed(
        output,
        code=(np.round(code / step) - zero).astype(np.uint8),
        step=np.float32(step),
        zero=zero,
        ends=np.cumsum([len(stretches[k]) for k in order]),
        rest=np.median(starts, axis=0),
    )
