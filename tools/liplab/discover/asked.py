"""What speech asks of a head's lips: streams of lip codes, with the lip shapes and articulation they mean.

Lip codes are the same for every head. What they ask of this one is measured from its own rest: lips go as far
from there as those of the head that the code was learned on, and open as far as the profile says that an
aperture of 1 is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from liplab.discover.shape import LOWER, UPPER, gaps_mm
from liplab.lips.code import LipCode, load_code
from lipwright.errors import LipwrightError
from lipwright.resources import models_dir

SPEECH = "speech_codes.npz"
LIP_CODE = "lip_code.npz"
HELD_OUT_SHARE = 0.2  # of the streams, the last ones: never learned from

# Six mouths that people look for, as articulation: aperture, width, rounding, jaw, tuck.
POSES = {
    "rest": (0.0, 0.0, 0.0, 0.0, 0.0),
    "ah": (1.0, 0.0, 0.0, 0.85, 0.0),
    "oo": (0.25, -0.9, 0.9, 0.2, 0.0),
    "ee": (0.3, 0.8, 0.0, 0.2, 0.0),
    "mm": (-0.05, 0.0, 0.0, 0.0, 0.0),
    "ff": (0.0, 0.0, 0.0, 0.1, 1.0),
}
POSE_STEPS, PAUSE_STEPS = 40, 20

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """One stream of speech, 50 steps a second.

    `codes` (n, 8); `lips` (n, 20, 3): mm from rest to the head's left, ahead and up; `articulation` (n, 5),
    normalised.
    """

    codes: Floats
    lips: Floats
    articulation: Floats

    def __len__(self) -> int:
        return len(self.codes)


class Asker:
    """Reads lip codes as lip shapes of a head on which a normalised aperture of 1 is `aperture_mm`."""

    def __init__(self, aperture_mm: float, code: LipCode | None = None) -> None:
        self._code = code or load_code(models_dir() / LIP_CODE)
        self._aperture_mm = aperture_mm
        with np.load(models_dir() / SPEECH) as stored:
            self.rest_code = stored["rest"].astype(np.float32)
        self._rest = self._shapes(self.rest_code[None])[0]

    def ask(self, codes: Floats) -> Asked:
        """What codes (n, 8) ask for."""
        with torch.no_grad():
            articulation = self._code.articulation(torch.from_numpy(codes)).numpy()
        lips = self._shapes(codes) - self._rest
        return Asked(codes, _opened(lips, articulation[:, 0] * self._aperture_mm), articulation)

    def code_of(self, articulation: Floats) -> Floats:
        """A lip code (8,) of lips with this articulation (5,)."""
        with torch.no_grad():
            return np.asarray(self._code.code_of(torch.from_numpy(articulation[None]))[0].numpy())

    def streams(self) -> tuple[list[Asked], list[Asked]]:
        """The shipped speech: streams to learn from, and those that are held out."""
        streams = [self.ask(codes) for codes in load_codes(models_dir() / SPEECH)]
        cut = len(streams) - max(1, round(HELD_OUT_SHARE * len(streams)))
        return streams[:cut], streams[cut:]

    def _shapes(self, codes: Floats) -> Floats:
        with torch.no_grad():
            lips = self._code.lips_mm(torch.from_numpy(codes)).numpy().reshape(len(codes), 20, 3)
        # The head's frame has -y ahead.
        return np.asarray(lips * np.array([1, -1, 1], np.float32))


def _opened(lips: Floats, gap_mm: Floats) -> Floats:
    """Lips (n, 20, 3) with this widest gap (n,) between them.

    A code is read twice, as a shape and as articulation, and sound teaches only the latter: where they
    differ, the lips open and close as the articulation says.
    """
    gaps = gaps_mm(lips)
    wrong = (gaps.max(axis=1) - gap_mm)[:, None]
    along = np.linspace(-0.8, 0.8, 9)
    wanted = np.minimum(gaps - wrong * (1 - along**4), gap_mm[:, None])
    moved = lips.copy()
    moved[:, UPPER, 2] += (wanted - gaps) / 2
    moved[:, LOWER, 2] -= (wanted - gaps) / 2
    return moved.astype(np.float32)


def load_codes(path: Path) -> list[Floats]:
    """Streams of lip codes (n, 8), as `liplab train --codes` packs them.

    Raises LipwrightError when they cannot be read.
    """
    try:
        with np.load(path) as stored:
            codes = (stored["code"] + stored["zero"].astype(np.float32)) * stored["step"]
            ends = stored["ends"]
    except (OSError, KeyError, ValueError) as error:
        raise LipwrightError(
            f"The lip codes {path} cannot be read ({error}); install Lipwright again."
        ) from error
    starts = [0, *ends[:-1].tolist()]
    return [codes[start:end].astype(np.float32) for start, end in zip(starts, ends.tolist(), strict=True)]


def pose_speech(asker: Asker) -> tuple[Asked, list[int]]:
    """All poses one after the other, each held for 0.8 s with rest between; and the steps at which each has
    been reached."""
    rows: list[Floats] = [asker.rest_code] * PAUSE_STEPS
    reached = []
    for articulation in POSES.values():
        rows += [asker.code_of(np.array(articulation, np.float32))] * POSE_STEPS
        reached.append(len(rows) - POSE_STEPS // 4)
        rows += [asker.rest_code] * PAUSE_STEPS
    return asker.ask(np.array(rows, np.float32)), reached
