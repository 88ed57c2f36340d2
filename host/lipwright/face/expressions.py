"""Expressions as data: where each moves brows, lids, head and mouth, and how they come and go.

A share says how far a part goes from rest towards an end of its range: 1 all the way to the end at 1, -1 to
the end at 0, 0 stays. Ranges go as on the reference head: lids at 1 are closed, brows and lips at 1 are up,
corners at 1 are out, the neck at 1 is turned left, up and tilted left. Parts that a head lacks stay away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipwright.errors import LipwrightError
from lipwright.face.easing import settle
from lipwright.face.profile import HeadProfile

Floats = npt.NDArray[np.float64]

# Parts of a face, and the channels that they are: both sides where a name has no side.
PARTS: dict[str, tuple[str, ...]] = {
    "brows_inner": ("brow_left_inner", "brow_right_inner"),
    "brows_outer": ("brow_left_outer", "brow_right_outer"),
    "lids_upper": ("lid_left_upper", "lid_right_upper"),
    "lids_lower": ("lid_left_lower", "lid_right_lower"),
    "corners": ("corner_left", "corner_right"),
    "upper_lip": ("upper_lip_mid", "upper_lip_left", "upper_lip_right", "upper_lip"),
    "upper_lip_sides": ("upper_lip_left", "upper_lip_right"),
    "lower_lip": ("lower_lip_mid", "lower_lip_left", "lower_lip_right", "lower_lip"),
    "lower_lip_sides": ("lower_lip_left", "lower_lip_right"),
    "lips_forward": ("upper_lip_forward", "lower_lip_forward", "lips_forward"),
}
CORNERS = PARTS["corners"]
FORGOTTEN = 0.001  # a level that no servo shows any more


@dataclass(frozen=True)
class Expression:
    """One expression."""

    attack_s: float  # time constants of coming and going
    release_s: float
    lasts_s: float | None  # unless said otherwise; None: until another is asked for
    shares: Mapping[str, float] = field(default_factory=dict)  # part, or one channel: share


EXPRESSIONS: dict[str, Expression] = {
    "neutral": Expression(0.30, 0.30, None),
    "smile": Expression(
        attack_s=0.16,
        release_s=0.30,
        lasts_s=None,
        shares={
            "corners": 0.90,
            "upper_lip_sides": 0.42,
            "upper_lip_mid": 0.12,
            "lower_lip_sides": 0.20,
            "lower_lip_mid": -0.15,
            "jaw": 0.04,
            "lids_lower": 0.40,  # a smile without the eyes looks false
            "brows_outer": 0.10,
        },
    ),
    "surprise": Expression(
        attack_s=0.07,
        release_s=0.30,
        lasts_s=1.6,
        shares={
            "brows_inner": 0.85,
            "brows_outer": 0.85,
            "lids_upper": -0.75,
            "lids_lower": -0.25,
            "jaw": 0.28,
            "lips_forward": 0.10,
            "neck_pitch": 0.08,
        },
    ),
    "sad": Expression(
        attack_s=0.40,
        release_s=0.50,
        lasts_s=None,
        shares={
            "brows_inner": 0.75,
            "brows_outer": -0.35,
            "lids_upper": 0.22,
            "corners": -0.28,
            "upper_lip_sides": -0.32,
            "lower_lip_mid": 0.20,
            "lower_lip_sides": -0.12,
            "neck_pitch": -0.18,
        },
    ),
    "angry": Expression(
        attack_s=0.14,
        release_s=0.35,
        lasts_s=None,
        shares={
            "brows_inner": -0.85,
            "brows_outer": 0.15,
            "lids_upper": 0.10,
            "lids_lower": 0.35,
            "upper_lip": -0.15,
            "lower_lip": 0.15,
            "corners": -0.10,
            "neck_pitch": -0.08,
        },
    ),
    "doubt": Expression(
        attack_s=0.18,
        release_s=0.35,
        lasts_s=None,
        shares={
            "brow_left_outer": 0.85,
            "brow_left_inner": 0.45,
            "brow_right_inner": -0.45,
            "brow_right_outer": -0.20,
            "lid_right_lower": 0.35,
            "lid_right_upper": 0.15,
            "corner_right": 0.25,
            "corner_left": -0.10,
            "neck_roll": 0.16,
        },
    ),
    "thinking": Expression(
        attack_s=0.25,
        release_s=0.35,
        lasts_s=None,
        shares={
            "brows_inner": -0.40,
            "brows_outer": 0.15,
            "lids_lower": 0.30,
            "corners": -0.15,
            "lips_forward": 0.08,
            "neck_roll": -0.16,
        },
    ),
    "wink": Expression(
        attack_s=0.035,
        release_s=0.07,
        lasts_s=0.26,
        shares={
            "lid_left_upper": 1.0,
            "brow_left_outer": -0.20,
            "corner_left": 0.40,
            "neck_roll": 0.08,
        },
    ),
    "sleepy": Expression(
        attack_s=0.70,
        release_s=0.45,
        lasts_s=None,
        shares={
            "lids_upper": 0.55,
            "brows_inner": 0.15,
            "brows_outer": -0.15,
            "neck_pitch": -0.22,
            "neck_roll": 0.10,
        },
    ),
}


def expression_named(name: str) -> Expression:
    """The expression of that name; raises LipwrightError, which lists all, if there is none."""
    if name not in EXPRESSIONS:
        known = ", ".join(EXPRESSIONS)
        raise LipwrightError(f'There is no expression "{name}"; use one of {known}.')
    return EXPRESSIONS[name]


def shares_of(parts: Mapping[str, float], profile: HeadProfile) -> Floats:
    """Shares (channels,) of a profile for those of parts or channels; what the head lacks is left out."""
    places = {channel.name: place for place, channel in enumerate(profile.channels)}
    shares = np.zeros(len(places))
    for part, share in parts.items():
        for name in PARTS.get(part, (part,)):
            if name in places:
                shares[places[name]] += share
    return shares


class Wearing:
    """The expressions that a face wears: the last one asked for, and others that still fade."""

    def __init__(self, profile: HeadProfile) -> None:
        self._shares = {name: shares_of(one.shares, profile) for name, one in EXPRESSIONS.items()}
        self._levels: dict[str, tuple[float, float]] = {}  # level 0..1, and its speed
        self._goal = ("neutral", 0.0)
        self._lasts_s: float | None = None

    def ask(self, name: str, strength: float, duration_s: float | None) -> None:
        """From the next step on, this expression; it takes the place of the one before."""
        expression = expression_named(name)
        self._goal = (name, strength)
        self._lasts_s = expression.lasts_s if duration_s is None else duration_s
        self._levels.setdefault(name, (0.0, 0.0))

    def step(self, passed_s: float) -> Floats | None:
        """Shares (channels,) after `passed_s`; None for a face without expression."""
        if self._lasts_s is not None:
            self._lasts_s -= passed_s
            if self._lasts_s < 0.0:
                self._goal, self._lasts_s = ("neutral", 0.0), None
        if not self._levels:
            return None
        total = np.zeros_like(self._shares["neutral"])
        for name, (level, speed) in list(self._levels.items()):
            wanted = self._goal[1] if name == self._goal[0] else 0.0
            expression = EXPRESSIONS[name]
            time_s = expression.attack_s if wanted > level else expression.release_s
            level, speed = settle(level, speed, wanted, time_s, passed_s)
            if wanted == 0.0 and abs(level) < FORGOTTEN and abs(speed) < FORGOTTEN:
                del self._levels[name]
                continue
            self._levels[name] = (level, speed)
            total += level * self._shares[name]
        return total
