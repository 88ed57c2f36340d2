"""Key poses of the reference head, in servo degrees, and as targets for any profile of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liplab.head.servos import CHANNELS, pulses_from_degrees
from lipwright.face.profile import HeadProfile

Array = NDArray[np.float64]


def _mouth(
    jaw: float = 0,
    upper: tuple[float, float] = (0, 0),
    lower: tuple[float, float] = (0, 0),
    forward: tuple[float, float] = (0, 0),
    corner: float = 0,
) -> dict[str, float]:
    """A symmetric mouth: upper and lower lip as (middle, sides), forward as (upper, lower), degrees."""
    return {
        "jaw": jaw,
        "upper_lip_mid": upper[0],
        "upper_lip_left": upper[1],
        "upper_lip_right": upper[1],
        "lower_lip_mid": lower[0],
        "lower_lip_left": lower[1],
        "lower_lip_right": lower[1],
        "upper_lip_forward": forward[0],
        "lower_lip_forward": forward[1],
        "corner_left": corner,
        "corner_right": corner,
    }


POSES: dict[str, dict[str, float]] = {
    "neutral": _mouth(upper=(-3, -3), lower=(3, 3)),
    "ah": _mouth(jaw=34, upper=(12, 8), lower=(-4, -3)),
    "oo": _mouth(jaw=6, upper=(1, -10), lower=(-2, 10), forward=(50, 50), corner=-45),
    "ee": _mouth(jaw=7, upper=(12, 14), lower=(-10, -14), corner=43),
    "mm": _mouth(upper=(-20, -17), lower=(20, 17), forward=(-5, -5)),
    "ff": _mouth(jaw=5, upper=(13, 11), lower=(37, 31), forward=(0, -38)),
}
# More mouths of speech, for babbling.
OTHER_POSES: dict[str, dict[str, float]] = {
    "eh": _mouth(jaw=20, upper=(8, 7), lower=(-6, -6), corner=20),
    "oh": _mouth(jaw=24, upper=(4, -2), lower=(-3, 3), forward=(32, 32), corner=-28),
    "uh": _mouth(jaw=14, upper=(4, 3), lower=(-3, -3)),
    "sh": _mouth(jaw=5, upper=(10, 4), lower=(-10, -4), forward=(40, 40), corner=-22),
    "pressed pucker": _mouth(upper=(-12, -12), lower=(12, 12), forward=(35, 35), corner=-35),
    "wide press": _mouth(upper=(-14, -12), lower=(14, 12), corner=30),
    "part": _mouth(jaw=4, upper=(10, 7), lower=(-10, -7)),
    "closed on a low jaw": _mouth(jaw=12, upper=(-20, -22), lower=(40, 44), forward=(0, 18)),
}


def pose_pulses(pose: dict[str, float]) -> Array:
    """Pulse widths (26,) in us of a pose, with every servo that it does not name at 0 degrees."""
    return pulses_from_degrees(np.array([pose.get(name, 0.0) for name in CHANNELS]))


def pose_targets(pose: dict[str, float], profile: HeadProfile) -> NDArray[np.float32]:
    """Targets 0..1 (channels,) of a pose for a profile of the reference head; channels not named at rest."""
    pulses = dict(zip(CHANNELS, pose_pulses(pose), strict=True))
    targets = profile.rest_targets()
    for i, channel in enumerate(profile.channels):
        if channel.name in pose:
            share = (pulses[channel.name] - channel.pulse_min_us) / (
                channel.pulse_max_us - channel.pulse_min_us
            )
            targets[i] = min(1.0, max(0.0, 1.0 - share if channel.inverted else share))
    return targets
