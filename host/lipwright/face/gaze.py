"""Gaze: where the eyes look, in saccades and fixations, at a partner straight ahead and elsewhere.

Angles are degrees in the frame of the resting head, to the head's left and up; the eyes turn by what the
neck leaves of them. docs/life.md has the literature.
"""

from __future__ import annotations

import math
import random

from lipwright.face.manners import Manner

# What one looks at in a face an arm's length and a half away: its eyes and its mouth.
FACE_DEG = ((1.7, 0.8), (-1.7, 0.8), (0.0, -2.6))
FACE_WEIGHTS = (0.4, 0.4, 0.2)
STAYS_CHANCE = 0.55  # that the next fixation is on the same part, just beside the last
JITTER_DEG = 0.6
# Fixations; log-normal, as people's are.
FIXATION_S, FIXATION_SPREAD = 0.50, 0.5
SHORTEST_FIXATION_S = 0.20
LOOK_SPREAD = 0.5  # sigma of the logarithm of how long looks last
SHORTEST_LOOK_S = 0.4
# The main sequence (Bahill, Clark & Stark 1975): 21 ms, and 2.2 ms for each degree (Carpenter 1988).
SACCADE_S, SACCADE_S_PER_DEG = 0.021, 0.0022
NEAREST_AWAY_DEG = 4.5  # nearer than this, somebody who looks past still seems to look at one
WANDERS_DEG = (3.0, 2.0)  # from one fixation elsewhere to the next
FARTHEST_DEG = (20.0, 12.0)  # sideways, up and down
FAR_SHIFT_DEG = 8.0  # from which a shift of gaze invites a blink


class Gaze:
    """Moves a point of regard; `yaw_deg` and `pitch_deg` are where it is now."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.yaw_deg = self.pitch_deg = 0.0
        self.at_partner = True
        self.shifted_far = False
        """Whether a far shift began in this step."""
        self._from = self._to = (0.0, 0.0)
        self._began_s, self._takes_s = -math.inf, SACCADE_S
        self._place = 0
        self._look_ends_s = self._fixation_ends_s = -math.inf

    def turn(self, to_partner: bool) -> None:
        """Ends the present look at the next step: to the partner, or away from them."""
        if self.at_partner != to_partner:
            self._look_ends_s = -math.inf

    def step(self, now_s: float, manner: Manner) -> None:
        """Moves to where one looks at `now_s`."""
        self.shifted_far = False
        if now_s >= self._look_ends_s:
            if math.isinf(self._began_s):
                self.at_partner = True  # who wakes up looks ahead
            else:
                self.at_partner = not self.at_partner
            mean = manner.look_s if self.at_partner else manner.away_s
            self._look_ends_s = now_s + max(SHORTEST_LOOK_S, self._drawn(mean, LOOK_SPREAD))
            self._shift(now_s, self._in_face() if self.at_partner else self._elsewhere(manner, False))
        elif now_s >= self._fixation_ends_s:
            self._shift(now_s, self._in_face() if self.at_partner else self._elsewhere(manner, True))
        share = min(1.0, (now_s - self._began_s) / self._takes_s)
        way = share * share * share * (10.0 + share * (6.0 * share - 15.0))  # least jerk
        self.yaw_deg = self._from[0] + way * (self._to[0] - self._from[0])
        self.pitch_deg = self._from[1] + way * (self._to[1] - self._from[1])

    def _shift(self, now_s: float, goal: tuple[float, float]) -> None:
        fixation_s = max(SHORTEST_FIXATION_S, self._drawn(FIXATION_S, FIXATION_SPREAD))
        self._from, self._to = (self.yaw_deg, self.pitch_deg), goal
        size = math.hypot(goal[0] - self.yaw_deg, goal[1] - self.pitch_deg)
        self._began_s, self._takes_s = now_s, SACCADE_S + SACCADE_S_PER_DEG * size
        self._fixation_ends_s = now_s + self._takes_s + fixation_s
        self.shifted_far = size > FAR_SHIFT_DEG

    def _in_face(self) -> tuple[float, float]:
        if self._chance.random() > STAYS_CHANCE:
            others = [place for place in range(len(FACE_DEG)) if place != self._place]
            self._place = self._chance.choices(others, [FACE_WEIGHTS[place] for place in others])[0]
        yaw, pitch = FACE_DEG[self._place]
        return yaw + self._chance.gauss(0.0, JITTER_DEG), pitch + self._chance.gauss(0.0, JITTER_DEG)

    def _elsewhere(self, manner: Manner, wanders: bool) -> tuple[float, float]:
        middle, spread = (0.0, manner.away_pitch_deg), manner.away_spread_deg
        if wanders:
            middle, spread = self._to, WANDERS_DEG
        while True:
            yaw, pitch = (self._chance.gauss(*axis) for axis in zip(middle, spread, strict=True))
            yaw = min(FARTHEST_DEG[0], max(-FARTHEST_DEG[0], yaw))
            pitch = min(FARTHEST_DEG[1], max(-FARTHEST_DEG[1], pitch))
            if math.hypot(yaw, pitch) >= NEAREST_AWAY_DEG:
                return yaw, pitch

    def _drawn(self, mean: float, spread: float) -> float:
        return mean * self._chance.lognormvariate(-spread * spread / 2, spread)
