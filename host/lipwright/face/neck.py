"""The head on its neck: it follows far looks, nods, breathes and is never quite still.

Angles are degrees: to the head's left, up, and tilted to its left.
"""

from __future__ import annotations

import math
import random

from lipwright.face.easing import settle
from lipwright.face.manners import Manner

# The head takes part in looks that go far: with this share of what lies beyond the first degrees, and later
# and slower than the eyes, which turn back meanwhile.
FOLLOWS_FROM_DEG, FOLLOWS = 5.0, 0.45
FOLLOW_S = 0.22  # time constant
# Nods on stressed syllables are small and peak after the syllable's beginning (Kim, Cvejic & Davis 2014).
STRESS_NOD_DEG, STRESS_NOD_S = 2.6, 0.44
STRESS_NOD_CHANCE, STRESS_NODS_APART_S = 0.45, 0.90
LISTENER_NOD_DEG, LISTENER_NOD_S = (2.5, 4.5), 0.95  # two cycles, the second smaller
LISTENER_NODS_APART_S = 3.0
BREATH_DEG = 0.45  # how far the chest tips the head
BREATH_IN = 0.4  # share of a breath; out takes longer
BREATH_SPREAD = 0.12  # from breath to breath
SWAY_HZ = (0.071, 0.113, 0.167)  # rates with no common period
SWAY_SHARES = (0.5, 0.3, 0.2)


class Neck:
    """Says how the head is turned: `yaw_deg`, `pitch_deg`, `roll_deg`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.yaw_deg = self.pitch_deg = self.roll_deg = 0.0
        self._phases = [[chance.uniform(0, 2 * math.pi) for _ in SWAY_HZ] for _ in range(3)]
        self._follow = [0.0, 0.0]
        self._follow_speed = [0.0, 0.0]
        self._breath = chance.random()
        self._breath_rate = 1.0
        self._nod_began_s = -math.inf
        self._nod_deg = 0.0
        self._nod_s, self._nod_cycles = 1.0, 1
        self._sway_deg = 0.0

    def step(
        self, now_s: float, passed_s: float, manner: Manner, gaze_deg: tuple[float, float], accent: float
    ) -> None:
        """Moves on by `passed_s` to `now_s`, the eyes' goal being at `gaze_deg`; `accent`: a stress, 0..1."""
        self._begin_nods(now_s, passed_s, manner, accent)
        for axis in (0, 1):
            beyond = max(0.0, abs(gaze_deg[axis]) - FOLLOWS_FROM_DEG) * FOLLOWS
            self._follow[axis], self._follow_speed[axis] = settle(
                self._follow[axis],
                self._follow_speed[axis],
                math.copysign(beyond, gaze_deg[axis]),
                FOLLOW_S,
                passed_s,
            )
        # A calmer mood sways less, little by little.
        self._sway_deg += min(1.0, passed_s) * (manner.sway_deg - self._sway_deg)
        sway = [self._sway_deg * self._swayed(now_s, phases) for phases in self._phases]
        self.yaw_deg = self._follow[0] + sway[0]
        self.pitch_deg = self._follow[1] + 0.6 * sway[1] + self._breathe(passed_s, manner) - self._nod(now_s)
        self.roll_deg = 0.7 * sway[2]

    def _begin_nods(self, now_s: float, passed_s: float, manner: Manner, accent: float) -> None:
        since = now_s - self._nod_began_s
        if accent > 0.0:
            if since > STRESS_NODS_APART_S and self._chance.random() < STRESS_NOD_CHANCE:
                self._nod_began_s, self._nod_s, self._nod_cycles = now_s, STRESS_NOD_S, 1
                self._nod_deg = STRESS_NOD_DEG * (0.4 + 0.6 * accent)
        elif since > LISTENER_NODS_APART_S and manner.nods_per_minute > 0.0:
            waits_s = max(1.0, 60.0 / manner.nods_per_minute - LISTENER_NODS_APART_S)
            if self._chance.random() < min(0.1, passed_s) / waits_s:
                self._nod_began_s, self._nod_s, self._nod_cycles = now_s, LISTENER_NOD_S, 2
                self._nod_deg = self._chance.uniform(*LISTENER_NOD_DEG)

    def _nod(self, now_s: float) -> float:
        share = (now_s - self._nod_began_s) / self._nod_s
        if not 0.0 <= share < 1.0:
            return 0.0
        smaller = 1.0 - 0.5 * share if self._nod_cycles > 1 else 1.0
        return float(self._nod_deg * smaller * math.sin(math.pi * self._nod_cycles * share) ** 2)

    def _breathe(self, passed_s: float, manner: Manner) -> float:
        self._breath += passed_s * manner.breaths_per_minute / 60.0 * self._breath_rate
        if self._breath >= 1.0:
            self._breath %= 1.0
            self._breath_rate = min(1.3, max(0.7, self._chance.gauss(1.0, BREATH_SPREAD)))
        if self._breath < BREATH_IN:
            full = 0.5 - 0.5 * math.cos(math.pi * self._breath / BREATH_IN)
        else:
            full = 0.5 + 0.5 * math.cos(math.pi * (self._breath - BREATH_IN) / (1 - BREATH_IN))
        return BREATH_DEG * (full - 0.5)

    def _swayed(self, now_s: float, phases: list[float]) -> float:
        return sum(
            share * math.sin(2 * math.pi * hz * now_s + phase)
            for hz, share, phase in zip(SWAY_HZ, SWAY_SHARES, phases, strict=True)
        )
