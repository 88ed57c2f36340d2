"""Lips against sound: by how much the sound is late, and whether the two belong together at all.

The lip model hears what lips should do; the camera saw what they did. Both are correlated at every offset
within MOST_OFFSET_S, aperture, width and jaw together. Slow changes are taken out first: mouths are open in
all speech and closed in all silence, so these say little about whether the words are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liplab.eyes.sight import Floats
from liplab.scores import RATE_HZ, resample
from lipwright.lips.model import ARTICULATION

MOST_OFFSET_S = 0.3
# The measures of `liplab.watch.faces.PARTS`, and how much each counts. Weights and SLOW_S were chosen on six
# GRID clips, by sound shifted and exchanged among them (liplab bench watch --only), LEAST_AT_3_S on 50 others
# of one more speaker, and all were checked on clips that nothing was chosen by: docs/watching.md.
WEIGHTS = {"aperture": 1.0, "width": 0.5, "jaw": 0.5}
SLOW_S = 0.2  # standard deviation of the Gaussian whose mean is taken out
LEAST_AT_3_S = 0.48
# What chance reaches falls with a clip's length. Of joined GRID clips, 95 % of the dubbed ones lie below
# 0.39 in 6 s, 0.28 in 9 s and 0.24 in 15 s.
LENGTH_POWER, LEAST_EVER = 0.3, 0.25
SHORTEST_S = 2.0
STILL = 0.03  # of the eyes' distance: lips that open less than this do not speak
SILENT = 0.15  # of the aperture in speech: a voice makes the lip model move more than this

NO_SOUND = "there is no sound"
NOBODY_SPEAKS = "nobody speaks"
LIPS_STILL = "the lips do not move"
DUBBED = "sound and lips do not belong together"
TOO_LATE = f"the sound is more than {MOST_OFFSET_S * 1000:.0f} ms off"


@dataclass(frozen=True)
class Match:
    """How lips go with sound.

    Attributes:
        offset_s: How much the sound comes later than the lips show it, in s.
        r: Correlation at that offset.
        least: What it must reach for a clip of this length.
        reason: Why they do not go together; empty: they do.
    """

    offset_s: float
    r: float
    least: float
    reason: str


def match(times_s: Floats, measures: Floats, heard_s: Floats, heard: Floats) -> Match:
    """Compares lips seen at times (n,) with what was heard at times (m,), both in s.

    `measures` (n, 3) are of `liplab.watch.faces.PARTS`, `heard` (m, 5) the articulation that the lip model
    puts out, which should reach MOST_OFFSET_S beyond the lips' times; where it does not, its ends are held.
    """
    grid = np.arange(times_s[0], times_s[-1], 1 / RATE_HZ)
    least = least_r(float(times_s[-1] - times_s[0]))
    most = round(MOST_OFFSET_S * RATE_HZ)
    wide = times_s[0] + np.arange(-most, len(grid) + most) / RATE_HZ
    sound = resample(heard_s, heard, wide)
    if np.ptp(np.percentile(sound[:, 0], [5, 95])) < SILENT:
        return Match(0.0, 0.0, least, NOBODY_SPEAKS)
    if np.ptp(np.percentile(measures[:, 0], [5, 95])) < STILL:
        return Match(0.0, 0.0, least, LIPS_STILL)
    r = np.zeros(2 * most + 1)
    for part, (name, weight) in enumerate(WEIGHTS.items()):
        seen = _quick(resample(times_s, measures[:, part], grid))
        r += weight * _correlations(seen, _quick(sound[:, ARTICULATION.index(name)]))
    r /= sum(WEIGHTS.values())
    best = int(np.argmax(r))
    if r[best] < least:
        return Match(0.0, float(r[best]), least, DUBBED)
    if best in (0, len(r) - 1):
        return Match((best - most) / RATE_HZ, float(r[best]), least, TOO_LATE)
    left, top, right = r[best - 1 : best + 2]
    bend = left - 2 * top + right
    shift = 0.5 * (left - right) / bend if bend < -1e-12 else 0.0
    return Match(float(best - most + shift) / RATE_HZ, float(top), least, "")


def least_r(seconds: float) -> float:
    """The correlation that lips and sound of this length must reach."""
    least: float = LEAST_AT_3_S * (3.0 / max(seconds, 0.1)) ** LENGTH_POWER
    return max(LEAST_EVER, min(1.0, least))


def _quick(track: Floats) -> Floats:
    """A track (n,) at RATE_HZ without its slow changes."""
    reach = round(3 * SLOW_S * RATE_HZ)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / RATE_HZ / SLOW_S) ** 2)
    # "same" gives the longer one's length, which a short track is not.
    mean = np.convolve(track, window)[reach:-reach] / np.convolve(np.ones(len(track)), window)[reach:-reach]
    return np.asarray(track - mean)


def _correlations(seen: Floats, heard: Floats) -> Floats:
    """Pearson's r of a track (n,) with every stretch of its length of a longer one, (m - n + 1,)."""
    stretches = np.lib.stride_tricks.sliding_window_view(heard, len(seen))
    middle = seen - seen.mean()
    spread = np.std(stretches, axis=1) * np.std(middle) * len(middle)
    return np.asarray(stretches @ middle / np.maximum(spread, 1e-9))
