"""How well lips moved: the measures that reports and evaluations share.

All tracks are sampled on one uniform grid of ``RATE_HZ``. Names and definitions are those of
docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Track = npt.NDArray[np.float64]

RATE_HZ = 100
# A viewer takes lips for closed when they come to within this.
CLOSED_MM = 1.0
BILABIALS = frozenset("pbm")
LABIODENTALS = frozenset("fvɱ")
# Closures lead the sound: the slack before a phone is wider than after it.
SLACK_BEFORE_S = 0.040
SLACK_AFTER_S = 0.020
OFFSET_WINDOW_S = 2.0
OFFSET_HOP_S = 0.5
OFFSET_MOST_S = 0.2
# A window whose lips hardly move has no measurable offset.
OFFSET_LEAST_SPREAD = 0.05


class Phone(NamedTuple):
    """One phone of what was said; an empty ``ipa`` is silence."""

    ipa: str
    start_s: float
    end_s: float


class Offset(NamedTuple):
    """Lag of the lips in ms (negative: lips lead): median, and the 95th percentile of its size."""

    median_ms: float | None
    p95_ms: float | None


class Closures(NamedTuple):
    """Bilabial closures made, and closures where none was due."""

    rate: float | None
    events: int
    made: tuple[bool, ...]
    false_per_minute: float | None


def resample(times_s: Sequence[float] | Track, values: npt.NDArray[np.floating[Any]], grid_s: Track) -> Track:
    """Values (n, ...) at the grid's times (any shape) by linear interpolation; the ends are held.

    Returns the grid's shape, then that of one value.
    """
    known = np.asarray(times_s, np.float64)
    columns = np.asarray(values, np.float64).reshape(len(values), -1).T
    rows = np.stack([np.interp(grid_s, known, column) for column in columns], axis=-1)
    return rows.reshape(*np.shape(grid_s), *np.shape(values)[1:])


def runs(marks: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last index of every run of True."""
    edges = np.diff(np.concatenate([[0], marks.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def correlation(reference: Track, track: Track) -> float | None:
    """Pearson's r at lag 0; None when either does not move."""
    if len(reference) < 2 or np.std(reference) < 1e-9 or np.std(track) < 1e-9:
        return None
    return float(np.corrcoef(reference, track)[0, 1])


def range_ratio(reference: Track, track: Track) -> float | None:
    """The track's spread (5th to 95th percentile) over the reference's; None for a still reference."""
    spread = float(np.subtract(*np.percentile(reference, [95, 5])))
    return float(np.subtract(*np.percentile(track, [95, 5]))) / spread if spread > 1e-9 else None


def lag_ms(reference: Track, track: Track) -> float | None:
    """By how much ``track`` comes after ``reference``, from the peak of their correlation.

    Looks up to ``OFFSET_MOST_S`` to either side and refines the peak with a parabola. None when the
    reference hardly moves, the track does not, or the best fit lies at the edge of the search.
    """
    most = round(OFFSET_MOST_S * RATE_HZ)
    if len(reference) <= 2 * most + 2 or np.ptp(reference) < OFFSET_LEAST_SPREAD:
        return None
    middle = reference[most:-most] - np.mean(reference[most:-most])
    shifted = np.lib.stride_tricks.sliding_window_view(track, len(middle))
    spreads = np.std(shifted, axis=1) * np.std(middle) * len(middle)
    if np.min(spreads) < 1e-9:
        return None
    r = shifted @ middle / spreads
    best = int(np.argmax(r))
    if best in (0, len(r) - 1):
        return None
    left, top, right = r[best - 1 : best + 2]
    bend = left - 2 * top + right
    shift = 0.5 * (left - right) / bend if abs(bend) > 1e-12 else 0.0
    return float((best - most + shift) * 1000 / RATE_HZ)


def lags_ms(reference: Track, track: Track) -> list[float]:
    """The lags of windows of ``OFFSET_WINDOW_S`` that have one; a shorter clip is one window."""
    window = min(round(OFFSET_WINDOW_S * RATE_HZ), len(reference))
    hop = round(OFFSET_HOP_S * RATE_HZ)
    starts = range(0, max(len(reference) - window, 0) + 1, hop)
    lags = [lag_ms(reference[i : i + window], track[i : i + window]) for i in starts]
    return [lag for lag in lags if lag is not None]


def offset(reference: Track, track: Track) -> Offset:
    """The lag over windows of ``OFFSET_WINDOW_S``; a shorter clip is one window."""
    return offset_of(lags_ms(reference, track))


def offset_of(lags: Sequence[float]) -> Offset:
    """What lags (ms) of windows come to."""
    if not lags:
        return Offset(None, None)
    return Offset(float(np.median(lags)), float(np.percentile(np.abs(lags), 95)))


def closure_windows(phones: Sequence[Phone]) -> list[tuple[float, float]]:
    """The times (s) within which each /p b m/ must close, with the slack on both sides."""
    return [
        (phone.start_s - SLACK_BEFORE_S, phone.end_s + SLACK_AFTER_S)
        for phone in phones
        if BILABIALS & set(phone.ipa)
    ]


def open_due(grid_s: Track, phones: Sequence[Phone]) -> npt.NDArray[np.bool_]:
    """Where on the grid lips that are closed are wrong.

    Silence does not count as speech, since a mouth at rest is closed; nor do labiodentals, whose lower
    lip rightly meets the teeth.
    """
    speech = np.zeros(len(grid_s), bool)
    excused = np.zeros(len(grid_s), bool)
    for phone in phones:
        if phone.ipa:
            speech[slice(*np.searchsorted(grid_s, [phone.start_s, phone.end_s]))] = True
        if not phone.ipa or (BILABIALS | LABIODENTALS) & set(phone.ipa):
            first = np.searchsorted(grid_s, phone.start_s - SLACK_BEFORE_S)
            last = np.searchsorted(grid_s, phone.end_s + SLACK_AFTER_S, side="right")
            excused[first:last] = True
    return speech & ~excused


def closures(grid_s: Track, aperture_mm: Track, phones: Sequence[Phone]) -> Closures:
    """Which bilabials closed, and how often lips closed in speech where none was due (`open_due`)."""
    windows = closure_windows(phones)
    closed = aperture_mm <= CLOSED_MM
    made = tuple(bool(np.any(closed[(grid_s >= start) & (grid_s <= end)])) for start, end in windows)
    elsewhere = open_due(grid_s, phones)
    wrong = closed & elsewhere
    runs = int(np.sum(wrong[1:] & ~wrong[:-1])) + int(len(wrong) > 0 and wrong[0])
    minutes = float(np.sum(elsewhere)) / RATE_HZ / 60
    return Closures(
        rate=sum(made) / len(made) if made else None,
        events=len(made),
        made=made,
        false_per_minute=runs / minutes if minutes > 0 else None,
    )


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """The 95 % interval of a rate (Wilson 1927); None without trials."""
    if trials == 0:
        return None
    z = 1.959964
    rate = successes / trials
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z * np.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def area_under_curve(positives: Track, negatives: Track) -> float | None:
    """Chance that a value drawn from `positives` lies above one from `negatives`; ties count half.

    None when one of the two is empty.
    """
    if not len(positives) or not len(negatives):
        return None
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    up_to = np.searchsorted(ordered, positives, side="right")
    return float(np.mean(below + up_to) / 2 / len(negatives))
