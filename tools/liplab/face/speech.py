"""Lip codes as they come in speech: what the face network learns on and is judged on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lipwright.errors import LipwrightError

Floats = NDArray[np.float32]

HELD_OUT_SHARE = 0.1  # of the streams, the last ones: never trained on


@dataclass(frozen=True)
class SpeechCodes:
    """Streams of lip codes (steps, 8) at 50 Hz, and the articulation (steps, 5) that each stands for."""

    codes: list[Floats]
    articulation: list[Floats]

    @property
    def rest_code(self) -> Floats:
        """The code of silence: what streams begin with."""
        return np.asarray(np.median([stream[0] for stream in self.codes], axis=0), dtype=np.float32)

    def split(self) -> tuple[SpeechCodes, SpeechCodes]:
        """The streams to train on, and those that are held out."""
        cut = len(self.codes) - max(1, round(HELD_OUT_SHARE * len(self.codes)))
        return (
            SpeechCodes(self.codes[:cut], self.articulation[:cut]),
            SpeechCodes(self.codes[cut:], self.articulation[cut:]),
        )


def load_speech(path: Path) -> SpeechCodes:
    """Reads an .npz with `code` (n, 8), `articulation` (n, 5) and `ends` (streams,), as `liplab train`
    writes it.

    Raises LipwrightError when it cannot be read.
    """
    try:
        with np.load(path) as stored:
            code, articulation, ends = stored["code"], stored["articulation"], stored["ends"]
    except (OSError, KeyError, ValueError) as error:
        raise LipwrightError(
            f"The lip codes {path} cannot be read ({error}); `liplab train --codes` writes such a file."
        ) from error
    starts = [0, *ends[:-1].tolist()]
    spans = list(zip(starts, ends.tolist(), strict=True))
    return SpeechCodes(
        [code[start:end].astype(np.float32) for start, end in spans],
        [articulation[start:end].astype(np.float32) for start, end in spans],
    )
