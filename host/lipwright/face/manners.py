"""Moods: how a face blinks, looks and holds itself while it idles, listens, thinks, speaks or watches.

docs/life.md has the literature behind the numbers; what no study gives is set by eye and says so there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Manner:
    """What one mood is like. Angles are degrees, to the head's left and up."""

    blinks_per_minute: float
    look_s: float  # mean length of a look at the partner
    away_s: float  # mean length of looking elsewhere
    away_pitch_deg: float  # where "elsewhere" lies on average: above or below the partner
    away_spread_deg: tuple[float, float]  # sideways, up and down
    breaths_per_minute: float
    nods_per_minute: float  # of itself; nods on stressed syllables come with prosody
    sway_deg: float  # of the head, slowly
    posture: Mapping[str, float] = field(default_factory=dict)  # as in `lipwright.face.expressions`


MANNERS: dict[str, Manner] = {
    "idle": Manner(
        blinks_per_minute=16.0,
        look_s=3.0,
        away_s=3.0,
        away_pitch_deg=-1.0,
        away_spread_deg=(9.0, 3.5),
        breaths_per_minute=14.0,
        nods_per_minute=0.0,
        sway_deg=0.9,
        posture={"lids_upper": 0.06},
    ),
    "listening": Manner(
        blinks_per_minute=17.0,
        look_s=4.0,
        away_s=1.0,
        away_pitch_deg=-2.0,
        away_spread_deg=(7.0, 3.0),
        breaths_per_minute=15.0,
        nods_per_minute=5.0,
        sway_deg=0.6,
        posture={"brows_inner": 0.10, "brows_outer": 0.10, "neck_roll": 0.12, "neck_pitch": 0.03},
    ),
    "thinking": Manner(
        blinks_per_minute=19.0,
        look_s=1.2,
        away_s=2.4,
        away_pitch_deg=6.0,
        away_spread_deg=(9.0, 3.0),
        breaths_per_minute=14.0,
        nods_per_minute=0.0,
        sway_deg=0.7,
        posture={"brows_inner": -0.15, "lids_lower": 0.10, "neck_roll": -0.14, "neck_pitch": 0.05},
    ),
    "speaking": Manner(
        blinks_per_minute=24.0,
        look_s=2.2,
        away_s=1.5,
        away_pitch_deg=-1.0,
        away_spread_deg=(8.0, 4.0),
        breaths_per_minute=14.0,
        nods_per_minute=0.0,
        sway_deg=1.1,
    ),
    # Camera and microphone are on: whoever comes in shall see it. Set by eye.
    "watching": Manner(
        blinks_per_minute=14.0,
        look_s=6.0,
        away_s=0.6,
        away_pitch_deg=-1.0,
        away_spread_deg=(6.0, 2.5),
        breaths_per_minute=15.0,
        nods_per_minute=0.0,
        sway_deg=0.4,
        posture={"brows_inner": 0.15, "brows_outer": 0.15, "lids_upper": -0.35, "neck_pitch": 0.04},
    ),
}
