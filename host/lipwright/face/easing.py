"""Ways from here to there that begin and end softly."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Values = TypeVar("Values", float, npt.NDArray[np.float64])

STEEPEST = 1.5  # the greatest slope of `eased`, which sets how fast a servo has to be


def eased(share: float) -> float:
    """0..1 of a way for 0..1 of its time, at rest at both ends."""
    share = min(1.0, max(0.0, share))
    return share * share * (3.0 - 2.0 * share)


def settle(
    value: Values, speed: Values, goal: Values, time_s: float, passed_s: float
) -> tuple[Values, Values]:
    """One step of a critically damped approach with a time constant: the value (or values) and the speed.

    Exact for any step, so that a gap in time does not make it swing.
    """
    rate = 1.0 / time_s
    offset = value - goal
    drive = speed + rate * offset
    decay = math.exp(-rate * passed_s)
    return goal + (offset + drive * passed_s) * decay, (speed - rate * drive * passed_s) * decay
