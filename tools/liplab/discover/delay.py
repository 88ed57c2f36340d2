"""The camera's delay, measured from claps: one motor steps, and the picture shows it later.

A step is seen late for two reasons. The servo waits for its next pulse and then needs a moment to start; the
camera and its driver hand a picture over some time after the exposure. The first is much the same for all
hobby servos at 50 Hz, so what is left is the camera's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liplab.discover.plan import FRAME_S
from lipwright.errors import LipwrightError

# From a step's command to the extrapolated start of motion: the firmware's way from frame to frame, half a
# PWM cycle of 20 ms until the pulse changes, the servo's electronics, the motor's spin-up. The middle of what
# the three simulated heads have (36, 41 and 46 ms); other servos differ by some ms too.
SERVO_ONSET_S = 0.040
RISE = (0.2, 0.6)  # shares of a clap's way between which its start is extrapolated from
AFTER_S = 0.35  # of each step that is looked at
FEWEST_CLAPS = 6
LEAST_MOTION_MM = 1.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Delay:
    """When motion was seen to start after its command, what of that the camera adds, and how sure that is."""

    onset_s: float
    camera_s: float
    spread_s: float  # standard deviation over the claps
    claps: int


def measure(command: Floats, times_s: Floats, points: Floats) -> Delay:
    """The delay from the clapping motor's targets (rows,), 20 ms apart, and points (n, 21, 2) in mm at
    `times_s` (n,).

    Raises LipwrightError where nothing moved.
    """
    signal = _strongest(points)
    size = float(np.percentile(signal, 95) - np.percentile(signal, 5))
    if size < LEAST_MOTION_MM:
        raise LipwrightError(
            f"The claps were not seen: lips and chin moved by {size:.1f} mm. Is the servo power on, and does "
            "the camera look at this head?"
        )
    steps = np.flatnonzero(np.abs(np.diff(command)) > 0.3 * np.ptp(command))
    onsets = [onset for step in steps if (onset := _onset(step * FRAME_S, times_s, signal)) is not None]
    if len(onsets) < FEWEST_CLAPS:
        raise LipwrightError("Too few claps were seen clearly; give the face more light, and film anew.")
    onset = float(np.median(onsets))
    spread = float(1.4826 * np.median(np.abs(np.array(onsets) - onset)))
    return Delay(onset, max(0.0, onset - SERVO_ONSET_S), spread, len(onsets))


def _strongest(points: Floats) -> Floats:
    """Motion along the direction in which the points moved most: (n,) in mm."""
    flat = points.reshape(len(points), -1)
    flat = flat - flat.mean(axis=0)
    direction = np.linalg.svd(flat, full_matrices=False)[2][0]
    return np.asarray(flat @ direction / np.abs(direction).max())


def _onset(step_s: float, times_s: Floats, signal: Floats) -> float | None:
    """Seconds from a step's command to the extrapolated start of its motion; None where it is not clear."""
    before = signal[(times_s > step_s - 0.1) & (times_s <= step_s + 0.01)]
    chosen = (times_s >= step_s) & (times_s <= step_s + AFTER_S)
    times, values = times_s[chosen] - step_s, signal[chosen]
    if len(before) < 2 or len(times) < 6:
        return None
    start, end = float(np.median(before)), float(np.median(values[-3:]))
    if abs(end - start) < LEAST_MOTION_MM / 2:
        return None
    share = (values - start) / (end - start)
    low, high = (_crossing(times, share, level) for level in RISE)
    if low is None or high is None or high <= low:
        return None
    return low - RISE[0] * (high - low) / (RISE[1] - RISE[0])


def _crossing(times: Floats, share: Floats, level: float) -> float | None:
    over = np.flatnonzero(share >= level)
    if not len(over) or over[0] == 0:
        return None
    k = over[0]
    part = (level - share[k - 1]) / (share[k] - share[k - 1])
    return float(times[k - 1] + part * (times[k] - times[k - 1]))
