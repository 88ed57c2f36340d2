"""Judging a face model after the actuator: int8 model, servos and soft lips in the loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from liplab.face.babble import FRAME_S, PWM_WAIT_S, Babble, perform
from liplab.face.speech import SpeechCodes
from liplab.head.measures import ARTICULATION
from liplab.scores import CLOSED_MM, RATE_HZ, SLACK_AFTER_S, SLACK_BEFORE_S, correlation, offset, range_ratio
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile

Floats = NDArray[np.float64]

CLOSURE_ASKED = 0.0  # normalised aperture that asks for closed lips
OPEN_ASKED = 0.15  # where more than this is asked, and for a while before and after, closed lips are wrong
OPEN_AROUND_S = 0.04


@dataclass(frozen=True)
class FaceScores:
    """How well lips did what was asked, after the actuator; frames sent the profile's lead ahead.

    Pearson r, root mean square error (normalised) and range ratio for each part of the articulation; the
    share of asked closures that came to within 1 mm in time; false closures a minute; lag of the aperture
    in ms (negative: lips lead), its median and the 95th percentile of its size over windows of 2 s, None
    where lips hardly move; seconds judged.
    """

    r: dict[str, float]
    rmse: dict[str, float]
    range_ratio: dict[str, float]
    closure_rate: float
    closures: int
    false_closures_per_minute: float
    offset_ms: float | None
    offset_p95_ms: float | None
    seconds: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def speak(model: FaceModel, profile: HeadProfile, codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Targets (steps, channels) of the head for codes (steps, 8), each for its own code's moment."""
    state = model.initial_state()
    ahead = model.lookahead_ms // model.step_ms
    padded = np.concatenate([codes, np.repeat(codes[-1:], ahead, axis=0)])
    mouth = np.array([model.step(code, state) for code in padded])[ahead:]
    targets = np.tile(profile.rest_targets(), (len(codes), 1))
    targets[:, : mouth.shape[1]] = mouth
    return targets


def perform_speech(
    model: FaceModel, profile: HeadProfile, speech: SpeechCodes, seconds: float, progress: str | None = None
) -> list[tuple[Babble, NDArray[np.float32]]]:
    """Speaks streams until there are this many seconds: what the head did, and what was asked (steps, 5)."""
    spoken: list[tuple[Babble, NDArray[np.float32]]] = []
    total = 0.0
    with tqdm(total=round(seconds), desc=progress, unit="s", disable=progress is None, leave=False) as bar:
        for codes, asked in zip(speech.codes, speech.articulation, strict=True):
            spoken.append((perform(profile, speak(model, profile, codes)), asked))
            total += len(codes) * FRAME_S
            bar.update(round(min(total, seconds)) - bar.n)
            if total >= seconds:
                break
    return spoken


def score(spoken: list[tuple[Babble, NDArray[np.float32]]], profile: HeadProfile) -> FaceScores:
    """Scores performances against what was asked, on a common grid of 100 Hz."""
    asked_all, done_all = [], []
    lags: list[float] = []
    spreads: list[float] = []
    met = closures = false = 0
    open_seconds = 0.0
    lead = profile.lead_ms / 1000 - PWM_WAIT_S
    for done, asked in spoken:
        grid = np.arange(0.0, (len(asked) - 1) * FRAME_S - lead, 1 / RATE_HZ)
        wanted = _resampled(np.arange(len(asked)) * FRAME_S, asked, grid)
        # A frame for sound time t is sent lead_ms before, and its pulses begin a wait later.
        lips = _resampled(done.t - lead, done.articulation, grid)
        asked_all.append(wanted)
        done_all.append(lips)
        lag = offset(wanted[:, 0], lips[:, 0])
        if lag.median_ms is not None and lag.p95_ms is not None:
            lags.append(lag.median_ms)
            spreads.append(lag.p95_ms)
        closed = lips[:, 0] * profile.articulation.aperture_mm <= CLOSED_MM
        for start, end in _runs(wanted[:, 0] <= CLOSURE_ASKED):
            if start == 0 or end == len(grid):
                continue  # silence at the ends
            first = max(0, start - round(SLACK_BEFORE_S * RATE_HZ))
            met += bool(closed[first : end + round(SLACK_AFTER_S * RATE_HZ)].any())
            closures += 1
        reach = round(OPEN_AROUND_S * RATE_HZ)
        opened = np.pad(wanted[:, 0] > OPEN_ASKED, reach)
        open_asked = np.lib.stride_tricks.sliding_window_view(opened, 2 * reach + 1).all(axis=1)
        false += len(_runs(closed & open_asked))
        open_seconds += float(open_asked.sum()) / RATE_HZ
    wanted, lips = np.concatenate(asked_all), np.concatenate(done_all)
    columns = {name: (wanted[:, k], lips[:, k]) for k, name in enumerate(ARTICULATION)}
    return FaceScores(
        r={name: round(correlation(a, b) or 0.0, 4) for name, (a, b) in columns.items()},
        rmse={name: round(float(np.sqrt(np.mean((a - b) ** 2))), 4) for name, (a, b) in columns.items()},
        range_ratio={name: round(range_ratio(a, b) or 0.0, 3) for name, (a, b) in columns.items()},
        closure_rate=round(met / max(closures, 1), 4),
        closures=closures,
        false_closures_per_minute=round(60 * false / max(open_seconds, 1e-9), 2),
        offset_ms=round(float(np.median(lags)), 1) if lags else None,
        offset_p95_ms=round(float(np.median(spreads)), 1) if spreads else None,
        seconds=round(len(wanted) / RATE_HZ, 1),
    )


def _resampled(times: Floats, values: NDArray[np.floating], grid: Floats) -> Floats:  # type: ignore[type-arg]
    return np.stack([np.interp(grid, times, values[:, k]) for k in range(values.shape[1])], axis=1)


def _runs(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last index of every run of True."""
    edges = np.diff(np.concatenate([[0], marks.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
