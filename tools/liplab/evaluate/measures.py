"""The measures of a row of the table on a set: each clip is scored once, sets add up their clips.

Definitions are those of docs/architecture.md ("How we judge"). Tracks are articulation (m, 5) on the clip's
own grid of RATE_HZ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.evaluate import visemes
from liplab.evaluate.sets import Clip
from liplab.lips.measures import (
    APERTURE_MM,
    LABIODENTAL,
    PUCKER_ROUNDING_PERCENTILE,
    PUCKER_WIDTH_PERCENTILE,
    PUCKERED,
    SLACK_S,
    TUCKED,
)
from liplab.scores import (
    CLOSED_MM,
    RATE_HZ,
    Phone,
    area_under_curve,
    closure_windows,
    correlation,
    lags_ms,
    offset_of,
    open_due,
    range_ratio,
    resample,
    runs,
    wilson,
)
from liplab.speech.articulation import articulation, closure

PARTS = ("aperture", "width", "rounding")
# A camera's lips are closed below this share of their range: no millimetres there.
CLOSED_SHARE = 0.05
# A mouth that moves less than this does not pucker, whatever its percentiles say.
LEAST_SPREAD = 0.02
SPEECH_BELOW_PEAK_DB = 35.0  # louder than that is speech, where nobody said which phones there are
CURVE_MM = np.round(np.arange(-2.0, 6.01, 0.25), 2)
CLOSURE_RATES = (0.8, 0.9, 0.95)
JERK_HZ = 50  # of the track whose jerk is taken: that of the model's steps
COMMON_LAG_MOST_S = 0.2
RESAMPLES = 1000  # of the bootstrap
SEED = 3

Float = npt.NDArray[np.float64]
Track = npt.NDArray[np.float32]


class Reference:
    """What is known of a clip, worked out once for all rows."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.grid = clip.grid()
        phones = clip.phones
        self.asked: Track | None = articulation(phones, self.grid) if phones else None
        self.bilabials = self._places(closure_windows(phones))
        self.puckers = self._places(_slack(phones, PUCKERED))
        self.labiodentals = self._places(_slack(phones, LABIODENTAL))
        self.open_due = open_due(self.grid, phones)
        pressed = np.zeros(len(self.grid), bool)
        for first, last in self._places([closure(p) for p in phones if set("pbm") & set(p.ipa)]):
            pressed[first:last] = True
        self.pressed = pressed
        self.visemes, self.viseme_places = visemes.judged(phones)

    def _places(self, spans: Sequence[tuple[float, float]]) -> npt.NDArray[np.intp]:
        """First and one past the last grid place (n, 2) of time spans, at least one place each."""
        rows = np.array(spans, np.float64).reshape(-1, 2)
        first = np.searchsorted(self.grid, rows[:, 0])
        first = np.clip(first, 0, max(len(self.grid) - 1, 0))
        last = np.searchsorted(self.grid, rows[:, 1], side="right")
        return np.stack([first, np.maximum(last, first + 1)], axis=1)

    @cached_property
    def seen_places(self) -> Float:
        """The camera's moments within the sound, in s."""
        assert self.clip.seen is not None
        return self.clip.seen.times_s[self.clip.seen.times_s <= self.clip.seconds]

    @cached_property
    def seen_closed(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Of the camera's moments, which show closed lips and which lie in speech."""
        seen = self.clip.seen
        assert seen is not None
        aperture = seen.aperture[: len(self.seen_places)]
        low, high = float(seen.aperture.min()), float(seen.aperture.max())
        closed = aperture <= low + CLOSED_SHARE * (high - low)
        if self.clip.phones:
            speech = np.zeros(len(aperture), bool)
            for phone in self.clip.phones:
                if phone.ipa:
                    speech |= (self.seen_places >= phone.start_s) & (self.seen_places < phone.end_s)
            return closed, speech
        level = level_db(self.clip.samples, len(self.grid))
        loud = level > np.max(level) - SPEECH_BELOW_PEAK_DB
        return closed, np.interp(self.seen_places, self.grid, loud) > 0.5


def level_db(samples: npt.NDArray[np.float32], places: int) -> Float:
    """Level of a sound in dB around each of `places` grid times, over 40 ms."""
    hop = 16000 // RATE_HZ
    power = np.concatenate([[0.0], np.cumsum(np.asarray(samples, np.float64) ** 2)])
    middles = np.arange(places) * hop
    first, last = np.maximum(middles - 2 * hop, 0), np.minimum(middles + 2 * hop, len(samples))
    mean = (power[last] - power[first]) / np.maximum(last - first, 1)
    level: Float = 10 * np.log10(np.maximum(mean, 1e-12))
    return level


def _slack(phones: Sequence[Phone], letters: frozenset[str]) -> list[tuple[float, float]]:
    return [(p.start_s - SLACK_S, p.end_s + SLACK_S) for p in phones if letters & set(p.ipa)]


@dataclass(frozen=True)
class ClipScore:
    """What one row did on one clip, in the form in which sets add it up."""

    reference: Reference
    track: Track
    closest_mm: Float  # of each bilabial, the least aperture in its window
    frames_mm: Float  # apertures where lips should be open
    apart: int  # false closures that do not go on from a closure that was due, or from silence
    pairs_mm: Float  # the larger of each two neighbours among them: what joins frames to one false closure
    moments: Float  # (3, 6): n, sums of asked, got, asked squared, got squared, asked times got
    lags_ms: list[float]
    jerk: tuple[float, int]  # sum of squares, count
    viseme_features: Float
    camera: tuple[float | None, float | None] | None  # r of aperture and width with what was seen


def score_clip(reference: Reference, track: Track) -> ClipScore:
    """Scores a track (m, 5) on a clip's grid."""
    mm = track[:, 0].astype(np.float64) * APERTURE_MM
    due = reference.open_due
    both = due[1:] & due[:-1]
    asked = reference.asked
    moments = np.zeros((len(PARTS), 6))
    if asked is not None:
        for part in range(len(PARTS)):
            x, y = asked[:, part].astype(np.float64), track[:, part].astype(np.float64)
            moments[part] = [len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y]
    coarse = track[:: RATE_HZ // JERK_HZ, 0].astype(np.float64)
    jerk = np.diff(coarse, n=3) * JERK_HZ**3
    camera = None
    if reference.clip.seen is not None:
        seen, moments_s = reference.clip.seen, reference.seen_places
        wanted = (seen.aperture, seen.width)
        camera_r = [
            correlation(values[: len(moments_s)], _resampled_track(reference, track, part, moments_s))
            for part, values in enumerate(wanted)
        ]
        camera = (camera_r[0], camera_r[1])
    return ClipScore(
        reference,
        track,
        np.array([mm[first:last].min() for first, last in reference.bilabials]),
        mm[due],
        _apart(mm <= CLOSED_MM, due),
        np.maximum(mm[1:], mm[:-1])[both],
        moments,
        _lags(reference, track),
        (float(jerk @ jerk), len(jerk)),
        visemes.features(track, reference.viseme_places) if len(track) else np.zeros((0, 4)),
        camera,
    )


def _apart(closed: npt.NDArray[np.bool_], due: npt.NDArray[np.bool_]) -> int:
    """Runs of closed frames that lie where lips should be open from their first frame to their last."""
    return sum(bool(due[first:last].all()) for first, last in runs(closed))


def _lags(reference: Reference, track: Track) -> list[float]:
    """Lags behind the camera where there is one, else behind what the phones ask for."""
    seen = reference.clip.seen
    if seen is not None:
        wanted = resample(
            seen.times_s, seen.aperture / max(float(np.ptp(seen.aperture)), 1e-9), reference.grid
        )
    elif reference.asked is not None:
        wanted = reference.asked[:, 0].astype(np.float64)
    else:
        return []
    return lags_ms(wanted, track[:, 0].astype(np.float64))


def measure(scores: Sequence[ClipScore], classifier: visemes.Classifier | None) -> dict[str, Any]:
    """The measures of a row on a set, with events and 95 % intervals; None where nothing can be measured.

    Rates have Wilson's interval. r, range and false closures are resampled over clips, so a set of one clip
    has no such interval.
    """
    spoken = [score for score in scores if score.reference.asked is not None]
    figures: dict[str, Any] = {
        "minutes": sum(score.reference.clip.seconds for score in scores) / 60,
        "clips": len(scores),
    }
    figures |= _closures(spoken)
    puckers, labiodentals = _puckers(spoken), _labiodentals(spoken)
    figures["pucker_rate"], figures["labiodental_rate"] = _share(puckers), _share(labiodentals)
    figures |= _correlations(spoken)
    figures |= _ranges(spoken)
    wanted = np.concatenate([score.reference.visemes for score in scores] or [np.zeros(0, np.intp)])
    figures["viseme_f1"] = None
    if classifier is not None and len(wanted):
        got = classifier(np.concatenate([score.viseme_features for score in scores]))
        figures["viseme_f1"] = visemes.macro_f1(wanted, got)
    figures["closure_auc"] = _phone_auc(spoken)
    lags = offset_of([lag for score in scores for lag in score.lags_ms])
    figures["offset_ms"] = {"median": lags.median_ms, "p95": lags.p95_ms}
    squares, count = sum(score.jerk[0] for score in scores), sum(score.jerk[1] for score in scores)
    figures["jerk"] = float(np.sqrt(squares / count)) if count else None
    made = int(np.sum(np.concatenate([s.closest_mm for s in spoken] or [np.zeros(0)]) <= CLOSED_MM))
    figures["events"] = {
        "bilabials": sum(len(score.closest_mm) for score in spoken),
        "puckers": len(puckers),
        "labiodentals": len(labiodentals),
        "visemes": len(wanted),
        "offset_windows": sum(len(score.lags_ms) for score in scores),
    }
    intervals = {
        "closure_rate": wilson(made, figures["events"]["bilabials"]),
        "pucker_rate": wilson(sum(puckers), len(puckers)),
        "labiodental_rate": wilson(sum(labiodentals), len(labiodentals)),
        **_resampled(spoken),
    }
    watched = [score for score in scores if score.camera is not None]
    if watched:
        figures |= _camera(watched)
        figures["rounding_r"] = None  # a camera from the front does not see it
        intervals |= _camera_intervals(watched)
    figures["intervals"] = intervals
    return figures


def _share(events: Sequence[bool]) -> float | None:
    return float(np.mean(events)) if len(events) else None


def _closures(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """Closure rate and false closures at the working point, and the whole curve of the one against the other.

    The curve moves the aperture below which lips count as closed. A false closure is a run of frames below
    it; it begins at a frame below it that has no neighbour below it in front.
    """
    closest = np.sort(np.concatenate([score.closest_mm for score in scores] or [np.zeros(0)]))
    frames = np.sort(np.concatenate([score.frames_mm for score in scores] or [np.zeros(0)]))
    pairs = np.sort(np.concatenate([score.pairs_mm for score in scores] or [np.zeros(0)]))
    minutes = len(frames) / RATE_HZ / 60

    def at(limit_mm: float) -> tuple[float | None, float | None]:
        below = np.searchsorted(closest, limit_mm, side="right")
        begun = np.searchsorted(frames, limit_mm, side="right") - np.searchsorted(
            pairs, limit_mm, side="right"
        )
        return (
            float(below / len(closest)) if len(closest) else None,
            float(begun / minutes) if minutes > 0 else None,
        )

    rate, false = at(CLOSED_MM)
    apart = sum(score.apart for score in scores)
    figures: dict[str, Any] = {
        "closure_rate": rate,
        "false_closures_per_minute": false,
        # Without those that only begin a closure early or end it late.
        "false_closures_apart_per_minute": apart / minutes if minutes > 0 else None,
    }
    if len(closest) and minutes > 0:
        curve = [at(limit) for limit in CURVE_MM]
        figures["closure_curve"] = {
            "aperture_mm": [float(limit) for limit in CURVE_MM],
            "closure_rate": [point[0] for point in curve],
            "false_closures_per_minute": [point[1] for point in curve],
        }
        # The least opening that counts as closed and still meets the share of closures.
        figures["false_closures_at_closure_rate"] = {
            f"{wanted:g}": at(float(closest[min(len(closest) - 1, int(np.ceil(wanted * len(closest))) - 1)]))[
                1
            ]
            for wanted in CLOSURE_RATES
        }
    return figures


def _puckers(scores: Sequence[ClipScore]) -> list[bool]:
    if not scores:
        return []
    width = np.concatenate([score.track[:, 1] for score in scores])
    rounding = np.concatenate([score.track[:, 2] for score in scores])
    moves = min(_spread(width), _spread(rounding)) >= LEAST_SPREAD
    narrow = np.percentile(width, PUCKER_WIDTH_PERCENTILE)
    round_ = np.percentile(rounding, PUCKER_ROUNDING_PERCENTILE)
    reached = []
    for score in scores:
        mask = (score.track[:, 1] <= narrow) & (score.track[:, 2] >= round_) & moves
        reached += [bool(mask[first:last].any()) for first, last in score.reference.puckers]
    return reached


def _labiodentals(scores: Sequence[ClipScore]) -> list[bool]:
    return [
        bool((score.track[first:last, 4] >= TUCKED).any())
        for score in scores
        for first, last in score.reference.labiodentals
    ]


def _spread(values: npt.NDArray[np.floating]) -> float:  # type: ignore[type-arg]
    return float(np.subtract(*np.percentile(values, [95, 5])))


def _correlations(scores: Sequence[ClipScore]) -> dict[str, float | None]:
    moments = np.sum([score.moments for score in scores], axis=0) if scores else np.zeros((len(PARTS), 6))
    figures: dict[str, float | None] = {}
    for part, name in enumerate(PARTS):
        r, rmse = _r(moments[part][None])[0], np.nan
        n, _, _, xx, yy, xy = moments[part]
        if n:
            rmse = np.sqrt(max(xx + yy - 2 * xy, 0.0) / n)
        figures[f"{name}_r"] = _known(r)
        figures[f"{name}_rmse"] = _known(rmse)
    return figures


def _r(moments: Float) -> Float:
    """Pearson's r (n,) of rows of moments (n, 6); NaN where something does not move."""
    n, x, y, xx, yy, xy = moments.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (n * xx - x * x) * (n * yy - y * y)
        r: Float = np.where(spread > 1e-9 * n**4, (n * xy - x * y) / np.sqrt(spread), np.nan)
    return r


def _ranges(scores: Sequence[ClipScore]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for part, name in enumerate(("range_ratio", "width_range_ratio", "rounding_range_ratio")):
        asked = [score.reference.asked[:, part] for score in scores if score.reference.asked is not None]
        figures[name] = (
            range_ratio(
                np.concatenate(asked).astype(np.float64),
                np.concatenate([score.track[:, part] for score in scores]).astype(np.float64),
            )
            if asked
            else None
        )
    return figures


def _phone_auc(scores: Sequence[ClipScore]) -> float | None:
    """How well a low aperture tells the frames of bilabials from those of other speech."""
    pressed = [score.track[score.reference.pressed, 0] for score in scores]
    other = [score.track[score.reference.open_due, 0] for score in scores]
    if not scores:
        return None
    return area_under_curve(-np.concatenate(pressed).astype(float), -np.concatenate(other).astype(float))


def _resampled(scores: Sequence[ClipScore]) -> dict[str, tuple[float, float] | None]:
    """Bootstrap intervals of r and of false closures, clips drawn with replacement."""
    names = [f"{name}_r" for name in PARTS]
    if len(scores) < 2:
        return dict.fromkeys([*names, "false_closures_per_minute"])
    weights = _draws(len(scores))
    moments = np.stack([score.moments for score in scores])
    intervals = {name: _middle(_r(weights @ moments[:, part])) for part, name in enumerate(names)}
    begun = np.array(
        [
            np.count_nonzero(s.frames_mm <= CLOSED_MM) - np.count_nonzero(s.pairs_mm <= CLOSED_MM)
            for s in scores
        ]
    )
    minutes = np.array([len(score.frames_mm) / RATE_HZ / 60 for score in scores])
    with np.errstate(divide="ignore", invalid="ignore"):
        intervals["false_closures_per_minute"] = _middle(weights @ begun / (weights @ minutes))
    return intervals


def _draws(count: int) -> Float:
    """How often each of `count` clips is drawn in each of RESAMPLES resamples, (RESAMPLES, count)."""
    random = np.random.default_rng(SEED)
    return random.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)


def _middle(values: Float) -> tuple[float, float] | None:
    known = values[np.isfinite(values)]
    if len(known) < RESAMPLES // 2:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def _camera(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """Against the camera: r at lag 0 (mean over clips) and closure AUC, and the same at the set's own lag.

    The common lag is the one whole hundredth of a second for which the mean r of the aperture is best.
    """
    at_zero = _camera_at(scores, 0)
    most = round(COMMON_LAG_MOST_S * RATE_HZ)
    by_lag = {lag: _camera_r(scores, lag, 0) for lag in range(-most, most + 1)}
    moving = {lag: r for lag, r in by_lag.items() if r is not None}
    common: dict[str, Any] | None = None
    if moving:
        best = max(moving, key=lambda lag: moving[lag])
        common = {"lag_ms": best * 1000 // RATE_HZ, **_camera_at(scores, best)}
    return {**at_zero, "common_lag": common}


def _camera_at(scores: Sequence[ClipScore], lag: int) -> dict[str, float | None]:
    positives, negatives = [], []
    for score in scores:
        closed, speech = score.reference.seen_closed
        got = -_at_camera(score, lag, 0)
        positives.append(got[closed & speech])
        negatives.append(got[~closed & speech])
    return {
        "aperture_r": _camera_r(scores, lag, 0),
        "width_r": _camera_r(scores, lag, 1),
        "closure_auc": area_under_curve(np.concatenate(positives), np.concatenate(negatives)),
    }


def _at_camera(score: ClipScore, lag: int, part: int) -> Float:
    moments = score.reference.seen_places + lag / RATE_HZ
    return _resampled_track(score.reference, score.track, part, moments)


def _resampled_track(reference: Reference, track: Track, part: int, moments_s: Float) -> Float:
    return resample(reference.grid, track[:, part].astype(np.float64), moments_s)


def _camera_r(scores: Sequence[ClipScore], lag: int, part: int) -> float | None:
    values = []
    for score in scores:
        seen = score.reference.clip.seen
        assert seen is not None
        wanted = (seen.aperture, seen.width)[part][: len(score.reference.seen_places)]
        values.append(correlation(wanted, _at_camera(score, lag, part)))
    # A mouth that does not move on a clip explains nothing of it.
    known = [0.0 if value is None else value for value in values]
    return float(np.mean(known)) if any(value is not None for value in values) else None


def _camera_intervals(scores: Sequence[ClipScore]) -> dict[str, tuple[float, float] | None]:
    weights = _draws(len(scores)) / len(scores)
    intervals: dict[str, tuple[float, float] | None] = {"rounding_r": None}
    for part, name in enumerate(("aperture_r", "width_r")):
        values = np.array([(score.camera or (None, None))[part] or 0.0 for score in scores])
        intervals[name] = _middle(weights @ values) if len(scores) > 1 and values.any() else None
    return intervals


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
