"""How well a head's lips do what speech asks, after the actuator: speech that nobody learned from.

The simulated head is judged by where its lips were; a real one by what its camera sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.discover.asked import Asked
from liplab.discover.plan import FRAME_S, REST_S, Take
from liplab.discover.seen import tracks
from liplab.discover.session import FRONT, Filmed
from liplab.discover.shape import gaps_mm, width_mm
from liplab.eyes.frame import FaceFrame
from liplab.scores import (
    CLOSED_MM,
    RATE_HZ,
    SLACK_AFTER_S,
    SLACK_BEFORE_S,
    correlation,
    offset,
    range_ratio,
    resample,
    runs,
)
from lipwright.face.profile import HeadProfile

CLOSURE_ASKED = 0.0  # normalised aperture that asks for closed lips
OPEN_ASKED, OPEN_AROUND_S = 0.15, 0.04  # where more is asked, and around it, closed lips are wrong
START_S = 5.0  # of a performance, what a drift is measured against

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """What came of a performance. None where it could not be told.

    `front_mm` and `depth_mm`: rms distance of the lips' points from where they were asked, in the picture
    plane and ahead. `drift_ratio`: error of the rest over that of the first 5 s. `closure_rate`: share of
    asked closures in which all facing points came within 1 mm of closed. `offset_ms` is negative where lips
    lead; `offset_p95_ms` is the 95th percentile of its size over windows of 2 s.
    """

    front_mm: float
    depth_mm: float | None
    aperture_r: float | None
    aperture_range_ratio: float | None
    width_r: float | None
    closure_rate: float | None
    closures: int
    false_closures_per_minute: float
    offset_ms: float | None
    offset_p95_ms: float | None
    drift_ratio: float | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Performed:
    """Lips (n, 20, 3) in mm from rest and the widest gap (n,) in mm, 100 samples a second of sound time, and
    what was asked for at the same moments: lips and gap."""

    lips: Floats
    gap: Floats
    asked_lips: Floats
    asked_gap: Floats


def asked_at(asked: Asked, times_s: Floats, aperture_mm: float) -> tuple[Floats, Floats]:
    """Lips (n, 20, 3) and gap (n,) asked at times (n,) s of a stream."""
    rows = np.arange(len(asked)) * FRAME_S
    return resample(rows, asked.lips, times_s), resample(
        rows, asked.articulation[:, 0], times_s
    ) * aperture_mm


def heard_s(profile: HeadProfile) -> float:
    """From the first target of a `spoken_take` to the start of the sound that it is for: it rests first, and
    every row goes out the profile's lead before its sound."""
    return REST_S + profile.lead_ms / 1000


def spoken_take(targets: NDArray[np.float32], profile: HeadProfile) -> Take:
    """A take of targets (n, channels) as they are, at rest before and after."""
    still = np.tile(profile.rest_targets(), (round(REST_S / FRAME_S), 1))
    return Take("judged", np.concatenate([still, targets, still]).astype(np.float32))


@dataclass(frozen=True)
class Looking:
    """What it takes to read a film: the face's frame, the true distance of the eyes, the camera's delay."""

    frame: FaceFrame
    eyes_mm: float
    camera_s: float


def seen_performance(filmed: Filmed, asked: Asked, looking: Looking, profile: HeadProfile) -> Performed:
    """A take of `spoken_take` as the front camera saw it: no depth, and a gap that ends at closed lips."""
    times, points, _ = tracks(filmed, FRONT, looking.frame, looking.eyes_mm)
    sound_s = times - looking.camera_s - heard_s(profile)
    grid = np.arange(0, (len(asked) - 1) * FRAME_S, 1 / RATE_HZ)
    seen = resample(sound_s, points[:, :20], grid)
    lips = np.stack([seen[..., 0], np.zeros(seen.shape[:2]), seen[..., 1]], axis=-1)
    gap = gaps_mm(lips).max(axis=1)
    return Performed(lips, gap, *asked_at(asked, grid, profile.articulation.aperture_mm))


def score(performances: Sequence[Performed], aperture_mm: float, depth: bool) -> Scores:
    """Scores of performances together."""
    lips = np.concatenate([one.lips for one in performances])
    wanted = np.concatenate([one.asked_lips for one in performances])
    gap = np.concatenate([one.gap for one in performances])
    asked = np.concatenate([one.asked_gap for one in performances])
    squared = (lips - wanted) ** 2
    front = squared[..., 0] + squared[..., 2]
    lags = [offset(one.asked_gap / aperture_mm, one.gap / aperture_mm) for one in performances]
    medians = [lag.median_ms for lag in lags if lag.median_ms is not None]
    spreads = [lag.p95_ms for lag in lags if lag.p95_ms is not None]
    met = closures = false = 0
    open_s = 0.0
    for one in performances:
        made, events, wrong, seconds = _closures(one, aperture_mm)
        met, closures, false, open_s = met + made, closures + events, false + wrong, open_s + seconds
    width, asked_width = width_mm(lips), width_mm(wanted)
    first = round(START_S * RATE_HZ)
    drift = None
    if len(front) > 2 * first and front[:first].any():
        drift = float(np.sqrt(front[first:].mean() / front[:first].mean()))
    return Scores(
        front_mm=round(float(np.sqrt(front.mean())), 3),
        depth_mm=round(float(np.sqrt(squared[..., 1].mean())), 3) if depth else None,
        aperture_r=_rounded(correlation(asked, gap)),
        aperture_range_ratio=_rounded(range_ratio(asked, gap)),
        width_r=_rounded(correlation(asked_width, width)),
        closure_rate=round(met / closures, 4) if closures else None,
        closures=closures,
        false_closures_per_minute=round(60 * false / max(open_s, 1e-9), 2),
        offset_ms=round(float(np.median(medians)), 1) if medians else None,
        offset_p95_ms=round(float(np.median(spreads)), 1) if spreads else None,
        drift_ratio=_rounded(drift),
        seconds=round(len(gap) / RATE_HZ, 1),
    )


def _closures(one: Performed, aperture_mm: float) -> tuple[int, int, int, float]:
    """Closures made, closures asked, closed where open lips were asked, seconds that asked for open lips."""
    closed = one.gap <= CLOSED_MM
    met = events = 0
    for start, end in runs(one.asked_gap <= CLOSURE_ASKED * aperture_mm):
        if start == 0 or end == len(closed):
            continue  # silence at the ends
        first = max(0, start - round(SLACK_BEFORE_S * RATE_HZ))
        met += bool(closed[first : end + round(SLACK_AFTER_S * RATE_HZ)].any())
        events += 1
    reach = round(OPEN_AROUND_S * RATE_HZ)
    opened = np.pad(one.asked_gap > OPEN_ASKED * aperture_mm, reach)
    asked_open = np.lib.stride_tricks.sliding_window_view(opened, 2 * reach + 1).all(axis=1)
    return met, events, len(runs(closed & asked_open)), float(asked_open.sum()) / RATE_HZ


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
