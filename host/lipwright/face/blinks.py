"""Blinks: when they come and how the lids go.

The time between two is drawn from a log-normal distribution, which is what blink rates of people follow
(Bentivoglio et al. 1997), and counted in units of the mood's mean, so that a change of mood takes hold
within a blink that is waited for. Lids close fast and open slowly.
"""

from __future__ import annotations

import math
import random

from lipwright.face.easing import STEEPEST, eased

INTERVAL_SPREAD = 0.6  # sigma of the logarithm
SHORTEST_S = 0.45  # from one blink's beginning to the next
CLOSING_S = (0.070, 0.100)
CLOSED_S = (0.010, 0.040)
OPENING_S = (0.150, 0.200)
# A look that moves far, or the end of a phrase, brings a blink forward that is due within this time: people
# blink as they shift their gaze (Evinger et al. 1994) and where speech breaks. The next one waits so much
# longer, so the rate stays.
BROUGHT_FORWARD_S = 1.2


class Blinks:
    """Says how far lids are closed, 0 to 1."""

    def __init__(self, chance: random.Random, fastest_s: float) -> None:
        """`fastest_s`: what the head's lids need for the way at least, at their greatest speed."""
        self._chance = chance
        self._closing_least_s = STEEPEST * fastest_s
        self._due = self._drawn() * chance.random()  # mean intervals to go; the first comes at any time
        self._began_s = -math.inf
        self._closing_s = self._closed_s = self._opening_s = 0.1

    def step(self, now_s: float, passed_s: float, per_minute: float, welcome: bool) -> float:
        """Closure 0..1 at `now_s`, `passed_s` after the last call; `welcome`: this is a good moment."""
        self._due -= passed_s * per_minute / 60.0
        since = now_s - self._began_s
        wait_s = self._due * 60.0 / per_minute
        if since >= SHORTEST_S and wait_s <= (BROUGHT_FORWARD_S if welcome else 0.0):
            self._begin(now_s)
            since = 0.0
        if since < self._closing_s:
            return eased(since / self._closing_s)
        since -= self._closing_s + self._closed_s
        return 1.0 - eased(since / self._opening_s)

    def _begin(self, now_s: float) -> None:
        self._began_s = now_s
        self._due = max(0.0, self._due) + self._drawn()
        self._closing_s = max(self._closing_least_s, self._chance.uniform(*CLOSING_S))
        self._closed_s = self._chance.uniform(*CLOSED_S)
        self._opening_s = max(self._closing_least_s, self._chance.uniform(*OPENING_S))

    def _drawn(self) -> float:
        """An interval in units of the mean."""
        return self._chance.lognormvariate(-(INTERVAL_SPREAD**2) / 2, INTERVAL_SPREAD)
