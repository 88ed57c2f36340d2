"""The lip model: log-mel steps in, lip codes and articulation out, 50 times a second.

Which model it is, how far it looks ahead and what state it keeps stands in the metadata beside the .tflite
file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipwright import tflite
from lipwright.audio import features
from lipwright.errors import LipwrightError
from lipwright.lips.chosen import MODEL_NAME as MODEL_NAME
from lipwright.lips.chosen import chosen_model

FORMAT = 1  # of the metadata
ARTICULATION = ("aperture", "width", "rounding", "jaw", "tuck")

Float = npt.NDArray[np.float32]
LipState = tflite.StreamState


@dataclass(frozen=True)
class LipFrame:
    """What the lips should do at one moment."""

    code: Float  # (code_size,) the lip code, for the face model
    articulation: Float  # (5,) aperture, width, rounding, jaw, tuck, normalised


class LipModel:
    """A streaming lip model; the state is the caller's, so one model serves any number of streams."""

    def __init__(self, graph: tflite.StreamingGraph, metadata: dict[str, Any]) -> None:
        """Use `load`. Raises LipwrightError when the metadata describes a model this version cannot run."""
        if metadata.get("format") != FORMAT or metadata.get("features") != FEATURES:
            raise LipwrightError(
                "The lip model was made for another version of lipwright (its metadata names other features)."
            )
        self._graph = graph
        self.metadata = metadata
        self.step_ms: int = metadata["step_ms"]
        self.lookahead_ms: int = metadata["lookahead_ms"]
        self.centre_offset_ms: int = metadata["centre_offset_ms"]
        self.code_size: int = metadata["code_size"]
        self._code_scale, self._code_offset = _affine(metadata["outputs"]["code"])
        self._articulation_scale, self._articulation_offset = _affine(metadata["outputs"]["articulation"])

    @classmethod
    def load(cls, path: Path | None = None) -> LipModel:
        """The model at `path`, or the one in use (`liplab improve`). Raises LipwrightError: not readable."""
        return cls(*tflite.load_streaming(path or chosen_model()))

    def initial_state(self) -> LipState:
        """The state of a stream that begins."""
        return self._graph.initial_state()

    def step(self, step_features: Float, state: LipState) -> LipFrame:
        """One 20 ms step: log-mel (2, 80) in, one frame out; advances `state` in place.

        The k-th frame of a stream (k from 0) describes the moment `sound_time(k)`.
        """
        result = self._graph.step({"features": step_features}, state)
        return LipFrame(
            result["code"] * self._code_scale + self._code_offset,
            result["articulation"] * self._articulation_scale + self._articulation_offset,
        )

    def sound_time(self, step: int) -> float:
        """Sound time in seconds that the frame of step number `step` (from 0) describes.

        Negative for the first few: they describe the silence before the sound.
        """
        return (step * self.step_ms - self.lookahead_ms + self.centre_offset_ms) / 1000.0

    @property
    def steps_ahead(self) -> int:
        """Steps of silence to push after a clip's end so that its last moment is described too."""
        return -(-self.lookahead_ms // self.step_ms)


FEATURES: dict[str, Any] = {
    "kind": "log10_mel_power",
    "sample_rate": features.SAMPLE_RATE,
    "window": features.WINDOW,
    "hop": features.HOP,
    "fft": features.FFT_SIZE,
    "bands": features.BANDS,
    "lowest_hz": features.LOWEST_HZ,
    "highest_hz": features.HIGHEST_HZ,
    "power_floor": features.POWER_FLOOR,
    "columns_per_step": features.COLUMNS_PER_STEP,
    "taper": "hann",
}


def _affine(output: dict[str, Any]) -> tuple[Float, Float]:
    return np.asarray(output["scale"], np.float32), np.asarray(output["offset"], np.float32)
