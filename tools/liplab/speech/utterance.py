"""Speech and its phones: what engines and recordings hand to the corpus."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone

SAMPLE_RATE = 16000
LIPS_HZ = 100  # of measured lips

Samples = npt.NDArray[np.float32]


class Utterance(NamedTuple):
    """Speech and its phones."""

    samples: Samples  # (n,) mono 16 kHz, full scale 1
    phones: list[Phone]
    # (m, 5) articulation that was measured, at LIPS_HZ from the start, NaN where it was not; None: nowhere.
    lips: npt.NDArray[np.float32] | None = None
